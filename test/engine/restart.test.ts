// What a restart continues, what a folder refuses, and what happens when the disk fails.

import { describe, expect, test } from 'vitest';
import { checkData } from '../../src/compose/data.ts';
import { openEngine } from '../../src/node/engine/open.ts';
import { silentLog } from '../../src/node/log.ts';
import type { ColonyRow } from '../../src/node/model/colony.ts';
import { type ProcessRow, STATE } from '../../src/node/model/process.ts';
import { keys } from '../../src/node/store/keys.ts';
import { migrate, STORE_VERSION } from '../../src/node/store/migrate.ts';
import { openStore, type Store } from '../../src/node/store/store.ts';
import { liveKey } from '../../src/node/store/tables/processes.ts';
import { manualClock } from '../support/clock.ts';
import {
  asUser,
  type Bench,
  collectingLog,
  forType,
  openBench,
  problemsOf,
  spec,
  temporaryFolder,
  want,
} from '../support/engine.ts';

const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map((row) => row.id);

const never = (): never => {
  throw new Error('no work');
};

/** Gives live rows the keys that the first layout had, but for one process; tells which. */
const toFirstLayout = async (store: Store, except: string | undefined): Promise<string[]> => {
  const moved: string[] = [];
  for (const range of [keys.allLive, keys.allProgress]) {
    for await (const page of store.pages(range)) {
      await store.write((w) => {
        for (const [key, value] of page) {
          const [table, no, , id] = key.split('\u0000');
          if (id === except) continue;
          w.put([table, no, id].join('\u0000'), value);
          w.del(key);
          moved.push(key);
        }
        w.put(keys.meta('version'), '1');
      });
    }
  }
  return moved;
};

const listed = async (bench: Bench, colony: ColonyRow) => {
  const all: Record<string, string[]> = {};
  for (const state of [0, 1, 2, 3, 4]) {
    for (const order of ['queue', 'newest'] as const) {
      const rows = await bench.engine.processes.list(colony, { state, count: 100, order });
      all[`${state} ${order}`] = ids(rows);
    }
  }
  return all;
};

