// kad-dht as we run it: its options, and the changes to its behaviour that no option offers.
// Everything that reaches into the library's inside is in this file and in ./answers.ts.

import type { PeerId, PeerInfo, Stream } from '@libp2p/interface';
import { type KadDHTInit, kadDHT, type QueryEvent } from '@libp2p/kad-dht';
import type { Limits } from '../node/limits.ts';
import type { Buckets } from './buckets.ts';
import type { Conduct, Counters } from './conduct.ts';
import type { KadInside, Message } from './kad-inside.ts';
import type { KadStore } from './kad-store.ts';
import { overlaid } from './overlaid.ts';
import type { NamespaceQuota, RecordRules } from './overlay.ts';
import { placeOf, refusal, type Stand } from './policy.ts';
import { compareDistance, parseName } from './record-keys.ts';

export interface KadDeps {
  readonly network: string;
  readonly stand: Stand;
  readonly limits: Limits;
  readonly rules: RecordRules;
  readonly quotas: Readonly<Record<string, NamespaceQuota>>;
  readonly store: KadStore;
  readonly conduct: Conduct;
  readonly counters: Counters;
  /** Kademlia messages each peer may send. */
  readonly rate: Buckets;
  /** Failing peers: told of each answer and failure, says who is to be left alone for now. */
  readonly health: Health;
}

export interface Health {
  /** A request to a peer begins; the function that is returned tells that it is over. */
  asked(): () => void;
  answered(peer: string): void;
  /** `fatal`: it will never answer, do not wait for a second failure. */
  failed(peer: string, fatal: boolean): void;
  /** Whether it failed so recently that hearsay about it is worth no dial. */
  isOut(peer: string): boolean;
}

/** Numbers of Kademlia: measured and simulated (the simulator in the tests guards them). */
export const KAD = {
  bucketSize: 20,
  alpha: 3,
  disjointPaths: 3,
  /** The library's 6 loses the closest peers of a key from about 1,000 nodes on. */
  prefixLength: 12,
} as const;

/** `/colonies/<network>/kad/1`: peers without it never enter the table. */
export const kadProtocol = (network: string): string => `/colonies/${network}/kad/1`;

type KadParts = Parameters<ReturnType<typeof kadDHT>>[0];

/** Gives up a stream that carries more than one message's worth of bytes to us. */
const bounded = <S extends Stream>(stream: S, bytesMax: number): S => {
  let received = 0;
  stream.addEventListener('message', (event) => {
    received += event.data.byteLength;
    // At once, so that whoever waits for the message gets this error instead of its bytes.
    if (received > bytesMax) stream.abort(new Error(`message longer than ${bytesMax} bytes`));
  });
  return stream;
};

/** `make` of each thing once, for as long as the thing lives. */
const onceEach = <K extends object, V>(make: (thing: K) => V): ((thing: K) => V) => {
  const made = new WeakMap<K, V>();
  return (thing) => {
    const value = made.get(thing) ?? make(thing);
    made.set(thing, value);
    return value;
  };
};

const tableMapper =
  ({ stand, limits }: KadDeps) =>
  (peer: PeerInfo): PeerInfo => ({
    ...peer,
    // A peer behind a relay answers calls, not lookups.
    multiaddrs: peer.multiaddrs
      .filter((address) => refusal(stand, address) === undefined && !placeOf(address)?.relayed)
      .slice(0, limits.overlayAddressesPerPeerMax),
  });

/** A record that no honest node sends, whatever its clock says. */
class BadRecord extends Error {
  override readonly name = 'BadRecord';
}

