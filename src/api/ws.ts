// Subscriptions over WebSocket: every frame is a signed envelope like any other. One function
// serves one connection; what it holds ends with the connection. Knows no HTTP server.

import type { RawData, WebSocket } from 'ws';
import type { Clock } from '../node/clock.ts';
import type { Identify } from '../node/crypto/identify.ts';
import type { Engine } from '../node/engine/engine.ts';
import { Fault, fault } from '../node/errors.ts';
import { LIMITS, type Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { type Envelope, type Origin, replyBody } from '../node/model/envelope.ts';
import { type ChooseDialect, makeAdmission, type Way } from './admission.ts';
import type { Metrics } from './metrics.ts';
import { type Dialect, PROCESS_EVENT, type ServerFacts, type Target, type Watch } from './op.ts';
import { readEnvelope } from './read-envelope.ts';
import { faultReply, unknownType, wordsOf } from './refusal.ts';

/**
 * A subscription that another node serves: calls `frame` for each frame, `ended` when it is over.
 */
export type Relay = (
  envelope: Envelope,
  frame: (body: string) => void,
  ended: () => void,
) => () => void;

/** As `Elsewhere` of the dispatcher, for subscriptions. */
export type WatchElsewhere = (
  target: Target,
  caller: string,
) => Relay | undefined | Promise<Relay | undefined>;

export interface WatchingDeps {
  readonly engine: Engine;
  readonly identify: Identify;
  readonly dialects: readonly Dialect[];
  readonly choose: ChooseDialect;
  readonly server: ServerFacts;
  readonly elsewhere?: WatchElsewhere;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: Limits;
}

/** What the HTTP server knows of an upgraded connection. */
export interface SocketOrigin extends Origin {
  /** Ends the TCP connection after what was sent, without a close frame. */
  hangUp(): void;
}

/** Serves one connection until it ends. */
export type Watching = (socket: WebSocket, origin: SocketOrigin) => void;

const POLICY_VIOLATION = 1008;
const SLOW_READER = 'slow reader';

const watchesOf = (dialect: Dialect): ReadonlyMap<string, Watch> => dialect.watches;

const textOf = (data: RawData): string => {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return (Buffer.isBuffer(data) ? data : Buffer.from(data)).toString('utf8');
};

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
const emitter = (line: Line, binary: boolean) => {
  let held: string[] | undefined = [];
  const send = (json: string): void => line.send(replyBody(PROCESS_EVENT, json, false), binary);
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

/** Makes the server side of `/pubsub`. */
export const makeWatching = (deps: WatchingDeps): Watching => {
  const { engine, identify, elsewhere, clock, log, metrics, limits = LIMITS } = deps;
  const admission = makeAdmission(deps);

  const begin = async (line: Line, way: Way<Watch>, binary: boolean): Promise<void> => {
    const call = way.call as Watch;
    const events = emitter(line, binary);
    const stop = call.start(way as never, way.msg, events.emit);
    let cancel: (() => void) | undefined;
    line.hold(() => {
      stop();
      cancel?.();
    });
    await engine.settled();
    events.release();
    const lifeMs = call.lifeMs(way.msg);
    if (lifeMs !== undefined && !line.isOver()) cancel = clock.after(lifeMs, line.cut);
  };

  const subscribe = async (
    line: Line,
    envelope: Envelope,
    way: Way<Watch>,
    having: readonly Dialect[],
    binary: boolean,
  ): Promise<void> => {
    const absent = admission.admit(envelope, having, watchesOf, way);
    if (line.held() >= limits.subscriptionsPerSocketMax) {
      const most = limits.subscriptionsPerSocketMax;
      throw fault('too-many', `a connection may have at most ${most} subscriptions`);
    }
    if (absent === undefined) {
      identify.remember(envelope.payload, envelope.signature, way.caller);
      return begin(line, way, binary);
    }
    const relay = await elsewhere?.(absent.target, way.caller);
    if (relay === undefined) throw absent.refuse();
    const frame = (body: string): void => line.send(body, binary);
    line.hold(relay(envelope, frame, line.cut));
  };

  const take = async (line: Line, data: RawData, binary: boolean): Promise<void> => {
    let way: Way<Watch> | undefined;
    let having = deps.dialects;
    let type = 'malformed';
    let status = 200;
    try {
      const envelope = readEnvelope(textOf(data));
      type = envelope.payloadtype;
      const known = having.filter((one) => one.watches.has(type));
      if (known.length > 0) having = known;
      const caller = await identify(envelope.payload, envelope.signature);
      way = admission.begin<Watch>(caller, line.origin);
      if (known.length === 0) throw unknownType(type);
      await subscribe(line, envelope, way, having, binary);
    } catch (error) {
      if (!(error instanceof Fault)) log.error('subscription failed', { type, error });
      const told = error instanceof Fault ? error : fault('internal', 'internal error');
      await engine.settled();
      line.send(faultReply(told, wordsOf(told, way, having)).body, binary);
      // Who sends no envelope, or none that is signed, does not speak the protocol.
      if (way === undefined || way.dialect?.closesRefused === true) line.close();
      status = told.status;
    }
    metrics.count(way?.call?.type ?? 'subscription', status);
    log.debug('subscription', { type, status });
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
  socket: WebSocket,
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
  socket: WebSocket,
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
