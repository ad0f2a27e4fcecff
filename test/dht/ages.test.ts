// A long life, scaled down: an overlay whose nodes stay connected for months goes on naming all of
// them. With any finite age of addresses answers shrink age by age until nobody names anybody.

import { afterEach, expect, it } from 'vitest';
import { makeWorld, readThing, thing, until, type World } from '../support/overlay-world.ts';
import { makeRawPeer, type RawPeer } from '../support/raw-peer.ts';

const MONTH_MS = 30 * 86_400_000;
const NODES = 12;
const MONTHS = 2;
/** Twelve nodes in one process take their time where others want it, too. */
const WITHIN_MS = 90_000;

const nowAsEver = Date.now;
let aheadMs = 0;

let world: World;
let asker: RawPeer;
afterEach(async () => {
  Date.now = nowAsEver;
  await asker.stop();
  await world.end();
});

it('twelve nodes that stay connected name each other after months, and hold what is placed', async () => {
  world = makeWorld();
  // Upkeep runs all the time: pings, walks, and looks at who may be forgotten.
  const often = { overlayUpkeepMs: 1_500 };
  const nodes = await Promise.all([world.node({}, often)]);
  const [first] = nodes;
  if (first === undefined) throw new Error('no first node');
  for (let i = 1; i < NODES; i += 1) nodes.push(await world.node({}, often));
  asker = await makeRawPeer({ network: first.overlay.network });
  const everybodyKnows = () =>
    nodes.every(({ overlay }) => overlay.status().table >= NODES - 1 && overlay.peers().length > 0);
  await until('all know each other', everybodyKnows, WITHIN_MS);
  for (const { address } of nodes) await asker.dial(address());

  Date.now = () => nowAsEver() + aheadMs;
  for (let month = 1; month <= MONTHS; month += 1) {
    aheadMs += MONTH_MS + 1;
    const key = `month-${month}`;
    // A month that passes in an instant looks like a long sleep: the odd ping is lost at first.
    await until(
      `all hold what is placed in month ${month}`,
      async () => {
        const placed = await nodes[month]?.overlay.put('thing', key, thing({ key, seq: month }));
        // The asker takes whatever it is given, too.
        return placed?.copies === NODES;
      },
      WITHIN_MS,
    );
    for (const { overlay } of nodes) {
      const others = nodes.map((node) => node.overlay.peerId).filter((id) => id !== overlay.peerId);
      await until(
        `everybody is named in month ${month}`,
        async () => {
          const named = await asker.ask(overlay.peerId, key);
          const reachable = named
            .filter(({ addresses }) => addresses.length > 0)
            .map(({ id }) => id);
          return others.every((id) => reachable.includes(id));
        },
        WITHIN_MS,
      );
    }
  }
  const late = await world.node({}, often);
  const knowsAll = () => late.overlay.status().table >= NODES;
  await until('a late one knows them all', knowsAll, WITHIN_MS);
  const { best } = await late.overlay.get('thing', `month-${MONTHS}`);
  expect(readThing(best)?.seq).toBe(MONTHS);
}, 300_000);
