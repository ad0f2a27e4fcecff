// The built server under mixed load, killed at random moments. Whatever was acknowledged is there afterwards,
// nothing runs twice under one lease, and every index agrees with the records.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/node/clock.ts';
import { idOfKey } from '../../src/node/crypto/keys.ts';
import { openEngine } from '../../src/node/engine/open.ts';
import { silentLog } from '../../src/node/log.ts';
import { problemsOf } from '../support/engine.ts';
import { type Ledger, makeLedger } from './ledger.ts';
import { COLONY, KEYS, makeCall, runLoad, setUp } from './load.ts';
import { startServer } from './server.ts';

const ROUNDS = Number(process.env['COLONIES_CRASH_ROUNDS'] ?? '20');
const SEED = Number(process.env['COLONIES_CRASH_SEED'] ?? Date.now() % 1_000_000);
const ROUND_MS = 15_000;

/** Mulberry32: the same seed kills at the same moments and sends the same calls. */
const randomOf = (seed: number) => {
  let state = seed;
  return (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

const inspect = async (dir: string, ledger: Ledger): Promise<string[]> => {
  const { engine, store, close } = await openEngine({
    dir,
    clock: systemClock(),
    log: silentLog(),
  });
  const colony = engine.colonies.find(COLONY);
  const lost = colony ? await ledger.problems(engine, colony) : ['the colony is gone'];
  const damage = await problemsOf(store);
  await close();
  return [...lost, ...damage];
};

test(
  `nothing acknowledged is lost in ${ROUNDS} crashes`,
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'colonies-'));
    const home = await mkdtemp(join(tmpdir(), 'colonies-home-'));
    const random = randomOf(SEED);
    const ledger = makeLedger();
    for (let round = 1; round <= ROUNDS; round++) {
      const server = await startServer(dir, home, idOfKey(KEYS.server));
      const call = await makeCall(server.url);
      if (round === 1) await setUp(call, ledger);
      const load = runLoad(call, ledger, random);
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 500));
      await server.kill();
      await load;
      expect(await inspect(dir, ledger), `seed ${SEED}, round ${round}`).toEqual([]);
    }
    expect(ledger.size()).toBeGreaterThan(ROUNDS);
    await rm(dir, { recursive: true });
    await rm(home, { recursive: true });
  },
  ROUNDS * ROUND_MS,
);
