// Push of records between connected nodes: checked first, passed on once, bounded per peer.

import { describe, expect, it } from 'vitest';
import { openBook } from '../../src/federation/book.ts';
import { FEDERATION_LIMITS as LIMITS } from '../../src/federation/limits.ts';
import { memoryStore } from '../../src/federation/memory-store.ts';
import { makePusher } from '../../src/federation/push.ts';
import { makeTurns } from '../../src/federation/push-turns.ts';
import { idOfFrame } from '../../src/federation/record.ts';
import { stateRevocation } from '../../src/federation/statements.ts';
import { silentLog } from '../../src/node/log.ts';
import { addNode, makeWorld, settle, tickAll } from './fakes.ts';
import { DAY, keyOf, NETWORK, revoke, START, signColony, testClock } from './world.ts';

const colony = keyOf('colony');

/** A node whose pushes are only counted. */
const listener = async ({ recordsMax }: { recordsMax?: number } = {}) => {
  const world = makeWorld();
  const { federation, owner } = await addNode(world, 'a');
  const { clock } = world;
  const book =
    recordsMax === undefined
      ? federation.book
      : await openBook({ network: NETWORK, store: memoryStore(), clock, recordsMax });
  const sent: { to: string; bytes: Uint8Array }[] = [];
  const pusher = makePusher({
    book,
    trust: federation.trust,
    clock,
    log: silentLog(),
    serverid: owner.id,
    pushes: {
      push: (to, bytes) => sent.push({ to, bytes }) > 0,
      pushAll: (bytes, not) => sent.push({ to: `all but ${not}`, bytes }),
    },
  });
  return { world, federation, book, pusher, sent };
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

  it('go on at a pace that every neighbour takes, each sender having its share', async () => {
    const between = await listener();
    const neighbour = await listener();
    let passedOn = 0;
    const forwarded = async (): Promise<void> => {
      for (const { bytes } of between.sent.splice(0)) {
        passedOn += 1;
        await neighbour.pusher.received('between', bytes);
      }
    };
    const pass = async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds * 10; i += 1) {
        for (const { world } of [between, neighbour]) world.clock.advance(100);
        await forwarded();
      }
    };
    // More than a neighbour takes from one peer at once, all of it valid, and from several.
    for (let i = 0; i < 4; i += 1) {
      for (let j = 0; j < 100; j += 1) {
        const { bytes } = await signColony(keyOf(`flood ${i} ${j}`), []);
        await between.pusher.received(`flood ${i}`, bytes);
      }
    }
    await forwarded();
    const records = [await signColony(colony, []), await revoke(keyOf('dead'))];
    for (const { bytes } of records) await between.pusher.received('honest', bytes);
    await pass(2);
    expect(await neighbour.federation.book.find('colony', colony.id)).toBeDefined();
    expect(neighbour.federation.book.isRevoked(keyOf('dead').id)).toBe(true);
    await pass(60);
    expect(neighbour.pusher.counts().dropped).toBe(0);
    // What waited went out in the end, and of each of the loud ones as much as waits for one.
    expect(passedOn).toBeGreaterThan(LIMITS.pushForwardsBurst);
    expect(passedOn).toBeLessThan(402);
    expect(between.pusher.counts().dropped).toBe(402 - passedOn);
  });

  it('that wait behind a loud sender go out at once when another one brings them', async () => {
    const { pusher, sent, world } = await listener();
    const flood = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        await pusher.received('loud', (await signColony(keyOf(`loud ${i}`), [])).bytes);
      }
    };
    await flood(LIMITS.pushForwardsBurst + LIMITS.pushWaitingOfOneMax - 1);
    const [late, lost] = [await signColony(colony, []), await revoke(keyOf('dead'))];
    await pusher.received('loud', late.bytes);
    // No room for this one any more.
    await pusher.received('loud', lost.bytes);
    sent.length = 0;
    for (const { bytes } of [late, lost]) await pusher.received('honest', bytes);
    for (let i = 0; i < 10; i += 1) world.clock.advance(100);
    const hashes = sent.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
    for (const { bytes } of [late, lost]) {
      const hash = Buffer.from(bytes).toString('hex');
      expect(hashes.filter((each) => each === hash)).toHaveLength(1);
    }
    for (let i = 0; i < 600; i += 1) world.clock.advance(100);
    expect(new Set(sent.map(({ bytes }) => bytes)).size).toBe(sent.length);
  });

  it('that wait are bounded in all, at the cost of who has most waiting', async () => {
    const out: string[] = [];
    const gone: string[] = [];
    const clock = testClock();
    const turns = makeTurns({
      clock,
      send: (_bytes, from) => out.push(from),
      dropped: (hash) => gone.push(hash),
    });
    const senders = Math.ceil(
      (LIMITS.pushWaitingMax + LIMITS.pushForwardsBurst) / LIMITS.pushWaitingOfOneMax,
    );
    for (let j = 0; j < LIMITS.pushWaitingOfOneMax * 4; j += 1) {
      for (let i = 0; i < senders; i += 1) turns.add(`loud ${i}`, `${i} ${j}`, new Uint8Array(1));
    }
    expect(gone).toEqual([]);
    expect(turns.add('honest', 'first', new Uint8Array(1))).toBe(true);
    expect(gone).toHaveLength(1);
    out.length = 0;
    for (let i = 0; i < 600 * 10; i += 1) clock.advance(100);
    expect(out).toHaveLength(LIMITS.pushWaitingMax);
    expect(out.indexOf('honest')).toBeLessThan(senders + 1);
    turns.add('late', 'late', new Uint8Array(1));
    turns.stop();
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

  it('greet with revocations of several neighbours, however many one of them brought', async () => {
    const { pusher, federation, world, sent } = await listener();
    const dead = [keyOf('anchor'), keyOf('dead')];
    await federation.trust.addAnchor(keyOf('anchor').id);
    for (const key of dead) await pusher.received('honest', (await revoke(key)).bytes);
    for (let i = 0; i < LIMITS.pushGreetMax + 20; i += 1) {
      await pusher.received('loud', (await revoke(keyOf(`loud ${i}`))).bytes);
      world.clock.advance(1_000);
    }
    sent.length = 0;
    await pusher.greet('new');
    const told = sent.flatMap(({ bytes }) => (bytes[4] === 4 ? [idOfFrame(bytes)] : []));
    expect(told).toHaveLength(LIMITS.pushGreetMax);
    expect(told[0]).toBe(keyOf('anchor').id);
    for (const key of dead) expect(told).toContain(key.id);
  });

  it('are not taken along by a flood when somebody else brought them, too', async () => {
    const { pusher, book } = await listener({ recordsMax: 5 });
    const flood = async (name: string): Promise<void> => {
      for (let i = 0; i < 5; i += 1) {
        await pusher.received('loud', (await signColony(keyOf(`${name} ${i}`), [])).bytes);
      }
    };
    const { bytes } = await signColony(colony, []);
    await pusher.received('loud', bytes);
    await pusher.received('loud', (await signColony(keyOf('loud'), [])).bytes);
    await pusher.received('honest', bytes);
    await flood('louder');
    expect(await book.find('colony', keyOf('loud').id)).toBeUndefined();
    expect(await book.find('colony', colony.id)).toBeDefined();
  });
});
