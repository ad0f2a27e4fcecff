// Peers that mean harm: what they send is bounded, noted once, and costs them, never the node.

import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { multiaddr } from '@multiformats/multiaddr';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nameBytes } from '../../src/dht/record-keys.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { makeWorld, thing, until, type World, type WorldNode } from '../support/overlay-world.ts';
import { makeRawPeer, type RawPeer } from '../support/raw-peer.ts';

describe('a hostile Kademlia peer', () => {
  let world: World;
  let node: WorldNode;
  let peer: RawPeer;
  const id = (): string => node.overlay.peerId;
  const count = (name: string): number => node.overlay.status().counters[name] ?? 0;

  beforeEach(async () => {
    world = makeWorld();
    node = await world.node({}, { overlayKadMessagesBurst: 40, overlayKadMessagesPerSecond: 1 });
    peer = await makeRawPeer({ network: node.overlay.network });
    await peer.dial(node.address());
    await until('it is known', () => node.overlay.peers().length === 1);
  });
  afterEach(async () => {
    await peer.stop();
    await world.end();
  });

  it('cannot store what is invalid, too large, of no namespace or under a malformed key', async () => {
    expect(await peer.put(id(), 'a', thing({ key: 'b', seq: 1 }))).toBe(false);
    expect(await peer.put(id(), 'a', Buffer.from('no json'))).toBe(false);
    expect(await peer.put(id(), 'a', thing({ key: 'a', seq: 1, exp: 1 }))).toBe(false);
    const big = thing({ key: 'a', seq: 1, fill: 'x'.repeat(5_000) });
    expect(await peer.put(id(), 'a', big)).toBe(false);
    expect(await peer.put(id(), 'a', thing({ key: 'a', seq: 1 }), 'stuff')).toBe(false);
    expect(await peer.put(id(), 'a b', thing({ key: 'a b', seq: 1 }))).toBe(false);
    expect(await node.overlay.records()).toEqual([]);
    expect(await peer.put(id(), 'a', thing({ key: 'a', seq: 1 }))).toBe(true);
    expect(await node.overlay.records()).toHaveLength(1);
  });

  it('cannot store public keys or provider records', async () => {
    const key = Buffer.concat([Buffer.from('/pk/'), peer.node.peerId.toMultihash().bytes]);
    const put = await peer.send(id(), { type: 'PUT_VALUE', key, record: peer.record('x', key) });
    expect(put).not.toContain('PEER_RESPONSE');
    const cid = Buffer.concat([Buffer.from([1, 0x55, 0x12, 32]), Buffer.alloc(32, 7)]);
    const provider = { id: peer.node.peerId.toMultihash().bytes, multiaddrs: [] };
    for (const type of ['ADD_PROVIDER', 'GET_PROVIDERS'] as const) {
      const events = await peer.send(id(), { type, key: cid, closer: [], providers: [provider] });
      expect(events).not.toContain('PEER_RESPONSE');
    }
    expect(await node.overlay.records()).toEqual([]);
  });

  it('cannot send a message longer than the bound', async () => {
    const record = Buffer.alloc(LIMITS.overlayKadMessageBytesMax + 1, 1);
    const events = await peer.send(id(), {
      type: 'PUT_VALUE',
      key: nameBytes({ namespace: 'thing', key: 'a' }),
      record,
    });
    expect(events).not.toContain('PEER_RESPONSE');
    expect(count('kad-in-PUT_VALUE')).toBe(0);
  });

  it('is sent away when it floods, with one line in the log', async () => {
    const key = nameBytes({ namespace: 'thing', key: 'a' });
    for (let i = 0; i < 80 && node.overlay.peers().length > 0; i += 1) {
      await peer.send(id(), { type: 'FIND_NODE', key });
    }
    await until('it is gone', () => node.overlay.peers().length === 0);
    expect(count('peer-banned')).toBe(1);
    expect(node.lines.filter((line) => line.includes('misbehaves'))).toHaveLength(1);
    await expect(
      (async () => {
        const connection = await peer.dial(node.address());
        await connection.newStream('/colonies/id/1.0.0', { signal: AbortSignal.timeout(2_000) });
      })(),
    ).rejects.toThrow();
  });

  it('cannot fill the table, or make the node connect to the addresses it invents', async () => {
    const touched: string[] = [];
    const victim: Server = createServer((socket) => {
      touched.push(String(socket.remoteAddress));
      socket.destroy();
    });
    await new Promise<void>((resolve) => {
      victim.listen(0, '127.0.0.1', resolve);
    });
    const { port } = victim.address() as { port: number };
    const invented = Array.from({ length: 300 }, (_, i) => ({
      id: Buffer.concat([Buffer.from([0x12, 32]), Buffer.alloc(32, i % 250), Buffer.alloc(0)]),
      multiaddrs: [
        multiaddr('/ip4/169.254.169.254/tcp/80').bytes,
        multiaddr(`/ip4/127.0.0.1/udp/${port}`).bytes,
      ],
    }));
    peer.kad().rpc.handlers['FIND_NODE'] = {
      handle: async () => ({ type: 'FIND_NODE', closer: invented, providers: [] }),
    };
    await until('it is asked', () => count('kad-out-FIND_NODE') > 0);
    await node.overlay.put('thing', 'q', thing({ key: 'q', seq: 1 }));
    expect(node.overlay.status().table).toBe(1);
    expect(touched).toEqual([]);
    await new Promise((resolve) => {
      victim.close(resolve);
    });
  });
});

