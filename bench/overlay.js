// The benchmark of the overlay: what a node costs at rest among twenty peers, how fast records are
// placed and found, and what calls between nodes cost. Times depend on the machine and on what else
// it does; the cost at rest and the ratios are what counts.

import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startChild } from './children.js';
import { percentile } from './figures.js';
import { line, measureRelay, ms } from './overlay-relay.js';
import { measureRest } from './overlay-rest.js';

const USAGE = `usage: npm run bench:overlay -- [--smoke] [--rest SECONDS]

  --smoke         a few seconds, only to see that it works
  --rest SECONDS  how long a node is watched at rest, 600 when left out`;

const CHILD = './overlay-child.js';
const PROCESSES = 4;
const EACH = 5;

const until = async (what, holds) => {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds()) return;
    await sleep(200);
  }
  throw new Error(`did not happen: ${what}`);
};

const readOptions = () => {
  try {
    const { values } = parseArgs({
      options: { smoke: { type: 'boolean' }, rest: { type: 'string' } },
    });
    const restS = Number(values.rest ?? (values.smoke ? 3 : 600));
    if (!(restS > 0)) throw new Error('--rest takes seconds');
    const { smoke = false } = values;
    const settleS = smoke ? 1 : 120;
    return { smoke, restS, settleS, calls: smoke ? 200 : 3_000, keys: smoke ? 4 : 24 };
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    return process.exit(2);
  }
};

/** Twenty nodes in four processes, and one more in a process of its own: the one that is measured. */
const openOverlay = async () => {
  const others = Array.from({ length: PROCESSES }, () => startChild(CHILD));
  const measured = startChild(CHILD);
  const addresses = [];
  for (let i = 0; i < PROCESSES * EACH; i += 1) {
    addresses.push(await others[i % PROCESSES].ask('start', { bootstraps: addresses.slice(0, 1) }));
  }
  const began = performance.now();
  await measured.ask('start', { bootstraps: addresses.slice(0, 1) });
  const table = async () => (await measured.ask('status'))[0].table;
  await until('three peers', async () => (await table()) >= 3);
  line('joined, three peers in the table', ms(performance.now() - began));
  await until('twenty peers', async () => (await table()) >= PROCESSES * EACH);
  return { others, measured, addresses };
};

const measureRecords = async ({ others, measured }, keys) => {
  const puts = [];
  const gets = { 3: [], 1000: [] };
  for (let i = 0; i < keys; i += 1) {
    puts.push(await others[i % PROCESSES].ask('put', { key: `k${i}`, seq: 1 }));
    for (const quorum of [3, 1_000]) {
      gets[quorum].push(await measured.ask('get', { key: `k${i}`, quorum }));
    }
  }
  for (const [name, list] of [
    ['placed at the closest nodes', puts],
    ['found, three copies agree', gets[3]],
    ['found, the whole walk', gets[1_000]],
  ]) {
    line(`${name}: p50 / p95`, `${ms(percentile(list, 0.5))} / ${ms(percentile(list, 0.95))}`);
  }
};

const measureCalls = async ({ others, measured }, count) => {
  const [server] = others;
  const [{ peerId: peer }] = await server.ask('status');
  await server.ask('serve');
  await measured.ask('callMany', { peer, count: 200, together: 4, size: 900 });
  const run = async (together, size) => {
    const before = await measured.ask('usage');
    const began = performance.now();
    const times = await measured.ask('callMany', { peer, count, together, size });
    const seconds = (performance.now() - began) / 1_000;
    const cpu = ((await measured.ask('usage')).cpuUs - before.cpuUs) / count;
    const p99 = percentile(times, 0.99);
    line(
      `calls of ${size} bytes, ${together} at a time: p50 / p99 / per second`,
      `${ms(percentile(times, 0.5))} / ${ms(p99)} / ${Math.round(count / seconds)} (${Math.round(cpu)} us CPU)`,
    );
    return p99;
  };
  await run(16, 900);
  await run(16, 50_000);
  const alone = await run(1, 900);
  await measured.ask('poll', { peer, count: 500 });
  await until('five hundred polls wait', async () => {
    const [{ counters }] = await server.ask('status');
    return counters['calls-waiting-now'] === 500;
  });
  const beside = await run(1, 900);
  line('p99 of a call beside 500 idle polls, over p99 alone', `${(beside / alone).toFixed(2)}x`);
};

const options = readOptions();
const load = loadavg()[0].toFixed(1);
line('cores, load average before', `${availableParallelism()}, ${load}`);
const overlay = await openOverlay();
const { restS, settleS } = options;
await measureRest({
  bootstrap: overlay.addresses.slice(0, 1),
  // The node that is measured later is there, too.
  peers: PROCESSES * EACH + 1,
  restS,
  settleS,
});
await measureRecords(overlay, options.keys);
await measureCalls(overlay, options.calls);
await Promise.all([...overlay.others, overlay.measured].map((child) => child.stop()));
// After the other nodes are gone: the relay is measured with the machine for itself.
await measureRelay(options);
