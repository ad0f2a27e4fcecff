// Calls that take effect once: directly, relayed, and after a restart.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeClient } from '../../src/sdk.ts';
import { runIn } from '../cli/world.ts';
import { idOf, keyOf } from '../support/world.ts';
import {
  clock,
  endNodes,
  guarded,
  post,
  publish,
  sealed,
  startNode,
  startNodes,
  type TestNode,
  until,
} from './nodes.ts';

let home: TestNode;
let relay: TestNode;
const DEV = idOf('dev');
const STRICT = idOf('strict');
const SPEC = { funcname: 'f', conditions: { colonyname: DEV, executortype: 'worker' } };

beforeAll(async () => {
  [home, relay] = (await startNodes(['home', 'relay'])) as [TestNode, TestNode];
  await home.colony('dev');
  await home.user('alice', 'dev');
  await home.executor('e1', 'dev');
  await publish(relay, 'dev', [home.id]);
  await home.colony('strict');
  await home.user('alice', 'strict');
  await home.executor('e1', 'strict');
  await publish(relay, 'strict', [home.id], { flags: ['nonces-required'] });
}, 60_000);
afterAll(() => endNodes([home, relay]));

const waiting = async (): Promise<number> => {
  const fields = { colonyname: DEV, ...guarded(home.id) };
  return (await home.send('alice', 'getcolonystatsmsg', fields)).payload.waitingprocesses;
};

const submitted = (fields: object) =>
  sealed('alice', 'submitfuncspecmsg', { spec: SPEC, ...fields });

test('a repeated call changes nothing and is told what the first one made', async () => {
  const before = await waiting();
  const body = submitted(guarded(home.id));
  const first = await post(home.url, body);
  expect(first.status).toBe(200);
  for (const url of [home.url, relay.url]) {
    const again = await post(url, body);
    expect(again).toMatchObject({
      status: 409,
      payload: { made: first.payload.processid },
    });
    expect(again.payload.message).toBe(`already done: ${first.payload.processid}`);
    expect(again.proof).toBeDefined();
  }
  expect(await waiting()).toBe(before + 1);
});

test('of many at once, over two ways, one takes effect', async () => {
  const before = await waiting();
  const body = submitted(guarded(home.id));
  const urls = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? home.url : relay.url));
  const answers = await Promise.all(urls.map((url) => post(url, body)));
  const done = answers.filter(({ status }) => status === 200);
  expect(done).toHaveLength(1);
  const made = answers.filter(({ status }) => status === 409).map(({ payload }) => payload.made);
  expect(new Set(made)).toEqual(new Set([done[0]?.payload.processid]));
  expect(await waiting()).toBe(before + 1);
});

