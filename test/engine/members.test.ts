// Executors, users, functions: registration, approval, identity changes, re-use of names.

import { describe, expect, test } from 'vitest';
import { EXECUTOR_STATE, type ExecutorRow } from '../../src/node/model/executor.ts';
import { STATE } from '../../src/node/model/process.ts';
import { type Bench, openBench, want } from '../support/engine.ts';

const MINUTE_MS = 60_000;

const FUNCTION = {
  functionid: '',
  executorname: '',
  executortype: 'cli',
  funcname: 'f',
  counter: 0,
  minwaittime: 0,
  maxwaittime: 0,
  minexectime: 0,
  maxexectime: 0,
  avgwaittime: 0,
  avgexectime: 0,
};

const newExecutor = (id: string, name: string) => ({
  id,
  type: 'cli',
  name,
  requirefuncreg: false,
  location: '',
  capabilities: { hardware: null, software: null },
  allocations: { projects: null },
  blueprintid: '',
  blueprintgen: 0,
});

/** What the engine says of an executor, before and after a restart. */
const beforeAndAfter = async <T>(bench: Bench, look: () => T): Promise<[T, T]> => {
  const before = look();
  await bench.restart();
  return [before, look()];
};

describe('executors', () => {
  test('are pending until approved, and only then members', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const row = await engine.executors.add(colony, newExecutor('a'.repeat(64), 'ann'));
    expect(row.state).toBe(EXECUTOR_STATE.pending);
    expect(engine.roles.member(colony, row.id)).toBeUndefined();
    expect(engine.roles.member(colony, row.id, true)?.kind).toBe('executor');
    await engine.executors.approve(row);
    expect(engine.roles.member(colony, row.id)?.kind).toBe('executor');
    await engine.executors.reject(row);
    expect(engine.roles.member(colony, row.id)).toBeUndefined();
  });

  test('an id that is user and executor acts as executor, and as user while that is not approved', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const user = await bench.user(colony);
    const row = await bench.engine.executors.add(colony, newExecutor(user.id, 'ann'));
    expect(bench.engine.roles.member(colony, user.id)?.kind).toBe('user');
    await bench.engine.executors.approve(row);
    expect(bench.engine.roles.member(colony, user.id)?.kind).toBe('executor');
  });

  test('a name or an id that a registered one has is refused, or made unique when that is wanted', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const other = 'b'.repeat(64);
    await expect(engine.executors.add(colony, newExecutor(other, 'ann'))).rejects.toMatchObject({
      code: 'conflict',
      detail: { reason: 'name' },
    });
    await expect(engine.executors.add(colony, newExecutor(ann.id, 'bob'))).rejects.toMatchObject({
      code: 'conflict',
      detail: { reason: 'id' },
    });
    const renamed = await engine.executors.add(colony, newExecutor(other, 'ann'), true);
    expect(renamed.name).toBe('ann-bbbbbbbb');
    const more = await engine.executors.add(colony, newExecutor(`${'b'.repeat(8)}c`, 'ann'), true);
    expect(more.name).toBe('ann-bbbbbbbbc');
  });

  test.each(['a\u0000b', 'a\nb', '\ud800', 'x'.repeat(1025)])(
    'the name %j is refused',
    async (name) => {
      const bench = await openBench();
      const colony = await bench.colony();
      for (const bad of [newExecutor('a'.repeat(64), name), newExecutor(name, 'ann')]) {
        await expect(bench.engine.executors.add(colony, bad)).rejects.toMatchObject({
          code: 'bad-request',
        });
      }
      expect(bench.engine.executors.list(colony)).toEqual([]);
    },
  );

  test('names may be anything else', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const names = ['', ' ', 'a:b', '😀', '__proto__', 'constructor', "'; drop table", 'é'];
    for (const name of names) await bench.executor(colony, name);
    const [before, after] = await beforeAndAfter(bench, () =>
      bench.engine.executors.list(colony).map((row) => row.name),
    );
    expect(new Set(before)).toEqual(new Set(names));
    expect(new Set(after)).toEqual(new Set(names));
  });

  test('a removed one keeps its row, loses its functions, and its work goes back', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    await engine.functions.add(ann, FUNCTION);
    const { id } = await bench.submit(colony);
    await engine.processes.assign(colony, ann, want());
    const waiting = engine.processes.assign(colony, ann, want({ waitMs: MINUTE_MS }));
    await engine.executors.remove(ann);
    expect(await waiting).toBeUndefined();
    const look = () => ({
      state: engine.executors.byName(colony, 'ann')?.state,
      functions: bench.engine.functions.list(colony),
      process: bench.engine.processes.find(id),
    });
    const [before, after] = await beforeAndAfter(bench, look);
    expect(before).toMatchObject({
      state: EXECUTOR_STATE.unregistered,
      functions: [],
      process: { state: STATE.waiting, executorid: '', assigned: false },
    });
    expect(after).toEqual(before);
  });

  test('the name of a removed one can be used again, by another id too', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const old = await bench.executor(colony, 'ann');
    await bench.engine.executors.remove(old);
    const next = await bench.executor(colony, 'ann');
    const look = () => ({
      named: bench.engine.executors.byName(colony, 'ann')?.id,
      old: bench.engine.executors.byId(colony, old.id),
      anywhere: bench.engine.executors.anywhere(old.id),
      next: bench.engine.executors.byId(colony, next.id)?.state,
    });
    const [before, after] = await beforeAndAfter(bench, look);
    expect(before).toEqual({
      named: next.id,
      old: undefined,
      anywhere: [],
      next: EXECUTOR_STATE.approved,
    });
    expect(after).toEqual(before);
  });

  test('whoever held the row of a removed one cannot approve its successor with it', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const old = await bench.executor(colony, 'ann');
    await engine.executors.remove(old);
    const next = await engine.executors.add(colony, newExecutor('b'.repeat(64), 'ann'));
    await expect(engine.executors.approve(old)).rejects.toMatchObject({ code: 'not-found' });
    expect(engine.executors.byName(colony, 'ann')?.state).toBe(EXECUTOR_STATE.pending);
    expect(engine.roles.member(colony, old.id, true)).toBeUndefined();
    await engine.executors.approve(next);
  });

  test('a sign of life of a removed one does not undo the registration of its successor', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const old = await bench.executor(colony, 'ann');
    engine.roles.heard(old);
    await engine.executors.remove(old);
    const next = await bench.executor(colony, 'ann');
    await engine.tick();
    const [before, after] = await beforeAndAfter(bench, () => bench.now(next));
    expect(before).toMatchObject({ id: next.id, state: EXECUTOR_STATE.approved });
    expect(after).toMatchObject({ id: next.id, state: EXECUTOR_STATE.approved });
  });

  test('of several rows with one id the registered one counts, else the newest', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const id = 'a'.repeat(64);
    for (const name of ['zoe', 'ann', 'bob']) {
      const row = await bench.executor(colony, name, { id });
      await engine.executors.remove(row);
      bench.clock.advance(10);
    }
    const look = () => bench.engine.executors.byId(colony, id)?.name;
    expect(await beforeAndAfter(bench, look)).toEqual(['bob', 'bob']);
    await bench.engine.executors.approve(
      bench.engine.executors.byName(colony, 'zoe') as ExecutorRow,
    );
    expect(await beforeAndAfter(bench, look)).toEqual(['zoe', 'zoe']);
    const ann = bench.engine.executors.byName(colony, 'ann') as ExecutorRow;
    const conflict = { code: 'conflict', detail: { reason: 'id' } };
    await expect(bench.engine.executors.approve(ann)).rejects.toMatchObject(conflict);
    await expect(bench.engine.executors.reject(ann)).rejects.toMatchObject(conflict);
  });

  test('removing an unregistered one again does nothing to another one of its id', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const old = await bench.executor(colony, 'old');
    await bench.engine.executors.remove(old);
    const next = await bench.executor(colony, 'next', { id: old.id });
    await bench.submit(colony);
    await bench.engine.processes.assign(colony, next, want());
    const waiting = bench.engine.processes.assign(colony, next, want({ waitMs: MINUTE_MS }));
    await bench.engine.executors.remove(bench.now(old));
    const { id } = await bench.submit(colony);
    expect((await waiting)?.id).toBe(id);
    expect(bench.engine.processes.counts(colony)).toEqual([0, 2, 0, 0, 0]);
  });

  test('an unregistered one that is approved again is revived', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    await bench.engine.executors.remove(ann);
    await bench.engine.executors.approve(ann);
    expect(bench.now(ann).state).toBe(EXECUTOR_STATE.approved);
    const { id } = await bench.submit(colony);
    expect((await bench.engine.processes.assign(colony, bench.now(ann), want()))?.id).toBe(id);
  });

  test('a changed id takes the running processes and the functions along', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    await engine.functions.add(ann, FUNCTION);
    const p = await bench.submit(colony);
    await engine.processes.assign(colony, ann, want());
    const waiting = engine.processes.assign(colony, ann, want({ waitMs: MINUTE_MS }));
    const id = 'c'.repeat(64);
    await engine.executors.changeId(ann, id);
    expect(await waiting).toBeUndefined();
    const look = () => ({
      old: bench.engine.executors.byId(colony, ann.id),
      next: bench.engine.executors.byId(colony, id)?.name,
      process: bench.engine.processes.find(p.id)?.executorid,
      fun: bench.engine.functions.list(colony, 'ann').map((row) => row.executorid),
      member: bench.engine.roles.member(colony, id)?.kind,
    });
    const [before, after] = await beforeAndAfter(bench, look);
    const moved = { old: undefined, next: 'ann', process: id, fun: [id], member: 'executor' };
    expect(before).toEqual(moved);
    expect(after).toEqual(moved);
    await bench.engine.processes.closeSuccessful(p, id);
  });

  test('an id that a registered one has cannot be changed to; changing to the own one is nothing', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const bob = await bench.executor(colony, 'bob');
    await expect(bench.engine.executors.changeId(ann, bob.id)).rejects.toMatchObject({
      code: 'conflict',
    });
    await bench.engine.executors.changeId(ann, ann.id);
    expect(bench.engine.executors.byId(colony, ann.id)?.name).toBe('ann');
  });
});

