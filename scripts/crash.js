// Runs the crash test for longer: `npm run test:crash -- --rounds 200 --seed 7`.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string' } },
});
const env = {
  ...process.env,
  COLONIES_CRASH_ROUNDS: values.rounds,
  ...(values.seed === undefined ? {} : { COLONIES_CRASH_SEED: values.seed }),
};
const run = spawnSync('npx', ['vitest', 'run', 'test/crash'], { env, stdio: 'inherit' });
process.exitCode = run.status ?? 1;
