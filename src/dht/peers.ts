// Who is connected, and what each peer said it is. A peer counts once it identified itself; nodes
// of other networks are sent away, so that two networks never mix through a common acquaintance.

import type { Connection, IdentifyResult, PeerId } from '@libp2p/interface';
import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Counters } from './conduct.ts';
import type { Host } from './host.ts';
import { kadProtocol } from './kad.ts';
import type { OverlayPeer, PeerEvent } from './overlay.ts';
import { publicKeyOf } from './peer-ids.ts';
import { refusal, type Stand } from './policy.ts';

const KAD_OF_ANY_NETWORK = /^\/colonies\/[^/]+\/kad\/1$/;

interface Known {
  readonly id: PeerId;
  readonly addresses: readonly string[];
  readonly member: boolean;
  /** As it was when the peer was last seen connected. */
  shown: OverlayPeer;
}

export interface Peers {
  list(): OverlayPeer[];
  /** Ids of all that said who they are, and of the members among them. */
  connected(): string[];
  members(): string[];
  on(listener: (event: PeerEvent) => void): () => void;
  stop(): void;
}

export interface PeersDeps {
  readonly host: Host;
  /** Undefined for a node that only dials out: it meets nodes of any network. */
  readonly network: string | undefined;
  readonly stand: Stand;
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'after'>;
  readonly counters: Counters;
  readonly drop: (peer: string, reason: string) => void;
  /** Told of every peer that identified itself, and of every member that left. */
  readonly onSeen: (peer: PeerId, member: boolean) => void;
}

/** As the multiplexer measured it last; negative before it did. */
const rttOf = (connection: Connection): number =>
  (connection as { readonly muxer?: { readonly rtt?: number } }).muxer?.rtt ?? -1;

const describe = (
  known: Omit<Known, 'shown'>,
  connections: readonly Connection[],
): OverlayPeer | undefined => {
  const [first] = connections;
  if (first === undefined) return undefined;
  const rtts = connections.map(rttOf).filter((rtt) => rtt >= 0);
  return {
    id: known.id.toString(),
    publicKey: publicKeyOf(known.id),
    addresses: known.addresses,
    direction: first.direction === 'inbound' ? 'in' : 'out',
    connectedAt: Math.min(...connections.map((connection) => connection.timeline.open)),
    member: known.member,
    relayed: connections.every((connection) => !connection.direct),
    rttMs: rtts.length === 0 ? undefined : Math.min(...rtts),
  };
};

/** Closes connections that never say who they are: the handshake alone proves nothing of use. */
const watchSilent = (deps: PeersDeps, isKnown: (id: string) => boolean): (() => void) => {
  const { host, limits, clock, counters } = deps;
  const timers = new Map<string, () => void>();
  const onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    const cancel = clock.after(limits.overlayIdentifyMs, () => {
      timers.delete(connection.id);
      // One that is used for streams has shown what it wants.
      if (isKnown(connection.remotePeer.toString()) || connection.streams.length > 0) return;
      counters.add('unidentified-closed');
      connection.abort(new Error('never identified itself'));
    });
    timers.set(connection.id, cancel);
  };
  const onClose = (event: CustomEvent<Connection>): void => {
    timers.get(event.detail.id)?.();
    timers.delete(event.detail.id);
  };
  host.addEventListener('connection:open', onOpen);
  host.addEventListener('connection:close', onClose);
  return () => {
    host.removeEventListener('connection:open', onOpen);
    host.removeEventListener('connection:close', onClose);
    for (const cancel of timers.values()) cancel();
  };
};

/** The peers of one node. */
export const makePeers = (deps: PeersDeps): Peers => {
  const { host, network, stand, limits, counters, drop, onSeen } = deps;
  const known = new Map<string, Known>();
  const listeners = new Set<(event: PeerEvent) => void>();
  const ours = network === undefined ? undefined : kadProtocol(network);

  const view = (peer: Known): OverlayPeer => {
    peer.shown = describe(peer, host.getConnections(peer.id)) ?? peer.shown;
    return peer.shown;
  };
  const tell = (event: PeerEvent): void => {
    for (const listener of [...listeners]) listener(event);
  };
  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    const { peerId, protocols, listenAddrs } = detail;
    const id = peerId.toString();
    const member = ours !== undefined && protocols.includes(ours);
    if (ours !== undefined && !member && protocols.some((p) => KAD_OF_ANY_NETWORK.test(p))) {
      counters.add('other-network-closed');
      drop(id, 'a node of another network');
      return;
    }
    // What this node would not dial it tells nobody else to dial.
    const addresses = listenAddrs
      .filter((address) => refusal(stand, address) === undefined)
      .slice(0, limits.overlayAddressesPerPeerMax)
      .map(String);
    const shown = describe({ id: peerId, addresses, member }, host.getConnections(peerId));
    if (shown === undefined) return;
    const isNew = known.get(id)?.member !== member;
    known.set(id, { id: peerId, addresses, member, shown });
    onSeen(peerId, member);
    if (isNew) tell({ event: 'connect', peer: shown });
  };
  const onGone = ({ detail }: CustomEvent<PeerId>): void => {
    const peer = known.get(detail.toString());
    if (peer === undefined) return;
    known.delete(detail.toString());
    if (peer.member) onSeen(peer.id, true);
    tell({ event: 'disconnect', peer: peer.shown });
  };
  host.addEventListener('peer:identify', onIdentify);
  host.addEventListener('peer:disconnect', onGone);
  const stopSilent = watchSilent(deps, (id) => known.has(id));

  return {
    list: () => [...known.values()].map(view),
    connected: () => [...known.keys()],
    members: () => [...known].filter(([, peer]) => peer.member).map(([id]) => id),
    on: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => {
      stopSilent();
      host.removeEventListener('peer:identify', onIdentify);
      host.removeEventListener('peer:disconnect', onGone);
      listeners.clear();
    },
  };
};
