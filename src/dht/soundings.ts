// Soundings: a few peers are asked in place of all. Where everybody knows everybody, a walk asks each
// peer and hears from the last what the first had said. When the peer nearest to a key and two
// others name nobody new, a walk would hardly find anybody. One new name, or one answer that does not
// come, and the walk is made. The others are those that were not asked yet, who may bring a part of
// the overlay that was cut off, and then whoever is drawn by lot.

import type { PeerId } from '@libp2p/interface';
import type { Clock } from '../node/clock.ts';
import type { Counters } from './conduct.ts';
import { draw } from './draw.ts';
import { KAD } from './kad.ts';
import type { KadInside } from './kad-inside.ts';
import { placeInKeySpace } from './record-keys.ts';

export interface SoundingDeps {
  readonly kad: () => KadInside;
  /** Our peer id. */
  readonly self: () => string;
  readonly clock: Pick<Clock, 'random'>;
  readonly counters: Counters;
}

/** Whether the table holds everybody whom a few of it name for a key. */
export type Sounding = (key: Uint8Array, signal: AbortSignal) => Promise<boolean>;

/** A request that belongs to no path of a walk. */
export const NO_PATH = { index: -1, queued: 0, running: 0, total: 0 };

/** The soundings of one node. */
export const makeSounding = ({ kad, self, clock, counters }: SoundingDeps): Sounding => {
  const namesOnlyKnown = async (
    peer: PeerId,
    key: Uint8Array,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const message = { type: 'FIND_NODE' as const, key };
    for await (const event of kad().network.sendRequest(peer, message, { signal, path: NO_PATH })) {
      if (event.name !== 'PEER_RESPONSE') continue;
      const known = new Set(
        [...kad().routingTable.kb.toIterable()].map((each) => `${each.peerId}`),
      );
      known.add(self());
      return event.closer.every(({ id }) => known.has(id.toString()));
    }
    return false;
  };
  /** Who was asked since it came into the table. */
  let met = new Set<string>();
  return async (key, signal) => {
    const { routingTable } = kad();
    const [nearest] = routingTable.closestPeers(placeInKeySpace(key), { count: 1 });
    // Nobody to ask.
    if (nearest === undefined) return false;
    const all = [...routingTable.kb.toIterable()].map(({ peerId }) => peerId);
    met = new Set(all.map(String).filter((peer) => met.has(peer)));
    const count = KAD.alpha - 1;
    const others = all.filter((peer) => !peer.equals(nearest));
    const fresh = draw(
      others.filter((peer) => !met.has(peer.toString())),
      count,
      clock,
    );
    const rest = draw(
      others.filter((peer) => met.has(peer.toString())),
      count - fresh.length,
      clock,
    );
    const asked = [nearest, ...fresh, ...rest];
    for (const peer of asked) met.add(peer.toString());
    const answers = await Promise.all(asked.map((peer) => namesOnlyKnown(peer, key, signal)));
    const isKnown = answers.every(Boolean);
    counters.add(isKnown ? 'walks-spared' : 'walks-needed');
    return isKnown;
  };
};
