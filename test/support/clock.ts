// A clock that stands still until the test moves it, with ids and randomness from a seed.

import { createHash } from 'node:crypto';
import type { Clock } from '../../src/node/clock.ts';

export interface ManualClock extends Clock {
  /**
   * Moves time on by `ms`, running the timers that fall due in their order, each at its own time.
   */
  advance(ms: number): void;
  /** Timers that wait. */
  timers(): number;
}

interface Timer {
  readonly atMs: number;
  readonly turn: number;
  readonly run: () => void;
}

/** Midnight UTC of 1 January 2030: tests read and print times of it. */
export const START_MS = Date.UTC(2030, 0, 1);

/** A stream of bytes that depends on the seed only. */
const makeRandom = (seed: string): ((bytes: Uint8Array) => Uint8Array) => {
  let block = 0;
  let pool = Buffer.alloc(0);
  let at = 0;
  const nextByte = (): number => {
    if (at === pool.length) {
      pool = createHash('sha512').update(`${seed} ${block++}`).digest();
      at = 0;
    }
    return pool[at++] as number;
  };
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = nextByte();
    return bytes;
  };
};

/** A clock at `startMs`. Two clocks of one seed give the same ids in the same order. */
export const manualClock = (seed: string | number = 1, startMs = START_MS): ManualClock => {
  const random = makeRandom(String(seed));
  const waiting = new Set<Timer>();
  let nowMs = startMs;
  let lastUs = 0;
  let turn = 0;

  const firstDue = (untilMs: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of waiting) {
      if (timer.atMs > untilMs) continue;
      const sooner = !first || timer.atMs < first.atMs;
      if (sooner || (timer.atMs === first?.atMs && timer.turn < first.turn)) first = timer;
    }
    return first;
  };

  return {
    now: () => nowMs,
    nowUs: () => {
      lastUs = Math.max(nowMs * 1000, lastUs + 1);
      return lastUs;
    },
    newId: () => Buffer.from(random(new Uint8Array(32))).toString('hex'),
    random,
    after: (delayMs, run) => {
      const timer: Timer = { atMs: nowMs + Math.max(0, delayMs), turn: turn++, run };
      waiting.add(timer);
      return () => waiting.delete(timer);
    },
    advance: (ms) => {
      const untilMs = nowMs + ms;
      for (let timer = firstDue(untilMs); timer; timer = firstDue(untilMs)) {
        waiting.delete(timer);
        nowMs = Math.max(nowMs, timer.atMs);
        timer.run();
      }
      nowMs = untilMs;
    },
    timers: () => waiting.size,
  };
};
