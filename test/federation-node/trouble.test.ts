// What happens when nodes lie, die, move away, or are asked too much.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeOutbound } from '../../src/compose/outbound.ts';
import { CALLS_PATH } from '../../src/compose/relay-post.ts';
import { RELAY_HEADERS } from '../../src/federation/relay-auth.ts';
import { replyProofProblem } from '../../src/federation/reply-proof.ts';
import { signerOf } from '../../src/federation/signature.ts';
import { stateRevocation } from '../../src/federation/statements.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { answerOf, idOf, keyOf } from '../support/world.ts';
import {
  clock,
  endNodes,
  freePort,
  getJson,
  guarded,
  passFor,
  post,
  publish,
  sealed,
  startNode,
  startNodes,
  type TestNode,
  until,
} from './nodes.ts';
import { type BadProxy, startProxy } from './proxy.ts';

const outbound = makeOutbound({ policy: { policy: 'test' }, clock, limits: LIMITS });
let proxy: BadProxy;
let home: TestNode;
let second: TestNode;
let relay: TestNode;

beforeAll(async () => {
  proxy = await startProxy();
  [home, second, relay] = (await startNodes(['home', 'second', 'relay'], (owner) =>
    // `home` is published behind a proxy that can misbehave.
    owner === 'home' ? { settings: { 'overlay.announce': [proxy.url] } } : {},
  )) as [TestNode, TestNode, TestNode];
  proxy.to(home.url);
  // What happens to calls on their way is tried on those that are posted.
  proxy.onPath(CALLS_PATH, 'drop');
  await home.colony('dev');
  await home.user('alice', 'dev');
  await home.executor('e1', 'dev');
  await publish(relay, 'dev', [home.id]);
}, 60_000);
afterAll(async () => {
  await endNodes([home, second, relay]);
  await proxy.close();
  outbound.close();
});

const DEV = idOf('dev');
const SPEC = { funcname: 'f', conditions: { colonyname: DEV, executortype: 'worker' } };

const publicKeys = async () =>
  Promise.all(
    [home, second].map(async (node) => ({
      serverid: node.id,
      publicKey: (await node.status()).nodekey as string,
    })),
  );

/** As a node sends it; `fetch` would repeat by itself what was answered with 421. */
const relayed = async (node: TestNode, body: string, headers: Record<string, string>) => {
  const { status, body: bytes } = await outbound.request({
    method: 'POST',
    base: node.url,
    path: '/federation/relay',
    headers,
    body: Buffer.from(body),
    signal: AbortSignal.timeout(10_000),
  });
  return answerOf(status, bytes.toString('utf8'));
};

test('a reply that was altered on the way does not hold', async () => {
  const body = sealed('alice', 'getcolonymsg', { colonyname: DEV, ...guarded(home.id) });
  const { payload: request } = JSON.parse(body);
  const expected = await publicKeys();
  const problem = async (): Promise<string | undefined> => {
    const { status, text, proof } = await post(relay.url, body);
    return replyProofProblem(proof, { request, status, body: text }, expected);
  };
  expect(await problem()).toBeUndefined();
  proxy.onPath('/federation/relay', (text) => text.replace('"error":false', '"error":true '));
  expect(await problem()).toMatch(/does not hold/);
  proxy.onPath('/federation/relay', undefined);
});

test('a call that changes something and got no answer is 502, and is sent to nobody else', async () => {
  proxy.onPath('/federation/relay', 'drop');
  const before = proxy.seen.length;
  const answer = await relay.send('alice', 'submitfuncspecmsg', { spec: SPEC });
  expect(answer.status).toBe(502);
  expect(answer.payload.message).toMatch(/outcome unknown/);
  const sent = proxy.seen.slice(before).filter((path) => path === '/federation/relay');
  expect(sent).toHaveLength(1);
  proxy.onPath('/federation/relay', undefined);
});

test('a redirect is not followed', async () => {
  proxy.onPath('/federation/relay', 'redirect');
  const before = proxy.seen.length;
  expect((await relay.send('alice', 'getcolonymsg', { colonyname: DEV })).status).toBe(503);
  expect((await relay.send('alice', 'submitfuncspecmsg', { spec: SPEC })).status).toBe(502);
  expect(proxy.seen.slice(before)).not.toContain('/api');
  proxy.onPath('/federation/relay', undefined);
});

