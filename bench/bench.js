// The benchmark of a node: real servers from socket to disk, and in the same rounds the floor of the
// machine they run on, so that what counts are ratios. How to read it: docs/performance.md.

import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startChild } from './children.js';
import { loadKey } from './goals.js';
import {
  cleanUp,
  measureFloor,
  measurePolls,
  openFloor,
  openVariant,
  underLoad,
} from './measure.js';
import { quickEngine } from './people.js';
import { plansFor } from './plan.js';
import { report } from './report.js';

const USAGE = `usage: npm run bench -- [--full | --smoke] [--rounds N] [--profile FOLDER]

  --full            1,000,000 processes waiting, 10,000 idle polls, more rounds
  --smoke           a few seconds, only to see that it works
  --rounds N        rounds, each with every variant once
  --profile FOLDER  write a CPU profile of every server there`;

/** As the errors of `parseArgs`. */
const wrongUse = (message) => Object.assign(new TypeError(message), { code: 'ERR_USAGE' });

const readOptions = (base) => {
  const { values } = parseArgs({
    options: {
      full: { type: 'boolean' },
      smoke: { type: 'boolean' },
      rounds: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const plan = plansFor(base)[values.full ? 'full' : values.smoke ? 'smoke' : 'usual'];
  const rounds = Number(values.rounds ?? plan.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw wrongUse('--rounds takes a number from 1');
  const flags =
    values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  return { plan: { ...plan, rounds }, flags };
};

/** Progress goes to stderr: stdout is the report. */
const say = (text) => process.stderr.write(`${text}\n`);

/** The list, begun at another place every round, so that nobody is always measured first. */
const turned = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)];

/** As many as `size`, the last one repeated. */
const widened = (list, size) => Array.from({ length: size }, (_, i) => list[i] ?? list.at(-1));

const runRounds = async (plan, variants, floor, client) => {
  const engines = [...new Set(variants.map(({ engine }) => engine))];
  const pairs = variants.flatMap((variant) =>
    variant.callers.map((callers) => ({ variant, callers })),
  );
  const most = Math.max(...variants.map((variant) => variant.callers.length));
  /** @type {Record<string, import('./measure.js').Load[]>} */
  const loads = Object.fromEntries(pairs.map((p) => [loadKey(p.variant, p.callers), []]));
  const floors = [];
  for (const variant of variants) {
    // Everything is compiled by the time it counts, as well for one variant as for another.
    for (const callers of widened(variant.callers, most)) {
      const load = { port: variant.port, callers, kind: /** @type {const} */ ('cycle') };
      await underLoad(variant.host, client, plan, load, plan.warmUp);
    }
  }
  for (let round = 0; round < plan.rounds; round++) {
    say(`round ${round + 1} of ${plan.rounds}`);
    floors.push(await measureFloor(floor, client, plan, engines));
    for (const { variant, callers } of turned(pairs, round)) {
      const load = { port: variant.port, callers, kind: /** @type {const} */ ('cycle') };
      loads[loadKey(variant, callers)].push(await underLoad(variant.host, client, plan, load));
    }
  }
  return { loads, floors };
};

const run = async ({ plan, flags }, folder) => {
  const ground = { folder, flags, plan };
  const variants = [];
  for (const [at, variant] of plan.variants.entries()) {
    say(`preparing: ${variant.name}`);
    variants.push(await openVariant(ground, variant, at));
  }
  const floor = await openFloor(ground, variants[0].engine);
  const client = startChild('./client.js');
  const { loads, floors } = await runRounds(plan, variants, floor, client);
  say('idle polls');
  const polls = await measurePolls(ground, variants[0]);
  const children = [
    client,
    floor.pieces,
    floor.bare,
    floor.storing,
    ...variants.map((v) => v.host),
  ];
  await Promise.all(children.map((child) => child.stop()));
  return { plan, variants, loads, floors, polls };
};

const main = async () => {
  const { name } = await quickEngine();
  const options = readOptions(name === 'native' ? 'native' : 'wasm');
  const folder = await mkdtemp(join(tmpdir(), 'colonies-bench-'));
  process.once('SIGINT', () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
  try {
    console.log(report(await run(options, folder)));
  } finally {
    await cleanUp(folder);
  }
};

try {
  await main();
} catch (error) {
  const isUse = error instanceof TypeError && 'code' in error;
  console.error(isUse ? `${error.message}\n\n${USAGE}` : error);
  process.exit(isUse ? 2 : 1);
}
