// A running overlay node: what exists between start and stop, how it comes up and goes down.
// ./node.ts is the face of it.

import { mkdir } from 'node:fs/promises';
import type { PeerId } from '@libp2p/interface';
import { LevelDatastore } from 'datastore-level';
import type { Clock } from '../node/clock.ts';
import { Fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { readAnswersOnce } from './answers.ts';
import { type Bootstraps, makeBootstraps } from './bootstraps.ts';
import { makeBuckets } from './buckets.ts';
import type { Conduct, Counters } from './conduct.ts';
import { watchFloods } from './floods.ts';
import { makeGater } from './gater.ts';
import type { HealthBook } from './health.ts';
import { confirmListening, type Host, makeHost } from './host.ts';
import { isNearEnough, kadService } from './kad.ts';
import type { KadInside } from './kad-inside.ts';
import { makeKadStore } from './kad-store.ts';
import { type Lookups, makeLookups } from './lookups.ts';
import type { Admits, OverlayOptions } from './options.ts';
import type { PeerEvent } from './overlay.ts';
import { makePeerMemory, type PeerMemory } from './peer-memory.ts';
import { makePeers, type Peers } from './peers.ts';
import type { Stand } from './policy.ts';
import { placeInKeySpace } from './record-keys.ts';
import { type Disk, makeRecordStore, type RecordStore } from './records.ts';
import { makeSounding, type Sounding } from './soundings.ts';
import { makeOpenLive } from './streams.ts';
import type { ResolveName } from './transport.ts';
import { explore, makeUpkeep, type Upkeep } from './upkeep.ts';
import { parsePeer, type Wires } from './wires.ts';

/** What is there before the start. */
export interface Ground {
  readonly options: OverlayOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
  readonly resolveName: ResolveName | undefined;
  readonly stand: Stand;
  readonly peerId: PeerId;
  readonly counters: Counters;
  readonly conduct: Conduct;
  readonly health: HealthBook;
  readonly wires: Wires;
  /** Closes all connections of a peer. */
  readonly drop: (peer: string, reason: string) => void;
  readonly onPeer: (event: PeerEvent) => void;
}

/** What is there between start and stop. */
export interface Running {
  readonly disk: LevelDatastore;
  readonly host: Host;
  readonly kad: KadInside;
  readonly records: RecordStore;
  readonly lookups: Lookups;
  readonly memory: PeerMemory;
  readonly peers: Peers;
  readonly bootstraps: Bootstraps;
  readonly upkeep: Upkeep;
  /** Ends the watch over floods. */
  readonly unwatch: () => void;
}

const BOOTSTRAP_TAG = 'colonies-bootstrap';
const STOP_MS = 10_000;

/** Things that refer to each other before all of them exist. */
interface Later {
  host?: Host;
  kad?: KadInside;
}

const must = <T>(thing: T | undefined): T => {
  if (thing === undefined) throw new Error('used before the overlay was put together');
  return thing;
};

const admitsOf = ({ admits }: OverlayOptions): Admits => admits ?? (() => true);

/** Who is worth no dial: those that failed lately, and those that may not be connected with. */
const isOutIn =
  ({ options, health }: Ground) =>
  (peer: string): boolean =>
    health.isOut(peer) || !admitsOf(options)(peer);

const buildHost = async (
  ground: Ground,
  later: Later,
  disk: LevelDatastore,
  records: RecordStore,
): Promise<Host> => {
  const { options, stand, limits, clock, conduct, counters, health } = ground;
  const rate = makeBuckets({
    perSecond: limits.overlayKadMessagesPerSecond,
    burst: limits.overlayKadMessagesBurst,
    keysMax: limits.overlayTrackedPeersMax,
    now: clock.now,
  });
  const admits = admitsOf(options);
  const hearsay = { ...health, isOut: isOutIn(ground) };
  const kadDeps = { ...options, stand, limits, conduct, counters, health: hearsay, rate };
  const connections = (peer?: string) =>
    later.host?.getConnections(peer === undefined ? undefined : parsePeer(peer)) ?? [];
  const extras = {
    ...options.extras,
    confirmation: stand.policy === 'public',
    ...(options.mdns === true ? { mdns: options.network } : {}),
  };
  return makeHost({
    stand,
    limits,
    privateKey: options.key.privateKey,
    listen: options.listen,
    announce: options.announce ?? [],
    datastore: disk,
    gater: makeGater({ stand, limits, conduct, counters, admits, connections }),
    ...(options.sharedKey === undefined ? {} : { sharedKey: options.sharedKey }),
    ...(ground.resolveName === undefined ? {} : { resolveName: ground.resolveName }),
    extras,
    onFound: ({ id, multiaddrs }) => onFound(ground, later, id, multiaddrs.map(String)),
    dht: kadService(
      { ...kadDeps, store: makeKadStore(records) },
      makeOpenLive(() => must(later.host)),
      (kad) => {
        readAnswersOnce(kad, limits);
        later.kad = kad;
      },
    ),
  });
};

/** A neighbour that announced itself by multicast: dialled, unless it is known. */
const onFound = (ground: Ground, later: Later, id: PeerId, addresses: string[]): void => {
  const { host } = later;
  if (host === undefined || id.equals(host.peerId) || host.getConnections(id).length > 0) return;
  const first = addresses.slice(0, ground.limits.overlayAddressesPerPeerMax);
  Promise.any(
    first.map((text) =>
      ground.wires.dial(text.includes('/p2p/') ? text : `${text}/p2p/${id.toString()}`),
    ),
  ).catch(() => {
    // Announced, but not reachable under any permitted address.
    ground.counters.add('mdns-unreachable');
  });
};

const buildRecords = (ground: Ground, later: Later, disk: LevelDatastore): RecordStore => {
  const { options, limits, clock, counters, peerId } = ground;
  const here = placeInKeySpace(peerId.toMultihash().bytes);
  return makeRecordStore({
    disk: disk as unknown as Disk,
    rules: options.rules,
    quotas: options.quotas,
    limits,
    clock,
    counters,
    here,
    isNear: (place) => isNearEnough(must(later.kad), here, place),
  });
};

const buildBootstraps = (
  ground: Ground,
  host: Host,
  kad: KadInside,
  memory: PeerMemory,
  sound: Sounding,
): Bootstraps => {
  const { options, limits, clock, log, wires, peerId } = ground;
  return makeBootstraps({
    given: options.bootstraps ?? [],
    resolve: options.resolveBootstrap,
    dial: wires.dial,
    self: peerId.toString(),
    isConnected: (peer) => host.getConnections(parsePeer(peer)).length > 0,
    keep: (peer) => {
      const tags = { [BOOTSTRAP_TAG]: { value: 50 } };
      host.peerStore.merge(parsePeer(peer), { tags }).catch((error: Error) => {
        // Only its protection from pruning is lost, until the next round.
        log.debug('a bootstrap could not be tagged', { peer, error });
      });
    },
    remembered: memory.remembered,
    isOut: isOutIn(ground),
    tableSize: () => kad.routingTable.size,
    lookAround: (signal) => explore(kad, peerId.toMultihash().bytes, { limits, sound }, signal),
    limits,
    clock,
    log,
  });
};

const buildPeers = (
  ground: Ground,
  host: Host,
  memory: PeerMemory,
  bootstraps: Bootstraps,
): Peers => {
  const { options, stand, limits, clock, counters, health, drop } = ground;
  const peers = makePeers({
    host,
    network: options.network,
    stand,
    limits,
    clock,
    counters,
    drop,
    onSeen: (peer, member) => {
      if (host.getConnections(peer).length > 0) health.answered(peer.toString());
      if (member) memory.remember(peer);
    },
  });
  peers.on((event) => {
    ground.onPeer(event);
    if (event.event === 'disconnect') bootstraps.hurry();
  });
  return peers;
};

const assemble = async (ground: Ground, later: Later, disk: LevelDatastore): Promise<Running> => {
  const { options, limits, clock, log, counters, health, drop, peerId } = ground;
  const records = buildRecords(ground, later, disk);
  await records.open();
  const host = await buildHost(ground, later, disk, records);
  later.host = host;
  const kad = must(later.kad);
  const memory = makePeerMemory({ host, limits, clock, log, counters });
  const self = (): string => peerId.toString();
  const sound = makeSounding({ kad: () => kad, self, clock, counters });
  const bootstraps = buildBootstraps(ground, host, kad, memory, sound);
  const peers = buildPeers(ground, host, memory, bootstraps);
  const upkeep = makeUpkeep({
    kad: () => kad,
    ownKey: peerId.toMultihash().bytes,
    here: placeInKeySpace(peerId.toMultihash().bytes),
    sound,
    ping: (peer, signal) => host.services.ping.ping(peer, { signal }),
    health,
    drop,
    connected: peers.connected,
    members: peers.members,
    sweepRecords: records.sweep,
    forgetPeers: memory.forgetSome,
    limits,
    clock,
    log,
  });
  const { rules, quotas } = options;
  const lookupDeps = { records, rules, quotas, limits, clock, counters, sound };
  const lookups = makeLookups({ kad: () => kad, self, ...lookupDeps });
  const unwatch = watchFloods({ host, limits, clock, conduct: ground.conduct });
  return { disk, host, kad, records, lookups, memory, peers, bootstraps, upkeep, unwatch };
};

/** Starts the host; an address that cannot be listened on is told in words of ours. */
const listen = async (host: Host): Promise<void> => {
  try {
    await host.start();
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    const [, address, reason] = /(\/ip\S+): \w*Error: (?:listen )?(.+)/.exec(text) ?? [];
    if (address === undefined) throw error;
    const message = `the overlay cannot listen on ${address}: ${reason}`;
    throw new Fault('unavailable', message, {}, error);
  }
};

/**
 * Brings a node up. `register` adds the protocol handlers, before anybody can connect. When a step
 * fails everything that was opened is closed again.
 */
export const startNode = async (
  ground: Ground,
  register: (host: Host) => Promise<void>,
): Promise<Running> => {
  const { options, stand } = ground;
  await mkdir(options.folder, { recursive: true });
  const disk = new LevelDatastore(options.folder);
  await disk.open();
  const later: Later = {};
  try {
    const running = await assemble(ground, later, disk);
    await register(running.host);
    await listen(running.host);
    if (stand.policy !== 'public') confirmListening(running.host);
    ground.health.start();
    running.bootstraps.start();
    running.upkeep.start();
    return running;
  } catch (error) {
    await later.host?.stop();
    await disk.close();
    throw error;
  }
};

/** Takes a node down: loops first, then connections, then the disk. */
export const stopNode = async (running: Running, ground: Ground): Promise<void> => {
  ground.health.stop();
  running.bootstraps.stop();
  running.upkeep.stop();
  running.memory.stop();
  running.peers.stop();
  running.unwatch();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), STOP_MS);
  });
  const ended = await Promise.race([running.host.stop(), late]);
  clearTimeout(timer);
  if (ended === 'late') ground.log.warn('the overlay did not stop in time');
  await running.disk.close();
};
