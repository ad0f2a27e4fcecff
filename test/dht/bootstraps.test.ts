// The search for peers: how often it tries, and when sooner.

import { afterEach, expect, it } from 'vitest';
import { type Bootstraps, makeBootstraps } from '../../src/dht/bootstraps.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import { manualClock } from '../support/clock.ts';

const MINUTE_MS = 60_000;
const clock = manualClock();
const startMs = clock.now();
/** Seconds since the start at which the one bootstrap was dialled. */
let dials: number[] = [];
let table = 0;
let isUp = false;
let search: Bootstraps;

const begin = (): void => {
  dials = [];
  search = makeBootstraps({
    given: ['/ip4/127.0.0.1/tcp/4001'],
    resolve: undefined,
    dial: async () => {
      dials.push(clock.now() - startMs);
      if (!isUp) throw new Error('connection refused');
      return 'peer';
    },
    self: 'self',
    isConnected: () => false,
    keep: () => undefined,
    remembered: async () => [],
    isOut: () => false,
    tableSize: () => table,
    lookAround: async () => undefined,
    limits: LIMITS,
    clock,
    log: silentLog(),
  });
  search.start();
};
afterEach(() => search.stop());

/** Time passes; what is ready runs in between. */
const pass = async (ms: number): Promise<void> => {
  for (let left = ms; left > 0; left -= 1_000) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(Math.min(left, 1_000));
  }
  await new Promise((resolve) => setImmediate(resolve));
};
const gaps = (): number[] => dials.slice(1).map((at, i) => at - (dials[i] ?? 0));

it('a node without any peer tries again and again, a little later each time, for ever', async () => {
  table = 0;
  isUp = false;
  begin();
  await pass(60 * MINUTE_MS);
  const tries = gaps();
  expect(tries.length).toBeGreaterThan(60);
  expect([...tries].sort((a, b) => a - b)).toEqual(tries);
  expect(Math.max(...tries)).toBeLessThanOrEqual(MINUTE_MS / 2);
});

it('a node with peers looks for its bootstraps now and then, and soon when one left', async () => {
  table = 3;
  isUp = true;
  begin();
  await pass(60 * MINUTE_MS);
  const quiet = gaps().at(-1) ?? 0;
  expect(quiet).toBeGreaterThanOrEqual(4 * MINUTE_MS);
  await pass(MINUTE_MS);
  const before = dials.length;
  search.hurry();
  await pass(MINUTE_MS / 4);
  expect(dials.length).toBeGreaterThan(before);
});

it('a node with many peers does not hurry when one leaves', async () => {
  table = LIMITS.overlayTableLow;
  isUp = true;
  begin();
  await pass(60 * MINUTE_MS);
  await pass(MINUTE_MS);
  const before = dials.length;
  search.hurry();
  await pass(MINUTE_MS / 4);
  expect(dials.length).toBe(before);
});
