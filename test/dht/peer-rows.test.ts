// The rows of the peer store: what is read from memory is what the disk has, and the protocol of a
// stream is written when it is news.

import { NotFoundError } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { type Datastore, Key } from 'interface-datastore';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeConduct, makeCounters } from '../../src/dht/conduct.ts';
import { makeGater } from '../../src/dht/gater.ts';
import { type Host, makeHost } from '../../src/dht/host.ts';
import { keepRows } from '../../src/dht/peer-rows.ts';
import { systemClock } from '../../src/node/clock.ts';
import { generateKey } from '../../src/node/crypto/keys.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import { makeRawPeer, type RawPeer } from '../support/raw-peer.ts';

const a = new Key('/peers/a');
const b = new Key('/peers/b');
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);

/** A datastore in memory that counts, and whose reads wait when told to. */
const counting = () => {
  const values = new Map<string, Uint8Array>();
  const counts = { get: 0, put: 0 };
  let hold: Promise<void> = Promise.resolve();
  const disk = {
    get: async (key: Key) => {
      counts.get += 1;
      const value = values.get(key.toString());
      await hold;
      if (value === undefined) throw new NotFoundError();
      return value;
    },
    put: async (key: Key, value: Uint8Array) => {
      counts.put += 1;
      values.set(key.toString(), value);
      return key;
    },
    delete: async (key: Key) => {
      values.delete(key.toString());
    },
    has: async (key: Key) => values.has(key.toString()),
    query: async function* () {},
  } as unknown as Datastore;
  const holdReads = (): (() => void) => {
    let free = (): void => undefined;
    hold = new Promise((resolve) => {
      free = resolve;
    });
    return free;
  };
  return { disk, counts, holdReads };
};

describe('rows in memory', () => {
  it('are read from the disk once, and again after they went', async () => {
    const { disk, counts } = counting();
    await disk.put(a, bytes('1'));
    const rows = keepRows(disk, LIMITS);
    for (let i = 0; i < 3; i += 1) expect(text(await rows.get(a))).toBe('1');
    expect(counts.get).toBe(1);
    await rows.put(a, bytes('2'));
    expect(text(await rows.get(a))).toBe('2');
    expect(text(await disk.get(a))).toBe('2');
    await rows.delete(a);
    await expect(rows.get(a)).rejects.toThrow();
    expect(await rows.has(a)).toBe(false);
  });

  it('are never older than what was written while they were read', async () => {
    const { disk, holdReads } = counting();
    await disk.put(a, bytes('old'));
    const rows = keepRows(disk, LIMITS);
    const free = holdReads();
    const reading = rows.get(a);
    await new Promise(setImmediate);
    await rows.put(a, bytes('new'));
    free();
    await reading;
    expect(text(await rows.get(a))).toBe('new');
  });

  it('are as many as the limit says, the one read longest ago goes first', async () => {
    const { disk, counts } = counting();
    const rows = keepRows(disk, { overlayPeerRowsKeptMax: 2 });
    const c = new Key('/peers/c');
    for (const key of [a, b, c]) await rows.put(key, bytes('x'));
    await rows.get(b);
    expect(counts.get).toBe(0);
    await rows.get(a);
    await rows.get(b);
    expect(counts.get).toBe(1);
    await rows.get(c);
    expect(counts.get).toBe(2);
  });
});

describe('protocols of streams, and addresses', () => {
  const { disk, counts } = counting();
  let host: Host;
  let peer: RawPeer;

  beforeEach(async () => {
    const clock = systemClock();
    const counters = makeCounters();
    const stand = { policy: 'test', onLoopback: true } as const;
    const shared = { stand, limits: LIMITS, counters };
    const drop = (): void => undefined;
    const conduct = makeConduct({ clock, log: silentLog(), limits: LIMITS, counters, drop });
    host = await makeHost({
      ...shared,
      privateKey: generateKey(clock),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      announce: [],
      datastore: disk,
      gater: makeGater({ ...shared, conduct, connections: () => [] }),
      extras: {},
      onFound: () => undefined,
    });
    await host.start();
    peer = await makeRawPeer();
    const identified = new Promise((resolve) => {
      host.addEventListener('peer:identify', resolve, { once: true });
    });
    await peer.dial(host.getMultiaddrs()[0]?.toString() ?? '');
    await identified;
  });
  afterEach(async () => {
    await host.stop();
    await peer.stop();
  });

  const ping = () => host.services.ping.ping(peer.node.peerId);
  const protocols = async () => (await host.peerStore.get(peer.node.peerId)).protocols;

  it('are written once for any number of streams, and again when the row was changed', async () => {
    const name = '/colonies/ping/1.0.0';
    await ping();
    const before = counts.put;
    for (let i = 0; i < 5; i += 1) await ping();
    expect(counts.put).toBe(before);
    await host.peerStore.patch(peer.node.peerId, { protocols: ['/other/1'] });
    expect(await protocols()).toEqual(['/other/1']);
    await ping();
    expect(await protocols()).toEqual([name, '/other/1']);
  });

  it('do not keep other news of the peer from being written', async () => {
    await ping();
    const metadata = { seen: bytes('now') };
    await host.peerStore.merge(peer.node.peerId, { metadata, protocols: ['/colonies/ping/1.0.0'] });
    const { metadata: kept } = await host.peerStore.get(peer.node.peerId);
    expect(text(kept.get('seen') ?? bytes(''))).toBe('now');
  });

  it('are told apart from addresses, which are read once until they change or go', async () => {
    const id = peer.node.peerId;
    const told = async () => (await host.peerStore.getInfo(id)).multiaddrs.map(String);
    await ping();
    const first = await host.peerStore.getInfo(id);
    expect(first.multiaddrs.map(String)).toEqual([peer.address().replace(/\/p2p\/.*$/, '')]);
    expect(await host.peerStore.getInfo(id)).toBe(first);
    const moved = multiaddr('/ip4/127.0.0.1/tcp/4001');
    await host.peerStore.patch(id, { multiaddrs: [moved] });
    expect(await told()).toEqual([moved.toString()]);
    await host.peerStore.delete(id);
    await expect(host.peerStore.getInfo(id)).rejects.toThrow();
  });
});
