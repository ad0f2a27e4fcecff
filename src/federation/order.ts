// Which of two valid records counts. Pure; used alike by holders, readers and the overlay's store.

import { compareBytes } from './bytes.ts';
import type { Kind } from './payloads.ts';
import type { SignedRecord } from './record.ts';

interface Ordered {
  readonly v: 1;
  readonly epoch?: number;
  readonly seq?: number;
  readonly iat?: number;
  readonly exp?: number;
}

export type Rank = readonly [epoch: number, sequence: number];

/**
 * Rank of a record: epoch, then sequence; 0 where the kind has none. The epoch of a server record
 * is its certificate's sequence, so that a replaced node key can never again outrank its
 * successor.
 */
export const rankOf = (record: SignedRecord): Rank => {
  const payload: Ordered = record.payload;
  const epoch = record.kind === 'server' ? record.certificate?.payload.seq : payload.epoch;
  return [epoch ?? 0, payload.seq ?? 0];
};

/** Order of ranks: negative when `a` is the lower one. */
export const compareRanks = (a: readonly [number, number], b: readonly [number, number]): number =>
  a[0] - b[0] || a[1] - b[1];

const expiryOf = (record: SignedRecord): number => {
  const payload: Ordered = record.payload;
  // Revocations do not expire and have no rank: the earliest one counts.
  return payload.exp ?? -(payload.iat ?? 0);
};

/**
 * Positive when `a` counts over `b`, negative when `b` does, 0 for the same bytes. Both stand under
 * the same id and kind: higher (epoch, sequence), then later expiry, then larger bytes.
 */
export const compare = <K extends Kind>(a: SignedRecord<K>, b: SignedRecord<K>): number =>
  compareRanks(rankOf(a), rankOf(b)) || expiryOf(a) - expiryOf(b) || compareBytes(a.bytes, b.bytes);

/** The record that counts, undefined for an empty list. Order and repetition do not matter. */
export const select = <K extends Kind>(
  records: readonly SignedRecord<K>[],
): SignedRecord<K> | undefined => {
  let best: SignedRecord<K> | undefined;
  for (const record of records) if (!best || compare(record, best) > 0) best = record;
  return best;
};

/**
 * Whether two records are a fork: one rank, different bytes. Revocations never fork: dead is dead.
 */
export const isFork = (a: SignedRecord, b: SignedRecord): boolean =>
  a.kind !== 'revocation' && a.hash !== b.hash && compareRanks(rankOf(a), rankOf(b)) === 0;