describe('a restart', () => {
  test('continues queues in their order, leases, deadlines, counts, lists and members', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann', { location: 'Lund' });
    const bob = await bench.executor(colony, 'bob');
    const rows = [
      forType('cli', {}, { priority: 2, maxwaittime: 50 }),
      forType('cli', { executornames: ['bob'] }, { maxexectime: 20, maxretries: 1 }),
      forType('cli', { locationname: 'lund' }),
      spec({ conditions: { executortype: 'cli' } }, [ann.id]),
      forType('cli', { cpu: '2', mem: '1Gi' }, { env: { A: 'b' } }),
      forType('other', {}, { maxwaittime: 50 }),
    ];
    for (let i = 0; i < 24; i++) await bench.submit(colony, rows[i % rows.length]);
    const taken: (ProcessRow | undefined)[] = [];
    for (const executor of [ann, bob, ann, bob, ann, bob]) {
      taken.push(await engine.processes.assign(colony, executor, want()));
      bench.clock.advance(3);
    }
    const [first, second, third] = taken;
    if (!first || !second || !third) throw new Error('no work');
    await engine.processes.closeSuccessful(first, ann.id, '["out"]');
    await engine.processes.closeFailed(second, bob.id, '["err"]');
    await engine.processes.setOutput(third, ann.id, '["so far"]');
    await engine.attributes.add(third, ann.id, { type: 1, key: 'k', value: 'v' });
    const look = async () => ({
      lists: await listed(bench, colony),
      counts: bench.engine.processes.counts(colony),
      rows: taken.map((p) => bench.engine.processes.find(p?.id ?? '')),
      users: bench.engine.users.list(colony),
      executors: bench.engine.executors.list(colony),
      colonies: bench.engine.colonies.list(),
      statistics: bench.engine.server.statistics(),
    });
    const before = await look();
    await bench.restart();
    expect(await look()).toEqual(before);
    const order = async (): Promise<(string | undefined)[]> => {
      const got: (string | undefined)[] = [];
      for (let i = 0; i < 30; i++) {
        const executor = i % 2 === 0 ? ann : bob;
        got.push((await bench.engine.processes.assign(colony, executor, want()))?.id);
      }
      return got;
    };
    bench.clock.advance(20_500);
    await bench.engine.tick();
    expect(bench.engine.processes.find(taken[5]?.id ?? '')).toMatchObject({
      state: STATE.waiting,
      retries: 1,
    });
    bench.clock.advance(30_000);
    await bench.engine.tick();
    expect(bench.engine.processes.counts(colony)[3]).toBe(5);
    expect((await order()).filter((id) => id !== undefined)).toHaveLength(
      bench.engine.processes.counts(colony)[1] - 3,
    );
  });

  test('shows the whole specification of what waited, however it is asked for', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const ways: Record<string, (id: string) => Promise<ProcessRow | undefined>> = {
      found: async (id) => bench.engine.processes.find(id),
      'in the queue': (id) => inList({ order: 'queue' }, id),
      'in the queue, by initiator': (id) => inList({ order: 'queue', initiator: 'someone' }, id),
      newest: (id) => inList({ order: 'newest' }, id),
      history: async (id) => {
        const query = { state: STATE.waiting, executorid: '', seconds: 3_600 };
        const rows = await bench.engine.processes.history(colony, query);
        return rows.find((row) => row.id === id);
      },
      assigned: async () => bench.engine.processes.assign(colony, ann, want()),
      cancelled: async (id) => {
        const row = bench.engine.processes.find(id);
        if (row) await bench.engine.processes.cancel(row);
        return bench.engine.processes.find(id);
      },
      late: async (id) => {
        bench.clock.advance(60_000);
        await bench.engine.tick();
        return bench.engine.processes.find(id);
      },
    };
    const inList = async (by: { order: 'queue' | 'newest'; initiator?: string }, id: string) => {
      const query = { state: STATE.waiting, count: 100, ...by };
      const rows = await bench.engine.processes.list(colony, query);
      return rows.find((row) => row.id === id);
    };
    for (const [way, look] of Object.entries(ways)) {
      const told = forType('cli', {}, { args: [way, 'å', 1], maxwaittime: 50, env: { A: way } });
      const { id } = await bench.submit(colony, told);
      const { spec: before } = bench.engine.processes.find(id) as ProcessRow;
      await bench.restart();
      const shown = await look(id);
      expect(shown?.id).toBe(id);
      expect(shown?.spec).toEqual(before);
      // What was read stays, and what was written of it is whole.
      await bench.restart();
      expect(bench.engine.processes.find(id)?.spec).toEqual(before);
      const row = bench.engine.processes.find(id);
      if (row) await bench.engine.processes.remove(row, true);
    }
  });

  test('gives work in the same order as without one', async () => {
    const orders: (string | undefined)[][] = [];
    for (const restart of [false, true]) {
      const bench = await openBench({ seed: 'same' });
      const colony = await bench.colony();
      const ann = await bench.executor(colony, 'ann');
      for (let i = 0; i < 30; i++) {
        const conditions = i % 3 === 0 ? { executornames: ['ann', 'bob'] } : {};
        await bench.submit(colony, forType('cli', conditions, { priority: i % 4 }));
      }
      if (restart) await bench.restart();
      const order: (string | undefined)[] = [];
      for (let i = 0; i < 31; i++) {
        order.push((await bench.engine.processes.assign(colony, ann, want()))?.id);
      }
      orders.push(order);
    }
    expect(orders[1]).toEqual(orders[0]);
    expect(new Set(orders[0]).size).toBe(31);
  });

  test('keeps a colony paused', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    await bench.submit(colony);
    await bench.engine.colonies.pause(colony, true);
    await bench.restart();
    await expect(bench.engine.processes.assign(colony, ann, want())).rejects.toMatchObject({
      code: 'unavailable',
    });
    await bench.engine.colonies.pause(colony, false);
    expect(await bench.engine.processes.assign(colony, ann, want())).toBeDefined();
  });

  test('never gives a number of a colony twice', async () => {
    const bench = await openBench();
    const first = await bench.colony('a');
    await bench.engine.colonies.remove(first);
    await bench.restart();
    const second = await bench.colony('b');
    expect(second.no).toBeGreaterThan(first.no);
  });
});

