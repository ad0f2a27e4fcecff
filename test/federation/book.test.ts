// The book of records: what comes in, what counts, what is remembered.

import { describe, expect, it } from 'vitest';
import { type Book, type BookDeps, openBook } from '../../src/federation/book.ts';
import { memoryStore } from '../../src/federation/memory-store.ts';
import { select } from '../../src/federation/order.ts';
import { bytesToBase64 } from '../../src/node/crypto/bytes.ts';
import {
  certify,
  DAY,
  endorse,
  HOUR,
  keyOf,
  NETWORK,
  revoke,
  START,
  signColony,
  signList,
  signServer,
  testClock,
} from './world.ts';

const colony = keyOf('colony');
const owner = keyOf('server');
const node = keyOf('node');
const heir = keyOf('heir');

const open = async (over: Partial<BookDeps> = {}) => {
  const clock = testClock(START + HOUR);
  const store = memoryStore();
  const deps = { network: NETWORK, store, clock, ...over };
  return { book: await openBook(deps), clock, store, deps };
};

describe('the book', () => {
  it('keeps a record and gives it back, also after a restart', async () => {
    const { book, deps } = await open();
    const record = await signColony(colony, [owner]);
    expect(await book.find('colony', colony.id)).toBeUndefined();
    expect((await book.offer('colony', colony.id, record.bytes)).outcome).toBe('new');
    expect((await book.offer('colony', colony.id, record.bytes)).outcome).toBe('same');
    expect((await book.find('colony', colony.id))?.record.hash).toBe(record.hash);
    const again = await openBook(deps);
    expect((await again.find('colony', colony.id))?.record).toEqual(record);
  });

  it('refuses what is not valid, and says why', async () => {
    const { book } = await open();
    const record = await signColony(colony, [owner]);
    const forged = record.bytes.slice();
    forged[90] = (forged[90] ?? 0) ^ 1;
    expect(await book.offer('colony', colony.id, forged)).toMatchObject({ outcome: 'refused' });
    const foreign = await book.offer('colony', owner.id, record.bytes);
    expect(foreign.reason).toMatch(/^wrong-id/);
    expect(await book.find('colony', colony.id)).toBeUndefined();
  });

  it('never goes back to an older record, not even after the newer one expired or a restart', async () => {
    const { book, clock, deps } = await open();
    const old = await signColony(colony, [owner]);
    const young = await signColony(colony, [], { seq: START + 1, exp: START + DAY });
    await book.offer('colony', colony.id, young.bytes);
    expect((await book.offer('colony', colony.id, old.bytes)).outcome).toBe('older');
    clock.advance(2 * DAY);
    expect(await book.find('colony', colony.id)).toBeUndefined();
    expect((await book.offer('colony', colony.id, old.bytes)).outcome).toBe('older');
    const again = await openBook(deps);
    expect((await again.offer('colony', colony.id, old.bytes)).outcome).toBe('older');
    expect(await again.find('colony', colony.id)).toBeUndefined();
  });

  it('remembers the highest rank even when the record itself was swept', async () => {
    const { book, clock } = await open();
    const young = await signColony(colony, [], { seq: START + 1, exp: START + DAY });
    await book.offer('colony', colony.id, young.bytes);
    clock.advance(40 * DAY);
    expect(await book.sweep()).toBe(1);
    const old = await signColony(colony, [owner]);
    expect((await book.offer('colony', colony.id, old.bytes)).outcome).toBe('older');
  });

  it('keeps the losers of a fork as evidence until a higher sequence settles it', async () => {
    const { book } = await open();
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const forks = await Promise.all(names.map((name) => signColony(colony, [owner], { name })));
    for (const fork of forks) await book.offer('colony', colony.id, fork.bytes);
    const held = await book.find('colony', colony.id);
    expect(held?.forks).toHaveLength(7);
    expect(held?.record.hash).toBe(select(forks)?.hash);
    expect(await book.evidence('colony', colony.id)).toHaveLength(4);
    const settled = await signColony(colony, [owner], { seq: START + 1 });
    expect((await book.offer('colony', colony.id, settled.bytes)).outcome).toBe('new');
    expect((await book.find('colony', colony.id))?.forks).toEqual([]);
    expect(await book.evidence('colony', colony.id)).toHaveLength(4);
  });

  it('comes to the same fork winner in whatever order the records come', async () => {
    const one = await signColony(colony, [owner], { name: 'one' });
    const two = await signColony(colony, [owner], { name: 'two', exp: START + 89 * DAY });
    for (const order of [
      [one, two],
      [two, one],
    ]) {
      const { book } = await open();
      for (const record of order) await book.offer('colony', colony.id, record.bytes);
      const held = await book.find('colony', colony.id);
      expect(held?.record.hash).toBe(one.hash);
      expect(held?.forks).toEqual([one.hash, two.hash].sort());
    }
  });

  it('lets a revocation end everything its key signed, before and after', async () => {
    const { book, deps } = await open();
    await book.offer('colony', colony.id, (await signColony(colony, [owner])).bytes);
    await book.offer('revocation', colony.id, (await revoke(colony)).bytes);
    expect(book.isRevoked(colony.id)).toBe(true);
    expect(await book.find('colony', colony.id)).toBeUndefined();
    const later = await signColony(colony, [owner], { seq: START + 9 });
    expect(await book.offer('colony', colony.id, later.bytes)).toMatchObject({
      outcome: 'refused',
      reason: 'the key is revoked',
    });
    expect((await openBook(deps)).isRevoked(colony.id)).toBe(true);
  });

  it('never replaces a revocation', async () => {
    const { book } = await open();
    const first = await revoke(colony);
    const second = await revoke(colony, { iat: START - DAY, successor: heir.id });
    await book.offer('revocation', colony.id, first.bytes);
    expect((await book.offer('revocation', colony.id, second.bytes)).outcome).toBe('older');
    expect((await book.find('revocation', colony.id))?.record.hash).toBe(first.hash);
    expect(book.revokedToTell(5)).toEqual([colony.id]);
  });

  it('ends server records when the node key is revoked by the owner, until a new node key comes', async () => {
    const { book } = await open();
    const cert = await certify(owner, node);
    await book.offer('server', owner.id, (await signServer(owner, node, { cert })).bytes);
    const death = await revoke(node, { cert: bytesToBase64(cert.bytes) }, owner);
    await book.offer('revocation', node.id, death.bytes);
    expect(await book.find('server', owner.id)).toBeUndefined();
    const fresh = keyOf('fresh');
    const renewed = await signServer(owner, fresh, {
      cert: await certify(owner, fresh, { seq: 2 }),
    });
    expect((await book.offer('server', owner.id, renewed.bytes)).outcome).toBe('new');
  });

  it('knows which revoked node key is why no record of a server counts', async () => {
    const cert = await certify(owner, node);
    const record = await signServer(owner, node, { cert });
    const byOwner = await revoke(node, { cert: bytesToBase64(cert.bytes) }, owner);
    const byItself = await revoke(node);
    const offers = {
      server: (book: Book) => book.offer('server', owner.id, record.bytes),
      owner: (book: Book) => book.offer('revocation', node.id, byOwner.bytes),
      itself: (book: Book) => book.offer('revocation', node.id, byItself.bytes),
    };
    const ways = [['server', 'itself'], ['itself', 'server'], ['owner']] as const;
    for (const way of ways) {
      const { book } = await open();
      for (const step of way) {
        expect(await book.deadKey('server', owner.id)).toBeUndefined();
        await offers[step](book);
      }
      expect(await book.deadKey('server', owner.id)).toBe(node.id);
      const fresh = await signServer(owner, keyOf('fresh'), {
        cert: await certify(owner, keyOf('fresh'), { seq: START + 1 }),
      });
      await book.offer('server', owner.id, fresh.bytes);
      expect(await book.deadKey('server', owner.id)).toBeUndefined();
    }
  });

  it('gives an expired server record as a hint for a month', async () => {
    const { book, clock } = await open();
    const record = await signServer(owner, node);
    await book.offer('server', owner.id, record.bytes);
    clock.advance(3 * DAY);
    expect(await book.find('server', owner.id)).toBeUndefined();
    expect((await book.hint('server', owner.id))?.record.hash).toBe(record.hash);
    clock.advance(30 * DAY);
    expect(await book.hint('server', owner.id)).toBeUndefined();
  });

  it('remembers when it first saw who is to come after a key', async () => {
    const { book, clock } = await open();
    await book.offer('colony', colony.id, (await signColony(colony, [])).bytes);
    clock.advance(DAY);
    const named = await signColony(colony, [], { seq: START + 1, successor: heir.id });
    await book.offer('colony', colony.id, named.bytes);
    clock.advance(DAY);
    const same = await signColony(colony, [owner], { seq: START + 2, successor: heir.id });
    await book.offer('colony', colony.id, same.bytes);
    const heirs = await book.heirs(colony.id);
    expect(heirs.map(({ successor }) => successor)).toEqual([heir.id]);
    expect(heirs[0]?.seenAt).toBe(START + HOUR + DAY);
  });

  it('stays within its bound: what nobody asked for goes first, the oldest of it', async () => {
    const { book } = await open({ recordsMax: 3 });
    const owners = ['a', 'b', 'c', 'd', 'e'].map((name) => keyOf(name));
    const records = await Promise.all(owners.map((key) => signColony(key, [])));
    const [a, b, c, d, e] = owners.map((key) => key.id) as [string, string, string, string, string];
    await book.offer('colony', a, (records[0] as (typeof records)[0]).bytes, { wanted: true });
    for (const i of [1, 2, 3]) {
      const id = owners[i]?.id ?? '';
      await book.offer('colony', id, (records[i] as (typeof records)[0]).bytes);
    }
    expect(book.size()).toBe(3);
    expect(await book.find('colony', b)).toBeUndefined();
    for (const id of [a, c, d]) expect(await book.find('colony', id)).toBeDefined();
    await book.offer('colony', e, (records[4] as (typeof records)[0]).bytes);
    expect(await book.find('colony', c)).toBeUndefined();
    expect(await book.ids('colony', 10)).toEqual([a, d, e].sort());
  });

  const bring = async (book: Book, from: string, names: readonly string[]): Promise<void> => {
    for (const name of names) {
      const key = keyOf(name);
      await book.offer('colony', key.id, (await signColony(key, [])).bytes, { from });
    }
  };
  const kept = async (book: Book, names: readonly string[]): Promise<string[]> => {
    const ids = new Set(await book.ids('colony', 100));
    return names.filter((name) => ids.has(keyOf(name).id));
  };
  const named = (name: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `${name} ${i}`);

  it('gives each sender its share: who floods pushes out nothing but his own', async () => {
    const { book, deps } = await open({ recordsMax: 8 });
    await bring(book, 'honest', named('honest', 3));
    await bring(book, 'quiet', ['quiet']);
    await bring(book, 'loud', named('loud', 12));
    const all = [...named('honest', 3), 'quiet', ...named('loud', 12)];
    const left = [...named('honest', 3), 'quiet', ...named('loud', 12).slice(-4)];
    expect(await kept(book, all)).toEqual(left);
    // Who brought what is known after a restart, too.
    const again = await openBook(deps);
    await bring(again, 'loud', named('louder', 6));
    expect(await kept(again, all)).toEqual([...named('honest', 3), 'quiet']);
    expect(again.size()).toBe(8);
  });

  it('counts what several bring against the one who brought least', async () => {
    const { book } = await open({ recordsMax: 6 });
    await bring(book, 'loud', ['taken along', ...named('loud', 4)]);
    await bring(book, 'honest', ['taken along']);
    await bring(book, 'loud', named('louder', 12));
    expect(await kept(book, ['taken along', ...named('loud', 4)])).toEqual(['taken along']);
  });

  it('leaves nothing on disk of what it let go', async () => {
    const { book, store } = await open({ recordsMax: 2 });
    const lost = keyOf('lost');
    const first = await signColony(lost, [], { successor: heir.id });
    const other = await signColony(lost, [owner], { successor: heir.id });
    for (const { bytes } of [first, other]) await book.offer('colony', lost.id, bytes);
    expect(await book.evidence('colony', lost.id)).toHaveLength(1);
    expect(await book.heirs(lost.id)).toHaveLength(1);
    await bring(book, '', named('a', 2));
    expect(await kept(book, ['lost'])).toEqual([]);
    const rows = await store.list('', 100);
    expect(rows.filter(({ key }) => key.includes(lost.id)).map(({ key }) => key)).toEqual([]);
  });

  it('tells of revocations by turns: those in use, then the newest that each sender brought', async () => {
    const { book, deps, clock } = await open();
    const used = keyOf('used');
    await book.offer('colony', used.id, (await signColony(used, [])).bytes, { wanted: true });
    const revoked = async (from: string, name: string): Promise<void> => {
      const key = keyOf(name);
      await book.offer('revocation', key.id, (await revoke(key)).bytes, { from });
      clock.advance(1);
    };
    await revoked('loud', 'used');
    for (const name of named('honest', 2)) await revoked('honest', name);
    for (const name of named('loud', 20)) await revoked('loud', name);
    const names = ['used', ...named('honest', 2), ...named('loud', 20)];
    const told = (from: Book, limit: number) =>
      from.revokedToTell(limit).map((id) => names.find((name) => keyOf(name).id === id));
    const first = ['used', 'loud 19', 'honest 1', 'loud 18', 'honest 0', 'loud 17'];
    expect(told(book, 6)).toEqual(first);
    expect(told(book, 100)).toHaveLength(names.length);
    expect(new Set(told(await openBook(deps), 6))).toEqual(new Set(first));
  });

  it('keeps a revocation of a key in use, however much is pushed after it', async () => {
    const { book } = await open({ recordsMax: 3 });
    await book.offer('colony', colony.id, (await signColony(colony, [])).bytes, { wanted: true });
    await book.offer('revocation', colony.id, (await revoke(colony)).bytes);
    for (let i = 0; i < 5; i += 1) {
      const stranger = keyOf(`stranger ${i}`);
      await book.offer('revocation', stranger.id, (await revoke(stranger)).bytes);
    }
    expect(book.isRevoked(colony.id)).toBe(true);
    expect(book.isRevoked(keyOf('stranger 0').id)).toBe(false);
  });

  it('tells listeners of new records and forks, of nothing else', async () => {
    const { book } = await open();
    const heard: string[] = [];
    const stop = book.onNew(({ kind }) => heard.push(kind));
    const list = await signList(owner, [await endorse(owner, keyOf('other'))]);
    await book.offer('endorsements', owner.id, list.bytes);
    await book.offer('endorsements', owner.id, list.bytes);
    await book.offer('endorsements', owner.id, new Uint8Array(200));
    stop();
    await book.offer('colony', colony.id, (await signColony(colony, [])).bytes);
    expect(heard).toEqual(['endorsements']);
  });

  it('takes many offers for one id at once without losing the best', async () => {
    const { book } = await open();
    const records = await Promise.all(
      Array.from({ length: 20 }, (_, i) => signColony(colony, [owner], { seq: START + i })),
    );
    const mixed = [...records].sort((a, b) => (a.hash < b.hash ? -1 : 1));
    await Promise.all(mixed.map(({ bytes }) => book.offer('colony', colony.id, bytes)));
    const held = await book.find('colony', colony.id);
    expect(held?.record.payload.seq).toBe(START + 19);
  });
});
