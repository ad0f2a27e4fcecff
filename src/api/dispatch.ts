// Answers envelopes: signature, dialect, admission, run, reply. One try, one catch: faults become
// error replies, anything else is a bug, logged in full and answered with a bare 500. Knows no
// HTTP.

import type { Clock } from '../node/clock.ts';
import type { Identify } from '../node/crypto/identify.ts';
import type { Engine } from '../node/engine/engine.ts';
import { Fault, fault } from '../node/errors.ts';
import { LIMITS } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import {
  type Envelope,
  errorReply,
  type Origin,
  type Reply,
  type Send,
} from '../node/model/envelope.ts';
import {
  type Admission,
  type ChooseDialect,
  makeAdmission,
  readPayload,
  type Way,
} from './admission.ts';
import { type Metrics, makeMetrics } from './metrics.ts';
import type { NodePort } from './node-port.ts';
import { bytesOf, makeForward, type Onward, type Targets, targetsOf } from './onward.ts';
import type { Dialect, Op, ServerFacts, Target } from './op.ts';
import { readEnvelope } from './read-envelope.ts';
import { faultReply, unknownType, wordsOf } from './refusal.ts';
import { makeProving, makeRun, type RunDeps } from './run.ts';

/** A call that is not for this node. */
export interface Outgoing {
  readonly envelope: Envelope;
  /** The request's body exactly as it came. */
  readonly body: Uint8Array;
  readonly kind: Op['kind'];
  readonly caller: string;
  readonly origin: Origin;
}

/**
 * The answer of the home of something that is not on this node, undefined when it has none. Asked
 * only
 * after the signature was recovered. May throw a Fault (`not-home`, `too-many`, `outcome-unknown`).
 */
export type Elsewhere = (target: Target, call: Outgoing) => Promise<Reply | undefined>;

export interface DispatchDeps extends RunDeps {
  readonly identify: Identify;
  readonly dialects: readonly Dialect[];
  readonly choose: ChooseDialect;
  readonly server: ServerFacts;
  readonly elsewhere?: Elsewhere | undefined;
  readonly onward?: Onward | undefined;
  readonly node?: NodePort | undefined;
  readonly isRevoked?: ((id: string) => boolean) | undefined;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** Counts requests; one per node, shared by its dispatchers. */
  readonly metrics?: Metrics;
}

export interface Dispatch {
  readonly send: Send;
  /** As `send`, from the body of a request. */
  receive(body: Uint8Array | string, origin: Origin): Promise<Reply>;
  readonly metrics: Metrics;
}

/** One payload type: the dialects that have it, and whether it needs no signature. */
interface Row {
  readonly dialects: readonly Dialect[];
  readonly unsigned: boolean;
  /** Whether no dialect changes anything with it: then it is small. */
  readonly asks: boolean;
  /** What a message of this type names, for a call that may go onward unproven. */
  readonly targets: Targets | undefined;
}

const opsOf = (dialect: Dialect): ReadonlyMap<string, Op> => dialect.ops;

const rowsOf = (dialects: readonly Dialect[]): ReadonlyMap<string, Row> => {
  const rows = new Map<string, Row>();
  for (const type of new Set(dialects.flatMap((d) => [...d.ops.keys()]))) {
    const having = dialects.filter((d) => d.ops.has(type));
    const ops = having.map((d) => d.ops.get(type) as Op);
    rows.set(type, {
      dialects: having,
      unsigned: ops.every(({ allow }) => allow.who === 'anyone'),
      asks: ops.every(({ kind }) => kind !== 'write'),
      targets: targetsOf(ops),
    });
  }
  return rows;
};

// Lists of the largest processes can be longer than any text of the engine.
const asRefusal = (error: unknown): unknown =>
  error instanceof RangeError && error.message === 'Invalid string length'
    ? fault('too-large', 'the answer is too large to be sent; ask for less at once')
    : error;

// A refusal may tell of effects that are not on disk yet, and never will be when the store fails.
const onceOnDisk = async (refusal: unknown, engine: Engine): Promise<unknown> => {
  try {
    await engine.settled();
    return refusal;
  } catch (failure) {
    return failure;
  }
};