describe('durability', () => {
  test('a command that is answered is on disk', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const { store } = bench;
    const p = await bench.submit(colony);
    expect(store.settled()).toBeUndefined();
    await bench.engine.processes.assign(colony, ann, want());
    expect(store.settled()).toBeUndefined();
    await bench.engine.processes.closeSuccessful(p, ann.id);
    expect(store.settled()).toBeUndefined();
  });

  test('a second close waits for the disk as well when the first is still on its way', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const p = await bench.submit(colony);
    await bench.engine.processes.assign(colony, ann, want());
    const done: string[] = [];
    const first = bench.engine.processes.closeSuccessful(p, ann.id).then(() => done.push('first'));
    const again = bench.engine.processes.closeSuccessful(p, ann.id).then(() => done.push('again'));
    await Promise.resolve();
    expect(done).toEqual([]);
    await Promise.all([first, again]);
    expect(done.sort()).toEqual(['again', 'first']);
    expect(bench.store.settled()).toBeUndefined();
  });

  test('many commands share few batches', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const user = await bench.user(colony);
    const before = bench.store.stats();
    const submitted = await Promise.all(
      Array.from({ length: 200 }, () =>
        bench.engine.processes.submit(colony, asUser(user), forType('cli')),
      ),
    );
    await Promise.all(submitted.map(() => bench.engine.processes.assign(colony, ann, want())));
    await Promise.all(submitted.map((p) => bench.engine.processes.closeSuccessful(p, ann.id)));
    const { batches, commands } = bench.store.stats();
    expect(commands - before.commands).toBe(600);
    expect(batches - before.batches).toBeLessThan(12);
    expect(bench.engine.processes.counts(colony)).toEqual([0, 0, 200, 0, 0]);
  });

  test('a failed commit is told once; every later command and read fails, none half', async () => {
    const fatal: unknown[] = [];
    const bench = await openBench({ onFatal: (error) => fatal.push(error) });
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const p = await bench.submit(colony);
    await bench.store.close();
    await expect(bench.engine.processes.assign(colony, ann, want())).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(fatal).toHaveLength(1);
    await expect(bench.submit(colony)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(bench.engine.settled()).rejects.toThrow();
    await bench.restart();
    expect(fatal).toHaveLength(1);
    expect(bench.engine.processes.find(p.id)?.state).toBe(STATE.waiting);
  });
});