describe('signs of life', () => {
  test('one that asked for work and fell silent is unregistered, unless it is busy or waits', async () => {
    const bench = await openBench({ options: { staleExecutorS: 600 } });
    const { engine } = bench;
    const colony = await bench.colony();
    const [silent, busy, waiting, calling, idle] = await Promise.all(
      ['silent', 'busy', 'waiting', 'calling', 'idle'].map((name) => bench.executor(colony, name)),
    );
    if (!silent || !busy || !waiting || !calling || !idle) throw new Error('too few');
    for (const executor of [silent, busy, waiting, calling]) engine.roles.heard(executor);
    await engine.processes.assign(colony, silent, want());
    await engine.processes.assign(colony, calling, want());
    const p = await bench.submit(colony);
    await engine.processes.assign(colony, busy, want());
    const poll = engine.processes.assign(colony, waiting, want({ waitMs: 3_600_000 }));
    bench.clock.advance(11 * MINUTE_MS);
    engine.roles.heard(calling);
    await engine.tick();
    const states = () =>
      ['silent', 'busy', 'waiting', 'calling', 'idle'].map(
        (name) => bench.engine.executors.byName(colony, name)?.state,
      );
    expect(states()).toEqual([3, 1, 1, 1, 1]);
    await bench.submit(colony);
    expect(await poll).toBeDefined();
    await engine.processes.closeSuccessful(p, busy.id);
    bench.clock.advance(MINUTE_MS);
    await engine.tick();
    expect(states()).toEqual([3, 3, 1, 1, 1]);
  });

  test('down time is no silence, and signs of life are on disk soon', async () => {
    const bench = await openBench({ options: { staleExecutorS: 600 } });
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    bench.engine.roles.heard(ann);
    await bench.engine.processes.assign(colony, ann, want());
    await bench.engine.tick();
    await bench.close();
    bench.clock.advance(60 * MINUTE_MS);
    await bench.restart();
    await bench.engine.tick();
    expect(bench.now(ann).state).toBe(EXECUTOR_STATE.approved);
    bench.clock.advance(11 * MINUTE_MS);
    await bench.engine.tick();
    expect(bench.now(ann).state).toBe(EXECUTOR_STATE.unregistered);
  });

  test('what an executor spoke goes to disk with them, and costs no commit of its own', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const { commands } = bench.store.stats();
    for (const word of ['one', 'one', 'other']) bench.engine.roles.heard(bench.now(ann), word);
    expect(bench.now(ann).spoke).toBe('other');
    expect(bench.store.settled()).toBeUndefined();
    expect(bench.store.stats().commands).toBe(commands);
    await bench.engine.tick();
    expect(bench.store.stats().commands).toBe(commands + 1);
    bench.engine.roles.heard(bench.now(ann));
    await bench.restart();
    expect(bench.now(ann).spoke).toBe('other');
  });

  test('the end of a long poll is one: its executor has a moment to ask again', async () => {
    const bench = await openBench({ options: { staleExecutorS: 600 } });
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    bench.engine.roles.heard(ann);
    const poll = bench.engine.processes.assign(colony, ann, want({ waitMs: 60 * MINUTE_MS }));
    bench.clock.advance(60 * MINUTE_MS);
    expect(await poll).toBeUndefined();
    await bench.engine.tick();
    expect(bench.now(ann).state).toBe(EXECUTOR_STATE.approved);
  });

  test('0 switches it off', async () => {
    const bench = await openBench({ options: { staleExecutorS: 0 } });
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    bench.engine.roles.heard(ann);
    await bench.engine.processes.assign(colony, ann, want());
    bench.clock.advance(10_000 * MINUTE_MS);
    await bench.engine.tick();
    expect(bench.now(ann).state).toBe(EXECUTOR_STATE.approved);
  });

  test('many that fell silent together go in a few commits', async () => {
    const bench = await openBench({ options: { staleExecutorS: 600 } });
    const colony = await bench.colony();
    const all = await Promise.all(
      Array.from({ length: 200 }, (_, i) => bench.executor(colony, `e${i}`)),
    );
    for (const executor of all) {
      bench.engine.roles.heard(executor);
      await bench.engine.processes.assign(colony, executor, want());
    }
    bench.clock.advance(11 * MINUTE_MS);
    const before = bench.store.stats().batches;
    await bench.engine.tick();
    expect(bench.engine.colonies.statistics(colony).unregisteredexecutors).toBe(200);
    expect(bench.store.stats().batches - before).toBeLessThan(5);
  });
});

