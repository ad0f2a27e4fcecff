// Who may connect, who is dialled, and which addresses are kept for a peer. Asked by libp2p at each
// of these moments; it only answers.

import type { Connection, ConnectionGater, PeerId } from '@libp2p/interface';
import type { Limits } from '../node/limits.ts';
import type { Conduct, Counters } from './conduct.ts';
import type { Admits } from './options.ts';
import { placeOf, refusal, type Stand } from './policy.ts';

export interface GaterDeps {
  readonly stand: Stand;
  readonly limits: Limits;
  readonly conduct: Conduct;
  readonly counters: Counters;
  /** Everybody when it is left out. */
  readonly admits?: Admits;
  /** Open connections, of one peer or all. */
  readonly connections: (peer?: string) => readonly Connection[];
}

/** The connection gater of one node. */
export const makeGater = (deps: GaterDeps): ConnectionGater => {
  const { stand, limits, conduct, counters, admits = () => true, connections } = deps;
  const noted = (name: string, deny: boolean): boolean => {
    if (deny) counters.add(name);
    return deny;
  };
  const hostIsFull = (host: string | undefined): boolean => {
    if (host === undefined || stand.policy !== 'public') return false;
    const there = connections().filter((open) => placeOf(open.remoteAddr)?.host === host);
    return there.length >= limits.overlayConnectionsPerHostMax;
  };
  const crowds = (peer: string): boolean =>
    connections(peer).length >= limits.overlayConnectionsPerPeerMax;
  /** Whether one of them is unwelcome: sent away for a while, or not among those who may come. */
  const refuses = (...peers: PeerId[]): boolean =>
    peers.map(String).some((peer) => conduct.banned(peer) || noted('peer-refused', !admits(peer)));
  return {
    denyDialPeer: (peer) => noted('dial-refused-peer', refuses(peer)),
    denyDialMultiaddr: (address) =>
      noted('dial-refused-by-policy', refusal(stand, address) !== undefined),
    denyInboundConnection: (raw) =>
      noted('inbound-refused-host-full', hostIsFull(placeOf(raw.remoteAddr)?.host)),
    denyInboundEncryptedConnection: (peer) =>
      noted('inbound-refused-peer', refuses(peer) || crowds(peer.toString())),
    // The first moment that the peer behind an address without an id is known.
    denyOutboundEncryptedConnection: (peer) => refuses(peer),
    denyInboundRelayReservation: (peer) => refuses(peer),
    denyOutboundRelayedConnection: (source, destination) => refuses(source, destination),
    denyInboundRelayedConnection: (relay, peer) => refuses(relay, peer),
    filterMultiaddrForPeer: (_peer, address) => refusal(stand, address) === undefined,
  };
};
