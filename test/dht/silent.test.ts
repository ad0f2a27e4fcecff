// Peers that stay connected and say nothing, as a stopped process does: the kernel keeps its sockets
// open, takes bytes and connections, and nobody ever answers.

import { afterEach, expect, it } from 'vitest';
import { type FrozenLine, makeLine } from '../support/frozen-line.ts';
import { makeWorld, until, type World, type WorldNode } from '../support/overlay-world.ts';
import { makeRawPeer, type RawPeer } from '../support/raw-peer.ts';

let world: World;
let line: FrozenLine;
let peer: RawPeer;
let a: WorldNode;

/** A node, and a peer that it dialled through the line. */
const start = async ({ member }: { readonly member: boolean }): Promise<void> => {
  world = makeWorld();
  a = await world.node({}, { overlayUpkeepMs: 500, overlayPingMs: 500 });
  line = await makeLine(() => peer.port());
  const address = `/ip4/127.0.0.1/tcp/${line.port}`;
  const network = member ? { network: a.overlay.network } : {};
  peer = await makeRawPeer({ ...network, announce: [address] });
  await a.overlay.dial(`${address}/p2p/${peer.id}`);
  await until('it said who it is', () => a.overlay.peers().length === 1);
};
const isGone = (): boolean => a.overlay.peers().length === 0;
const table = (): number => a.overlay.status().table;

afterEach(async () => {
  await line.close();
  await peer.stop();
  await world.end();
});

it('a silent member loses its place and its connection although nobody asks it anything', async () => {
  await start({ member: true });
  await until('it is in the table', () => table() === 1);
  line.freeze();
  await until('it is out of the table', () => table() === 0);
  await until('its connection is closed', isGone);
});

it('a silent member that lost its place to failed requests loses its connection, too', async () => {
  await start({ member: true });
  await until('it is in the table', () => table() === 1);
  line.freeze();
  await until('requests failed often enough', async () => {
    await a.overlay.get('thing', 'any', { signal: AbortSignal.timeout(3_000) });
    return table() === 0;
  });
  await until('its connection is closed', isGone);
});

it('a silent peer that is no member loses its connection', async () => {
  await start({ member: false });
  line.freeze();
  await until('its connection is closed', isGone);
});

it('a message that broke off with its connection is no misbehaviour', async () => {
  await start({ member: true });
  const [connection] = peer.node.getConnections();
  const stream = await connection?.newStream(`/colonies/${a.overlay.network}/kad/1`);
  stream?.send(Uint8Array.of(100, 1));
  // Answered after what was sent before it was read.
  await peer.ask(a.overlay.peerId, 'anything');
  await a.overlay.drop(peer.id, 'enough');
  await until('its connection is closed', isGone);
  await new Promise((resolve) => setImmediate(resolve));
  expect(a.overlay.status().counters['fault-kad-frames']).toBeUndefined();
});

it('a peer that answers keeps both for as long as it does', async () => {
  await start({ member: true });
  await until('it is in the table', () => table() === 1);
  let pings = 0;
  const { services } = peer.node as unknown as {
    services: { ping: { handlePing(...given: unknown[]): Promise<void> } };
  };
  await peer.node.unhandle('/colonies/ping/1.0.0');
  const answer = services.ping.handlePing.bind(services.ping);
  await peer.node.handle('/colonies/ping/1.0.0', async (...given) => {
    pings += 1;
    await answer(...given);
  });
  await until('it was asked for life a few times', () => pings >= 4);
  expect(table()).toBe(1);
  expect(isGone()).toBe(false);
});
