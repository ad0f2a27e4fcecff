// The book of failing peers: who leaves the table, and when a failure is rather our own.

import { beforeEach, expect, it } from 'vitest';
import { makeCounters } from '../../src/dht/conduct.ts';
import { type HealthBook, makeHealth } from '../../src/dht/health.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { manualClock } from '../support/clock.ts';

let health: HealthBook;
let evicted: string[];
const clock = manualClock();
let lostMs = 0;

/** Time in which nothing of this program ran. */
const stall = (ms: number): void => {
  lostMs += ms;
};

beforeEach(() => {
  evicted = [];
  health = makeHealth({
    clock: { now: () => clock.now() + lostMs, after: clock.after },
    limits: LIMITS,
    counters: makeCounters(),
    evict: (peer) => evicted.push(peer),
  });
  health.start();
  return () => health.stop();
});

/** Failures come from requests, during which the program is watched closely. */
const withRequest = (run: () => void): void => {
  const over = health.asked();
  run();
  over();
};

it('a peer that fails twice is out for a while, one that answers in between is not', () => {
  health.failed('x', false);
  clock.advance(2_000);
  health.answered('x');
  health.failed('x', false);
  expect(evicted).toEqual([]);
  clock.advance(2_000);
  health.failed('x', false);
  expect(evicted).toEqual(['x']);
  expect(health.isOut('x')).toBe(true);
  clock.advance(60_000);
  expect(health.isOut('x')).toBe(false);
});

it('requests that fail together are one failure', () => {
  for (let i = 0; i < 10; i += 1) {
    health.failed('x', false);
    clock.advance(10);
  }
  expect(evicted).toEqual([]);
  clock.advance(2_000);
  health.failed('x', false);
  expect(evicted).toEqual(['x']);
});

it('a peer that can never answer is out at once', () => {
  health.failed('x', true);
  expect(evicted).toEqual(['x']);
});

it('after a stall of this program failures are nobody else’s fault for a while', () => {
  withRequest(() => {
    stall(1_500);
    clock.advance(300);
  });
  for (let i = 0; i < 3; i += 1) {
    health.failed('x', false);
    clock.advance(1_200);
  }
  expect(evicted).toEqual([]);
  clock.advance(5_000);
  health.failed('x', false);
  clock.advance(1_200);
  health.failed('x', false);
  expect(evicted).toEqual(['x']);
});

it('a long sleep at rest is noticed, also by the request that comes first after it', () => {
  for (const wake of [() => clock.advance(LIMITS.overlayStallCheckRestMs), () => undefined]) {
    clock.advance(60_000);
    stall(30_000);
    wake();
    withRequest(() => {
      health.failed('x', false);
      clock.advance(1_200);
      health.failed('x', false);
    });
  }
  expect(evicted).toEqual([]);
});

it('at rest the program is looked at a twentieth as often as while requests are under way', () => {
  let looks = 0;
  const book = makeHealth({
    clock: {
      now: clock.now,
      after: (ms, run) => {
        looks += 1;
        return clock.after(ms, run);
      },
    },
    limits: LIMITS,
    counters: makeCounters(),
    evict: () => undefined,
  });
  book.start();
  const looksIn = (ms: number): number => {
    looks = 0;
    clock.advance(ms);
    return looks;
  };
  expect(looksIn(60_000)).toBe(12);
  const over = [book.asked(), book.asked()];
  expect(looksIn(60_000)).toBe(240);
  over[0]?.();
  over[0]?.();
  expect(looksIn(60_000)).toBe(240);
  over[1]?.();
  expect(looksIn(60_000)).toBeLessThanOrEqual(13);
  book.stop();
  expect(looksIn(60_000)).toBe(0);
});

it('what failed in a stall is seen to have done so before the stall is', () => {
  for (let i = 0; i < 2; i += 1) {
    clock.advance(10_000);
    withRequest(() => {
      stall(1_500);
      // The timer of the request was first in the queue.
      health.failed('x', false);
    });
  }
  expect(evicted).toEqual([]);
});