describe('users', () => {
  test('names and ids are unique in a colony, and free again after removal', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const other = await bench.colony('other');
    const eve = await bench.user(colony, 'eve');
    const row = { email: '', phone: '' };
    await expect(engine.users.add(colony, { ...row, id: 'x', name: 'eve' })).rejects.toMatchObject({
      detail: { reason: 'name' },
    });
    await expect(engine.users.add(colony, { ...row, id: eve.id, name: 'x' })).rejects.toMatchObject(
      {
        detail: { reason: 'id' },
      },
    );
    await engine.users.add(other, { ...row, id: eve.id, name: 'eve' });
    await engine.users.remove(eve);
    expect(engine.roles.member(colony, eve.id)).toBeUndefined();
    expect(engine.roles.member(other, eve.id)?.kind).toBe('user');
    await engine.users.add(colony, { ...row, id: eve.id, name: 'eve' });
  });

  test('a changed id is the only one that counts', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const eve = await bench.user(colony, 'eve');
    const sam = await bench.user(colony, 'sam');
    await expect(bench.engine.users.changeId(eve, sam.id)).rejects.toMatchObject({
      code: 'conflict',
    });
    await bench.engine.users.changeId(eve, 'e'.repeat(64));
    const look = () => [
      bench.engine.users.byId(colony, eve.id)?.name,
      bench.engine.users.byId(colony, 'e'.repeat(64))?.name,
    ];
    expect(await beforeAndAfter(bench, look)).toEqual([
      [undefined, 'eve'],
      [undefined, 'eve'],
    ]);
  });
});

