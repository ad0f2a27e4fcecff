// Runs an admitted call, once if its caller asked for that, and makes its reply. Which fields
// protect a
// call and how a reply is proven is decided by the composition.

import type { Engine } from '../node/engine/engine.ts';
import { type Envelope, type Reply, replyBody } from '../node/model/envelope.ts';
import { renderJson } from '../node/model/json.ts';
import type { ReplayFields, Way } from './admission.ts';
import type { Op } from './op.ts';

export interface ReplayFacts {
  readonly caller: string;
  readonly mutating: boolean;
  /** Id of the colony the call is about; undefined when it is about the server. */
  readonly colonyid: string | undefined;
}

/**
 * How a call is protected against replays: undefined when it is not, else the name under which it
 * takes
 * effect once. Throws forbidden and bad-request for fields that do not hold here.
 */
export type Protect = (
  fields: ReplayFields | undefined,
  facts: ReplayFacts,
) => { readonly nonce: string; readonly forgetAt: number } | undefined;

/**
 * The proof that this server gave this answer to a request (its payload text). Frames of a
 * subscription are counted from 1, a single answer is 0.
 */
export type Prove = (
  request: string,
  status: number,
  body: string,
  counter: number,
) => string | undefined | Promise<string | undefined>;

export interface RunDeps {
  readonly engine: Engine;
  readonly protect?: Protect | undefined;
  readonly prove?: Prove | undefined;
}

const replyOf = (op: Op, payload: unknown, onLost: Way['onLost']): Reply => {
  const json = renderJson(payload);
  const body = json === '' ? '' : replyBody(op.replyType ?? op.type, json, false);
  return onLost === undefined ? { status: 200, body } : { status: 200, body, onLost };
};

/** Runs one operation and gives its reply, after its effect is on disk. */
export const makeRun = ({ engine, protect }: RunDeps) => {
  const effect = (op: Op, way: Way<Op>): unknown => {
    const { caller, replay, colony } = way;
    const mutating = op.kind !== 'read';
    const name = protect?.(replay, { caller, mutating, colonyid: colony?.id });
    const work = (): unknown => op.run(way as never, way.msg);
    if (name === undefined || !mutating) return work();
    return engine.once.run({ caller, ...name }, op.kind === 'wait', work);
  };

  return async (op: Op, way: Way<Op>): Promise<Reply> => {
    const answer = effect(op, way);
    const payload = answer instanceof Promise ? await answer : answer;
    if (op.kind === 'read') {
      // What was read may not be on disk yet: a crash must not take back what a reply showed.
      const settled = engine.settled();
      if (settled !== undefined) await settled;
    }
    return replyOf(op, payload, way.onLost);
  };
};

/** Adds the proof to the reply of a call that carried a nonce. */
export const makeProving =
  ({ prove }: RunDeps) =>
  async (reply: Reply, way: Way | undefined, { payload }: Envelope): Promise<Reply> => {
    if (prove === undefined || typeof way?.replay?.nonce !== 'string') return reply;
    return { ...reply, proof: await prove(payload, reply.status, reply.body, 0) };
  };
