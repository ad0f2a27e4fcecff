// One measurement each: a node under load, the pieces of the floor, idle polls, restarts.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from './children.js';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @typedef {import('./children.js').Child} Child */
/** @typedef {import('./plan.js').Plan} Plan */
/** @typedef {{ folder: string, flags: readonly string[], plan: Plan }} Ground */

/** How often a running load is asked how far it is. */
const PACE_MS = 25;

/** Waits for so many more requests, or for the time to be over. */
const requestsOf = async (client, count, ms) => {
  const until = performance.now() + ms;
  const wanted = (await client.ask('total')) + count;
  while (performance.now() < until && (await client.ask('total')) < wanted) await sleep(PACE_MS);
};

/**
 * Throughput and CPU time per request of a server, over one window in the middle of a load.
 * @param {Child} server @param {Child} client @param {Plan} plan
 * @param {{ port: number, callers: number, kind: 'cycle' | 'exchange' }} load
 * @param {number} [settle] Requests before the window.
 */
export const underLoad = async (server, client, plan, load, settle = plan.settle) => {
  const look = async () => {
    const [usage, seen] = await Promise.all([server.ask('usage'), client.ask('look')]);
    return { ...usage, seen, atMs: performance.now() };
  };
  // One caller alone waits for the disk most of the time: a fifth of the requests shows as much.
  const window = load.callers === 1 ? plan.window / 5 : plan.window;
  await client.ask('begin', load);
  await requestsOf(client, Math.min(settle, window * 3), 3 * plan.windowMs);
  const before = await look();
  await requestsOf(client, window, plan.windowMs);
  const after = await look();
  await client.ask('end');
  const { requests, cycles, submit, assign, close } = after.seen;
  if (requests === 0) throw new Error('nothing was answered in a whole window');
  return {
    cyclesPerS: (cycles * 1_000) / (after.atMs - before.atMs),
    cpuUs: (after.cpuUs - before.cpuUs) / requests,
    perBatch: requests / (after.syncedBatches - before.syncedBatches),
    submit,
    assign,
    close,
  };
};

/** @typedef {Awaited<ReturnType<typeof underLoad>>} Load */

/** Makes a folder, and a node over it, started several times to see how long that takes. */
export const openVariant = async ({ folder, flags, plan }, variant, at) => {
  const dir = join(folder, `node-${at}`);
  const preparer = startChild('./prepare.js', ['--expose-gc']);
  const { specBytes, submittedBytes } = await preparer.ask('folder', {
    dir,
    executors: Math.max(plan.pollers, plan.callers),
    backlog: variant.backlog,
    targeted: variant.targeted,
  });
  await preparer.stop();
  const starts = [];
  for (let left = plan.restarts; ; left--) {
    const host = startChild('./host.js', ['--expose-gc', ...flags]);
    const started = await host.ask('start', { dir, engine: variant.engine });
    starts.push(started);
    if (left > 1) await host.stop();
    else
      return {
        ...variant,
        host,
        port: started.port,
        specBytes,
        submittedBytes,
        starts,
        memory: await host.ask('memory'),
      };
  }
};

/** @typedef {Awaited<ReturnType<typeof openVariant>>} Opened */

/** The floor's processes: one for the pieces, one for each bare server. */
export const openFloor = async ({ folder }, engine) => {
  const [pieces, bare, storing] = [1, 2, 3].map(() => startChild('./floor.js'));
  const dir = join(folder, 'floor');
  await mkdir(dir);
  const [barePort, storingPort] = await Promise.all([
    bare.ask('serveBare'),
    storing.ask('serveStoring', { dir, engine }),
  ]);
  return { dir, pieces, bare, barePort, storing, storingPort };
};

/**
 * CPU time that no request of the lifecycle can avoid, in microseconds: recovery and hash for two of
 * three (the third is remembered), a bare exchange, a hundredth of a synced append.
 */
export const measureFloor = async (floor, client, plan, engines) => {
  const { pieces, bare, barePort, storing, storingPort, dir } = floor;
  const ms = plan.pieceMs;
  const { callers } = plan;
  const hash = await pieces.ask('hash', { ms });
  const append = await pieces.ask('append', { dir, ms });
  const exchange = await underLoad(bare, client, plan, {
    port: barePort,
    callers,
    kind: 'exchange',
  });
  const stored = await underLoad(storing, client, plan, {
    port: storingPort,
    callers,
    kind: 'exchange',
  });
  const recover = {};
  const least = {};
  for (const engine of engines) {
    recover[engine] = await pieces.ask('recover', { engine, ms });
    least[engine] = (2 / 3) * (recover[engine] + hash) + exchange.cpuUs + append;
  }
  return { hash, append, exchange: exchange.cpuUs, recover, least, storing: stored.cpuUs };
};

/** @typedef {Awaited<ReturnType<typeof measureFloor>>} Floor */

/** Memory of idle long polls, and how soon one of them gets what is submitted. */
export const measurePolls = async ({ plan }, { host, port }) => {
  const client = startChild('./client.js');
  const before = await host.ask('memory');
  await client.ask('poll', { port, count: 1 });
  const alone = await client.ask('wake', { port, times: plan.wakes });
  await client.ask('poll', { port, count: plan.pollers, from: 1 });
  await sleep(plan.idleMs);
  const open = await host.ask('memory');
  const idleFrom = await host.ask('usage');
  await sleep(plan.idleMs);
  const idle = ((await host.ask('usage')).cpuUs - idleFrom.cpuUs) / (plan.idleMs * 1_000);
  const many = await client.ask('wake', { port, times: plan.wakes });
  await client.ask('hangUp');
  await client.stop();
  const rss = (open.rss - before.rss) / plan.pollers;
  const live = (open.live - before.live) / plan.pollers;
  return { rss, live, idle, alone, many };
};

/** Removes what a run leaves behind. @param {string} folder */
export const cleanUp = (folder) => rm(folder, { recursive: true, force: true });
