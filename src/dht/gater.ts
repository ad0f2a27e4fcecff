// Who may connect, who is dialled, and which addresses are kept for a peer. Asked by libp2p at each
// of these moments; it only answers.

import type { Connection, ConnectionGater } from '@libp2p/interface';
import type { Limits } from '../node/limits.ts';
import type { Conduct, Counters } from './conduct.ts';
import { placeOf, refusal, type Stand } from './policy.ts';

export interface GaterDeps {
  readonly stand: Stand;
  readonly limits: Limits;
  readonly conduct: Conduct;
  readonly counters: Counters;
  /** Open connections, of one peer or all. */
  readonly connections: (peer?: string) => readonly Connection[];
}

/** The connection gater of one node. */
export const makeGater = (deps: GaterDeps): ConnectionGater => {
  const { stand, limits, conduct, counters, connections } = deps;
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
  return {
    denyDialPeer: (peer) => conduct.banned(peer.toString()),
    denyDialMultiaddr: (address) =>
      noted('dial-refused-by-policy', refusal(stand, address) !== undefined),
    denyInboundConnection: (raw) =>
      noted('inbound-refused-host-full', hostIsFull(placeOf(raw.remoteAddr)?.host)),
    denyInboundEncryptedConnection: (peer) =>
      noted('inbound-refused-peer', conduct.banned(peer.toString()) || crowds(peer.toString())),
    denyOutboundEncryptedConnection: (peer) => conduct.banned(peer.toString()),
    denyInboundRelayReservation: (peer) => conduct.banned(peer.toString()),
    denyOutboundRelayedConnection: (source, destination) =>
      conduct.banned(source.toString()) || conduct.banned(destination.toString()),
    denyInboundRelayedConnection: (_relay, peer) => conduct.banned(peer.toString()),
    filterMultiaddrForPeer: (_peer, address) => refusal(stand, address) === undefined,
  };
};
