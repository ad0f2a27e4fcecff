// The only door to time and chance. Everything that needs either takes a Clock as an argument,
// so that a whole federation of nodes can run in one test process from a seed.

import { randomFillSync } from 'node:crypto';

export interface Clock {
  /** Wall time in whole milliseconds since the epoch. */
  now(): number;
  /** Wall time in whole microseconds since the epoch; never the same or smaller twice in a row. */
  nowUs(): number;
  /** A new random identifier: 64 lower-case hex digits. */
  newId(): string;
  /** Fills and returns `bytes` with randomness fit for keys. */
  random(bytes: Uint8Array): Uint8Array;
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

const POOL_BYTES = 8192;
const ID_BYTES = 32;

/** The machine's own clock and randomness. Identifiers are cut from a pool to save system calls. */
export const systemClock = (): Clock => {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  let last = 0;
  return {
    now: () => Date.now(),
    nowUs: () => {
      const wall = Math.floor((performance.timeOrigin + performance.now()) * 1000);
      // performance.now() drifts from the wall clock when the machine sleeps or is set: follow the wall.
      const skewed = Math.abs(wall - Date.now() * 1000) > 1_000_000 ? Date.now() * 1000 : wall;
      last = skewed > last ? skewed : last + 1;
      return last;
    },
    newId: () => {
      if (used + ID_BYTES > POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      used += ID_BYTES;
      return pool.toString('hex', used - ID_BYTES, used);
    },
    random: (bytes) => randomFillSync(bytes),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  };
};
