// Push of records between connected nodes: checked first, passed on once, bounded per peer.

import { describe, expect, it } from 'vitest';
import { makePusher } from '../../src/federation/push.ts';
import { stateRevocation } from '../../src/federation/statements.ts';
import { silentLog } from '../../src/node/log.ts';
import { addNode, makeWorld, settle, tickAll } from './fakes.ts';
import { DAY, keyOf, NETWORK, revoke, START, signColony } from './world.ts';

const colony = keyOf('colony');

/** A node whose pushes are only counted. */
const listener = async () => {
  const world = makeWorld();
  const { federation, owner } = await addNode(world, 'a');
  const sent: { to: string; bytes: Uint8Array }[] = [];
  const pusher = makePusher({
    book: federation.book,
    trust: federation.trust,
    clock: world.clock,
    log: silentLog(),
    serverid: owner.id,
    pushes: {
      push: (to, bytes) => sent.push({ to, bytes }) > 0,
      pushAll: (bytes, not) => sent.push({ to: `all but ${not}`, bytes }),
    },
  });
  return { world, federation, pusher, sent };
};

describe('pushed records', () => {
  it('are kept and passed on once, to everybody but the sender', async () => {
    const { pusher, federation, sent } = await listener();
    const record = await signColony(colony, []);
    expect(await pusher.received('x', record.bytes)).toBe(true);
    expect(await pusher.received('y', record.bytes)).toBe(true);
    expect(sent.map(({ to }) => to)).toEqual(['all but x']);
    expect(await federation.book.find('colony', colony.id)).toBeDefined();
  });

  it('that are forged, foreign or garbage cost the sender, every time, and go nowhere', async () => {
    const { pusher, sent } = await listener();
    const record = await signColony(colony, []);
    const forged = record.bytes.slice();
    forged[100] = (forged[100] ?? 0) ^ 1;
    const foreign = await signColony(colony, [], { net: 'other' });
    for (const bytes of [forged, foreign.bytes, new Uint8Array(40), new Uint8Array(40_000)]) {
      expect(await pusher.received('x', bytes)).toBe(false);
      expect(await pusher.received('y', bytes)).toBe(false);
    }
    expect(sent).toEqual([]);
  });

  it('that are older or expired cost nobody anything', async () => {
    const { pusher, sent, world } = await listener();
    await pusher.received('x', (await signColony(colony, [], { seq: START + 5 })).bytes);
    expect(await pusher.received('x', (await signColony(colony, [])).bytes)).toBe(true);
    const short = await signColony(colony, [], { seq: START + 9, exp: START + DAY });
    world.clock.advance(2 * DAY);
    expect(await pusher.received('x', short.bytes)).toBe(true);
    expect(sent).toHaveLength(1);
  });

  it('are dropped beyond the rate of a peer, without harm to others', async () => {
    const { pusher, federation } = await listener();
    for (let i = 0; i < 320; i += 1) {
      const bytes = new Uint8Array(200).fill(i % 251);
      bytes[0] = i >> 8;
      await pusher.received('flood', bytes);
    }
    const record = await signColony(colony, []);
    await pusher.received('flood', record.bytes);
    expect(await federation.book.find('colony', colony.id)).toBeUndefined();
    await pusher.received('honest', record.bytes);
    expect(await federation.book.find('colony', colony.id)).toBeDefined();
    expect(pusher.counts().dropped).toBeGreaterThan(0);
  });

  it('reach every node of a connected world, once each', async () => {
    const world = makeWorld();
    const members = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) members.push(await addNode(world, name));
    await tickAll(world);
    const death = await stateRevocation(colony, { network: NETWORK, now: world.clock.now() });
    await members[0]?.federation.publisher.submit(death.bytes);
    await settle();
    for (const { federation } of members) {
      expect(federation.book.isRevoked(colony.id)).toBe(true);
    }
  });

  it('greet a new peer with our own records and the latest revocations', async () => {
    const { pusher, federation, sent } = await listener();
    await federation.tick();
    await federation.book.offer('revocation', colony.id, (await revoke(colony)).bytes);
    sent.length = 0;
    await pusher.greet('new');
    expect(sent.map(({ to, bytes }) => [to, bytes[4]])).toEqual([
      ['new', 2],
      ['new', 4],
    ]);
  });
});