const makeRefusing =
  ({ engine, log }: DispatchDeps) =>
  async (
    thrown: unknown,
    way: Way | undefined,
    type: string,
    having: readonly Dialect[],
  ): Promise<Reply> => {
    const refusal = asRefusal(thrown);
    const tells = refusal instanceof Fault && way !== undefined;
    const error = tells ? await onceOnDisk(refusal, engine) : refusal;
    if (!(error instanceof Fault)) {
      log.error('request failed', { type, error });
      return errorReply(500, 'internal error');
    }
    return faultReply(error, wordsOf(error, way, having));
  };

// A large payload costs a hash, a decoding and a parse, and few messages may have one.
const refuseLarge = ({ payload }: Envelope, row: Row | undefined): void => {
  const most = LIMITS.askingPayloadBytesMax;
  if (payload.length <= most || row?.asks === false) return;
  throw fault('too-large', `the payload of this message may have at most ${most} characters`);
};

// A view: the bytes of large bodies are not copied for it.
const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('utf8');

/** Makes the dispatcher of a node, or a second one with another `elsewhere`. */
export const makeDispatch = (deps: DispatchDeps): Dispatch => {
  const { identify, elsewhere, log, clock, metrics = makeMetrics() } = deps;
  const refused = makeRefusing(deps);
  const run = makeRun(deps);
  const prove = makeProving(deps);
  const rows = rowsOf(deps.dialects);
  const admission: Admission = makeAdmission(deps);
  const forward = makeForward(deps);

  const answer = async (
    envelope: Envelope,
    origin: Origin,
    body: Uint8Array | string,
  ): Promise<Reply> => {
    const type = envelope.payloadtype;
    const row = rows.get(type);
    let way: Way<Op> | undefined;
    try {
      refuseLarge(envelope, row);
      const ahead = forward(row?.targets, envelope, body, origin);
      const reply = ahead && (await ahead);
      if (reply !== undefined) return reply;
      let caller = '';
      if (row?.unsigned !== true) {
        const id = identify(envelope.payload, envelope.signature);
        caller = typeof id === 'string' ? id : await id;
      }
      way = admission.begin<Op>(caller, origin);
      const read = readPayload(envelope, way);
      if (row === undefined) throw unknownType(type);
      const absent = admission.admit(type, read, row.dialects, opsOf, way);
      if (absent !== undefined) {
        const call = { envelope, body: bytesOf(body), kind: (way.call as Op).kind, caller, origin };
        const answered = await elsewhere?.(absent.target, call);
        // The home took it: the caller belongs there, and repeats itself as others do.
        if (answered?.status === 200 && call.kind !== 'write') {
          identify.remember(envelope.payload, envelope.signature, caller);
        }
        if (answered !== undefined) return answered;
        throw absent.refuse();
      }
      const op = way.call as Op;
      // Only what repeats byte for byte is worth remembering, and only of those who belong here.
      if (op.kind !== 'write' && caller !== '') {
        identify.remember(envelope.payload, envelope.signature, caller);
      }
      return await prove(await run(op, way), way, envelope);
    } catch (error) {
      const reply = await refused(error, way, type, row?.dialects ?? deps.dialects);
      return await prove(reply, way, envelope);
    }
  };

  const take = async (
    envelope: Envelope,
    origin: Origin,
    body: Uint8Array | string,
  ): Promise<Reply> => {
    const startedMs = clock.now();
    const reply = await answer(envelope, origin, body);
    const type = rows.has(envelope.payloadtype) ? envelope.payloadtype : 'unknown';
    metrics.count(type, reply.status);
    log.debug('request', { type, status: reply.status, ms: clock.now() - startedMs });
    return reply;
  };

  const receive: Dispatch['receive'] = async (body, origin) => {
    let envelope: Envelope;
    try {
      envelope = readEnvelope(typeof body === 'string' ? body : textOf(body));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      metrics.count('malformed', error.status);
      return faultReply(error, error.message);
    }
    return take(envelope, origin, body);
  };

  const send: Send = (envelope, origin) => take(envelope, origin, JSON.stringify(envelope));

  return { send, receive, metrics };
};
