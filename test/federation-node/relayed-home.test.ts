// A node that only dials out hosts a colony: whoever calls reaches it through the relay at which it
// keeps a reservation.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { readReplyProof } from '../../src/federation/reply-proof.ts';
import { idOf } from '../support/world.ts';
import { endNodes, getJson, guarded, publish, startNode, type TestNode, until } from './nodes.ts';

const DEV = idOf('dev');
const SPEC = { funcname: 'f', conditions: { colonyname: DEV, executortype: 'worker' } };

let nodes: TestNode[] = [];
let relay: TestNode;
let hidden: TestNode;
let other: TestNode;

const relayedOf = async (node: TestNode): Promise<string[]> => {
  const { addresses } = await node.status();
  return addresses.filter((one: string) => one.includes('/p2p-circuit'));
};

const metricsOf = async (node: TestNode): Promise<string> =>
  (await fetch(`${node.url}/metrics`)).text();

const start = async (
  owner: string,
  settings: Record<string, unknown>,
  bootstrap: readonly string[] = [],
): Promise<TestNode> => {
  const node = await startNode({ owner, bootstrap, settings });
  nodes.push(node);
  return node;
};

beforeAll(async () => {
  relay = await start('relay', { 'overlay.relayServer': true });
  hidden = await start(
    'hidden',
    // No URL of the RPC is published either: it listens on this machine, as in a home.
    { 'overlay.listen': [], 'overlay.relayClient': true, 'http.host': 'localhost' },
    [relay.url],
  );
  await until(async () => (await relayedOf(hidden)).length > 0);
  await hidden.colony('dev');
  await hidden.user('alice', 'dev');
  await hidden.executor('e1', 'dev');
  await publish(hidden, 'dev', [hidden.id]);
  // It cannot be dialled either, else the home would simply connect to it.
  other = await start('other', { 'overlay.listen': [] }, [relay.url]);
}, 60_000);
afterAll(async () => {
  await endNodes(nodes);
  nodes = [];
});

test('it announces nothing but the way through the relay', async () => {
  const { addresses, urls } = await hidden.status();
  const { peerid } = await relay.status();
  expect(urls).toEqual([]);
  expect(addresses.length).toBeGreaterThan(0);
  for (const address of addresses) expect(address).toContain(`/p2p/${peerid}/p2p-circuit`);
});

test('a colony that it hosts is found and reached from another node', async () => {
  const found = async () => (await getJson(other.url, `/federation/colonies/${DEV}`)).status;
  await until(async () => (await found()) === 200);
  // Its server record names the relay only since it has a reservation there.
  const ask = () => other.send('alice', 'getcolonymsg', { colonyname: DEV });
  await until(async () => (await ask()).status === 200, 60_000);
}, 120_000);

test('a process runs from one end to the other through the relay, polls included', async () => {
  const colonyid = DEV;
  const wait = { colonyname: colonyid, timeout: 30 };
  const poll = other.send('e1', 'assignprocessmsg', wait);
  await until(async () => /colonies_relay_waits [1-9]/.test(await metricsOf(other)));
  const guard = guarded(hidden.id);
  const submitted = await other.send('alice', 'submitfuncspecmsg', { spec: SPEC, ...guard });
  expect(submitted.status).toBe(200);
  const { processid } = submitted.payload;
  // The home's own word, carried by a relay and a node that could not have said it.
  expect(readReplyProof(submitted.proof ?? '')?.serverid).toBe(hidden.id);

  expect((await poll).payload).toMatchObject({ processid });
  const closed = { processid, out: ['done'] };
  expect((await other.send('e1', 'closesuccessfulmsg', closed)).status).toBe(200);
  const seen = await hidden.send('alice', 'getprocessmsg', { processid });
  expect(seen.payload).toMatchObject({ state: 2, out: ['done'] });
});

test('no connection but the relayed one leads to it', async () => {
  const { peerid } = await hidden.status();
  const { payload } = await other.send('other', 'getnodepeersmsg', {});
  const peers = payload.filter((each: { peerid: string }) => each.peerid === peerid);
  expect(peers).toMatchObject([{ relayed: true }]);
  const mine = (await hidden.send('hidden', 'getnodepeersmsg', {})).payload;
  const relayId = (await relay.status()).peerid;
  const direct = mine.filter((each: { relayed: boolean }) => !each.relayed);
  expect(direct).toMatchObject([{ peerid: relayId, direction: 'out' }]);
});
