// Chance from a seed: one seed, one history.

export interface Random {
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number;
  /** True in one of `n` cases. */
  oneIn(n: number): boolean;
  /** One of the list; undefined when it is empty. */
  pick<T>(list: readonly T[]): T | undefined;
  /** One of the list, which has at least one. */
  of<T>(list: readonly [T, ...T[]]): T;
  /** One key, each as likely as its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K;
}

/** mulberry32: small, fast, good enough to shuffle commands. */
export const makeRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number): number => Math.floor(next() * below);
  return {
    int,
    oneIn: (n) => int(n) === 0,
    pick: (list) => list[int(list.length)],
    of: (list) => list[int(list.length)] as (typeof list)[0],
    weighted: (weights) => {
      const entries = Object.entries(weights) as [keyof typeof weights, number][];
      let at = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [key, weight] of entries) {
        at -= weight;
        if (at < 0) return key;
      }
      return (entries[0] as [keyof typeof weights, number])[0];
    },
  };
};
