// Addresses that strangers name: whatever way they come in, nothing is connected to that the address
// policy forbids. Every attempt of this process to open a socket is written down.

import { Socket } from 'node:net';
import { multiaddr } from '@multiformats/multiaddr';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { peerIdOf } from '../../src/dht/host.ts';
import { nodeKey } from '../../src/dht/node-key.ts';
import { systemClock } from '../../src/node/clock.ts';
import { generateKey } from '../../src/node/crypto/keys.ts';
import { makeWorld, thing, until, type World } from '../support/overlay-world.ts';
import { makeRawPeer, type RawPeer } from '../support/raw-peer.ts';

/** Places that no policy permits: metadata services, bare, mapped and translated, and nowhere. */
const NOWHERE = [
  '/ip4/169.254.169.254/tcp/8080',
  '/ip4/169.254.170.2/tcp/8080',
  '/ip4/100.100.100.200/tcp/8080',
  '/ip6/::ffff:169.254.169.254/tcp/8080',
  '/ip6/64:ff9b::a9fe:a9fe/tcp/8080',
  '/ip6/2002:a9fe:a9fe::1/tcp/8080',
  '/ip6/fd00:ec2::254/tcp/8080',
  '/ip4/0.0.0.0/tcp/8080',
  '/ip6/::/tcp/8080',
  '/ip4/255.255.255.255/tcp/8080',
  '/ip4/224.0.0.1/tcp/8080',
  '/ip6/fe80::1/tcp/8080',
];
/** Places that a node of the open internet does not connect to either. */
const NEAR = [
  '/ip4/127.0.0.1/tcp/8080',
  '/ip6/::1/tcp/8080',
  '/ip6/::ffff:127.0.0.1/tcp/8080',
  '/ip6/64:ff9b::7f00:1/tcp/8080',
  '/ip4/10.0.0.1/tcp/8080',
  '/ip4/192.168.1.1/tcp/8080',
  '/ip4/172.16.0.1/tcp/8080',
  '/ip4/100.64.0.1/tcp/8080',
  '/ip6/fc00::1/tcp/8080',
  '/ip4/8.8.8.8/tcp/22',
];

const connectAsEver = Socket.prototype.connect;
let attempts: string[] = [];

/** The host in the arguments of `socket.connect`, which come as such or in one list. */
const hostIn = (given: readonly unknown[]): string => {
  const [first] = given.flat() as [unknown];
  const { host = 'localhost' } = Object(first) as { host?: string };
  return host;
};

beforeAll(() => {
  Socket.prototype.connect = function connect(this: Socket, ...given: unknown[]) {
    attempts.push(hostIn(given));
    return Reflect.apply(connectAsEver, this, given) as Socket;
  } as typeof connectAsEver;
});
afterAll(() => {
  Socket.prototype.connect = connectAsEver;
});

let world: World;
let peer: RawPeer | undefined;
beforeEach(() => {
  attempts = [];
  world = makeWorld();
});
afterEach(async () => {
  await peer?.stop();
  peer = undefined;
  await world.end();
});

const strangers = (addresses: readonly string[]) =>
  addresses.map((address) => {
    const id = peerIdOf(nodeKey(generateKey(systemClock())).privateKey);
    return { id, address: `${address}/p2p/${id.toString()}` };
  });

test('what answers of a lookup and identities name is dialled only where it is permitted', async () => {
  const node = await world.node();
  const honest = await world.node();
  peer = await makeRawPeer({ network: node.overlay.network });
  const named = strangers([...NOWHERE, honest.address().replace(/\/p2p\/.*$/, '')]).map(
    ({ id, address }) => ({
      id: id.toMultihash().bytes,
      multiaddrs: [multiaddr(address).decapsulateCode(421).bytes],
    }),
  );
  for (const type of ['FIND_NODE', 'GET_VALUE'] as const) {
    peer.kad().rpc.handlers[type] = {
      handle: async (_from: unknown, { key }: { key: Uint8Array }) => ({
        ...{ type, key, closer: named, providers: [] },
      }),
    };
  }
  // It says that it lives at all those places itself, too.
  const { addressManager } = (
    peer.node as unknown as {
      components: { addressManager: { getAddresses(): unknown } };
    }
  ).components;
  const own = peer.node.getMultiaddrs();
  addressManager.getAddresses = () => [...NOWHERE.map((text) => multiaddr(text)), ...own];
  await peer.dial(node.address());
  await until('it is in the table', () => node.overlay.status().table === 2);
  const bare = (text: string): string => text.replace(/\/p2p\/.*$/, '');
  const told = node.overlay.peers().find(({ id }) => id === peer?.id)?.addresses;
  expect(told?.map(bare)).toEqual(own.map((address) => bare(address.toString())));
  attempts = [];
  const count = (name: string): number => node.overlay.status().counters[name] ?? 0;
  await node.overlay.put('thing', 'x', thing({ key: 'x', seq: 1 }));
  await node.overlay.get('thing', 'nobody');
  expect(count('kad-out-GET_VALUE')).toBeGreaterThan(0);
  // The one permitted place was tried, so the answers were followed.
  await until('the permitted one was tried', () => attempts.length > 0);
  await peer.stop();
  await node.overlay.get('thing', 'nobody-else');
  expect([...new Set(attempts)]).toEqual(['127.0.0.1']);
});

test('a call goes to no address of a record that the policy forbids', async () => {
  const near = await world.node();
  const open = await world.node({ policy: 'public', listen: [], bootstraps: [] });
  attempts = [];
  for (const [node, places] of [
    [near, NOWHERE],
    [open, [...NOWHERE, ...NEAR]],
  ] as const) {
    for (const { id, address } of strangers(places)) {
      const calling = node.overlay
        .calls('/colonies/rpc/1')
        .call(id.toString(), Uint8Array.of(1), Uint8Array.of(), {
          signal: AbortSignal.timeout(5_000),
          addresses: [address],
        });
      await expect(calling, address).rejects.toMatchObject({ detail: { sent: 0 } });
      await expect(node.overlay.dial(address), address).rejects.toThrow(/forbids/);
    }
  }
  expect(attempts).toEqual([]);
});
