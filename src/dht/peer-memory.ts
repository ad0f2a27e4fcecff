// Peers remembered on disk: which members there were, when each was last connected, and a bound on
// how many peers and addresses are kept. It is what lets a node come back without its bootstraps.

import type { Address, Peer, PeerId } from '@libp2p/interface';
import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { Counters } from './conduct.ts';
import type { Host } from './host.ts';

/** Metadata of a remembered member: when it was last connected, epoch milliseconds as text. */
const SEEN = 'colonies-seen';

export interface PeerMemory {
  /** Notes that a member is, or just was, connected. */
  remember(peer: PeerId): void;
  /** Members remembered from earlier, the last seen first, not connected now. */
  remembered(max: number): Promise<PeerId[]>;
  /**
   * Forgets who was away for `overlayPeerAgeMaxMs`, and the longest away beyond
   * `overlayPeersStoredMax`.
   */
  forgetSome(): Promise<void>;
  stop(): void;
}

export interface PeerMemoryDeps {
  readonly host: Host;
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly counters: Counters;
}

const seenAt = (peer: Peer): number => {
  const bytes = peer.metadata.get(SEEN);
  return bytes === undefined ? 0 : Number(Buffer.from(bytes).toString('utf8')) || 0;
};

/** The memory of one node, on its peer store. */
export const makePeerMemory = (deps: PeerMemoryDeps): PeerMemory => {
  const { host, limits, clock, log, counters } = deps;
  const isConnected = (peer: PeerId): boolean => host.getConnections(peer).length > 0;
  const noted = (what: string, done: Promise<unknown>): void => {
    done.catch((error: Error) => {
      // The store closes while peers still come and go.
      log.debug(`${what} failed`, { error });
    });
  };
  /** The library merges whatever addresses it hears for a peer, from anybody, without a bound. */
  const trim = (peer: PeerId, addresses: readonly Address[]): void => {
    if (addresses.length <= limits.overlayAddressesPerPeerMax) return;
    const signed = addresses.filter((address) => address.isCertified);
    const rest = addresses.filter((address) => !address.isCertified);
    const kept = [...signed, ...rest].slice(0, limits.overlayAddressesPerPeerMax);
    counters.add('addresses-trimmed');
    noted('trimming addresses', host.peerStore.patch(peer, { addresses: kept }));
  };
  const onUpdate = (event: CustomEvent<{ peer: Peer }>): void => {
    const { id, addresses } = event.detail.peer;
    if (!id.equals(host.peerId)) trim(id, addresses);
  };
  host.addEventListener('peer:update', onUpdate);
  return {
    remember: (peer) => {
      const metadata = { [SEEN]: Buffer.from(String(clock.now()), 'utf8') };
      noted('remembering a peer', host.peerStore.merge(peer, { metadata }));
    },
    remembered: async (max) => {
      const stored = await host.peerStore.all({
        filters: [(peer) => peer.metadata.has(SEEN) && !isConnected(peer.id)],
      });
      stored.sort((a, b) => seenAt(b) - seenAt(a));
      return stored.slice(0, max).map((peer) => peer.id);
    },
    forgetSome: async () => {
      const stored = await host.peerStore.all();
      const excess = stored.length - limits.overlayPeersStoredMax;
      const longAgo = clock.now() - limits.overlayPeerAgeMaxMs;
      const idle = stored.filter((peer) => !isConnected(peer.id) && peer.tags.size === 0);
      idle.sort((a, b) => seenAt(a) - seenAt(b));
      // Hearsay, never connected, goes only when there is too much of it: it has no date.
      const goes = idle.filter(
        (peer, at) => at < excess || (seenAt(peer) > 0 && seenAt(peer) < longAgo),
      );
      for (const peer of goes) await host.peerStore.delete(peer.id);
      if (goes.length > 0) counters.add('peers-forgotten', goes.length);
    },
    stop: () => host.removeEventListener('peer:update', onUpdate),
  };
};
