// The optional parts of a node: discovery on the local network, relaying, hole punching and port
// mapping. Each is loaded only when it is switched on.

import type { PeerInfo } from '@libp2p/interface';
import type { Libp2pOptions } from 'libp2p';
import type { Limits } from '../node/limits.ts';

export interface Extras {
  /**
   * Finds nodes of this network on the local network by multicast; the name tells networks
   * apart.
   */
  readonly mdns?: string;
  /** Grants reservations to nodes that cannot be dialled, and carries their circuits. */
  readonly relayServer?: boolean;
  /** Keeps a reservation at a relay, so that this node can be reached though it only dials out. */
  readonly relayClient?: boolean;
  /** Tries to turn a relayed connection into a direct one. */
  readonly holePunching?: boolean;
  /** Asks the router for a port. */
  readonly portMapping?: boolean;
  /** Has peers confirm our public addresses by dialling back, and does so for others. */
  readonly confirmation?: boolean;
}

export interface ExtraParts {
  readonly listen: string[];
  readonly services: Record<string, (parts: never) => unknown>;
  readonly peerDiscovery: Discovery[];
}

type Discovery = NonNullable<Libp2pOptions['peerDiscovery']>[number];

const MDNS_INTERVAL_MS = 20_000;

const discovery = async (tag: string, onFound: (peer: PeerInfo) => void): Promise<Discovery> => {
  const { mdns } = await import('@libp2p/mdns');
  const make = mdns({ interval: MDNS_INTERVAL_MS, serviceTag: `_colonies-${tag}._udp.local` });
  return (parts) => {
    const service = make(parts);
    service.addEventListener('peer', (event) => onFound(event.detail));
    return service;
  };
};

/** The parts that `extras` ask for, in the form libp2p takes them. */
export const extraParts = async (
  extras: Extras,
  limits: Limits,
  onFound: (peer: PeerInfo) => void,
): Promise<ExtraParts> => {
  const listen: string[] = [];
  const services: ExtraParts['services'] = {};
  const peerDiscovery: ExtraParts['peerDiscovery'] = [];
  if (extras.mdns !== undefined) peerDiscovery.push(await discovery(extras.mdns, onFound));
  if (extras.relayClient === true) listen.push('/p2p-circuit');
  if (extras.relayServer === true) {
    const { circuitRelayServer } = await import('@libp2p/circuit-relay-v2');
    services['relay'] = circuitRelayServer({
      reservations: {
        maxReservations: limits.overlayRelayReservationsMax,
        reservationTtl: limits.overlayRelayReservationMs,
        // The library's 128 KiB and two minutes carry no colony.
        defaultDataLimit: BigInt(limits.overlayRelayCircuitBytesMax),
        defaultDurationLimit: limits.overlayRelayCircuitMs,
      },
    });
  }
  if (extras.holePunching === true) {
    const { dcutr } = await import('@libp2p/dcutr');
    services['holePunching'] = dcutr();
  }
  // A mapped port is announced only once a peer came in through it.
  if (extras.confirmation === true || extras.portMapping === true) {
    const { autoNAT } = await import('@libp2p/autonat');
    services['confirmation'] = autoNAT({ protocolPrefix: 'colonies' });
  }
  if (extras.portMapping === true) {
    const { uPnPNAT } = await import('@libp2p/upnp-nat');
    services['portMapping'] = uPnPNAT();
  }
  return { listen, services, peerDiscovery };
};
