// Prints what was measured.

import { availableParallelism, cpus, loadavg } from 'node:os';
import { median, short, table } from './figures.js';
import {
  bytesBesideSpec,
  bytesReopened,
  goalsOf,
  loadKey,
  overFloor,
  rateOver,
  restartUs,
} from './goals.js';

/** @typedef {import('./goals.js').Results} Results */

const pick = (list, get) => median(list.map(get));

/** @param {Results} results */
const loadTable = (results) => {
  const { variants, loads, floors, plan } = results;
  const rows = variants.flatMap((variant) =>
    variant.callers.map((callers) => {
      const list = loads[loadKey(variant, callers)];
      const compared = callers === plan.callers;
      const times = (name) =>
        `${short(pick(list, (l) => l[name].p50))} / ${short(pick(list, (l) => l[name].p99))}`;
      const overStoring = median(list.map((l, round) => l.cpuUs / floors[round].storing));
      return [
        variant.name,
        String(callers),
        short(pick(list, (l) => l.cpuUs)),
        `${short(overFloor(results, variant, callers))}x`,
        variant.engine === variants[0].engine ? `${short(overStoring)}x` : '-',
        short(pick(list, (l) => l.cyclesPerS)),
        compared ? `${short(rateOver(results, variant, variants[0]))}x` : '-',
        short(pick(list, (l) => l.perBatch)),
        times('submit'),
        times('assign'),
        times('close'),
      ];
    }),
  );
  const heads = ['', 'callers', 'CPU us', 'floor', 'storing', 'cycles/s', 'rate', 'ops/batch'];
  return table([[...heads, 'submit ms', 'assign ms', 'close ms'], ...rows]);
};

/** @param {Results} results */
const floorTable = ({ floors }) => {
  const engines = Object.keys(floors[0].least);
  const rows = engines.map((engine) => [
    engine,
    short(pick(floors, (f) => f.recover[engine])),
    short(pick(floors, (f) => f.hash)),
    short(pick(floors, (f) => f.exchange)),
    short(pick(floors, (f) => f.append)),
    short(pick(floors, (f) => f.least[engine])),
  ]);
  return table([['', 'recovery', 'hash', 'exchange', 'append/100', 'floor'], ...rows]);
};

/** @param {Results} results */
const waitingTable = ({ variants }) => {
  const [empty] = variants;
  const rows = variants
    .filter(({ backlog }) => backlog > 0)
    .map((variant) => [
      variant.name,
      short(bytesBesideSpec(variant)),
      short(variant.specBytes / variant.backlog),
      short(bytesReopened(variant, empty)),
      short((variant.memory.rss - empty.memory.rss) / variant.backlog),
      short(restartUs(variant, empty, 'wallMs')),
      short(restartUs(variant, empty, 'cpuUs')),
    ]);
  return table([
    ['', 'B beside spec', 'B of spec', 'B reopened', 'B of RSS', 'start us', 'start CPU us'],
    ...rows,
  ]);
};

/** @param {Results} results */
const pollText = ({ polls, plan }) => {
  const { alone, many } = polls;
  const wake = (count, { p50, p99, woken, submitted }) =>
    `submit to worker with ${count} waiting: p50 ${short(p50)} ms, p99 ${short(p99)} ms; ` +
    `${submitted} submitted, ${woken} woken`;
  const count = plan.pollers.toLocaleString('en');
  return [
    wake('1', alone),
    wake(count, many),
    `memory of each of ${count} idle polls: ${short(polls.rss / 1_024)} KB of RSS, ` +
      `${short(polls.live / 1_024)} KB live; CPU while idle: ${short(polls.idle * 100)} %`,
  ].join('\n');
};

/** @param {Results} results @returns {string} */
export const report = (results) => {
  const verdict = (met) => (!results.plan.judged ? '-' : met ? 'met' : 'MISSED');
  const goals = goalsOf(results).map(({ goal, value, met }) => [goal, value, verdict(met)]);
  return [
    `Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), ` +
      `load ${loadavg()[0]?.toFixed(1)}, ${results.plan.rounds} rounds, medians`,
    '',
    'Lifecycles (submit, assign, close). CPU us: user and system time of the server per request;',
    'floor: over the floor of the engine; storing: over a bare server that recovers and stores;',
    'rate: lifecycles/s over those of the first line with as many callers.',
    '',
    loadTable(results),
    '',
    'Floor, CPU us: two thirds of recovery and hash, one bare exchange, a share of a synced append.',
    '',
    floorTable(results),
    '',
    waitingTable(results),
    '',
    pollText(results),
    '',
    table([['goal', 'measured', 'verdict'], ...goals]),
  ].join('\n');
};
