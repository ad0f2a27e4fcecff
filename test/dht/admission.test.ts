// A node that connects with named peers only.

import { peerIdFromString } from '@libp2p/peer-id';
import { afterEach, describe, expect, it } from 'vitest';
import { makeConduct, makeCounters } from '../../src/dht/conduct.ts';
import { makeGater } from '../../src/dht/gater.ts';
import { systemClock } from '../../src/node/clock.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { lineLog, makeWorld, thing, until, type World } from '../support/overlay-world.ts';

let world: World | undefined;
afterEach(() => world?.end());

describe('a node that admits named peers only', () => {
  it('connects with a named peer, and with a stranger in neither direction', async () => {
    world = makeWorld();
    const named = new Set<string>();
    const stranger = await world.node();
    const friend = await world.node();
    const admits = (peer: string): boolean => named.has(peer);
    const closed = await world.node({ bootstraps: [], admits });
    const connected = (): string[] => closed.overlay.peers().map(({ id }) => id);

    named.add(friend.overlay.peerId);
    await expect(closed.overlay.dial(stranger.address())).rejects.toThrow('gater');
    // The handshake of the one who dials may end well before the other side has refused it.
    await stranger.overlay.dial(closed.address()).catch(() => undefined);
    const bare = stranger.address().replace(/\/p2p\/.*$/, '');
    await expect(closed.overlay.dial(bare)).rejects.toThrow('gater');
    await until('the stranger is rid of it', () =>
      stranger.overlay.peers().every(({ id }) => id !== closed.overlay.peerId),
    );
    expect(closed.overlay.status()).toMatchObject({ connections: 0, members: 0, table: 0 });
    expect(closed.overlay.status().counters['peer-refused']).toBeGreaterThanOrEqual(3);

    await friend.overlay.dial(closed.address());
    await until('the named peer is in', () => closed.overlay.status().table === 1);
    expect(connected()).toEqual([friend.overlay.peerId]);
  });

  it('dials nobody of whom a named peer tells', async () => {
    world = makeWorld();
    const [friend] = await world.nodes(2);
    const admits = (peer: string): boolean => peer === friend?.overlay.peerId;
    const closed = await world.node({ admits });
    await until('the named peer is in', () => closed.overlay.status().table === 1);
    const placed = await closed.overlay.put('thing', 'x', thing({ key: 'x', seq: 1 }));
    expect(placed).toEqual({ copies: 1, asked: 1 });
    await closed.overlay.get('thing', 'nobody has it');
    expect(closed.overlay.peers().map(({ id }) => id)).toEqual([friend?.overlay.peerId]);
    expect(closed.overlay.status().table).toBe(1);
    // Hearsay costs no attempt: it is dropped before anything dials.
    expect(closed.overlay.status().counters['dial-refused-peer']).toBeUndefined();
  });

  it('takes a relay or a relayed peer only when both are named', async () => {
    const clock = systemClock();
    const counters = makeCounters();
    const log = lineLog([]);
    const conduct = makeConduct({ clock, log, limits: LIMITS, counters, drop: () => undefined });
    const stand = { policy: 'test', onLoopback: true } as const;
    const [one, two] = [
      '16Uiu2HAmLGVFxp3q4GD1hWkQUvVDHVmqEaj1dQqkS4ZRQiaxTNRQ',
      '16Uiu2HAkzbYrhEKvhWGBpJQeeyAHo5WhPhxnvZTEz7n3qCeRZpdw',
    ].map((id) => peerIdFromString(id));
    if (one === undefined || two === undefined) throw new Error('two ids');
    const admits = (peer: string): boolean => peer === one.toString();
    const connections = () => [];
    const gater = makeGater({ stand, limits: LIMITS, conduct, counters, admits, connections });
    const answers = [
      gater.denyInboundRelayReservation?.(one),
      gater.denyInboundRelayReservation?.(two),
      gater.denyInboundRelayedConnection?.(one, one),
      gater.denyInboundRelayedConnection?.(one, two),
      gater.denyInboundRelayedConnection?.(two, one),
      gater.denyOutboundRelayedConnection?.(one, one),
      gater.denyOutboundRelayedConnection?.(one, two),
      gater.denyOutboundRelayedConnection?.(two, one),
    ];
    expect(answers).toEqual([false, true, false, true, true, false, true, true]);
  });
});
