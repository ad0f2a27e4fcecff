// What the owner of a server sees and does: peers, records, trust, certificates.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { signerOf } from '../../src/federation/signature.ts';
import {
  certificateRequest,
  stateCertificate,
  stateEndorsement,
} from '../../src/federation/statements.ts';
import { idOf, keyOf } from '../support/world.ts';
import {
  clock,
  endNodes,
  getJson,
  publish,
  startNode,
  startNodes,
  type TestNode,
  until,
} from './nodes.ts';

let nodes: TestNode[];
let one: TestNode;
let two: TestNode;
let strict: TestNode;

beforeAll(async () => {
  nodes = await startNodes(['one', 'two', 'strict'], (owner) =>
    owner === 'strict'
      ? { settings: { 'federation.mode': 'federated', 'federation.relay': 'trusted' } }
      : {},
  );
  [one, two, strict] = nodes as [TestNode, TestNode, TestNode];
  await one.colony('dev');
  await one.user('alice', 'dev');
  await publish(two, 'dev', [one.id]);
}, 60_000);
afterAll(() => endNodes(nodes));

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

test('peers are shown with the servers behind them', async () => {
  await until(async () => {
    const { payload } = await one.send('one', 'getnodepeersmsg');
    return payload.some(({ serverid }: { serverid: string }) => serverid === two.id);
  });
  const { payload } = await one.send('one', 'getnodepeersmsg');
  const peer = payload.find(({ serverid }: { serverid: string }) => serverid === two.id);
  const { peerid, nodekey } = await two.status();
  expect(peer).toMatchObject({ peerid, nodekey, member: true, relayed: false });
});

test('records are shown with their age and copies, by kind and page by page', async () => {
  const { payload } = await two.send('two', 'getnoderecordsmsg', { kind: 'colony' });
  expect(payload).toHaveLength(1);
  expect(payload[0]).toMatchObject({ kind: 'colony', id: idOf('dev'), epoch: 1, forked: false });
  const all = await one.send('one', 'getnoderecordsmsg', { kind: 'server' });
  const [first] = all.payload;
  const rest = await one.send('one', 'getnoderecordsmsg', { kind: 'server', after: first.id });
  expect(rest.payload).toEqual(all.payload.slice(1));
  const some = await one.send('one', 'getnoderecordsmsg', { kind: 'server', count: 1 });
  expect(some.payload.map(({ id }: { id: string }) => id)).toEqual([first.id]);
  const own = all.payload.find(({ id }: { id: string }) => id === one.id);
  expect(own).toMatchObject({ published: true });
  for (const wrong of [{ count: -1 }, { kind: 'planet' }]) {
    expect((await one.send('one', 'getnoderecordsmsg', wrong)).status).toBe(400);
  }
});

test('only the owner is told', async () => {
  for (const type of ['getnodepeersmsg', 'getnoderecordsmsg', 'gettrustmsg', 'addtrustmsg']) {
    expect((await one.send('alice', type)).status).toBe(403);
  }
});

test('a resolution is shown with the reason for each server', async () => {
  const { payload } = await two.send('two', 'resolvecolonymsg', { colonyid: idOf('dev') });
  expect(payload).toMatchObject({ colonyid: idOf('dev'), name: 'dev', forked: false });
  expect(payload.servers[0]).toMatchObject({
    serverid: one.id,
    home: true,
    usable: true,
    trusted: false,
    consent: 'claims',
    urls: [one.url],
  });
  const none = await two.send('two', 'resolvecolonymsg', { colonyid: idOf('nobody') });
  expect(none.status).toBe(404);
});

