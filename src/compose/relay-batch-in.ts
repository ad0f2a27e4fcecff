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

/**
 * Begins the calls of a batch and gives the answer to it; `each` is told of each call. Throws
 * bad-request or too-large for what is no batch, too-many when too many are being served.
 */
export type ServeBatch = (body: Uint8Array, origin: Origin, each: () => void) => HttpStream;

/** Proxies that know the second one pass replies on as they come. */
const HEADERS = { 'content-type': BATCH_TYPE, 'x-accel-buffering': 'no' };

interface Ready extends BatchedReply {
  readonly reply: Reply;
}

/** Sends what became ready in one turn together, the shortest first. */
const makeReplies = (count: number) => {
  let out: Outpour | undefined;
  let left = count;
  let ready: Ready[] = [];
  let isTurn = false;
  const flush = (): void => {
    isTurn = false;
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
      if (isTurn) return;
      isTurn = true;
      setImmediate(flush);
    },
    to: (outpour: Outpour): void => {
      out = outpour;
      flush();
    },
  };
};

/** The serving side of batches of one node. */
export const makeBatchIn = ({ dispatch, log, limits }: BatchInDeps): ServeBatch => {
  let inside = 0;
  return (body, origin, each) => {
    const calls = decodeCalls(body, limits);
    if (inside + calls.length > limits.relayBatchedMax) {
      throw fault('too-many', 'too many relayed calls at once; try again later');
    }
    inside += calls.length;
    const replies = makeReplies(calls.length);
    calls.forEach((call, index) => {
      each();
      const done = (reply: Reply): void => {
        inside -= 1;
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
