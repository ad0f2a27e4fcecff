// The runtime dialect's texts for a payload that cannot be read, and the words several of its
// messages share.

import type { Wrong } from '../op.ts';

const PARSED_NULL = 'failed to parse JSON';

/** The texts of every type: the parser's own words, whichever message it is. */
export const WRONG: Wrong = {
  invalid: (problem) => problem,
  nothing: PARSED_NULL,
  mismatch: 'msg.MsgType does not match payloadType',
};

/** Those of a subscription, which are refused with 403. */
export const WRONG_SUBSCRIPTION: Wrong = {
  ...WRONG,
  code: 'forbidden',
  mismatch: 'msg.msgType does not match rpcMsg.PayloadType',
};

/** The refusal of a second object with the same key, in the words of the database of 2022. */
export const duplicate = (table: 'colonies' | 'runtimes' | 'attributes'): string =>
  `pq: duplicate key value violates unique constraint "prod_${table}_pkey"`;

/** What is not there, in 2022 words. */
export const NIL = {
  attribute: { text: () => 'attribute is nil' },
  process: { text: () => 'process is nil' },
  runtime: { text: () => 'runtime is nil' },
} as const;

/** The reply of messages that only do something: `{}`. */
export const DONE = Object.freeze({});
