// The numbers of Kademlia against the simulator; the large runs are in test/overlay.

import { expect, it } from 'vitest';
import { KAD } from '../../src/dht/kad.ts';
import { simulate } from '../support/routing-sim.ts';

it('a thousand simulated nodes agree on the closest to a key and survive losses', () => {
  const run = simulate({ ...KAD, nodes: 1_000, seed: 7, keys: 100, dead: 0.3 });
  expect(run.recall).toBeGreaterThanOrEqual(0.97);
  expect(run.found).toBe(1);
  expect(run.foundAfterDeaths).toBeGreaterThanOrEqual(0.98);
  expect(run.messages[1]).toBeLessThanOrEqual(90);
});

it('the simulator gives the same for the same seed and sees a table that is too shallow', () => {
  const options = { ...KAD, nodes: 600, seed: 3, keys: 50, dead: 0.3 };
  expect(simulate(options)).toEqual(simulate(options));
  expect(simulate({ ...options, prefixLength: 3 }).recall).toBeLessThan(0.9);
});