describe('functions', () => {
  test('one of the same name is replaced and keeps its id', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann', { location: 'Lund' });
    const first = await bench.engine.functions.add(ann, { ...FUNCTION, description: 'old' });
    const second = await bench.engine.functions.add(ann, { ...FUNCTION, description: 'new' });
    expect(second.wire).toMatchObject({
      functionid: first.wire.functionid,
      description: 'new',
      executorname: 'ann',
      locationname: 'Lund',
    });
    const [before, after] = await beforeAndAfter(bench, () => bench.engine.functions.list(colony));
    expect(before).toHaveLength(1);
    expect(after).toEqual(before);
    await bench.engine.functions.remove(second);
    expect(bench.engine.functions.get(first.wire.functionid)).toBeUndefined();
    expect(bench.engine.functions.list(colony)).toEqual([]);
  });

  test('an id that is taken by another function is replaced by a new one', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const wanted = await bench.engine.functions.add(ann, { ...FUNCTION, functionid: 'mine' });
    expect(wanted.wire.functionid).toBe('mine');
    const next = await bench.engine.functions.add(ann, {
      ...FUNCTION,
      funcname: 'g',
      functionid: 'mine',
    });
    expect(next.wire.functionid).not.toBe('mine');
  });

  test('an id that cannot be a key is refused, and nothing is kept of it', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    await expect(
      bench.engine.functions.add(ann, { ...FUNCTION, functionid: 'a\u0000b' }),
    ).rejects.toMatchObject({ code: 'bad-request' });
    expect(bench.engine.functions.list(colony)).toEqual([]);
  });

  test('an executor that is gone registers nothing', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    await bench.engine.executors.remove(ann);
    await expect(bench.engine.functions.add(ann, FUNCTION)).rejects.toMatchObject({
      code: 'not-found',
    });
    await bench.engine.colonies.remove(colony);
    await expect(bench.engine.functions.add(ann, FUNCTION)).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('successful calls are counted with their waiting and running times', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const fun = await engine.functions.add(ann, FUNCTION);
    for (const [waitMs, runMs] of [
      [2000, 4000],
      [4000, 2000],
    ] as const) {
      const p = await bench.submit(colony);
      bench.clock.advance(waitMs);
      await engine.processes.assign(colony, ann, want());
      bench.clock.advance(runMs);
      await engine.processes.closeSuccessful(p, ann.id);
    }
    const failed = await bench.submit(colony);
    await engine.processes.assign(colony, ann, want());
    await engine.processes.closeFailed(failed, ann.id, '[]');
    const [before, after] = await beforeAndAfter(
      bench,
      () => bench.engine.functions.get(fun.wire.functionid)?.wire,
    );
    expect(before).toMatchObject({ counter: 2 });
    expect(before?.minwaittime).toBeCloseTo(2, 4);
    expect(before?.maxwaittime).toBeCloseTo(4, 4);
    expect(before?.avgexectime).toBeCloseTo(3, 4);
    expect(after).toEqual(before);
  });
});