test('in federated mode a server is used once a chain leads to it, and no more once it broke', async () => {
  const call = () => strict.send('alice', 'getcolonymsg', { colonyname: idOf('dev') });
  const untrusted = await call();
  expect(untrusted.status).toBe(503);
  expect(untrusted.payload.message).toMatch(/no endorsement/);

  const added = await strict.send('strict', 'addtrustmsg', { serverid: two.id, depth: 1 });
  expect(added.payload).toMatchObject({ serverid: two.id, depth: 1 });
  const { endorsement, list } = await stateEndorsement(signerOf(keyOf('two')), {
    network: 'testnet',
    now: clock.now(),
    subject: one.id,
  });
  const records = [endorsement.bytes, list.bytes].map(base64);
  expect((await two.send('two', 'publishrecordsmsg', { records })).status).toBe(200);
  expect(
    (await one.send('two', 'publishrecordsmsg', { records: [base64(endorsement.bytes)] })).status,
  ).toBe(200);
  await until(async () => {
    const { payload } = await strict.send('strict', 'gettrustpathmsg', { serverid: one.id });
    return payload.trusted;
  });
  const path = await strict.send('strict', 'gettrustpathmsg', { serverid: one.id });
  expect(path.payload).toMatchObject({ usable: true, chain: [two.id, one.id] });
  await until(async () => (await call()).status === 200);

  const { payload } = await two.send('two', 'gettrustmsg');
  expect(payload.given).toMatchObject([{ issuer: two.id, subject: one.id }]);
  expect((await one.send('one', 'gettrustmsg')).payload.stapled).toMatchObject([
    { issuer: two.id, subject: one.id },
  ]);

  const removed = await strict.send('strict', 'removetrustmsg', { serverid: two.id });
  expect(removed.status).toBe(200);
  await until(async () => (await call()).status === 503);
  const again = await strict.send('strict', 'removetrustmsg', { serverid: two.id });
  expect(again.status).toBe(404);
}, 40_000);

test('a node that takes relayed calls from trusted servers only refuses others', async () => {
  await strict.colony('careful');
  await strict.user('alice', 'careful');
  await publish(two, 'careful', [strict.id]);
  const call = () => two.send('alice', 'getcolonymsg', { colonyname: idOf('careful') });
  const refused = await call();
  expect([refused.status, refused.payload.message]).toEqual([
    403,
    expect.stringMatching(/is not trusted here/),
  ]);
});

test('a node without a certificate serves its colonies, and publishes nothing until it has one', async () => {
  const bare = await startNode({ owner: 'bare', bootstrap: [one.url], certified: false });
  await bare.colony('own');
  await bare.user('alice', 'own');
  const direct = await bare.send('alice', 'getcolonymsg', { colonyname: idOf('own') });
  expect(direct.status).toBe(200);
  const status = await bare.status();
  expect(status.certificate).toMatchObject({
    state: 'missing',
    help: expect.stringContaining('colonies node certify'),
  });
  const relayed = await bare.send('alice', 'getcolonymsg', { colonyname: idOf('dev') });
  expect(relayed.status).toBe(503);
  expect((await getJson(one.url, `/federation/servers/${bare.id}`)).status).toBe(404);

  const request = certificateRequest('testnet', status.nodekey);
  const times = { now: clock.now() };
  const wrong = await stateCertificate(signerOf(keyOf('one')), request, times);
  const refused = await bare.send('', 'setnodecertificatemsg', {
    certificate: base64(wrong.bytes),
  });
  expect(refused.status).toBe(400);
  const made = await stateCertificate(signerOf(keyOf('bare')), request, times);
  const certificate = base64(made.bytes);
  const taken = await bare.send('', 'setnodecertificatemsg', { certificate });
  expect(taken).toMatchObject({ status: 200, payload: { expiresat: made.payload.exp } });
  expect((await bare.status()).certificate.state).toBe('valid');
  await until(
    async () =>
      (await bare.send('alice', 'getcolonymsg', { colonyname: idOf('dev') })).status === 200,
  );
  await until(
    async () => (await getJson(one.url, `/federation/servers/${bare.id}?known=1`)).status === 200,
  );
  await endNodes([bare]);
}, 60_000);

test('anchors of the settings come and go with them', async () => {
  const settings = { 'federation.anchors': [one.id] };
  const first = await startNode({ owner: 'anchored', bootstrap: [one.url], settings });
  await first.send('anchored', 'addtrustmsg', { serverid: two.id, depth: 0, note: 'by hand' });
  const anchors = async (node: TestNode) =>
    (await node.send('anchored', 'gettrustmsg')).payload.anchors
      .map(({ serverid }: { serverid: string }) => serverid)
      .sort();
  expect(await anchors(first)).toEqual([one.id, two.id].sort());
  await first.stop();
  const later = await startNode({ ...first.options, settings: {} });
  expect(await anchors(later)).toEqual([two.id]);
  await endNodes([later]);
}, 40_000);
