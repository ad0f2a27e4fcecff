// Fuzzes the envelope and every message schema for longer than the tests do:
// npm run test:fuzz -- [--runs N] [--seed N]

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '2000' }, seed: { type: 'string' } },
});
const seed = values.seed ?? String(Date.now() % 2 ** 31);
console.log(`seed ${seed}, ${values.runs} inputs for each property`);
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--testTimeout=3600000', 'test/ops/fuzz.test.ts'],
  {
    stdio: 'inherit',
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, COLONIES_FUZZ_RUNS: values.runs, COLONIES_FUZZ_SEED: seed },
  },
);
process.exitCode = status ?? 1;
