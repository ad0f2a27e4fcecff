// Nodes that lost each other come back by themselves, without any bootstrap.

import { afterEach, expect, it } from 'vitest';
import { nodeKey } from '../../src/dht/node-key.ts';
import { systemClock } from '../../src/node/clock.ts';
import { generateKey } from '../../src/node/crypto/keys.ts';
import { makeWorld, until, type World } from '../support/overlay-world.ts';

const soon = { overlayRedialMs: 200 };

let world: World;
afterEach(() => world.end());

it('two nodes whose connections all broke connect again', async () => {
  world = makeWorld();
  const a = await world.node({ bootstraps: [] }, soon);
  const b = await world.node({ bootstraps: [] }, soon);
  const events: string[] = [];
  a.overlay.onPeer(({ event }) => events.push(event));
  await a.overlay.dial(b.address());
  await until('they know each other', () => a.overlay.status().table === 1);
  for (let i = 0; i < 2; i += 1) {
    events.length = 0;
    await b.overlay.drop(a.overlay.peerId, 'a cable was pulled');
    await until('they met again', () => events.join() === 'disconnect,connect');
  }
});

it('a node finds a member from before its restart that was out of reach for long', async () => {
  world = makeWorld();
  const clock = systemClock();
  const stay = nodeKey(generateKey(clock));
  const away = nodeKey(generateKey(clock));
  const b = await world.node({ bootstraps: [], key: away });
  const a = await world.node({ bootstraps: [], key: stay }, soon);
  const listen = [b.address().replace(/\/p2p\/.*$/, '')];
  await a.overlay.dial(b.address());
  await until('they know each other', () => a.overlay.status().table === 1);
  await b.overlay.stop();
  await until('the member lost its place in the table', async () => {
    await a.overlay.get('thing', 'any');
    return a.overlay.status().table === 0;
  });
  await a.overlay.stop();
  // Neither knows a bootstrap, and only one is where it was.
  await world.node({ bootstraps: [], key: away, listen, folder: b.folder });
  const again = await world.node({ bootstraps: [], key: stay, folder: a.folder }, soon);
  await until('it found the member', () => again.overlay.status().table === 1);
  expect(again.overlay.peers().map(({ id }) => id)).toEqual([b.overlay.peerId]);
});
