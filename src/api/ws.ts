// Subscriptions over WebSocket: every frame is a signed envelope like any other. One function
// serves one connection; what it holds ends with the connection. Knows no HTTP server.

import type { RawData, WebSocket } from 'ws';
import type { Clock } from '../node/clock.ts';
import type { Identify } from '../node/crypto/identify.ts';
import { Fault, fault, keyRevoked } from '../node/errors.ts';
import { LIMITS, type Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { type Envelope, type Origin, replyBody } from '../node/model/envelope.ts';
import {
  type Admission,
  type ChooseDialect,
  makeAdmission,
  type Payload,
  readPayload,
  type Way,
} from './admission.ts';
import type { Metrics } from './metrics.ts';
import type { NodePort } from './node-port.ts';
import { type Dialect, PROCESS_EVENT, type ServerFacts, type Target, type Watch } from './op.ts';
import { readEnvelope } from './read-envelope.ts';
import { faultReply, unknownType, wordsOf } from './refusal.ts';
import type { RunDeps } from './run.ts';
import { type SendFrame, sealing } from './seal.ts';

/** A subscription that is not for this node. */
export interface OutgoingWatch {
  readonly envelope: Envelope;
  /** The frame exactly as it came. */
  readonly body: Uint8Array;
  readonly caller: string;
  readonly origin: Origin;
  /** To be called for each frame that comes back, as it came. */
  readonly frame: (body: string) => void;
  /** To be called when the other node ended it. */
  readonly ended: () => void;
}

/**
 * As `Elsewhere` of the dispatcher, for subscriptions. Gives what ends it; throws a Fault for a
 * subscription that reached nobody.
 */
export type WatchElsewhere = (
  target: Target,
  call: OutgoingWatch,
) => Promise<(() => void) | undefined>;

export interface WatchingDeps extends RunDeps {
  readonly identify: Identify;
  readonly dialects: readonly Dialect[];
  readonly choose: ChooseDialect;
  readonly server: ServerFacts;
  readonly elsewhere?: WatchElsewhere | undefined;
  readonly node?: NodePort | undefined;
  readonly isRevoked?: ((id: string) => boolean) | undefined;
  /** Tells of each key that is declared dead from now on. */
  readonly onRevoked?: ((listener: (id: string) => void) => void) | undefined;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: Limits;
}

/** What the HTTP server knows of an upgraded connection. */
export interface SocketOrigin extends Origin {
  /** Of the request that asked for the upgrade. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Ends the TCP connection after what was sent, without a close frame. */
  hangUp(): void;
}

/** The part of a WebSocket that is used here; another carrier of frames may stand for one. */
export type FrameSocket = Pick<
  WebSocket,
  'readyState' | 'OPEN' | 'bufferedAmount' | 'send' | 'close' | 'terminate' | 'pause' | 'resume'
> & {
  on(event: 'message', listener: (data: RawData, binary: boolean) => void): unknown;
  on(event: 'close' | 'error', listener: () => void): unknown;
};

/**
 * Serves one connection until it ends. What it gives, if anything, is called when the server is
 * about to stop, in place of a close: the connection is given a while to end by itself.
 */
export type Watching = (socket: FrameSocket, origin: SocketOrigin) => (() => void) | undefined;

/** An endpoint that looks at who asks before there is a WebSocket. */
export interface Guarded {
  /**
   * Who serves the connection. Rejects with the Fault that is the answer to the request. What is
   * given to `whenGone` is called when the connection is over, at once if it is already.
   */
  admit(
    headers: NonNullable<SocketOrigin['headers']>,
    whenGone: (listener: () => void) => void,
  ): Promise<Watching>;
}

export type Endpoint = Watching | Guarded;

const POLICY_VIOLATION = 1008;
const SLOW_READER = 'slow reader';

const watchesOf = (dialect: Dialect): ReadonlyMap<string, Watch> => dialect.watches;

/** The bytes of a frame. */
export const bytesOf = (data: RawData): Buffer => {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
};

/** A frame from a client. */
interface Frame {
  readonly envelope: Envelope;
  readonly body: Uint8Array;
  readonly binary: boolean;
  /** The dialects that may be meant. */
  readonly having: readonly Dialect[];
}

const UNREAD: Envelope = { signature: '', payloadtype: 'malformed', payload: '' };

/** One connection: its frames in order, its subscriptions, its way out. */
interface Line {
  readonly origin: SocketOrigin;
  /**
   * Keeps what ends a subscription until the connection ends; ends it at once when that has
   * happened.
   */
  hold(end: () => void): void;
  /** Subscriptions held. */
  held(): number;
  isOver(): boolean;
  send(body: string, binary: boolean): void;
  /** Ends the connection without a close frame: a subscription ran out. */
  cut(): void;
  /** Ends the connection with a close frame. */
  close(): void;
}

// Events that come before the first one is known to be durable wait their turn.
const emitter = (sendFrame: SendFrame) => {
  let held: string[] | undefined = [];
  const send = (json: string): void => void sendFrame(replyBody(PROCESS_EVENT, json, false));
  return {
    emit: (json: string): void => {
      if (held === undefined) send(json);
      else held.push(json);
    },
    release: (): void => {
      for (const json of held ?? []) send(json);
      held = undefined;
    },
  };
};

/** Sends what belongs to one frame, with proofs when it carried a nonce. */
const sender = (
  { prove }: WatchingDeps,
  line: Line,
  { envelope, binary }: Frame,
  way: Way | undefined,
): SendFrame => {
  const send = (body: string): void => line.send(body, binary);
  const isProven = prove !== undefined && typeof way?.replay?.nonce === 'string';
  return isProven ? sealing(prove, envelope.payload, send) : send;
};

/** Keeps who subscribes, to end that when a key is declared dead. */
const makeWhenDead = ({ onRevoked }: WatchingDeps) => {
  const byCaller = new Map<string, Set<() => void>>();
  onRevoked?.((id) => {
    for (const end of [...(byCaller.get(id) ?? [])]) end();
  });
  /** Calls `end` when the key of the caller dies; the returned function ends that. */
  return (caller: string, end: () => void): (() => void) => {
    const ends = byCaller.get(caller) ?? new Set();
    byCaller.set(caller, ends.add(end));
    return () => {
      if (ends.delete(end) && ends.size === 0) byCaller.delete(caller);
    };
  };
};

/** Refuses what goes on under a key that was declared dead. */
const refuseDead = async (line: Line, way: Way<Watch>, send: SendFrame): Promise<void> => {
  const refusal = keyRevoked();
  await send(faultReply(refusal, refusal.message).body, refusal.status);
  if (way.dialect?.closesRefused === true) line.close();
};

const makeSubscribe = (deps: WatchingDeps, admission: Admission) => {
  const { engine, identify, elsewhere, protect, clock, limits = LIMITS } = deps;
  const whenDead = makeWhenDead(deps);

  const begin = async (line: Line, way: Way<Watch>, send: SendFrame): Promise<void> => {
    const call = way.call as Watch;
    protect?.(way.replay, { caller: way.caller, mutating: false, colonyid: way.colony?.id });
    const events = emitter(send);
    const stop = call.start(way as never, way.msg, events.emit);
    let cancel: (() => void) | undefined;
    const end = (): void => {
      stop();
      cancel?.();
      forget();
    };
    const forget = whenDead(way.caller, () => {
      end();
      void refuseDead(line, way, send);
    });
    line.hold(end);
    await engine.settled();
    events.release();
    const lifeMs = call.lifeMs(way.msg);
    if (lifeMs !== undefined && !line.isOver()) cancel = clock.after(lifeMs, line.cut);
  };

  return async (line: Line, given: Frame, read: Payload, way: Way<Watch>): Promise<void> => {
    const { envelope, body, binary, having } = given;
    const absent = admission.admit(envelope.payloadtype, read, having, watchesOf, way);
    if (line.held() >= limits.subscriptionsPerSocketMax) {
      const most = limits.subscriptionsPerSocketMax;
      throw fault('too-many', `a connection may have at most ${most} subscriptions`);
    }
    if (absent === undefined) {
      identify.remember(envelope.payload, envelope.signature, way.caller);
      return begin(line, way, sender(deps, line, given, way));
    }
    const { caller, origin } = way;
    const frame = (text: string): void => line.send(text, binary);
    const call = { envelope, body, caller, origin, frame, ended: line.cut };
    const end = await elsewhere?.(absent.target, call);
    if (end === undefined) throw absent.refuse();
    line.hold(end);
  };
};

/** Makes the server side of `/pubsub`. */
export const makeWatching = (deps: WatchingDeps): Watching => {
  const { engine, identify, clock, log, metrics, limits = LIMITS } = deps;
  const admission = makeAdmission(deps);
  const subscribe = makeSubscribe(deps, admission);

  const refuse = async (
    line: Line,
    error: unknown,
    given: Frame,
    way: Way<Watch> | undefined,
  ): Promise<number> => {
    const type = given.envelope.payloadtype;
    if (!(error instanceof Fault)) log.error('subscription failed', { type, error });
    const told = error instanceof Fault ? error : fault('internal', 'internal error');
    await engine.settled();
    const { body } = faultReply(told, wordsOf(told, way, given.having));
    await sender(deps, line, given, way)(body, told.status);
    // Who sends no envelope, or none that is signed, does not speak the protocol.
    if (way === undefined || way.dialect?.closesRefused === true) line.close();
    return told.status;
  };

  const take = async (line: Line, data: RawData, binary: boolean): Promise<void> => {
    const body = bytesOf(data);
    let given: Frame = { envelope: UNREAD, body, binary, having: deps.dialects };
    let way: Way<Watch> | undefined;
    let status = 200;
    try {
      const envelope = readEnvelope(body.toString('utf8'));
      const known = given.having.filter((one) => one.watches.has(envelope.payloadtype));
      given = { ...given, envelope, having: known.length > 0 ? known : given.having };
      const caller = await identify(envelope.payload, envelope.signature);
      way = admission.begin<Watch>(caller, line.origin);
      const read = readPayload(envelope, way);
      if (known.length === 0) throw unknownType(envelope.payloadtype);
      await subscribe(line, given, read, way);
    } catch (error) {
      status = await refuse(line, error, given, way);
    }
    metrics.count(way?.call?.type ?? 'subscription', status);
    log.debug('subscription', { type: given.envelope.payloadtype, status });
  };

  return (socket, origin) => {
    const line = openLine(socket, origin, clock, limits);
    inOrder(socket, limits, (data, binary) =>
      take(line, data, binary).catch((error: unknown) => {
        // Only a disk that fails gets here: nothing may be answered any more.
        log.error('connection failed', { error });
        line.cut();
      }),
    );
  };
};

// Frames are taken one after the other; when too many wait, the connection is not read for a while.
const inOrder = (
  socket: FrameSocket,
  { framesQueuedMax }: Limits,
  take: (data: RawData, binary: boolean) => Promise<void>,
): void => {
  let tail: Promise<void> = Promise.resolve();
  let queued = 0;
  socket.on('message', (data, binary) => {
    queued += 1;
    if (queued >= framesQueuedMax) socket.pause();
    tail = tail.then(async () => {
      if (socket.readyState === socket.OPEN) await take(data, binary);
      queued -= 1;
      if (queued < framesQueuedMax) socket.resume();
    });
  });
};

const openLine = (
  socket: FrameSocket,
  origin: SocketOrigin,
  clock: Pick<Clock, 'after'>,
  limits: Limits,
): Line => {
  const ends: (() => void)[] = [];
  let over = false;
  const end = (): void => {
    over = true;
    for (const one of ends.splice(0)) one();
  };
  socket.on('close', end);
  // Broken frames and resets: the library closes the connection, which ends everything above.
  socket.on('error', end);
  return {
    origin,
    hold: (one) => {
      if (over) one();
      else ends.push(one);
    },
    held: () => ends.length,
    isOver: () => over,
    send: (body, binary) => {
      if (over || socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > limits.socketBufferBytesMax) {
        end();
        socket.close(POLICY_VIOLATION, SLOW_READER);
        clock.after(limits.cutGraceMs, () => socket.terminate());
        return;
      }
      socket.send(body, { binary });
    },
    cut: () => {
      end();
      origin.hangUp();
      clock.after(limits.cutGraceMs, () => socket.terminate());
    },
    close: () => {
      end();
      socket.close(POLICY_VIOLATION);
    },
  };
};
