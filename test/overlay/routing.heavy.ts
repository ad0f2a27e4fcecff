// The numbers of Kademlia at ten thousand nodes.

import { expect, it } from 'vitest';
import { KAD } from '../../src/dht/kad.ts';
import { simulate } from '../support/routing-sim.ts';

it('ten thousand simulated nodes agree on the closest to a key and survive losses', () => {
  const run = simulate({ ...KAD, nodes: 10_000, seed: 1, keys: 300, dead: 0.3 });
  expect(run.recall).toBeGreaterThanOrEqual(0.97);
  expect(run.found).toBeGreaterThanOrEqual(0.98);
  expect(run.foundAfterDeaths).toBeGreaterThanOrEqual(0.98);
  // Within a tenth of what this rule costs, so that a change of the parameters is seen.
  expect(run.messages[0]).toBeLessThanOrEqual(74);
  expect(run.messages[1]).toBeLessThanOrEqual(84);
});

it('the depth that the library has by default would lose the closest nodes', () => {
  const run = simulate({ ...KAD, prefixLength: 6, nodes: 4_000, seed: 1, keys: 100, dead: 0 });
  expect(run.recall).toBeLessThan(0.8);
});
