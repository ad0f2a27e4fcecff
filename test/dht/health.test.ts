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
  stall(1_500);
  clock.advance(300);
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

it('what failed in a stall is seen to have done so before the stall is', () => {
  for (let i = 0; i < 2; i += 1) {
    clock.advance(10_000);
    stall(1_500);
    // The timer of the request was first in the queue.
    health.failed('x', false);
  }
  expect(evicted).toEqual([]);
});
