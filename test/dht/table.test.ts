// The routing table as the library keeps it, filled with peers that exist only as ids.

import { createHash, randomBytes } from 'node:crypto';
import type { PeerId, PeerInfo } from '@libp2p/interface';
import { peerIdFromMultihash } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { expect, it } from 'vitest';
import { readAnswersOnce } from '../../src/dht/answers.ts';
import { makeBuckets } from '../../src/dht/buckets.ts';
import { makeConduct, makeCounters } from '../../src/dht/conduct.ts';
import { makeGater } from '../../src/dht/gater.ts';
import { makeHealth } from '../../src/dht/health.ts';
import { makeHost } from '../../src/dht/host.ts';
import { KAD, kadService } from '../../src/dht/kad.ts';
import type { KadInside } from '../../src/dht/kad-inside.ts';
import type { KadStore } from '../../src/dht/kad-store.ts';
import { makeOpenLive } from '../../src/dht/streams.ts';
import { systemClock } from '../../src/node/clock.ts';
import { generateKey } from '../../src/node/crypto/keys.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import { QUOTAS, thingRules } from '../support/overlay-world.ts';
import { makeRawPeer } from '../support/raw-peer.ts';

type Inside = KadInside & {
  readonly network: {
    addEventListener(type: 'peer', listener: (event: CustomEvent<PeerInfo>) => void): void;
  };
  readonly routingTable: {
    add(peer: PeerId): Promise<void>;
    readonly kb: { verify: () => Promise<boolean> };
  };
};

const clock = systemClock();

const startHost = async () => {
  const counters = makeCounters();
  const stand = { policy: 'test', onLoopback: true } as const;
  const drop = (): void => undefined;
  const conduct = makeConduct({ clock, log: silentLog(), limits: LIMITS, counters, drop });
  const rate = makeBuckets({ perSecond: 10, burst: 10, keysMax: 10, now: clock.now });
  const shared = { stand, limits: LIMITS, counters, conduct };
  let kad: Inside | undefined;
  const host = await makeHost({
    ...shared,
    privateKey: generateKey(clock),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    gater: makeGater({ ...shared, connections: () => [] }),
    extras: {},
    onFound: () => undefined,
    dht: kadService(
      {
        ...shared,
        network: 'table',
        rules: thingRules(),
        quotas: QUOTAS,
        // No record comes near it.
        store: {} as KadStore,
        rate,
        health: makeHealth({ clock, limits: LIMITS, counters, evict: drop }),
      },
      makeOpenLive(() => host),
      (inside) => {
        readAnswersOnce(inside, LIMITS);
        kad = inside as Inside;
      },
    ),
  });
  await host.start();
  if (kad === undefined) throw new Error('no table');
  return { host, kad };
};

const NO_PATH = { index: -1, queued: 0, running: 0, total: 0 };

/** Ids whose places in the key space all begin with `bits` zeros. */
const crowd = (count: number, bits: number): PeerId[] => {
  const peers: PeerId[] = [];
  while (peers.length < count) {
    const bytes = Buffer.concat([Buffer.of(0x12, 32), randomBytes(32)]);
    const place = createHash('sha256').update(bytes).digest().readUInt32BE(0);
    if (Math.clz32(place) < bits) continue;
    peers.push(peerIdFromMultihash({ code: 0x12, size: 32, digest: bytes.subarray(2), bytes }));
  }
  return peers;
};

it('takes in more than one bucket of peers of one 64th of the key space', async () => {
  const { host, kad } = await startHost();
  // None of them can be reached.
  kad.routingTable.kb.verify = async () => true;
  const peers = crowd(3 * KAD.bucketSize, 6);
  for (const peer of peers) await kad.routingTable.add(peer);
  expect(kad.routingTable.size).toBe(peers.length);
  await host.stop();
});

it('is told of a peer that is in it when an answer names an address for the first time only', async () => {
  const { host, kad } = await startHost();
  const peer = await makeRawPeer({ network: 'table' });
  await peer.dial(host.getMultiaddrs()[0]?.toString() ?? '');
  const [named] = crowd(1, 0) as [PeerId];
  const announced: string[] = [];
  kad.network.addEventListener('peer', ({ detail }) => {
    announced.push(...detail.multiaddrs.map(String));
  });
  const askedAndTold = async (address: string): Promise<void> => {
    const closer = [{ id: named.toMultihash().bytes, multiaddrs: [multiaddr(address).bytes] }];
    peer.kad().rpc.handlers['FIND_NODE'] = {
      handle: async () => ({ type: 'FIND_NODE', closer, providers: [] }),
    };
    const message = { type: 'FIND_NODE' as const, key: Buffer.from('any') };
    const options = { signal: AbortSignal.timeout(5_000), path: NO_PATH };
    for await (const _event of kad.network.sendRequest(peer.node.peerId, message, options)) {
      // What it leads to is looked at below.
    }
  };
  const [first, second] = ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'] as const;
  kad.routingTable.kb.verify = async () => true;
  await kad.routingTable.add(named);
  for (const address of [first, first, second, first, second]) await askedAndTold(address);
  expect(announced).toEqual([first, second]);
  // Whoever lost its place gets another chance each time.
  kad.routingTable.kb.verify = async () => false;
  await kad.routingTable.remove(named);
  for (const address of [first, first]) await askedAndTold(address);
  expect(announced).toEqual([first, second, first, first]);
  await peer.stop();
  await host.stop();
});