test('calls without a nonce are never taken for repeats', async () => {
  const before = await waiting();
  const body = submitted({});
  const answers = await Promise.all([post(home.url, body), post(relay.url, body)]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(await waiting()).toBe(before + 2);
});

test('a call out of time, for another server, or with half of the fields is refused', async () => {
  const refusals = [
    [{ ...guarded(home.id), issuedat: clock.now() - 121_000 }, 403, /120 seconds/],
    [{ ...guarded(home.id), issuedat: clock.now() + 121_000 }, 403, /120 seconds/],
    [guarded(relay.id), 403, /another server/],
    [{ nonce: guarded('').nonce, issuedat: clock.now() }, 403, /names its server/],
    [{ ...guarded(home.id), nonce: 'short' }, 400, /nonce/],
    [{ ...guarded(home.id), nonce: `${'a'.repeat(20)}\u0000` }, 400, /nonce/],
    [{ ...guarded(home.id), issuedat: 'now' }, 400, /issuedat/],
  ] as const;
  for (const [fields, status, text] of refusals) {
    const answer = await post(relay.url, submitted(fields));
    expect([answer.status, answer.payload.message]).toEqual([status, expect.stringMatching(text)]);
  }
});

test('a refused call leaves no trace', async () => {
  const fields = guarded(home.id);
  const bad = sealed('alice', 'submitfuncspecmsg', { ...fields, spec: { funcname: '' } });
  expect((await post(home.url, bad)).status).toBeGreaterThanOrEqual(400);
  expect((await post(home.url, submitted(fields))).status).toBe(200);
});

test('what the first call removed is not looked for by the repeat', async () => {
  const { payload } = await home.send('alice', 'submitfuncspecmsg', { spec: SPEC });
  const { processid } = payload;
  const body = sealed('alice', 'removeprocessmsg', { processid, ...guarded(home.id) });
  expect((await post(home.url, body)).status).toBe(200);
  expect((await post(home.url, body)).status).toBe(409);
});

test('an assignment is given once, and a poll that waits is not doubled', async () => {
  const poll = (fields: object) =>
    sealed('e1', 'assignprocessmsg', { colonyname: DEV, timeout: 10, ...fields });
  const fields = guarded(home.id);
  const got = await post(relay.url, poll(fields));
  expect(got.status).toBe(200);
  const again = await post(home.url, poll(fields));
  expect(again).toMatchObject({ status: 409, payload: { made: got.payload.processid } });

  await home.send('dev', 'removeallprocessesmsg', { colonyname: DEV, state: 0 });
  const next = poll(guarded(home.id));
  const idle = post(home.url, next);
  await until(async () => (await post(home.url, next)).status === 409);
  const work = await home.send('alice', 'submitfuncspecmsg', { spec: SPEC });
  expect((await idle).payload.processid).toBe(work.payload.processid);
  expect((await post(home.url, next)).payload.made).toBe(work.payload.processid);
});

test('a colony may demand nonces, of direct and of relayed calls', async () => {
  const plain = { colonyname: STRICT };
  for (const node of [home, relay]) {
    const refused = await node.send('alice', 'getcolonymsg', plain);
    expect(refused).toMatchObject({ status: 403 });
    expect(refused.payload.message).toMatch(/demands nonce/);
    const taken = await node.send('alice', 'getcolonymsg', { ...plain, ...guarded(home.id) });
    expect(taken.status).toBe(200);
  }
});

test('a refusal for want of protection says for which server and at what time', async () => {
  const asked = [
    { colonyname: STRICT },
    { colonyname: STRICT, ...guarded(relay.id) },
    { colonyname: STRICT, ...guarded(home.id), issuedat: clock.now() - 500_000 },
  ];
  for (const fields of asked) {
    const { status, payload } = await relay.send('alice', 'getcolonymsg', fields);
    expect([status, payload.server]).toEqual([403, home.id]);
    expect(Math.abs(payload.time - clock.now())).toBeLessThan(60_000);
  }
});

test('clients of the SDK protect what they send once a colony demands it', async () => {
  for (const { url } of [home, relay]) {
    const alice = makeClient({ url, key: keyOf('alice') });
    const worker = makeClient({ url, key: keyOf('e1') });
    const conditions = { colonyname: STRICT, executortype: 'worker' };
    const { processid } = await alice.submit({ spec: { funcname: 'f', conditions } });
    const fresh = makeClient({ url, key: keyOf('alice') });
    const finished = fresh.waitForProcess({ processid, timeout: 20 });
    const taken = await worker.next({ colonyname: STRICT, waitS: 5 });
    expect(taken).toMatchObject({ processid });
    await worker.close({ processid, out: ['done'] });
    expect(await finished).toMatchObject({ processid, out: ['done'] });
    // Two polls with the same words are two calls.
    for (let i = 0; i < 2; i += 1) {
      expect(await worker.next({ colonyname: STRICT, waitS: 1 })).toBeUndefined();
    }
    // What is demanded for one colony is good for others on the same server.
    expect(await alice.getColony({ colonyname: DEV })).toMatchObject({ colonyid: DEV });
  }
});

test('so does the command line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'colonies-'));
  const spec = { conditions: { executortype: 'worker' }, funcname: 'f' };
  await writeFile(join(folder, 'spec.json'), JSON.stringify(spec));
  for (const { node } of [home, relay]) {
    const at = ['--host', '127.0.0.1', '--port', String(node.port), '--insecure'];
    const env = { COLONIES_COLONY_NAME: STRICT, COLONIES_PRVKEY: keyOf('alice') };
    const args = ['process', 'submit', '--spec', join(folder, 'spec.json'), ...at];
    const submitted = await runIn(folder, args, { env });
    expect([submitted.code, submitted.err]).toEqual([0, expect.anything()]);
    const listed = await runIn(folder, ['process', 'psw', ...at], { env });
    expect(listed.code).toBe(0);
  }
  await rm(folder, { recursive: true });
});

