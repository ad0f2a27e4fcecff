// The mode `closed`: a node that connects with the peers its operator named, and with nobody else.

import { afterEach, expect, test } from 'vitest';
import { endNodes, type NodeOptions, startNode, type TestNode, until } from './nodes.ts';

let nodes: TestNode[] = [];
afterEach(async () => {
  await endNodes(nodes);
  nodes = [];
});

const start = async (options: NodeOptions): Promise<TestNode> => {
  const node = await startNode(options);
  nodes.push(node);
  return node;
};

const closed = (settings: Record<string, unknown> = {}) => ({
  'federation.mode': 'closed',
  ...settings,
});

const address = async (node: TestNode): Promise<string> => (await node.status()).addresses[0];

const peersOf = async (node: TestNode): Promise<string[]> => {
  const { payload } = await node.send(node.owner, 'getnodepeersmsg', {});
  return payload.map(({ peerid }: { peerid: string }) => peerid).sort();
};

const metricsOf = async (node: TestNode): Promise<string> =>
  (await fetch(`${node.url}/metrics`)).text();

const peerOf = async (node: TestNode): Promise<string> => (await node.status()).peerid;

test('a bootstrap is a named peer, whoever else it knows', async () => {
  const friend = await start({ owner: 'friend' });
  const stranger = await start({ owner: 'stranger', bootstrap: [friend.url] });
  const byAddress = await start({
    owner: 'one',
    bootstrap: [await address(friend)],
    settings: closed(),
  });
  const byUrl = await start({ owner: 'two', bootstrap: [friend.url], settings: closed() });
  await until(async () => (await friend.status()).peers === 3);
  const named = [await peerOf(friend)];
  expect(await peersOf(byAddress)).toEqual(named);
  expect(await peersOf(byUrl)).toEqual(named);
  expect(await peersOf(stranger)).toEqual(named);
});

test('peers of the settings are let in, anchors as soon as their record is known, others not', async () => {
  const before = await startNode({ owner: 'relative' });
  const relativePeer = await peerOf(before);
  await before.stop();
  const hub = await start({
    owner: 'hub',
    settings: closed({ 'federation.peers': [relativePeer] }),
  });
  const at = await address(hub);
  const anchor = await start({ owner: 'anchor', bootstrap: [at] });
  await until(async () => /event="peer-refused"/.test(await metricsOf(hub)));
  expect(await peersOf(hub)).toEqual([]);

  // The same data folder: the peer that was named.
  const bootstrap = [at, await address(anchor)];
  const relative = await start({ ...before.options, bootstrap });
  await until(async () => (await relative.status()).peers === 2);
  expect(await peersOf(hub)).toEqual([relativePeer]);

  await hub.send('hub', 'addtrustmsg', { serverid: anchor.id });
  await until(async () => (await peersOf(hub)).length === 2, 40_000);
  expect(await peersOf(hub)).toEqual([relativePeer, await peerOf(anchor)].sort());
  await hub.send('hub', 'removetrustmsg', { serverid: anchor.id });
  await until(async () => (await peersOf(hub)).length === 1);
  expect(await peersOf(hub)).toEqual([relativePeer]);
}, 90_000);

test('a bootstrap without a peer id names nobody, and is refused', async () => {
  const bootstrap = ['/ip4/127.0.0.1/tcp/4001'];
  const starting = startNode({ owner: 'home', bootstrap, settings: closed() });
  await expect(starting).rejects.toThrow('closed mode needs the peer id of a bootstrap');
});