const optionsOf = (deps: KadDeps): KadDHTInit => {
  const { network, rules, quotas } = deps;
  const validators: NonNullable<KadDHTInit['validators']> = {
    // The library's own public-key records are nobody's business here.
    pk: () => {
      throw new Error('refused: unknown-namespace');
    },
  };
  const selectors: NonNullable<KadDHTInit['selectors']> = {};
  for (const [namespace, quota] of Object.entries(quotas)) {
    validators[namespace] = async (key, value) => {
      const name = parseName(key);
      if (name === undefined) throw new BadRecord('refused: malformed key');
      if (value.length > quota.bytesMax) throw new BadRecord('refused: too-large');
      try {
        await rules.validate(name.namespace, name.key, value);
      } catch (error) {
        if (rules.isExcusable?.(error) === true) throw error;
        throw new BadRecord('refused: invalid', { cause: error });
      }
    };
    selectors[namespace] = (key, list) => {
      const name = parseName(key);
      return name === undefined ? 0 : rules.select(name.namespace, name.key, list);
    };
  }
  return {
    protocol: kadProtocol(network),
    // Without this the library stays a client until it sees itself under a public address.
    clientMode: false,
    // The library's default drops private addresses: a private overlay would have empty tables.
    peerInfoMapper: onceEach(tableMapper(deps)),
    validators,
    selectors,
    kBucketSize: KAD.bucketSize,
    alpha: KAD.alpha,
    disjointPaths: KAD.disjointPaths,
    prefixLength: KAD.prefixLength,
    initialQuerySelfInterval: 200,
    // As late as a timer can: it asks everybody, every time. ./upkeep.ts looks around for less.
    querySelfInterval: 2 ** 31 - 1,
    maxInboundStreams: deps.limits.overlayKadStreamsPerPeerMax,
    // The library never gives up before five seconds: half an overlay that hangs would stall
    // lookups.
    networkDialTimeout: { minTimeout: 2_500, maxTimeout: 5_000 },
  };
};

/** How the library's reader calls bytes that are no message; streams that merely end say it else. */
const NO_MESSAGE = /^(?:Range)?Error$|^Invalid/;

/**
 * Incoming messages: bounded in size, limited in rate, provider records refused. What no honest
 * node sends counts against the peer: broken messages, and records that were never valid.
 */
const guardIncoming = (kad: KadInside, deps: KadDeps): void => {
  const { limits, conduct, counters, rate } = deps;
  const { rpc } = kad;
  for (const name of ['ADD_PROVIDER', 'GET_PROVIDERS']) delete rpc.handlers[name];
  const onStream = rpc.onIncomingStream.bind(rpc);
  rpc.onIncomingStream = async (stream, connection) => {
    try {
      await onStream(bounded(stream, limits.overlayKadMessageBytesMax), connection);
    } catch (error) {
      // A connection that broke, or was closed by us, takes its streams along with errors of any name.
      const isBroken = connection.status === 'open' && NO_MESSAGE.test((error as Error).name);
      if (isBroken) conduct.fault(connection.remotePeer.toString(), 'kad-frames');
      throw error;
    }
  };
  const handle = rpc.handleMessage.bind(rpc);
  rpc.handleMessage = async (peer, message) => {
    if (!rate.take(peer.toString())) {
      conduct.fault(peer.toString(), 'kad-flood');
      throw new Error('refused: too many messages');
    }
    counters.add(`kad-in-${message.type}`);
    try {
      return await handle(peer, message);
    } catch (error) {
      if (error instanceof BadRecord) conduct.fault(peer.toString(), 'kad-records');
      throw error;
    }
  };
};

const REFUSED = new Set(['StreamResetError', 'UnexpectedEOFError', 'StreamStateError']);
const HOPELESS = new Set(['UnsupportedProtocolError', 'LimitedConnectionError']);

/**
 * Tells which peers of answers are worth announcing: one that is in the table gains nothing from
 * addresses that were announced before, and each announcement reads and writes its row in the peer
 * store. A walk among twenty peers is told four hundred.
 */
const makeNews = ({ routingTable }: KadInside): ((peer: PeerInfo) => boolean) => {
  const announced = new Map<string, WeakSet<PeerInfo>>();
  routingTable.addEventListener('peer:add', ({ detail }) => {
    announced.set(detail.toString(), new WeakSet());
  });
  routingTable.addEventListener('peer:remove', ({ detail }) => {
    announced.delete(detail.toString());
  });
  return (peer) => {
    const before = announced.get(peer.id.toString());
    if (before?.has(peer) === true) return false;
    before?.add(peer);
    return true;
  };
};

