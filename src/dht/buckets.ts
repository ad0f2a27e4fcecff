// Token buckets by key, bounded in number: the rate limits of peers. No timers, no I/O.

export interface Buckets {
  /** Takes `count` tokens of `key`; false, taking none, when it has fewer. */
  take(key: string, count?: number): boolean;
  forget(key: string): void;
}

export interface BucketOptions {
  readonly perSecond: number;
  readonly burst: number;
  /** Keys remembered; the one that was idle for longest is forgotten, and so refilled, first. */
  readonly keysMax: number;
  /** Milliseconds. */
  readonly now: () => number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Buckets that start full and refill steadily. */
export const makeBuckets = ({ perSecond, burst, keysMax, now }: BucketOptions): Buckets => {
  // In order of last use: a Map keeps insertion order, and every use inserts anew.
  const buckets = new Map<string, Bucket>();
  return {
    take: (key, count = 1) => {
      const at = now();
      const known = buckets.get(key) ?? { tokens: burst, at };
      buckets.delete(key);
      const passedMs = Math.max(0, at - known.at);
      const tokens = Math.min(burst, known.tokens + (passedMs * perSecond) / 1_000);
      const granted = tokens >= count;
      buckets.set(key, { tokens: granted ? tokens - count : tokens, at });
      if (buckets.size > keysMax) {
        for (const oldest of buckets.keys()) {
          buckets.delete(oldest);
          break;
        }
      }
      return granted;
    },
    forget: (key) => {
      buckets.delete(key);
    },
  };
};