describe('a peer that does not stop', () => {
  type Step = (peer: RawPeer, node: WorldNode) => Promise<unknown>;
  const connection = async (peer: RawPeer, node: WorldNode) =>
    peer.node.getConnections()[0] ?? (await peer.dial(node.address()));
  const stream = async (peer: RawPeer, node: WorldNode, protocol: string) =>
    (await connection(peer, node)).newStream(protocol, { signal: AbortSignal.timeout(2_000) });
  const write = async (peer: RawPeer, node: WorldNode, protocol: string, bytes: Uint8Array) => {
    const open = await stream(peer, node, protocol);
    open.send(bytes);
    await open.close();
  };
  const kad = (node: WorldNode): string => `/colonies/${node.overlay.network}/kad/1`;

  it.each<[what: string, fault: string, step: Step]>([
    [
      'puts records that were never valid',
      'kad-records',
      (peer, node) => peer.put(node.overlay.peerId, 'a', thing({ key: 'b', seq: 1 })),
    ],
    [
      'sends bytes that are no messages',
      'kad-frames',
      (peer, node) => write(peer, node, kad(node), Uint8Array.of(4, 255, 255, 255, 255)),
    ],
    [
      'sends messages beyond the bound',
      'kad-frames',
      (peer, node) => write(peer, node, kad(node), Buffer.alloc(200_000, 0xff)),
    ],
    [
      'opens streams of protocols that nobody speaks',
      'stream-flood',
      (peer, node) => stream(peer, node, '/nothing/1'),
    ],
    [
      'opens streams and leaves them',
      'stream-flood',
      (peer, node) => stream(peer, node, kad(node)),
    ],
    [
      'says again and again who it is',
      'identify-flood',
      (peer, node) =>
        write(peer, node, '/colonies/id/push/1.0.0', Uint8Array.of(4, 0x1a, 2, 47, 120)),
    ],
    [
      'connects again and again',
      'connection-flood',
      async (peer, node) => {
        const dialled = await peer.node.dial(multiaddr(node.address()), { force: true });
        // Who it is was asked: the connection is of use to both sides.
        await dialled.newStream('/colonies/id/1.0.0');
        await dialled.close();
      },
    ],
  ])('and %s is sent away, with one line in the log', async (_what, fault, step) => {
    const world = makeWorld();
    // On a busy machine so few streams come in a second that the usual rate allows them all.
    const rate = fault === 'stream-flood' ? { overlayStreamsPerSecond: 1 } : {};
    const node = await world.node(
      {},
      { ...rate, overlayStreamsBurst: 100, overlayMeetingsBurst: 5, overlayIdentifiesBurst: 5 },
    );
    const peer = await makeRawPeer({ network: node.overlay.network });
    await peer.dial(node.address());
    await until('it is known', () => node.overlay.peers().length === 1);
    const count = (name: string): number => node.overlay.status().counters[name] ?? 0;
    for (let i = 0; i < 600 && count('peer-banned') === 0; i += 1) {
      // What it does fails as soon as it is refused, and in the end altogether.
      await step(peer, node).catch(() => undefined);
    }
    expect(count(`fault-${fault}`)).toBeGreaterThan(10);
    expect(count('peer-banned')).toBe(1);
    await until('it is gone', () => node.overlay.status().connections === 0);
    expect(node.lines.filter((line) => line.includes('misbehaves'))).toHaveLength(1);
    await peer.stop();
    await world.end();
  });
});

