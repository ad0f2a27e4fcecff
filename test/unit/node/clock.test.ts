// The machine's clock: exact order, and a pace that settings of the clock do not stop.

import { expect, test } from 'vitest';
import { systemClock } from '../../../src/node/clock.ts';

const START_MS = Date.UTC(2030, 0, 1);
const SECOND_US = 1_000_000;

/** A clock over times that the test sets. */
const clockOver = () => {
  const time = { wallMs: START_MS, steadyMs: START_MS };
  const clock = systemClock({ wallMs: () => time.wallMs, steadyMs: () => time.steadyMs });
  return {
    clock,
    pass: (ms: number) => {
      time.wallMs += ms;
      time.steadyMs += ms;
    },
    set: (byMs: number) => {
      time.wallMs += byMs;
    },
  };
};

test('microseconds follow the machine and never repeat', () => {
  const { clock, pass } = clockOver();
  const first = clock.nowUs();
  expect(first).toBe(START_MS * 1000);
  expect(clock.nowUs()).toBe(first + 1);
  pass(0.25);
  expect(clock.nowUs()).toBe(first + 250);
  pass(1_000);
  expect(clock.nowUs()).toBe(first + 250 + SECOND_US);
});

test('a clock that is set forward is followed at once', () => {
  const { clock, set } = clockOver();
  const first = clock.nowUs();
  set(3_600_000);
  expect(clock.nowUs() - first).toBe(3_600 * SECOND_US);
});

test('after a clock was set back, time goes on a little slower until both agree', () => {
  const { clock, pass, set } = clockOver();
  const first = clock.nowUs();
  set(-3_600_000);
  expect(clock.nowUs()).toBeGreaterThan(first);
  pass(100_000);
  const passed = clock.nowUs() - first;
  expect(passed).toBeGreaterThanOrEqual(80 * SECOND_US);
  expect(passed).toBeLessThan(100 * SECOND_US);
  for (let hours = 0; hours < 12; hours++) {
    pass(3_600_000);
    clock.nowUs();
  }
  pass(1);
  expect(Math.abs(clock.nowUs() - clock.now() * 1000)).toBeLessThan(2_000);
});

test('ids are 64 hex digits and differ', () => {
  const clock = systemClock();
  const ids = new Set(Array.from({ length: 1_000 }, () => clock.newId()));
  expect(ids.size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/);
});
