// The durable store: what one commit holds, what reads see, what happens when the disk fails.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import { makeCommitter } from '../../src/node/store/commit.ts';
import { openStore, type Store } from '../../src/node/store/store.ts';
import { collectingLog, temporaryFolder } from '../support/engine.ts';

const neverFatal = (error: unknown): never => {
  throw error;
};

const open = async (dir?: string): Promise<Store> => {
  const store = await openStore(dir ?? (await temporaryFolder()), silentLog(), neverFatal);
  onTestFinished(() => store.close());
  return store;
};

const all = async (store: Store, range: { gte: string; lt: string }, options = {}) => {
  const rows: string[] = [];
  for await (const page of store.pages(range, options)) rows.push(...page.map(([key]) => key));
  return rows;
};

test('the folder can be read by its owner only', async () => {
  const dir = join(await temporaryFolder(), 'given', 'store');
  await open(dir);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
});

test('commands that come together share one batch, and are done together', async () => {
  const store = await open();
  const writes = Array.from({ length: 100 }, (_, i) => store.write((w) => w.put(`k${i}`, 'v')));
  await Promise.all(writes);
  expect(store.stats()).toEqual({ batches: 1, commands: 100 });
});

test('commands that come while a batch is under way share the next one', async () => {
  const store = await open();
  const done: string[] = [];
  const first = store.write((w) => w.put('a', '1')).then(() => done.push('a'));
  await new Promise((resolve) => setImmediate(resolve));
  const later = ['b', 'c', 'd'].map((key) =>
    store.write((w) => w.put(key, '1')).then(() => done.push(key)),
  );
  await Promise.all([first, ...later]);
  expect(store.stats()).toEqual({ batches: 2, commands: 4 });
  expect(done).toEqual(['a', 'b', 'c', 'd']);
});

test('a read sees what is decided; `settled` tells whether it is on disk', async () => {
  const store = await open();
  expect(store.settled()).toBeUndefined();
  await store.write((w) => w.put('k', 'old'));
  expect(store.settled()).toBeUndefined();
  const written = store.write((w) => w.put('k', 'new'));
  expect(store.get('k')).toBe('new');
  expect(store.settled()).toBeInstanceOf(Promise);
  await store.settled();
  expect(store.settled()).toBeUndefined();
  const deleted = store.write((w) => w.del('k'));
  expect(store.get('k')).toBeUndefined();
  await Promise.all([written, deleted]);
  expect(store.get('k')).toBeUndefined();
});

test('`settled` waits for everything so far, also for what the next batch will hold', async () => {
  const store = await open();
  void store.write((w) => w.put('a', '1'));
  await new Promise((resolve) => setImmediate(resolve));
  void store.write((w) => w.put('b', '1'));
  await store.settled();
  expect(store.stats().commands).toBe(2);
});

test('the last value of a key counts', async () => {
  const dir = await temporaryFolder();
  const store = await openStore(dir, silentLog(), neverFatal);
  void store.write((w) => {
    w.put('a', '1');
    w.put('a', '2');
    w.put('b', '1');
    w.del('b');
    w.del('c');
    w.put('c', '3');
  });
  void store.write((w) => w.put('a', '4'));
  await store.close();
  const again = await open(dir);
  expect(['a', 'b', 'c'].map((key) => again.get(key))).toEqual(['4', undefined, '3']);
});

test('a command that cannot say all of its effects has none', async () => {
  const store = await open();
  const before = store.write((w) => w.put('a', '1'));
  expect(() =>
    store.write((w) => {
      w.put('a', '2');
      throw new RangeError('no such key');
    }),
  ).toThrow('no such key');
  expect(store.get('a')).toBe('1');
  await before;
  expect(store.stats()).toEqual({ batches: 1, commands: 1 });
});

test('rows that many commands share are added when the batch is sealed', async () => {
  const store = await open();
  let count = 0;
  store.onSeal((w) => w.put('count', String(count)));
  const writes = Array.from({ length: 5 }, () =>
    store.write(() => {
      count += 1;
    }),
  );
  await Promise.all(writes);
  expect(store.get('count')).toBe('5');
  expect(store.stats().batches).toBe(1);
});

test('rows beside a command go into its batch, with the name of what it made', async () => {
  const store = await open();
  const done = store.alongside(
    (w, made) => w.put('beside', made),
    () =>
      store.write((w) => {
        w.made('first');
        w.made('second');
        w.put('a', '1');
      }),
  );
  void store.write((w) => w.put('b', '1'));
  expect(store.get('beside')).toBe('first');
  await done;
  expect(store.stats().batches).toBe(1);
});

test('pages come in key order, in both directions, whole or limited, beyond one page', async () => {
  const store = await open();
  const names = Array.from({ length: 2_500 }, (_, i) => `k${String(i).padStart(4, '0')}`);
  await store.write((w) => {
    for (const name of names) w.put(name, 'v');
    w.put('j', 'outside');
    w.put('l', 'outside');
  });
  const range = { gte: 'k', lt: 'l' };
  expect(await all(store, range)).toEqual(names);
  expect(await all(store, range, { reverse: true })).toEqual([...names].reverse());
  expect(await all(store, range, { limit: 3 })).toEqual(names.slice(0, 3));
  expect(await all(store, range, { limit: 1_200, reverse: true })).toHaveLength(1_200);
});

test('pages hold what was decided before they were asked for', async () => {
  const store = await open();
  void store.write((w) => w.put('k1', 'v'));
  expect(await all(store, { gte: 'k', lt: 'l' })).toEqual(['k1']);
});

test('a folder has one user at a time, and the second is told what to do', async () => {
  const dir = await temporaryFolder();
  await open(dir);
  await expect(openStore(dir, silentLog(), neverFatal)).rejects.toMatchObject({
    code: 'unavailable',
    detail: { reason: 'locked' },
    message: expect.stringContaining('stop that node, or choose another folder'),
  });
});

test('too many waiting writes are refused before anything is decided', async () => {
  const store = await open();
  const nothing = (): void => undefined;
  for (let i = 0; i < LIMITS.pendingWritesMax; i++) void store.write(nothing);
  expect(() => store.admit()).toThrow('too many writes');
  await store.settled();
  expect(() => store.admit()).not.toThrow();
});

test('after a failed commit nothing is taken and nothing is shown; it is told once', async () => {
  const { log, lines } = collectingLog();
  const db = new Level<string, string>(join(await temporaryFolder(), 'store'));
  await db.open();
  const fatal: unknown[] = [];
  const committer = makeCommitter(db, log, (error) => fatal.push(error));
  await committer.write((w) => w.put('a', '1'));
  await db.close();
  const lost = committer.write((w) => w.put('a', '2'));
  const reading = committer.settled();
  const refusal = { code: 'unavailable', message: expect.stringContaining('has failed') };
  await expect(lost).rejects.toMatchObject(refusal);
  await expect(reading).rejects.toMatchObject(refusal);
  expect(() => committer.write((w) => w.put('b', '1'))).toThrow('the store has failed');
  await expect(committer.settled()).rejects.toMatchObject(refusal);
  expect(fatal).toHaveLength(1);
  expect(lines.filter((line) => line.level === 'error')).toHaveLength(1);
});