// A host that keeps what passes through it.
const listening = async (
  node: TestNode,
  use: (at: { readonly url: string; readonly port: number }) => Promise<void>,
): Promise<readonly string[]> => {
  const heard: string[] = [];
  const ear = createServer((request, response) => {
    void text(request).then(async (body) => {
      heard.push(body);
      const reply = await fetch(`${node.url}${request.url}`, { method: 'POST', body });
      response.writeHead(reply.status).end(await reply.text());
    });
  });
  await new Promise<void>((resolve) => {
    ear.listen(0, '127.0.0.1', resolve);
  });
  const { port } = ear.address() as AddressInfo;
  await use({ url: `http://127.0.0.1:${port}`, port });
  ear.close();
  ear.closeAllConnections();
  return heard;
};

const messageOf = (body: string) =>
  JSON.parse(Buffer.from(JSON.parse(body).payload, 'base64').toString());

// What somebody who heard these calls can do with them.
const repeatAll = async (heard: readonly string[]): Promise<readonly number[]> => {
  const urls = [home.url, relay.url];
  const answers = heard.flatMap((body) => urls.map(async (url) => (await post(url, body)).status));
  return Promise.all(answers);
};

test('who hears what a client sends for a colony by its id can do nothing with it', async () => {
  const before = await waiting();
  const heard = await listening(relay, async ({ url }) => {
    const alice = makeClient({ url, key: keyOf('alice') });
    const { processid } = await alice.submit({ spec: SPEC });
    await alice.removeProcess({ processid });
    await alice.submit({ spec: SPEC });
  });
  expect(await waiting()).toBe(before + 1);
  const messages = heard.map(messageOf);
  // The first call learns who the home is.
  expect(messages.map(({ audience }) => audience)).toEqual([undefined, home.id, home.id, home.id]);
  expect(new Set(messages.map(({ nonce }) => nonce)).size).toBe(4);
  expect(new Set(await repeatAll(heard))).toEqual(new Set([403, 409]));
  expect(await waiting()).toBe(before + 1);
});

test('nor what the command line sends, in the words of either generation', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'colonies-'));
  const cmd = { conditions: { runtimetype: 'worker' }, cmd: 'f' };
  const func = { conditions: { executortype: 'worker' }, funcname: 'f' };
  const cases = [
    [func, { COLONIES_COLONY_NAME: DEV, COLONIES_PRVKEY: keyOf('alice') }],
    [cmd, { COLONIES_COLONYID: DEV, COLONIES_RUNTIMEPRVKEY: keyOf('e1') }],
  ] as const;
  const file = join(folder, 'spec.json');
  for (const [spec, env] of cases) {
    await writeFile(file, JSON.stringify(spec));
    const before = await waiting();
    const heard = await listening(relay, async ({ port }) => {
      const at = ['--host', '127.0.0.1', '--port', String(port), '--insecure'];
      const ran = await runIn(folder, ['process', 'submit', '--spec', file, ...at], { env });
      expect([ran.code, ran.err]).toEqual([0, expect.anything()]);
    });
    expect(heard.map((body) => messageOf(body).audience)).toEqual([undefined, home.id]);
    expect(new Set(await repeatAll(heard))).toEqual(new Set([403, 409]));
    expect(await waiting()).toBe(before + 1);
  }
  await rm(folder, { recursive: true });
});

test('a repeat is known after a restart', async () => {
  const body = submitted(guarded(home.id));
  const first = await post(home.url, body);
  expect(first.status).toBe(200);
  await home.stop();
  home = await startNode(home.options);
  const again = await post(home.url, body);
  expect(again).toMatchObject({ status: 409, payload: { made: first.payload.processid } });
});
