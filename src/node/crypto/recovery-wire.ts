// The bytes between the pool and its worker threads: fixed-size rows, so that a batch is one array.

import { bytesToHex, hexToBytes } from './bytes.ts';
import { COMPACT_BYTES, SCALAR_BYTES } from './curve.ts';
import type { Recoverable } from './engine.ts';
import { CURVE_REFUSALS, type Recovered } from './refusals.ts';

/** One question: digest, r and s, v. */
const ASK_BYTES = SCALAR_BYTES + COMPACT_BYTES + 1;
/** One answer: status (0 is an id, else the place in CURVE_REFUSALS, from 1), id. */
const ANSWER_BYTES = 1 + SCALAR_BYTES;

/** What a worker says first, once its engine gave every known answer. */
export const READY = 'ready';

export interface Ask {
  readonly digest: Uint8Array;
  readonly signature: Recoverable;
}

/** Asks as one array. */
export const packAsks = (asks: readonly Ask[]): Uint8Array => {
  const bytes = new Uint8Array(asks.length * ASK_BYTES);
  asks.forEach(({ digest, signature }, i) => {
    bytes.set(digest, i * ASK_BYTES);
    bytes.set(signature.rs, i * ASK_BYTES + SCALAR_BYTES);
    bytes[i * ASK_BYTES + ASK_BYTES - 1] = signature.v;
  });
  return bytes;
};

/** The counterpart of `packAsks`. */
export const unpackAsks = (bytes: Uint8Array): Ask[] =>
  Array.from({ length: bytes.length / ASK_BYTES }, (_, i) => {
    const row = bytes.subarray(i * ASK_BYTES, (i + 1) * ASK_BYTES);
    const rs = row.subarray(SCALAR_BYTES, SCALAR_BYTES + COMPACT_BYTES);
    return { digest: row.subarray(0, SCALAR_BYTES), signature: { rs, v: row[ASK_BYTES - 1] ?? 0 } };
  });

/** Answers as one array, in the order of the asks. */
export const packAnswers = (answers: readonly Recovered[]): Uint8Array => {
  const bytes = new Uint8Array(answers.length * ANSWER_BYTES);
  answers.forEach((answer, i) => {
    if ('refusal' in answer) bytes[i * ANSWER_BYTES] = CURVE_REFUSALS.indexOf(answer.refusal) + 1;
    else bytes.set(hexToBytes(answer.id), i * ANSWER_BYTES + 1);
  });
  return bytes;
};

/** The counterpart of `packAnswers`. */
export const unpackAnswers = (bytes: Uint8Array): Recovered[] =>
  Array.from({ length: bytes.length / ANSWER_BYTES }, (_, i) => {
    const row = bytes.subarray(i * ANSWER_BYTES, (i + 1) * ANSWER_BYTES);
    const refusal = CURVE_REFUSALS[(row[0] ?? 0) - 1];
    return refusal === undefined ? { id: bytesToHex(row.subarray(1)) } : { refusal };
  });
