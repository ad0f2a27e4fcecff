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

/** Where the machine's time comes from, in milliseconds since the epoch. */
export interface TimeSource {
  /** What the machine's clock shows, in whole milliseconds. */
  wallMs(): number;
  /** Finer, and only ever forward: keeps its pace when the machine's clock is set. */
  steadyMs(): number;
}

const POOL_BYTES = 8192;
const ID_BYTES = 32;
/** The steady time drifts from the wall clock when the machine sleeps or is set. */
const DRIFT_MAX_MS = 1_000;
/** Pace while the wall clock, which was set back, catches up: deadlines still come, a tenth late. */
const CATCH_UP_PACE = 0.9;

const machine: TimeSource = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.timeOrigin + performance.now(),
};

const makeNowUs = ({ wallMs, steadyMs }: TimeSource): (() => number) => {
  let last = 0;
  let before = steadyMs();
  return () => {
    const steady = steadyMs();
    const wall = wallMs();
    const shown = Math.abs(steady - wall) > DRIFT_MAX_MS ? wall : steady;
    const least = Math.max(1, Math.floor((steady - before) * CATCH_UP_PACE * 1000));
    before = steady;
    last = Math.max(Math.floor(shown * 1000), last + least);
    return last;
  };
};

/** The machine's own clock and randomness. Identifiers are cut from a pool to save system calls. */
export const systemClock = (source: TimeSource = machine): Clock => {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    now: () => source.wallMs(),
    nowUs: makeNowUs(source),
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
