// The libp2p node: transport, encryption, multiplexing, limits, and the services that every
// connection needs. Which records exist, and what calls mean, is not known here.

import './node20.ts';
import { noise } from '@chainsafe/libp2p-noise';
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import { identify, identifyPush } from '@libp2p/identify';
import type { ConnectionGater, Libp2p, PeerId, PeerInfo } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { type Ping, ping } from '@libp2p/ping';
import { preSharedKey } from '@libp2p/pnet';
import type { Datastore } from 'interface-datastore';
import { createLibp2p, type Libp2pOptions } from 'libp2p';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import { type Extras, extraParts } from './extras.ts';
import { sparingYamux } from './muxer.ts';
import { keepRows, noteProtocolsOnce, readInfosOnce } from './peer-rows.ts';
import { parseAddress, refusal, type Stand } from './policy.ts';
import { policedTcp, type ResolveName } from './transport.ts';

/** Prefix of the housekeeping protocols: nodes of other worlds do not identify with us. */
const PREFIX = 'colonies';

export interface HostOptions {
  readonly stand: Stand;
  readonly limits: Limits;
  /** 64 hex digits, secp256k1. */
  readonly privateKey: string;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  /** Where peers are remembered; in memory when it is left out. */
  readonly datastore?: Datastore;
  readonly gater: ConnectionGater;
  /** 64 hex digits, or a swarm key file's text: only nodes with the same one connect. */
  readonly sharedKey?: string;
  readonly extras: Extras;
  readonly resolveName?: ResolveName;
  /** A peer was announced on the local network. */
  readonly onFound: (peer: PeerInfo) => void;
  /** The `dht` service; none for a node that only dials out. */
  readonly dht?: (parts: never) => unknown;
}

export interface Services extends Record<string, unknown> {
  readonly ping: Ping;
}

export type Host = Libp2p<Services>;

/** The peer id that a secp256k1 private key (64 hex digits) gives. */
export const peerIdOf = (privateKey: string): PeerId =>
  peerIdFromPrivateKey(privateKeyFromRaw(Buffer.from(privateKey, 'hex')));

/** The pre-shared key file of libp2p, from its own text or from 64 hex digits. */
const sharedKeyFile = (text: string): Uint8Array => {
  const hex = /^(?:\/key\/swarm\/psk\/1\.0\.0\/\s+\/base16\/\s+)?([0-9a-fA-F]{64})\s*$/.exec(text);
  if (hex?.[1] === undefined) {
    throw fault('bad-request', 'the shared key of the overlay is not 64 hex digits');
  }
  return Buffer.from(`/key/swarm/psk/1.0.0/\n/base16/\n${hex[1].toLowerCase()}`, 'utf8');
};

const checkAnnounced = ({ stand, announce }: HostOptions): void => {
  for (const text of announce) {
    const reason = refusal(stand, parseAddress(text));
    if (reason !== undefined) {
      throw fault('bad-request', `address ${text} cannot be announced: ${reason}`);
    }
  }
};

const connectionOptions = ({ stand, limits }: HostOptions): Partial<Libp2pOptions> => ({
  connectionManager: {
    maxConnections: limits.overlayConnectionsMax,
    inboundConnectionThreshold:
      stand.policy === 'public'
        ? limits.overlayInboundPerHostPerSecond
        : limits.overlayInboundPerHostPerSecondNear,
    maxIncomingPendingConnections: limits.overlayPendingInboundMax,
    inboundUpgradeTimeout: limits.overlayHandshakeMs,
    maxParallelDials: limits.overlayDialsMax,
    maxDialQueueLength: limits.overlayDialQueueMax,
    maxPeerAddrsToDial: limits.overlayAddressesPerPeerMax,
    dialTimeout: limits.overlayDialMs,
    addressDialTimeout: limits.overlayDialMs,
    // Names are resolved by our transport only, where the answer is judged.
    resolvers: {},
  },
  // By default each connection is pinged on a stream every ten seconds, and dies of one missed
  // answer. Who is silent is found out by ./upkeep.ts, round trips are measured by the multiplexer.
  connectionMonitor: { enabled: false },
  // By default an address is forgotten an hour after it was first seen, even of a connected peer,
  // and never renewed: any age at all ends every overlay that lives longer. ./peer-memory.ts
  // forgets.
  peerStore: {
    maxAddressAge: Number.POSITIVE_INFINITY,
    maxPeerAge: limits.overlayPeerAgeMaxMs,
    addressFilter: (_peer, address) => refusal(stand, address) === undefined,
  },
});

/** A libp2p node, not yet started. Throws `bad-request` for options that cannot work. */
export const makeHost = async (options: HostOptions): Promise<Host> => {
  const { stand, limits, listen, announce, extras, datastore, sharedKey } = options;
  checkAnnounced(options);
  const extra = await extraParts(extras, limits, options.onFound);
  const node = await createLibp2p({
    start: false,
    privateKey: privateKeyFromRaw(Buffer.from(options.privateKey, 'hex')),
    nodeInfo: { name: PREFIX, version: '1', userAgent: PREFIX },
    ...(datastore === undefined ? {} : { datastore: keepRows(datastore, limits) }),
    addresses: {
      listen: [...listen, ...extra.listen],
      announce: [...announce],
      announceFilter: (addresses) =>
        addresses.filter((address) => refusal(stand, address) === undefined),
    },
    transports: [policedTcp(stand, limits, options.resolveName), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      sparingYamux({
        // By default the eleventh stream opened right after a dial kills the whole connection.
        maxEarlyStreams: limits.overlayEarlyStreamsMax,
        // The transport closes a socket that is silent for longer, see ./transport.ts.
        keepAliveInterval: limits.overlayKeepAliveMs,
        streamOptions: {
          // Below the library's read buffer: a paused reader must not overflow it.
          maxStreamWindowSize: limits.overlayStreamWindowBytes,
          maxWriteBufferLength: limits.overlayStreamUnsentBytesMax,
        },
      }),
    ],
    ...(sharedKey === undefined
      ? {}
      : { connectionProtector: preSharedKey({ psk: sharedKeyFile(sharedKey) }) }),
    connectionGater: options.gater,
    ...connectionOptions(options),
    peerDiscovery: extra.peerDiscovery,
    services: {
      identify: identify({ protocolPrefix: PREFIX }),
      identifyPush: identifyPush({ protocolPrefix: PREFIX }),
      // The table's pings and our own may meet; one stream each way is the library's bound.
      ping: ping({ protocolPrefix: PREFIX, maxInboundStreams: 4, maxOutboundStreams: 4 }),
      ...extra.services,
      ...(options.dht === undefined ? {} : { dht: options.dht as () => unknown }),
    },
  });
  noteProtocolsOnce(node as unknown as Host);
  readInfosOnce(node as unknown as Host, limits);
  return node as unknown as Host;
};

/**
 * Makes a started node announce what it listens on. The library waits for a proof that a public
 * address is reachable; in `lan` and `test` overlays there is nobody to give one.
 */
export const confirmListening = (node: Host): void => {
  const { addressManager, transportManager } = (
    node as unknown as {
      components: {
        addressManager: { confirmObservedAddr(address: unknown, how: { type: string }): void };
        transportManager: { getAddrs(): unknown[] };
      };
    }
  ).components;
  for (const address of transportManager.getAddrs()) {
    addressManager.confirmObservedAddr(address, { type: 'transport' });
  }
};
