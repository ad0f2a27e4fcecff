// Soundings: when asking a few says as much as asking all, and when it does not.

import type { PeerId } from '@libp2p/interface';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCounters } from '../../src/dht/conduct.ts';
import { peerIdOf } from '../../src/dht/host.ts';
import { KAD } from '../../src/dht/kad.ts';
import type { Contact, KadInside } from '../../src/dht/kad-inside.ts';
import { compareDistance, placeInKeySpace } from '../../src/dht/record-keys.ts';
import { makeSounding } from '../../src/dht/soundings.ts';
import { manualClock } from '../support/clock.ts';
import { makeWorld, thing, until, type World } from '../support/overlay-world.ts';
import { makeRawPeer, type RawPeer } from '../support/raw-peer.ts';
import { keyOf } from '../support/world.ts';

const PEERS = Array.from({ length: 30 }, (_, i) => peerIdOf(keyOf(`peer ${i}`)));
const SELF = peerIdOf(keyOf('self'));
const KEY = Buffer.from('any');

const contactOf = (peerId: PeerId): Contact => ({
  peerId,
  kadId: placeInKeySpace(peerId.toMultihash().bytes),
  lastPing: 0,
});

/** A table of `known`, whose peers name what `names` gives; undefined for no answer. */
const makeTable = (known: readonly PeerId[], names: (peer: PeerId) => PeerId[] | undefined) => {
  const asked: PeerId[] = [];
  const contacts = known.map(contactOf);
  const inside = {
    network: {
      sendRequest: async function* (peer: PeerId) {
        asked.push(peer);
        const named = names(peer);
        if (named === undefined) yield { name: 'QUERY_ERROR' };
        else yield { name: 'PEER_RESPONSE', closer: named.map((id) => ({ id, multiaddrs: [] })) };
      },
    },
    routingTable: {
      size: contacts.length,
      closestPeers: (place: Uint8Array, { count }: { count: number }) =>
        [...contacts]
          .sort((a, b) => compareDistance(place, a.kadId, b.kadId))
          .slice(0, count)
          .map(({ peerId }) => peerId),
      kb: { toIterable: () => contacts },
    },
  };
  const sound = makeSounding({
    kad: () => inside as unknown as KadInside,
    self: () => SELF.toString(),
    clock: manualClock(),
    counters: makeCounters(),
  });
  const come = (peer: PeerId): void => {
    contacts.push(contactOf(peer));
  };
  return { asked, sound: () => sound(KEY, new AbortController().signal), inside, come };
};

describe('a sounding', () => {
  it('asks the nearest and a few others, and is content when they name who is known', async () => {
    const known = PEERS.slice(0, 20);
    const { asked, sound, inside } = makeTable(known, () => [...known, SELF]);
    expect(await sound()).toBe(true);
    expect(new Set(asked.map(String)).size).toBe(KAD.alpha);
    const [nearest] = inside.routingTable.closestPeers(placeInKeySpace(KEY), { count: 1 });
    expect(asked).toContain(nearest);
  });

  it('asks those first that it did not ask yet, and whoever is drawn by lot later', async () => {
    const known = PEERS.slice(0, 21);
    const { asked, sound, come } = makeTable(known, () => PEERS);
    const countAsked = () => new Set(asked.map(String)).size;
    // The nearest each time, and two of the twenty others.
    for (let i = 0; i < 10; i += 1) await sound();
    expect(countAsked()).toBe(known.length);
    const late = PEERS[25] as PeerId;
    come(late);
    await sound();
    expect(asked.slice(-KAD.alpha)).toContain(late);
    for (let i = 0; i < 50; i += 1) await sound();
    expect(new Set(asked.slice(-90).map(String)).size).toBeGreaterThan(known.length / 2);
  });

  it('is not content when one of them names somebody new', async () => {
    const known = PEERS.slice(0, KAD.alpha);
    const { asked, sound } = makeTable(known, (peer) =>
      peer === known[1] ? [...known, PEERS[9] as PeerId] : known,
    );
    expect(await sound()).toBe(false);
    expect(asked).toHaveLength(KAD.alpha);
  });

  it('is not content when one of them does not answer, or nobody is there', async () => {
    const known = PEERS.slice(0, KAD.alpha);
    const silent = makeTable(known, (peer) => (peer === known[2] ? undefined : known));
    expect(await silent.sound()).toBe(false);
    expect(await makeTable([], () => []).sound()).toBe(false);
  });
});

describe('in a small overlay', () => {
  let world: World;
  let peer: RawPeer | undefined;
  afterEach(async () => {
    await peer?.stop();
    peer = undefined;
    await world.end();
  });
  const sent = (counters: Readonly<Record<string, number>>): number =>
    counters['kad-out-FIND_NODE'] ?? 0;

  it('a record is placed at all, and only a few are asked where it belongs', async () => {
    world = makeWorld();
    const nodes = await world.nodes(6);
    await until('all know each other', () =>
      nodes.every(({ overlay }) => overlay.status().table === 5),
    );
    const [, , , , , last] = nodes;
    const asked = () => sent(last?.overlay.status().counters ?? {});
    const before = asked();
    const placed = await last?.overlay.put('thing', 'few', thing({ key: 'few', seq: 1 }));
    expect(placed).toEqual({ copies: 5, asked: 5 });
    expect(asked() - before).toBe(KAD.alpha);
  });

  it('a walk is made when one of those asked names somebody who is not in the table', async () => {
    world = makeWorld();
    const [a, b] = await world.nodes(2);
    if (a === undefined || b === undefined) throw new Error('no nodes');
    peer = await makeRawPeer({ network: a.overlay.network });
    const hidden = await makeRawPeer({ network: a.overlay.network });
    const closer = [
      {
        id: hidden.node.peerId.toMultihash().bytes,
        multiaddrs: hidden.node.getMultiaddrs().map(({ bytes }) => bytes),
      },
    ];
    peer.kad().rpc.handlers['FIND_NODE'] = {
      handle: async () => ({ type: 'FIND_NODE', closer, providers: [] }),
    };
    await peer.dial(a.address());
    await until('both are in the table', () => a.overlay.status().table === 2);
    const walks = () => a.overlay.status().counters['walks-needed'] ?? 0;
    const before = walks();
    await a.overlay.put('thing', 'far', thing({ key: 'far', seq: 1 }));
    expect(walks()).toBe(before + 1);
    await until('who was named is in the table', () => a.overlay.status().table === 3);
    await hidden.stop();
  });
});
