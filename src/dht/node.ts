// The overlay node behind the port of ./overlay.ts.
// Loading this loads libp2p, which takes most of a second: import it dynamically, and only when the
// overlay is on (`const { makeOverlay } = await import('./dht/node.ts')`).

import './node20.ts';
import { fault } from '../node/errors.ts';
import { makeCalls, type OwnedCalls } from './calls.ts';
import { makeConduct, makeCounters } from './conduct.ts';
import { makeHealth } from './health.ts';
import { type Host, peerIdOf } from './host.ts';
import { checkOptions, type OverlayDeps, type OverlayOptions } from './options.ts';
import type { Overlay, OverlayStatus, PeerEvent } from './overlay.ts';
import { listensOnLoopback, type Stand } from './policy.ts';
import { makePushes, type OwnedPushes } from './pushes.ts';
import { type Ground, type Running, startNode, stopNode } from './running.ts';
import { makeWires, parsePeer } from './wires.ts';

/** What changes when the node starts and stops. */
interface Slot {
  host?: Host;
  running?: Running;
  starting?: Promise<void>;
}

const off = (): never => {
  throw fault('unavailable', 'the overlay is not running');
};

const makeGround = (
  options: OverlayOptions,
  deps: OverlayDeps,
  slot: Slot,
  onPeer: (event: PeerEvent) => void,
): Ground => {
  const { clock, limits } = deps;
  const log = deps.log.child({ part: 'overlay' });
  const counters = makeCounters();
  const { policy, listen, key } = options;
  const stand: Stand = { policy, onLoopback: listensOnLoopback(listen) };
  const drop = (peer: string, reason: string): void => {
    for (const connection of slot.host?.getConnections(parsePeer(peer)) ?? []) {
      connection.abort(new Error(reason));
    }
  };
  const evict = (peer: string): void => {
    slot.running?.kad.routingTable.remove(parsePeer(peer)).catch((error: Error) => {
      // The table is being taken down.
      log.debug('a peer could not be evicted', { peer, error });
    });
  };
  return {
    options,
    clock,
    log,
    limits,
    resolveName: deps.resolveName,
    stand,
    peerId: peerIdOf(key.privateKey),
    counters,
    conduct: makeConduct({ clock, log, limits, counters, drop }),
    health: makeHealth({ clock, limits, counters, evict }),
    wires: makeWires({ host: () => slot.host ?? off(), stand, limits, log }),
    drop,
    onPeer,
  };
};

/**
 * The protocols of a node: handlers may be given before the start, and are there at every start.
 */
const makeProtocols = (ground: Ground, slot: Slot) => {
  const { wires, limits, clock, log, conduct, counters } = ground;
  const handlers = new Map<string, Parameters<Overlay['handle']>>();
  const calls = new Map<string, OwnedCalls>();
  const pushes = new Map<string, OwnedPushes>();
  const handle: Overlay['handle'] = async (...handler) => {
    handlers.set(handler[0], handler);
    if (slot.host !== undefined) await wires.handle(...handler);
  };
  const streams = { handle, open: wires.open };
  const shared = { streams, limits, clock, log, conduct, counters };
  const members = (): string[] => slot.running?.peers.members() ?? [];
  const known = <T>(map: Map<string, T>, protocol: string, make: () => T): T => {
    const made = map.get(protocol) ?? make();
    map.set(protocol, made);
    return made;
  };
  return {
    handle,
    calls: (protocol: string) => known(calls, protocol, () => makeCalls({ protocol, ...shared })),
    pushes: (protocol: string) =>
      known(pushes, protocol, () => makePushes({ protocol, members, ...shared })),
    register: async (host: Host): Promise<void> => {
      slot.host = host;
      for (const handler of handlers.values()) await wires.handle(...handler);
    },
    forget: (peer: string): void => {
      for (const each of pushes.values()) each.forget(peer);
    },
    stop: (): void => {
      for (const each of calls.values()) each.stop();
      for (const each of pushes.values()) each.stop();
    },
    counts: () => {
      const all = [...calls.values()].map((each) => each.counts());
      const sum = (pick: (each: (typeof all)[number]) => number): number =>
        all.reduce((total, each) => total + pick(each), 0);
      return {
        'calls-served-now': sum((each) => each.calls),
        'calls-waiting-now': sum((each) => each.waits),
        'calls-unread-bytes': sum((each) => each.unreadBytes),
      };
    },
  };
};

const statusOf = (
  ground: Ground,
  running: Running | undefined,
  addresses: readonly string[],
  counts: Readonly<Record<string, number>>,
): OverlayStatus => {
  const { options, peerId, counters } = ground;
  const totals = running?.records.totals();
  return {
    network: options.network,
    peerId: peerId.toString(),
    policy: options.policy,
    running: running !== undefined,
    addresses,
    connections: running?.host.getConnections().length ?? 0,
    members: running?.peers.members().length ?? 0,
    table: running?.kad.routingTable.size ?? 0,
    records: totals?.records ?? 0,
    recordBytes: totals?.bytes ?? 0,
    queries: running?.lookups.running() ?? 0,
    bootstraps: running?.bootstraps.states() ?? [],
    counters: { ...counters.all(), ...counts },
  };
};

/**
 * An overlay node, not started. Throws `bad-request` for options that cannot work. It can be
 * started once and stopped once.
 */
export const makeOverlay = (options: OverlayOptions, deps: OverlayDeps): Overlay => {
  checkOptions(options);
  const slot: Slot = {};
  const listeners = new Set<(event: PeerEvent) => void>();
  const ground = makeGround(options, deps, slot, (event) => {
    if (event.event === 'disconnect') protocols.forget(event.peer.id);
    for (const listener of [...listeners]) listener(event);
  });
  const protocols = makeProtocols(ground, slot);
  const { wires, log, peerId } = ground;
  const lookups = () => (slot.running ?? off()).lookups;
  const addresses = (): string[] => (slot.host?.getMultiaddrs() ?? []).map(String);

  const start = async (): Promise<void> => {
    slot.running = await startNode(ground, protocols.register);
    log.info('overlay started', { peerid: peerId.toString(), network: options.network });
  };
  return {
    start: () => {
      slot.starting ??= start();
      return slot.starting;
    },
    stop: async () => {
      const { running } = slot;
      if (running === undefined) return;
      delete slot.running;
      protocols.stop();
      await stopNode(running, ground);
      delete slot.host;
      log.info('overlay stopped');
    },
    network: options.network,
    peerId: peerId.toString(),
    key: options.key,
    addresses,
    peers: () => slot.running?.peers.list() ?? [],
    status: () => statusOf(ground, slot.running, addresses(), protocols.counts()),
    local: (...args) => lookups().local(...args),
    get: (...args) => lookups().get(...args),
    search: (...args) => lookups().search(...args),
    put: (...args) => lookups().put(...args),
    keep: (...args) => lookups().keep(...args),
    disown: (...args) => lookups().disown(...args),
    records: async () => slot.running?.records.list() ?? [],
    handle: protocols.handle,
    open: wires.open,
    calls: protocols.calls,
    pushes: protocols.pushes,
    dial: wires.dial,
    drop: wires.drop,
    onPeer: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
