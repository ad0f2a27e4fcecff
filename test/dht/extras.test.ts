// The optional parts: relays, and what is only wired.

import { afterEach, describe, expect, it } from 'vitest';
import { extraParts } from '../../src/dht/extras.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { makeWorld, until, type World } from '../support/overlay-world.ts';

const RPC = '/colonies/rpc/1';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let world: World;
afterEach(() => world?.end());

describe('a node that only dials out', () => {
  it('is called through the relay at which it holds a reservation', async () => {
    world = makeWorld();
    const relay = await world.node({ extras: { relayServer: true } });
    const hidden = await world.node({ listen: [], extras: { relayClient: true } });
    await hidden.overlay.calls(RPC).serve(async ({ head }) => ({ head: head.map((x) => x + 1) }));
    const address = await until('it has a relayed address', () =>
      hidden.overlay.addresses().find((each) => each.includes('/p2p-circuit')),
    );
    expect(address).toContain(relay.overlay.peerId);
    const caller = await world.node({ bootstraps: [] });
    const options = { signal: AbortSignal.timeout(10_000), addresses: [address] };
    const reply = await caller.overlay
      .calls(RPC)
      .call(hidden.overlay.peerId, Uint8Array.of(1, 2), bytes(''), options);
    expect([...reply.head]).toEqual([2, 3]);
    for await (const _chunk of reply.body) {
      // Read to the end, so that it counts as delivered.
    }
    const [peer] = caller.overlay.peers().filter(({ id }) => id === hidden.overlay.peerId);
    expect(peer).toMatchObject({ relayed: true, member: true });
    expect(caller.overlay.status().table).toBeLessThanOrEqual(1);
  });
});

describe('the optional parts', () => {
  it('are absent when nothing is asked for', async () => {
    const parts = await extraParts({}, LIMITS, () => undefined);
    expect(parts).toEqual({ listen: [], services: {}, peerDiscovery: [] });
  });

  it('are there when they are asked for', async () => {
    const extras = {
      mdns: 'colonies',
      relayServer: true,
      relayClient: true,
      holePunching: true,
      portMapping: true,
    };
    const parts = await extraParts(extras, LIMITS, () => undefined);
    expect(Object.keys(parts.services).sort()).toEqual([
      'confirmation',
      'holePunching',
      'portMapping',
      'relay',
    ]);
    expect(parts.listen).toEqual(['/p2p-circuit']);
    expect(parts.peerDiscovery).toHaveLength(1);
  });

  it('start and stop with a node', async () => {
    world = makeWorld();
    const extras = { relayServer: true, relayClient: true, holePunching: true, portMapping: true };
    const a = await world.node({ extras });
    expect(a.overlay.status().running).toBe(true);
    const strict = await world.node({ policy: 'public', bootstraps: [] });
    expect(strict.overlay.addresses()).toEqual([]);
  });
});