test('nothing is sent to an address that cannot prove the node key', async () => {
  const impostor = await startProxy();
  impostor.to(second.url);
  const port = await freePort();
  const lost = await startNode({
    owner: 'lost',
    bootstrap: [relay.url],
    settings: { 'overlay.announce': [impostor.url, `/ip4/127.0.0.1/tcp/${port}`] },
  });
  await lost.colony('gone');
  await publish(relay, 'gone', [lost.id]);
  await until(
    async () => (await getJson(relay.url, `/federation/servers/${lost.id}`)).status === 200,
  );
  await lost.stop();
  const answer = await relay.send('alice', 'getcolonymsg', { colonyname: idOf('gone') });
  expect(answer.status).toBe(503);
  expect(impostor.seen).not.toContain('/federation/relay');
  expect(impostor.seen).toContain(`/federation/hosting/${idOf('gone')}`);
  await endNodes([lost]);
  await impostor.close();
}, 40_000);

test('a relayed call needs a pass, and every pass works once, for one body and one server', async () => {
  const body = sealed('alice', 'getcolonymsg', { colonyname: DEV });
  const headers = await passFor(home, body);
  expect((await relayed(home, body, headers)).status).toBe(200);
  const refusals = [
    await relayed(home, body, headers),
    await relayed(home, body, {}),
    await relayed(home, `${body} `, await passFor(home, body)),
    await relayed(home, body, await passFor(second, body)),
    await relayed(home, body, {
      ...(await passFor(home, body)),
      [RELAY_HEADERS.certificate]: 'AA==',
    }),
  ];
  for (const refusal of refusals) {
    expect(refusal).toMatchObject({ status: 403, error: true });
    expect(refusal.payload.message).toMatch(/relay pass refused/);
  }
});

test('what was relayed here is never relayed on: 421', async () => {
  for (const [type, fields] of [
    ['getcolonymsg', { colonyname: DEV }],
    ['submitfuncspecmsg', { spec: SPEC }],
    ['getprocessmsg', { processid: 'f'.repeat(64) }],
  ] as const) {
    const body = sealed('alice', type, fields);
    const answer = await relayed(second, body, await passFor(second, body));
    expect([answer.status, answer.payload.message]).toEqual([
      421,
      expect.stringMatching(/^not home of/),
    ]);
  }
});

test('the next host answers when the first cannot be reached', async () => {
  const dead = await startNode({ owner: 'dead', bootstrap: [relay.url] });
  for (const node of [dead, second]) {
    await node.colony('twice');
    await node.user('alice', 'twice');
  }
  await publish(relay, 'twice', [dead.id, second.id]);
  const colonyname = idOf('twice');
  const spec = { ...SPEC, conditions: { ...SPEC.conditions, colonyname } };
  const first = await relay.send('alice', 'submitfuncspecmsg', { spec });
  expect(first.status).toBe(200);
  await dead.stop();
  const next = await relay.send('alice', 'submitfuncspecmsg', { spec });
  expect(next.status).toBe(200);
  const { processid } = next.payload;
  expect((await second.send('alice', 'getprocessmsg', { processid })).status).toBe(200);
  // The other process waits for its server: it is nowhere else, and nobody says that it is gone.
  const lost = await relay.send('alice', 'getprocessmsg', { processid: first.payload.processid });
  expect(lost.status).toBe(503);
  await endNodes([dead]);
}, 40_000);

test('a process of another host of a colony is found from a host that does not have it', async () => {
  for (const node of [home, second]) {
    await node.colony('pair');
    await node.user('alice', 'pair');
  }
  await publish(relay, 'pair', [home.id, second.id]);
  const colonyname = idOf('pair');
  const spec = { ...SPEC, conditions: { ...SPEC.conditions, colonyname } };
  const { processid } = (await second.send('alice', 'submitfuncspecmsg', { spec })).payload;
  await relay.send('alice', 'getcolonymsg', { colonyname });
  expect((await relay.send('alice', 'getprocessmsg', { processid })).payload).toMatchObject({
    processid,
  });
});

test('a colony that moved away is not answered for to others', async () => {
  await home.colony('mover');
  await home.user('alice', 'mover');
  await publish(relay, 'mover', [home.id]);
  const colonyname = idOf('mover');
  expect((await relay.send('alice', 'getcolonymsg', { colonyname })).status).toBe(200);
  await publish(home, 'mover', [second.id]);
  const body = sealed('alice', 'getcolonymsg', { colonyname });
  const answer = await relayed(home, body, await passFor(home, body));
  expect([answer.status, answer.payload.message]).toEqual([421, expect.anything()]);
  const hosting = await getJson(home.url, `/federation/hosting/${colonyname}`);
  expect(hosting.body).toMatchObject({ hosting: false });
  // Its owner's servers do not have it: two records of the same thing never send a call in circles.
  for (const node of [relay, relay, second]) {
    const { status, payload } = await node.send('alice', 'getcolonymsg', { colonyname });
    expect([status, payload.message]).toEqual([421, `not home of colony ${colonyname}`]);
  }
});

