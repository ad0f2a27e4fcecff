// Answers a batch of calls that another node brought: each as if it had come alone, its reply sent as
// soon as it is there, so that no slow call holds up the others of its batch.

import type { Dispatch } from '../api/dispatch.ts';
import type { HttpStream, Outpour } from '../api/outpour.ts';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { errorReply, type Origin, type Reply } from '../node/model/envelope.ts';
import { BATCH_TYPE, type BatchedReply, decodeCalls, encodeReplies } from './relay-batch-wire.ts';

export interface BatchInDeps {
  /** The dispatcher that refuses what is not here. */
  readonly dispatch: Dispatch;
  readonly log: Log;
  readonly limits: Limits;
}

/** Who brings a batch, and how. */
export interface Bringer {
  /** Server id of the relaying node. */
  readonly serverid: string;
  readonly origin: Origin;
  /** Told of each call. */
  readonly each: () => void;
  /** Whether it may begin so many calls now. */
  readonly mayBegin?: (calls: number) => boolean;
}

/**
 * Begins the calls of a batch and gives the answer to it. Throws bad-request or too-large for what
 * is no batch, too-many when too many are being served.
 */
export type ServeBatch = (body: Uint8Array, by: Bringer) => HttpStream;

/** Proxies that know the second one pass replies on as they come. */
const HEADERS = { 'content-type': BATCH_TYPE, 'x-accel-buffering': 'no' };

interface Ready extends BatchedReply {
  readonly reply: Reply;
}

/** Sends what became ready together, the shortest first. */
const makeReplies = (count: number) => {
  let out: Outpour | undefined;
  let left = count;
  let ready: Ready[] = [];
  let isTold = false;
  const flush = (): void => {
    isTold = false;
    if (out === undefined || ready.length === 0) return;
    const replies = ready.sort((a, b) => a.body.length - b.body.length);
    ready = [];
    left -= replies.length;
    out.send(
      encodeReplies(replies),
      replies.flatMap(({ reply }) => (reply.onLost || reply.onDelivered ? [reply] : [])),
    );
    if (left === 0) out.end();
  };
  return {
    ready: (index: number, reply: Reply): void => {
      const { status, body, proof } = reply;
      ready.push({ index, status, body, proof, reply });
      if (isTold) return;
      isTold = true;
      // After all that one step made ready, such as a commit; the way out gathers what it must.
      process.nextTick(flush);
    },
    to: (outpour: Outpour): void => {
      out = outpour;
      flush();
    },
  };
};

/** Counts calls of batches, over all ways that they come. */
const makePlaces = ({ relayBatchedMax, relayBatchedPerNodeMax }: Limits) => {
  const ofNode = new Map<string, number>();
  let all = 0;
  const add = (serverid: string, calls: number): void => {
    all += calls;
    const count = (ofNode.get(serverid) ?? 0) + calls;
    if (count === 0) ofNode.delete(serverid);
    else ofNode.set(serverid, count);
  };
  return {
    /** False, taking none, when there are not so many places. */
    take: (serverid: string, calls: number): boolean => {
      if (all + calls > relayBatchedMax) return false;
      if ((ofNode.get(serverid) ?? 0) + calls > relayBatchedPerNodeMax) return false;
      add(serverid, calls);
      return true;
    },
    leave: (serverid: string): void => add(serverid, -1),
  };
};

/** The serving side of batches of one node. */
export const makeBatchIn = ({ dispatch, log, limits }: BatchInDeps): ServeBatch => {
  const places = makePlaces(limits);
  return (body, { serverid, origin, each, mayBegin }) => {
    const calls = decodeCalls(body, limits);
    if (mayBegin?.(calls.length) === false || !places.take(serverid, calls.length)) {
      throw fault('too-many', 'too many relayed calls at once; try again later');
    }
    const replies = makeReplies(calls.length);
    calls.forEach((call, index) => {
      each();
      const done = (reply: Reply): void => {
        places.leave(serverid);
        replies.ready(index, reply);
      };
      dispatch.receive(call, origin).then(done, (error: unknown) => {
        log.error('dispatch failed', { error });
        done(errorReply(500, 'internal error'));
      });
    });
    return { status: 200, headers: HEADERS, begin: replies.to };
  };
};
