// Holders that keep an old record for ever, and neighbours found by multicast.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  makeWorld,
  readThing,
  thing,
  until,
  type World,
  type WorldNode,
} from '../support/overlay-world.ts';
import { makeRawPeer, type RawPeer } from '../support/raw-peer.ts';

describe('ten peers of which two serve an old record for ever', () => {
  let world: World;
  let nodes: WorldNode[];
  const stale: RawPeer[] = [];

  beforeAll(async () => {
    world = makeWorld();
    nodes = await world.nodes(8);
    for (let i = 0; i < 2; i += 1) {
      const peer = await makeRawPeer({ network: nodes[0]?.overlay.network ?? '' });
      peer.kad().rpc.handlers['PUT_VALUE'] = {
        handle: async () => {
          throw new Error('keeps what it has');
        },
      };
      peer.kad().rpc.handlers['GET_VALUE'] = {
        handle: async (_from: unknown, { key }: { key: Uint8Array }) => {
          const name = Buffer.from(key).toString().slice('/thing/'.length);
          const record = peer.record(name, thing({ key: name, seq: 1 }));
          return { type: 'GET_VALUE', key, closer: [], providers: [], record };
        },
      };
      await peer.dial(nodes[i]?.address() ?? '');
      stale.push(peer);
    }
    await until(
      'all know all',
      () => nodes.every(({ overlay }) => overlay.status().table >= 9),
      120_000,
    );
  });
  afterAll(async () => {
    await Promise.all(stale.map((peer) => peer.stop()));
    await world.end();
  });

  it('never win against three agreeing copies of the newer one', async () => {
    const keys = Array.from({ length: 8 }, (_, i) => `key${i}`);
    for (const [i, key] of keys.entries()) {
      await nodes[i]?.overlay.put('thing', key, thing({ key, seq: 2 }));
    }
    for (const key of keys) {
      for (const node of nodes) {
        const found = await node.overlay.get('thing', key);
        expect(readThing(found.best)?.seq).toBe(2);
        expect(found.agree).toBeGreaterThanOrEqual(3);
      }
    }
  });
});

describe('nodes on one local network', () => {
  it('find each other without any bootstrap', async () => {
    const world = makeWorld();
    const listen = ['/ip4/0.0.0.0/tcp/0'];
    const a = await world.node({ bootstraps: [], mdns: true, listen });
    const b = await world.node({ bootstraps: [], mdns: true, listen });
    await until('they met', () => a.overlay.status().table === 1 && b.overlay.status().table === 1);
    await world.end();
  });
});
