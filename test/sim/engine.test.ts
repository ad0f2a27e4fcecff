// The engine against the model. COLONIES_SIM_SEED and COLONIES_SIM_ROUNDS (see `npm run test:sim`)
// ask for more.

import { expect, test } from 'vitest';
import { simulate } from './run.ts';

const SEED = Number(process.env['COLONIES_SIM_SEED'] ?? '1');
const ROUNDS = Number(process.env['COLONIES_SIM_ROUNDS'] ?? '6');
const STEPS = Number(process.env['COLONIES_SIM_STEPS'] ?? '150');

test.each(Array.from({ length: ROUNDS }, (_, i) => SEED + i))(
  'does what the model does, seed %d',
  async (seed) => {
    await expect(simulate(seed, STEPS)).resolves.toBeUndefined();
  },
  10 * 60_000,
);