describe('a stranger', () => {
  let world: World;
  let node: WorldNode;

  beforeAll(async () => {
    world = makeWorld();
    node = await world.node({}, { overlayIdentifyMs: 200, overlayConnectionsPerPeerMax: 2 });
  });
  afterAll(() => world.end());

  it('that never says who it is loses its connection', async () => {
    const peer = await makeRawPeer();
    await peer.node.unhandle('/colonies/id/1.0.0');
    await peer.dial(node.address());
    await until('it is gone', () => peer.node.getConnections().length === 0);
    expect(node.overlay.status().counters['unidentified-closed']).toBe(1);
    await peer.stop();
  });

  it('that connects many times and says nothing does not keep others out', async () => {
    const port = Number(/tcp\/(\d+)/.exec(node.address())?.[1]);
    const silent = Array.from({ length: 60 }, () => connect(port, '127.0.0.1'));
    for (const socket of silent) socket.on('error', () => undefined);
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    const peer = await makeRawPeer();
    await peer.dial(node.address());
    await until('it is known', () => node.overlay.peers().some(({ id }) => id === peer.id));
    for (const socket of silent) socket.destroy();
    await peer.stop();
  });

  it('cannot hold more connections than one peer may', async () => {
    const peer = await makeRawPeer();
    const dial = () => peer.node.dial(multiaddr(node.address()), { force: true });
    for (let i = 0; i < 5; i += 1) await Promise.allSettled([dial()]);
    await until('the rest is refused', () => node.overlay.status().connections === 2);
    expect(node.overlay.status().counters['inbound-refused-peer']).toBeGreaterThan(0);
    await peer.stop();
  });
});

describe('nodes of two networks', () => {
  it('part when they meet', async () => {
    const one = makeWorld();
    const two = makeWorld();
    const a = await one.node();
    const b = await two.node({ bootstraps: [a.address()] });
    await until('they met and parted', () =>
      [a, b].some(({ overlay }) => (overlay.status().counters['other-network-closed'] ?? 0) > 0),
    );
    await until('no connection is left', () =>
      [a, b].every(({ overlay }) => overlay.status().connections === 0),
    );
    expect(a.overlay.status().table).toBe(0);
    await two.end();
    await one.end();
  });

  it('of one name but another shared key never get through the handshake', async () => {
    const world = makeWorld();
    const sharedKey = 'ab'.repeat(32);
    const a = await world.node({ sharedKey });
    const b = await world.node({ sharedKey });
    await until('those with the key met', () => b.overlay.status().table === 1);
    const c = await world.node({ sharedKey: 'cd'.repeat(32), bootstraps: [] });
    await expect(c.overlay.dial(a.address())).rejects.toThrow();
    const d = await world.node({ bootstraps: [] });
    const soon = AbortSignal.timeout(1_000);
    await expect(d.overlay.dial(a.address(), soon)).rejects.toThrow();
    expect(a.overlay.status().connections).toBe(1);
    await world.end();
  });
});