/** Outgoing requests: failures are noted, answers trimmed before anything acts on them. */
const watchOutgoing = (kad: KadInside, deps: KadDeps): void => {
  const { limits, health, counters } = deps;
  const { network } = kad;
  // Peers that are told again are the same objects: ./answers.ts reads them once.
  const toTable = onceEach(tableMapper(deps));
  const isNews = makeNews(kad);
  const announce = network.safeDispatchEvent.bind(network);
  // Announced below instead, after trimming: unbounded, an answer would fill table and peer store.
  network.safeDispatchEvent = () => true;
  const trimmed = (closer: readonly PeerInfo[]): PeerInfo[] =>
    closer
      .slice(0, limits.overlayCloserPeersMax)
      .filter((peer) => !health.isOut(peer.id.toString()))
      .map(toTable)
      .filter((peer) => peer.multiaddrs.length > 0);
  const send = network.sendRequest.bind(network);
  const noteFailure = (to: PeerId, message: Message, error: Error): void => {
    // A holder that refuses a record resets the stream: it is alive and well.
    if (message.type === 'PUT_VALUE' && REFUSED.has(error.name)) health.answered(to.toString());
    else health.failed(to.toString(), HOPELESS.has(error.name));
  };
  network.sendRequest = async function* (to, message, options): AsyncGenerator<QueryEvent> {
    counters.add(`kad-out-${message.type}`);
    const over = health.asked();
    try {
      for await (const event of send(to, message, options)) {
        if (event.name === 'PEER_RESPONSE') {
          health.answered(to.toString());
          const closer = trimmed(event.closer);
          for (const peer of closer) if (isNews(peer)) announce('peer', { detail: peer });
          yield { ...event, closer, providers: [] };
          continue;
        }
        if (event.name === 'QUERY_ERROR' && options.signal?.aborted !== true) {
          noteFailure(to, message, event.error);
        }
        yield event;
      }
    } finally {
      over();
    }
  };
};

/**
 * The factory of the `dht` service of a libp2p node. `onMade` is handed the inside, once, before
 * anything of it runs.
 */
export const kadService =
  (deps: KadDeps, openLive: OpenLive, onMade: (kad: KadInside) => void) =>
  (parts: KadParts): KadInside => {
    const openStream = async (
      peer: PeerId,
      protocol: string,
      options: { signal?: AbortSignal },
    ): Promise<Stream> =>
      bounded(
        await openLive(peer, protocol, { ...options, runOnLimitedConnection: false }),
        deps.limits.overlayKadMessageBytesMax,
      );
    const ours = overlaid(parts, {
      datastore: deps.store,
      connectionManager: overlaid(parts.connectionManager, { openStream }),
    });
    const kad = kadDHT(optionsOf(deps))(ours) as KadInside;
    kad.routingTableRefresh.refreshTable = () => undefined;
    // By default every five seconds, reading every id anew: more than all else at rest together.
    // It matters only when connections are to be closed because there are too many.
    kad.routingTable.closestPeerTagger.refreshInterval = 300_000;
    guardIncoming(kad, deps);
    watchOutgoing(kad, deps);
    onMade(kad);
    return kad;
  };

/** Opens a stream, past connections that are dead but still listed. */
export type OpenLive = (
  peer: PeerId,
  protocol: string,
  options: { signal?: AbortSignal; runOnLimitedConnection?: boolean },
) => Promise<Stream>;

/**
 * Whether a node at `here` should hold a key at `place`: unless it knows two buckets full of peers
 * that are all nearer. Small overlays are full replicas by this rule.
 */
export const isNearEnough = (kad: KadInside, here: Uint8Array, place: Uint8Array): boolean => {
  const count = 2 * KAD.bucketSize;
  let nearer = 0;
  for (const contact of kad.routingTable.kb.toIterable()) {
    if (compareDistance(place, contact.kadId, here) < 0) nearer += 1;
    if (nearer >= count) return false;
  }
  return true;
};
