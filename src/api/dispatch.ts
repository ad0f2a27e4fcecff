// Answers envelopes: signature, dialect, admission, run, reply. One try, one catch: faults become
// error replies, anything else is a bug, logged in full and answered with a bare 500. Knows no
// HTTP.

import type { Clock } from '../node/clock.ts';
import type { Identify } from '../node/crypto/identify.ts';
import type { Engine } from '../node/engine/engine.ts';
import { Fault } from '../node/errors.ts';
import type { Log } from '../node/log.ts';
import {
  type Envelope,
  errorReply,
  type Origin,
  type Reply,
  replyBody,
  type Send,
} from '../node/model/envelope.ts';
import { renderJson } from '../node/model/json.ts';
import { type Admission, type ChooseDialect, makeAdmission, type Way } from './admission.ts';
import { type Metrics, makeMetrics } from './metrics.ts';
import type { Dialect, Op, ServerFacts, Target } from './op.ts';
import { readEnvelope } from './read-envelope.ts';
import { faultReply, unknownType, wordsOf } from './refusal.ts';

/**
 * The way to the home of something that is not on this node, or undefined when it has none. Asked
 * only after the signature was recovered. May throw a Fault (`not-home`, `too-many`).
 */
export type Elsewhere = (
  target: Target,
  caller: string,
) => Send | undefined | Promise<Send | undefined>;

export interface DispatchDeps {
  readonly engine: Engine;
  readonly identify: Identify;
  readonly dialects: readonly Dialect[];
  readonly choose: ChooseDialect;
  readonly server: ServerFacts;
  readonly elsewhere?: Elsewhere;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** Counts requests; one per node, shared by its dispatchers. */
  readonly metrics?: Metrics;
}

export interface Dispatch {
  readonly send: Send;
  /** As `send`, from the body of a request. */
  receive(body: string, origin: Origin): Promise<Reply>;
  readonly metrics: Metrics;
}

/** One payload type: the dialects that have it, and whether it needs no signature. */
interface Row {
  readonly dialects: readonly Dialect[];
  readonly unsigned: boolean;
}

const opsOf = (dialect: Dialect): ReadonlyMap<string, Op> => dialect.ops;

const rowsOf = (dialects: readonly Dialect[]): ReadonlyMap<string, Row> => {
  const rows = new Map<string, Row>();
  for (const type of new Set(dialects.flatMap((d) => [...d.ops.keys()]))) {
    const having = dialects.filter((d) => d.ops.has(type));
    const ops = having.map((d) => d.ops.get(type));
    rows.set(type, {
      dialects: having,
      unsigned: ops.every((one) => one?.allow.who === 'anyone'),
    });
  }
  return rows;
};

const replyOf = (op: Op, payload: unknown, onLost: Way['onLost']): Reply => {
  const json = renderJson(payload);
  const body = json === '' ? '' : replyBody(op.replyType ?? op.type, json, false);
  return onLost === undefined ? { status: 200, body } : { status: 200, body, onLost };
};

/** Makes the dispatcher of a node, or a second one with another `elsewhere`. */
export const makeDispatch = (deps: DispatchDeps): Dispatch => {
  const { engine, identify, elsewhere, log, clock, metrics = makeMetrics() } = deps;
  const rows = rowsOf(deps.dialects);
  const admission: Admission = makeAdmission(deps);

  const run = async (op: Op, way: Way<Op>): Promise<Reply> => {
    const answer = op.run(way as never, way.msg);
    const payload = answer instanceof Promise ? await answer : answer;
    if (op.kind === 'read') {
      // What was read may not be on disk yet: a crash must not take back what a reply showed.
      const settled = engine.settled();
      if (settled !== undefined) await settled;
    }
    return replyOf(op, payload, way.onLost);
  };

  const refused = async (
    error: unknown,
    way: Way | undefined,
    type: string,
    having: readonly Dialect[],
  ): Promise<Reply> => {
    if (!(error instanceof Fault)) {
      log.error('request failed', { type, error });
      return errorReply(500, 'internal error');
    }
    // A refusal may tell of effects that are not on disk yet.
    if (way !== undefined) await engine.settled();
    return faultReply(error, wordsOf(error, way, having));
  };

  const answer = async (envelope: Envelope, origin: Origin): Promise<Reply> => {
    const type = envelope.payloadtype;
    const row = rows.get(type);
    let way: Way<Op> | undefined;
    try {
      let caller = '';
      if (row?.unsigned !== true) {
        const id = identify(envelope.payload, envelope.signature);
        caller = typeof id === 'string' ? id : await id;
      }
      way = admission.begin<Op>(caller, origin);
      if (row === undefined) throw unknownType(type);
      const absent = admission.admit(envelope, row.dialects, opsOf, way);
      if (absent !== undefined) {
        const home = await elsewhere?.(absent.target, caller);
        if (home !== undefined) return await home(envelope, origin);
        throw absent.refuse();
      }
      const op = way.call as Op;
      // Only what repeats byte for byte is worth remembering, and only of those who belong here.
      if (op.kind !== 'write' && caller !== '') {
        identify.remember(envelope.payload, envelope.signature, caller);
      }
      return await run(op, way);
    } catch (error) {
      return await refused(error, way, type, row?.dialects ?? deps.dialects);
    }
  };

  const send: Send = async (envelope, origin) => {
    const startedMs = clock.now();
    const reply = await answer(envelope, origin);
    const type = rows.has(envelope.payloadtype) ? envelope.payloadtype : 'unknown';
    metrics.count(type, reply.status);
    log.debug('request', { type, status: reply.status, ms: clock.now() - startedMs });
    return reply;
  };

  const receive = async (body: string, origin: Origin): Promise<Reply> => {
    let envelope: Envelope;
    try {
      envelope = readEnvelope(body);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      metrics.count('malformed', error.status);
      return faultReply(error, error.message);
    }
    return send(envelope, origin);
  };

  return { send, receive, metrics };
};
