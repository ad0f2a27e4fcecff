// Attached to real nodes: the SDK and the worker of the command line, directly, through a node, and
// through one that lies.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, generateKey, work } from '../../src/sdk.ts';
import { runIn } from '../cli/world.ts';
import {
  endNodes,
  freePort,
  publish,
  sleep,
  startNodes,
  type TestNode,
  until,
} from '../federation-node/nodes.ts';
import { type BadProxy, startProxy } from '../federation-node/proxy.ts';
import { idOf, keyOf } from '../support/world.ts';

const DIRECT = idOf('direct');
const HIDDEN = idOf('hidden');

let nodes: TestNode[];
let home: TestNode;
let hidden: TestNode;
let between: TestNode;
let proxy: BadProxy;
let folder: string;

// The hidden host can be reached over the overlay only: its URL leads nowhere.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'colonies-'));
  const [port, closed] = [await freePort(), await freePort()];
  const address = `/ip4/127.0.0.1/tcp/${port}`;
  const settings = {
    'overlay.listen': [address],
    'overlay.announce': [address, `http://127.0.0.1:${closed}`],
  };
  nodes = await startNodes(['s1', 's2', 's3'], (owner) => (owner === 's3' ? { settings } : {}));
  [between, home, hidden] = nodes as [TestNode, TestNode, TestNode];
  proxy = await startProxy();
  proxy.to(between.url);
  for (const [colony, host] of [
    ['direct', home],
    ['hidden', hidden],
  ] as const) {
    await host.colony(colony);
    await host.user('alice', colony);
    await host.executor('e1', colony);
    await publish(between, colony, [host.id]);
  }
}, 60_000);
afterAll(async () => {
  await proxy.close();
  await endNodes(nodes);
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const spec = (colony: string, more: object = {}) => ({
  conditions: { colonyname: colony, executortype: 'worker' },
  funcname: 'echo',
  ...more,
});

const as = (name: string, colony: string, bootstrap: string = between.url) =>
  connect({ colony, key: keyOf(name), bootstrap });

test.each([
  ['directly', DIRECT, 's2'],
  ['through a node', HIDDEN, 's3'],
])('the SDK works %s with a colony id and any node', async (_how, colony, owner) => {
  const alice = await as('alice', colony);
  const worker = await as('e1', colony);
  expect(alice.network).toBe('testnet');
  const [host] = await alice.hosts();
  expect(host).toMatchObject({ serverid: idOf(owner), home: true, usable: true });
  const { processid } = await alice.submit({ spec: spec(colony) });
  const finished = alice.waitForProcess({ processid, timeout: 20 });
  const taken = await worker.next({ colonyname: colony, waitS: 10 });
  expect(taken).toMatchObject({ processid });
  await worker.close({ processid, out: ['done'] });
  expect(await finished).toMatchObject({ processid, out: ['done'] });
  expect(alice.attached()?.serverid).toBe(idOf(owner));
});

test('events that nobody has proven are refused', async () => {
  const alice = await as('alice', DIRECT);
  const { processid } = await alice.submit({ spec: spec(DIRECT) });
  const stranger = await as('nobody', DIRECT);
  const events = stranger.subscribeProcess({ processid, state: 2 });
  await expect(events.next()).rejects.toMatchObject({ code: 'forbidden' });
});

const NOT_TAKEN = /"payloadtype":"assignprocessmsg".*"error":false/s;

/** Changes one character in the middle of an assignment. */
const alter = (body: string): string => {
  if (!NOT_TAKEN.test(body)) return body;
  const at = body.indexOf('"payload":"') + 400;
  const other = body[at] === 'A' ? 'B' : 'A';
  return body.slice(0, at) + other + body.slice(at + 1);
};

test('a worker does not run an assignment of which a node on the way altered one byte', async () => {
  const stop = new AbortController();
  let said = '';
  proxy.onPath('/api', alter);
  const args = ['worker', 'start', '--colonyid', HIDDEN, '--bootstrap', proxy.url];
  const worker = runIn(folder, [...args, '--name', 'w1', '--type', 'shell'], {
    env: { PATH: process.env['PATH'], COLONIES_COLONYPRVKEY: keyOf('hidden') },
    stop: stop.signal,
    onOutput: (all) => {
      said = all;
    },
  });
  await until(() => /now waiting for processes/.test(said));
  const alice = await as('alice', HIDDEN);
  const touch = (file: string) => ({
    conditions: { colonyname: HIDDEN, executortype: 'shell' },
    funcname: 'touch',
    args: [join(folder, file)],
    maxexectime: 30,
  });
  await alice.submit({ spec: touch('altered') });
  await until(() => /A reply was refused/.test(said));
  proxy.onPath('/api', undefined);
  const { processid } = await alice.submit({ spec: touch('honest') });
  expect(await alice.waitForProcess({ processid, timeout: 20 })).toMatchObject({ state: 2 });
  await sleep(200);
  expect(existsSync(join(folder, 'honest'))).toBe(true);
  expect(existsSync(join(folder, 'altered'))).toBe(false);
  stop.abort(new Error('stopped'));
  expect(await worker).toMatchObject({ code: 0 });
});

test('a worker that is a member already needs no key but its own', async () => {
  const stop = new AbortController();
  let said = '';
  await home.executor('e2', 'direct');
  const address = (await between.status()).addresses[0] as string;
  const args = ['worker', 'start', '--colonyid', DIRECT, '--bootstrap', address];
  const worker = runIn(folder, [...args, '--name', 'w2', '--type', 'worker'], {
    env: { PATH: process.env['PATH'], COLONIES_RUNTIMEPRVKEY: keyOf('e2') },
    stop: stop.signal,
    onOutput: (all) => {
      said = all;
    },
  });
  await until(() => /now waiting for processes/.test(said));
  const alice = await as('alice', DIRECT);
  const { processid } = await alice.submit({ spec: spec(DIRECT, { args: ['hello'] }) });
  const done = await alice.waitForProcess({ processid, timeout: 20 });
  expect(done).toMatchObject({ state: 2, assignedexecutorid: idOf('e2') });
  stop.abort(new Error('stopped'));
  expect(await worker).toMatchObject({ code: 0 });
  expect(said).not.toMatch(/Register/);
});

test('a worker of the SDK goes on at the next host when its home stops', async () => {
  const PAIR = idOf('pair');
  for (const host of [home, hidden]) {
    await host.colony('pair');
    await host.user('alice', 'pair');
  }
  await publish(between, 'pair', [home.id, hidden.id]);
  const stop = new AbortController();
  const key = generateKey();
  const { courier } = await connect({ colony: PAIR, key, bootstrap: between.url });
  const where: (string | undefined)[] = [];
  const working = work(
    {
      ...{ key, courier, signal: stop.signal, waitS: 5 },
      ...{ colony: PAIR, colonyKey: keyOf('pair'), name: 'w3', type: 'worker' },
    },
    () => {
      where.push(courier.attached()?.serverid);
      return 'done';
    },
  );
  const alice = await as('alice', PAIR);
  const run = async (): Promise<void> => {
    const { processid } = await alice.submit({ spec: spec(PAIR) });
    expect(await alice.waitForProcess({ processid, timeout: 30 })).toMatchObject({ state: 2 });
  };
  await run();
  await home.stop();
  await run();
  expect(where).toEqual([home.id, hidden.id]);
  stop.abort();
  await working;
}, 60_000);
