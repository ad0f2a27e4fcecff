// Whom a node in the mode `closed` connects with: peers that the settings name, the nodes of its
// bootstraps, and the nodes of its anchors as their newest server records say. Hearsay names nobody.

import type { Admits } from '../dht/options.ts';
import type { Overlay } from '../dht/overlay.ts';
import type { Federation } from '../federation/federation.ts';
import { FEDERATION_LIMITS as LIMITS } from '../federation/limits.ts';
import type { Config } from '../node/config.ts';
import { fault } from '../node/errors.ts';
import type { Log } from '../node/log.ts';

export interface NamedPeers {
  readonly admits: Admits;
  /** The node behind a bootstrap's URL said which peer it is. */
  readonly name: (url: string, peer: string) => void;
  /** From now on the nodes of anchors count too. */
  follow(federation: Pick<Federation, 'book' | 'trust' | 'lookups'>): Promise<void>;
  /**
   * Takes in anchors that came or moved, closes connections to those that are named no more, and
   * asks for the records of anchors that were never seen.
   */
  round(overlay: Pick<Overlay, 'peers' | 'drop'>): Promise<void>;
}

const NOT_NAMED = 'named no more';
/** Stands for no list of anchors. */
const STALE = 'stale';

/** The peer ids in a multiaddress: of the node itself, and of the relay before it. */
const peersIn = (address: string): string[] =>
  [...address.matchAll(/\/p2p\/([^/]+)/g)].map(([, peer = '']) => peer);

const fixedPeers = (settings: Config['federation'], bootstraps: readonly string[]): Set<string> => {
  const fixed = new Set(settings.peers);
  for (const address of bootstraps.filter((text) => text.startsWith('/'))) {
    const peers = peersIn(address);
    if (peers.length === 0) {
      throw fault('bad-request', `closed mode needs the peer id of a bootstrap: ${address}/p2p/…`);
    }
    for (const peer of peers) fixed.add(peer);
  }
  return fixed;
};

export interface NamedPeersDeps {
  readonly settings: Config['federation'];
  readonly bootstraps: readonly string[];
  readonly log: Log;
}

/** The named peers of one node. Throws `bad-request` for a bootstrap that names no peer. */
export const makeNamedPeers = (deps: NamedPeersDeps): NamedPeers => {
  const { settings, bootstraps, log } = deps;
  const fixed = fixedPeers(settings, bootstraps);
  const behindUrls = new Map<string, string>();
  let ofAnchors: ReadonlySet<string> = new Set();
  let unseen: string[] = [];
  let known: Pick<Federation, 'book' | 'trust' | 'lookups'> | undefined;
  let isSeeking = false;
  let readFor = STALE;

  const admits = (peer: string): boolean =>
    fixed.has(peer) || ofAnchors.has(peer) || [...behindUrls.values()].includes(peer);
  const readAnchors = async (): Promise<void> => {
    const anchors = known?.trust.anchors().map(({ serverid }) => serverid) ?? [];
    if (readFor === anchors.join()) return;
    readFor = anchors.join();
    const peers = new Set<string>();
    const missing: string[] = [];
    for (const serverid of anchors) {
      // A record that ended while this node was off still says whom the operator meant.
      const held = await known?.book.hint('server', serverid);
      if (held !== undefined) peers.add(held.record.payload.peer);
      else if (known?.book.isRevoked(serverid) === false) missing.push(serverid);
    }
    ofAnchors = peers;
    unseen = missing;
  };
  /** Each round asks for a few, so that one that nobody has does not stand before the others. */
  const seek = async (): Promise<void> => {
    if (isSeeking || known === undefined) return;
    isSeeking = true;
    const { lookups } = known;
    const asked = unseen.splice(0, LIMITS.anchorsSoughtPerRound);
    unseen.push(...asked);
    try {
      await Promise.all(asked.map((id) => lookups.find('server', id, { until: 'first' })));
    } finally {
      isSeeking = false;
    }
  };
  return {
    admits,
    name: (url, peer) => {
      behindUrls.set(url, peer);
    },
    follow: async (federation) => {
      known = federation;
      federation.book.onNew(({ kind }) => {
        if (kind === 'server' || kind === 'revocation') readFor = STALE;
      });
      await readAnchors();
    },
    round: async (overlay) => {
      await readAnchors();
      for (const { id } of overlay.peers()) if (!admits(id)) await overlay.drop(id, NOT_NAMED);
      seek().catch((error: unknown) => {
        // Over its limits it is left for the next round.
        log.debug('the record of an anchor was not found', { error });
      });
    },
  };
};