describe('a folder', () => {
  const open = (dir: string) => openEngine({ dir, clock: manualClock(), log: silentLog() });

  test('belongs to one node at a time', async () => {
    const bench = await openBench();
    await expect(open(bench.dir)).rejects.toMatchObject({ detail: { reason: 'locked' } });
    await bench.close();
    await (await open(bench.dir)).close();
  });

  test('of a newer release is refused, untouched and unlocked', async () => {
    const bench = await openBench();
    await bench.store.write((w) => w.put(keys.meta('version'), String(STORE_VERSION + 1)));
    await bench.close();
    for (let i = 0; i < 2; i++) {
      await expect(open(bench.dir)).rejects.toMatchObject({
        code: 'unavailable',
        detail: { reason: 'newer' },
        message: expect.stringContaining('install a newer release'),
      });
    }
  });

  test('is brought up to date step by step, each once', async () => {
    const dir = await temporaryFolder();
    const { log, lines } = collectingLog();
    const store = await openStore(dir, log, () => undefined);
    const ran: number[] = [];
    const step = (version: number, fails = false) => ({
      version,
      what: `step ${version}`,
      run: async () => {
        if (fails) throw new Error('no space left');
        ran.push(version);
      },
    });
    await migrate(store, log, [step(1)]);
    await expect(migrate(store, log, [step(1), step(2), step(3, true)])).rejects.toThrow(
      'no space',
    );
    expect(store.get(keys.meta('version'))).toBe('2');
    await migrate(store, log, [step(1), step(2), step(3), step(4)]);
    await migrate(store, log, [step(1), step(2), step(3), step(4)]);
    expect(ran).toEqual([1, 2, 3, 4]);
    expect(lines.filter((line) => line.message === 'store layout changed')).toHaveLength(3);
    await store.close();
  });

  test('of the first layout goes on with everything, also when its change was broken off', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    for (let i = 0; i < 5; i++) await bench.submit(colony);
    const running = await bench.engine.processes.assign(colony, ann, want());
    const before = await listed(bench, colony);
    await bench.close();
    const store = await openStore(`${bench.dir}/store`, silentLog(), () => undefined);
    const moved = await toFirstLayout(store, before['0 newest']?.[0]);
    await store.close();
    expect(moved).toHaveLength(5);
    await bench.restart();
    expect(await listed(bench, colony)).toEqual(before);
    expect(bench.engine.processes.find(running?.id ?? '')).toEqual(running);
    expect(await problemsOf(bench.store)).toEqual([]);
    await bench.engine.processes.closeSuccessful(running ?? never(), ann.id, '[]');
    expect(await problemsOf(bench.store)).toEqual([]);
  });

  test('of another layout is not called damaged, but is not checked either', async () => {
    const bench = await openBench();
    await bench.close();
    const says = async (version: string): Promise<unknown> => {
      const store = await openStore(`${bench.dir}/store`, silentLog(), () => undefined);
      await store.write((w) => w.put(keys.meta('version'), version));
      await store.close();
      return checkData(bench.dir, silentLog()).catch((error: unknown) => error);
    };
    expect(await says('1')).toMatchObject({ code: 'unavailable', detail: { reason: 'older' } });
    expect(await says(String(STORE_VERSION + 1))).toMatchObject({ detail: { reason: 'newer' } });
    expect(await says('x')).toMatchObject([{ row: 'm version' }]);
    expect(await says(String(STORE_VERSION))).toEqual([]);
  });

  test('of the first layout removes what an interrupted removal of a colony left', async () => {
    const bench = await openBench();
    await bench.user(await bench.colony('kept'));
    const keysNow = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const page of bench.store.pages({ gte: '', lt: '\u{10ffff}' })) {
        found.push(...page.map(([key]) => key));
      }
      return found;
    };
    const before = await keysNow();
    const gone = await bench.colony('gone');
    const ann = await bench.executor(gone, 'ann');
    for (let i = 0; i < 3; i++) await bench.submit(gone);
    await bench.engine.processes.assign(gone, ann, want());
    const removing = bench.engine.colonies.remove(gone).catch(() => 'stopped');
    await bench.engine.settled();
    // Members are gone in one batch; processes would follow.
    await bench.store.close();
    await removing;
    const store = await openStore(`${bench.dir}/store`, silentLog(), () => undefined);
    expect(await toFirstLayout(store, undefined)).toHaveLength(4);
    await store.close();
    await bench.restart();
    expect(await keysNow()).toEqual(before);
  });

  test('with a row that cannot be read is not opened, and can be opened once that is gone', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const p = await bench.submit(colony);
    await bench.store.write((w) => w.put(liveKey(p), 'nonsense'));
    await bench.close();
    await expect(open(bench.dir)).rejects.toThrow('corrupt store');
    const store = await openStore(`${bench.dir}/store`, silentLog(), () => undefined);
    await store.write((w) => w.del(liveKey(p)));
    await store.close();
    await bench.restart();
  });
});