test('a revoked key is refused by its home within seconds, directly and relayed', async () => {
  await home.user('bob', 'dev');
  expect((await relay.send('bob', 'getcolonymsg', { colonyname: DEV })).status).toBe(200);
  const dead = await stateRevocation(signerOf(keyOf('bob')), {
    network: 'testnet',
    now: clock.now(),
  });
  const records = [Buffer.from(dead.bytes).toString('base64')];
  expect((await second.send('bob', 'publishrecordsmsg', { records })).status).toBe(200);
  await until(async () => {
    const answers = await Promise.all(
      [home, relay].map((node) => node.send('bob', 'getcolonymsg', { colonyname: DEV })),
    );
    return answers.every(
      ({ status, payload }) => status === 403 && payload.message === 'key revoked',
    );
  }, 5_000);
  // Who came through another node learns from the proof that it is the home's own word.
  const expected = await publicKeys();
  for (const type of ['getcolonymsg', 'submitfuncspecmsg']) {
    for (const url of [home.url, relay.url]) {
      const body = sealed('bob', type, { colonyname: DEV, spec: SPEC, ...guarded(home.id) });
      const { status, payload, text, proof } = await post(url, body);
      expect([status, payload.message]).toEqual([403, 'key revoked']);
      const answered = { request: JSON.parse(body).payload, status, body: text };
      const problem = replyProofProblem(proof, answered, expected);
      expect([type, url, problem]).toEqual([type, url, undefined]);
    }
  }
});

test('a call with a nonce is answered with a proof, whatever is wrong with it', async () => {
  const expected = await publicKeys();
  const wrong = [
    ['getcolonymsg', { colonyname: 5 }],
    ['nosuchmsg', {}],
    ['getcolonymsg', { colonyname: 'elsewhere' }],
  ] as const;
  for (const [type, fields] of wrong) {
    const body = sealed('alice', type, { ...fields, ...guarded(home.id) });
    const { status, text, proof } = await post(home.url, body);
    expect([400, 403]).toContain(status);
    const answered = { request: JSON.parse(body).payload, status, body: text };
    expect([type, replyProofProblem(proof, answered, expected)]).toEqual([type, undefined]);
  }
});

test('a record is handed in by its signer or the server owner only', async () => {
  const dead = await stateRevocation(signerOf(keyOf('carol')), {
    network: 'testnet',
    now: clock.now(),
  });
  const records = [Buffer.from(dead.bytes).toString('base64')];
  const refused = await home.send('alice', 'publishrecordsmsg', { records });
  expect(refused).toMatchObject({ status: 403 });
  for (const bad of [['%%'], ['AAAA'], []]) {
    expect((await home.send('home', 'publishrecordsmsg', { records: bad })).status).toBe(400);
  }
});

test('lookups of unknown ids have a budget', async () => {
  const asked = async () =>
    (await fetch(`${second.url}/federation/colonies/${clock.newId()}`)).status;
  const statuses = await Promise.all(Array.from({ length: 90 }, asked));
  expect(statuses).toContain(429);
  expect(statuses).toContain(404);
  const calls = Array.from({ length: 20 }, () =>
    second.send('alice', 'getcolonymsg', { colonyname: clock.newId() }),
  );
  expect((await Promise.all(calls)).map(({ status }) => status)).toContain(429);
  // What is known costs nothing.
  expect((await getJson(second.url, `/federation/servers/${second.id}`)).status).toBe(200);
});

test('a server whose key is revoked is used no more within seconds; the next host answers', async () => {
  const colonyname = idOf('both');
  for (const host of [home, second]) {
    await host.colony('both');
    await host.user('alice', 'both');
  }
  await publish(relay, 'both', [second.id, home.id]);
  const spec = { funcname: 'f', conditions: { colonyname, executortype: 'worker' } };
  const submit = () => relay.send('alice', 'submitfuncspecmsg', { spec });
  // A process id tells which server made it.
  const madeBy = async () => (await submit()).payload.processid.slice(10, 16);
  expect(await madeBy()).toBe(second.id.slice(0, 6));
  const dead = await stateRevocation(signerOf(keyOf('second')), {
    network: 'testnet',
    now: clock.now(),
  });
  const records = [Buffer.from(dead.bytes).toString('base64')];
  expect((await home.send('second', 'publishrecordsmsg', { records })).status).toBe(200);
  await until(async () => {
    const found = await relay.send('relay', 'resolvecolonymsg', { colonyid: colonyname });
    const [first] = found.payload.servers;
    return first.usable === false && /revoked/.test(first.reason);
  }, 5_000);
  await until(async () => (await madeBy()) === home.id.slice(0, 6), 5_000);
  expect(await madeBy()).toBe(home.id.slice(0, 6));
  expect((await second.status()).certificate.state).toBe('revoked');
});

test('nothing of this was an error of ours', () => {
  for (const node of [home, second, relay]) expect(node.complaints()).toEqual([]);
});
