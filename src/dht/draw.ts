// Choosing by lot.

import type { Clock } from '../node/clock.ts';

/** `count` of `list` without order, drawn with the clock's randomness. */
export const draw = <T>(list: readonly T[], count: number, clock: Pick<Clock, 'random'>): T[] => {
  const keyed = list.map((item) => ({ item, at: clock.random(new Uint8Array(4)) }));
  keyed.sort((a, b) => Buffer.compare(a.at, b.at));
  return keyed.slice(0, count).map(({ item }) => item);
};
