// Runs the simulation of the engine for longer than the tests do:
// npm run test:sim -- [--seed N] [--rounds N] [--steps N]

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    rounds: { type: 'string', default: '100' },
    steps: { type: 'string', default: '300' },
  },
});
const seed = values.seed ?? String(Date.now() % 2 ** 31);
console.log(`${values.rounds} rounds of ${values.steps} steps from seed ${seed}`);
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/sim'], {
  stdio: 'inherit',
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  env: {
    ...process.env,
    COLONIES_SIM_SEED: seed,
    COLONIES_SIM_ROUNDS: values.rounds,
    COLONIES_SIM_STEPS: values.steps,
  },
});
process.exitCode = status ?? 1;
