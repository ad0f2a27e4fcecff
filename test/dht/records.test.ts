import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LevelDatastore } from 'datastore-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCounters } from '../../src/dht/conduct.ts';
import type { NamespaceQuota } from '../../src/dht/overlay.ts';
import {
  compareDistance,
  fromBase32,
  nameBytes,
  parseName,
  placeInKeySpace,
} from '../../src/dht/record-keys.ts';
import { type Disk, makeRecordStore, type RecordStore } from '../../src/dht/records.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import { type Thing, thing, thingRules } from '../support/overlay-world.ts';

const HERE = placeInKeySpace(new TextEncoder().encode('here'));
const HOLD_MS = LIMITS.overlayRecordHoldMs;

describe('the record store', () => {
  let folder: string;
  let disk: LevelDatastore;
  let now: number;
  let isNear: boolean;
  let lost: Uint8Array[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'colonies-'));
    disk = new LevelDatastore(folder);
    await disk.open();
    now = 1_700_000_000_000;
    isNear = true;
    lost = [];
  });
  afterEach(async () => {
    await disk.close();
    await rm(folder, { recursive: true, force: true });
  });

  const open = async (
    quota: Partial<NamespaceQuota> = {},
    limits: Partial<Record<keyof Limits, number>> = {},
  ): Promise<RecordStore> => {
    const store = makeRecordStore({
      disk: disk as unknown as Disk,
      rules: {
        ...thingRules(() => now),
        lost: (_namespace, _key, bytes) => {
          lost.push(bytes);
        },
      },
      quotas: { thing: { bytesMax: 200, recordsMax: 10, recordsPerOwnerMax: 3, ...quota } },
      limits: { ...LIMITS, ...limits } as Limits,
      clock: { now: () => now },
      counters: makeCounters(),
      here: HERE,
      isNear: () => isNear,
    });
    await store.open();
    return store;
  };
  const put = (store: RecordStore, content: Thing, own = false) =>
    store.put({ namespace: 'thing', key: content.key }, thing(content), own);
  const keys = (store: RecordStore): string[] =>
    store
      .list()
      .map(({ key }) => key)
      .sort();

  it('takes a better record for a worse one and never the reverse', async () => {
    const store = await open();
    expect(await put(store, { key: 'a', seq: 2 })).toBe('stored');
    expect(await put(store, { key: 'a', seq: 1 })).toBe('older');
    expect(await put(store, { key: 'a', seq: 3 })).toBe('stored');
    expect(lost).toEqual([thing({ key: 'a', seq: 1 }), thing({ key: 'a', seq: 2 })]);
    const held = await store.get({ namespace: 'thing', key: 'a' });
    expect(Buffer.from(held?.bytes ?? [])).toEqual(Buffer.from(thing({ key: 'a', seq: 3 })));
  });

  it('decides between records that arrive together as if they came one by one', async () => {
    const store = await open();
    const seqs = [3, 9, 1, 7, 5, 8, 2, 6, 4];
    await Promise.all(seqs.map((seq) => put(store, { key: 'a', seq })));
    const held = await store.get({ namespace: 'thing', key: 'a' });
    expect(JSON.parse(Buffer.from(held?.bytes ?? []).toString())).toMatchObject({ seq: 9 });
    expect(lost).toHaveLength(8);
  });

  it('renews the age of a record that comes again, and drops one that does not', async () => {
    const store = await open();
    await put(store, { key: 'a', seq: 1 });
    await put(store, { key: 'b', seq: 1 });
    now += HOLD_MS / 2 + 1;
    expect(await put(store, { key: 'a', seq: 1 })).toBe('renewed');
    now += HOLD_MS / 2;
    expect(await store.get({ namespace: 'thing', key: 'b' })).toBeUndefined();
    expect(await store.sweep()).toBe(1);
    expect(keys(store)).toEqual(['a']);
  });

  it('shows our own publication as fresh for ever, and drops it when it expires', async () => {
    const store = await open();
    const exp = now + 10 * HOLD_MS;
    await put(store, { key: 'a', seq: 1, exp }, true);
    now += 5 * HOLD_MS;
    expect(await store.get({ namespace: 'thing', key: 'a' })).toMatchObject({ receivedAt: now });
    expect(await store.sweep()).toBe(0);
    now += 6 * HOLD_MS;
    expect(await store.get({ namespace: 'thing', key: 'a' })).toBeUndefined();
    expect(await store.sweep()).toBe(1);
  });

  it('holds a record that we disowned like any other', async () => {
    const store = await open();
    await put(store, { key: 'a', seq: 1 }, true);
    await store.disown({ namespace: 'thing', key: 'a' });
    expect(store.list()).toMatchObject([{ key: 'a', own: false }]);
    now += HOLD_MS + 1;
    expect(await store.sweep()).toBe(1);
  });

  it('lets an expired record be replaced by an older one', async () => {
    const store = await open();
    await put(store, { key: 'a', seq: 5, exp: now + 10 });
    now += 20;
    expect(await put(store, { key: 'a', seq: 1 })).toBe('stored');
  });

  it('refuses what is too large, of no namespace, far away, or one too many of its owner', async () => {
    const store = await open();
    expect(await put(store, { key: 'a', seq: 1, fill: 'x'.repeat(200) })).toBe('too-large');
    const elsewhere = { namespace: 'stuff', key: 'a' };
    expect(await store.put(elsewhere, Uint8Array.of(1), true)).toBe('unknown-namespace');
    for (const key of ['a', 'b', 'c']) await put(store, { key, seq: 1, owner: 'o' });
    expect(await put(store, { key: 'd', seq: 1, owner: 'o' })).toBe('owner-full');
    expect(await put(store, { key: 'a', seq: 2, owner: 'o' })).toBe('stored');
    expect(await put(store, { key: 'd', seq: 1, owner: 'p' })).toBe('stored');
    isNear = false;
    expect(await put(store, { key: 'e', seq: 1 })).toBe('far');
    expect(await put(store, { key: 'a', seq: 3, owner: 'o' })).toBe('stored');
    expect(await put(store, { key: 'f', seq: 1 }, true)).toBe('stored');
  });

  it('gives up the farthest record for a nearer one when it is full, never our own', async () => {
    const store = await open({ recordsMax: 5 });
    const place = (key: string) => placeInKeySpace(nameBytes({ namespace: 'thing', key }));
    const names = Array.from({ length: 40 }, (_, i) => `k${i}`);
    const nearest = [...names].sort((a, b) => compareDistance(HERE, place(a), place(b)));
    const own = nearest[39] as string;
    await put(store, { key: own, seq: 1 }, true);
    for (const key of names) if (key !== own) await put(store, { key, seq: 1 });
    expect(keys(store)).toEqual([...nearest.slice(0, 5), own].sort());
  });

  it('gives up nothing for a nearer record that would still not fit', async () => {
    const store = await open({ recordsMax: 1_000 }, { overlayStoreBytesMax: 300 });
    const place = (key: string) => placeInKeySpace(nameBytes({ namespace: 'thing', key }));
    const names = Array.from({ length: 40 }, (_, i) => `k${i}`);
    names.sort((a, b) => compareDistance(HERE, place(a), place(b)));
    const [nearest, next, far, farthest] = [0, 1, 38, 39].map((i) => names[i] as string);
    for (const key of [nearest, far, farthest]) await put(store, { key: key as string, seq: 1 });
    const listed = (from: RecordStore) => from.list().sort((a, b) => (a.key < b.key ? -1 : 1));
    const before = listed(store);
    // Two may go for it, but only with the nearest one gone as well it would fit.
    const fill = 'x'.repeat(160);
    const limits = { recordsMax: 1_000, bytesMax: 400 };
    const tight = await open(limits, { overlayStoreBytesMax: 200 });
    expect(await put(tight, { key: next as string, seq: 1, fill })).toBe('full');
    expect(listed(tight)).toEqual(before);
    expect(listed(await open(limits))).toEqual(before);
    const wide = await open(limits, { overlayStoreBytesMax: 230 });
    expect(await put(wide, { key: next as string, seq: 1, fill })).toBe('stored');
    expect(keys(wide)).toEqual([nearest, next].sort());
    expect(keys(await open(limits))).toEqual([nearest, next].sort());
  });

  it('stays within its bytes over all namespaces', async () => {
    const store = await open({ recordsMax: 1_000 }, { overlayStoreBytesMax: 500 });
    for (let i = 0; i < 60; i += 1) await put(store, { key: `k${i}`, seq: 1 });
    expect(store.totals().bytes).toBeLessThanOrEqual(500);
    expect(store.totals().records).toBeGreaterThan(10);
  });

  it('knows everything again after it was opened anew', async () => {
    const store = await open();
    await put(store, { key: 'a', seq: 1, owner: 'o' }, true);
    await put(store, { key: 'b', seq: 1, owner: 'o' });
    now += 1_000;
    const again = await open();
    expect(again.list()).toEqual(store.list());
    expect(again.totals()).toEqual(store.totals());
    expect(await put(again, { key: 'b', seq: 1, owner: 'o' })).toBe('renewed');
  });
});

describe('names of records', () => {
  it('are read from key bytes only in their one form', () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(parseName(bytes('/thing/a/b'))).toEqual({ namespace: 'thing', key: 'a/b' });
    for (const text of ['', '/', '/thing', '/thing/', 'thing/a', '//a', '/a b/c', '/å/c']) {
      expect(parseName(bytes(text))).toBeUndefined();
    }
    expect(parseName(bytes(`/thing/${'x'.repeat(300)}`))).toBeUndefined();
  });

  it('are read from base32 as the library writes it', () => {
    expect(Buffer.from(fromBase32('mzxw6ytboi') ?? []).toString()).toBe('foobar');
    expect(Buffer.from(fromBase32('mzxw6') ?? []).toString()).toBe('foo');
    expect(fromBase32('MZXW6')).toBeUndefined();
    expect(fromBase32('mz1')).toBeUndefined();
  });
});
