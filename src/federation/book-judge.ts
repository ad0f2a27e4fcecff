// What a valid record means beside what was seen before under its id. Pure.

import type { Held, Outcome } from './book.ts';
import { compare, compareRanks, isFork, type Rank, rankOf } from './order.ts';
import type { Namespace } from './payloads.ts';
import type { SignedRecord } from './record.ts';
import type { Seen } from './rows.ts';

const seenRank = (seen: Seen): Rank => [seen.epoch, seen.seq];

interface Judged<K extends Namespace> {
  readonly outcome: Outcome;
  readonly winner: SignedRecord<K>;
  readonly loser: SignedRecord<K> | undefined;
  readonly forks: readonly string[];
}

/** The record that counts of the one that came in and the one that was held, if there was one. */
export const judge = <K extends Namespace>(
  record: SignedRecord<K>,
  seen: Seen | undefined,
  held: Held<K> | undefined,
): Judged<K> => {
  const plain = { winner: record, loser: undefined, forks: [] };
  if (!seen) return { ...plain, outcome: 'new' };
  if (seen.hash === record.hash) return { ...plain, outcome: 'same', forks: seen.forks };
  if (record.kind === 'revocation') return { ...plain, outcome: 'older' };
  const order = compareRanks(rankOf(record), seenRank(seen));
  if (order !== 0) return { ...plain, outcome: order > 0 ? 'new' : 'older' };
  if (seen.forks.includes(record.hash)) return { ...plain, outcome: 'older' };
  const forks = [...new Set([...seen.forks, seen.hash, record.hash])].slice(-8).sort();
  if (!held) return { outcome: 'fork', winner: record, loser: undefined, forks };
  const wins = isFork(record, held.record) && compare(record, held.record) > 0;
  const [winner, loser] = wins ? [record, held.record] : [held.record, record];
  return { outcome: 'fork', winner, loser, forks };
};
