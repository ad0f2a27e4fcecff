// A peer that plays by its own rules: stock libp2p and stock kad-dht speaking our protocols, with
// access to everything, so that tests can send what our own node never would.

import { noise } from '@chainsafe/libp2p-noise';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import { Record as KadRecord, kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import { peerIdFromString } from '@libp2p/peer-id';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import type { KadInside } from '../../src/dht/kad-inside.ts';
import { nameBytes } from '../../src/dht/record-keys.ts';
import '../../src/dht/node20.ts';

export type RawPeer = Awaited<ReturnType<typeof makeRawPeer>>;

const PATH = { index: -1, queued: 0, running: 0, total: 0 };

interface Inside {
  readonly transportManager: { getAddrs(): unknown[] };
}

export interface RawOptions {
  /** Speaks Kademlia of this network; none when it is left out. */
  readonly network?: string;
  /** Told to others in place of what it listens on. */
  readonly announce?: readonly string[];
}

/** A started raw peer; not connected to anybody. */
export const makeRawPeer = async ({ network, announce = [] }: RawOptions = {}) => {
  const node = await createLibp2p({
    privateKey: await generateKeyPair('secp256k1'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'], announce: [...announce] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxEarlyStreams: 10_000, maxOutboundStreams: 10_000 })],
    connectionMonitor: { enabled: false },
    connectionManager: { inboundConnectionThreshold: 10_000, maxIncomingPendingConnections: 1_000 },
    services: {
      identify: identify({ protocolPrefix: 'colonies' }),
      ping: ping({ protocolPrefix: 'colonies' }),
      ...(network === undefined
        ? {}
        : {
            dht: kadDHT({
              protocol: `/colonies/${network}/kad/1`,
              clientMode: false,
              peerInfoMapper: passthroughMapper,
              initialQuerySelfInterval: 100,
              validators: { thing: async () => undefined },
              selectors: { thing: () => 0 },
            }),
          }),
    },
  });
  const kad = (): KadInside => (node.services as unknown as { dht: KadInside }).dht;
  /** The peers that `to` names for a key. */
  const ask = async (to: string, key: string): Promise<{ id: string; addresses: string[] }[]> => {
    const message = { type: 'FIND_NODE' as const, key: Buffer.from(key) };
    const options = { signal: AbortSignal.timeout(5_000), path: PATH };
    for await (const event of kad().network.sendRequest(peerIdFromString(to), message, options)) {
      if (event.name !== 'PEER_RESPONSE') continue;
      return event.closer.map(({ id, multiaddrs }) => ({
        id: id.toString(),
        addresses: multiaddrs.map(String),
      }));
    }
    return [];
  };
  /** Sends one Kademlia message; the names of the events that came of it. */
  const send = async (
    to: string,
    message: Parameters<KadInside['network']['sendRequest']>[1],
  ): Promise<string[]> => {
    const names: string[] = [];
    const options = { signal: AbortSignal.timeout(5_000), path: PATH };
    for await (const event of kad().network.sendRequest(peerIdFromString(to), message, options)) {
      names.push(event.name);
    }
    return names;
  };
  const record = (key: string, bytes: Uint8Array, namespace = 'thing'): Uint8Array =>
    new KadRecord(nameBytes({ namespace, key }), bytes, new Date()).serialize().subarray();
  return {
    node,
    kad,
    id: node.peerId.toString(),
    address: () => node.getMultiaddrs()[0]?.toString() ?? '',
    /** The port it listens on, whatever it announces. */
    port: (): number => {
      const { transportManager } = (node as unknown as { components: Inside }).components;
      return Number(/tcp\/(\d+)/.exec(String(transportManager.getAddrs()[0]))?.[1]);
    },
    dial: (address: string) => node.dial(multiaddr(address)),
    ask,
    send,
    record,
    /** Whether `to` accepted the record. */
    put: async (to: string, key: string, bytes: Uint8Array, namespace = 'thing') => {
      const events = await send(to, {
        type: 'PUT_VALUE',
        key: nameBytes({ namespace, key }),
        record: record(key, bytes, namespace),
      });
      return events.includes('PEER_RESPONSE');
    },
    stop: () => node.stop(),
  };
};
