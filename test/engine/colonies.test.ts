// Colonies: names, identity, removal without a trace, retention.

import { describe, expect, test } from 'vitest';
import { STATE } from '../../src/node/model/process.ts';
import type { Store } from '../../src/node/store/store.ts';
import { type Bench, forType, openBench, want } from '../support/engine.ts';

const allKeys = async (store: Store): Promise<string[]> => {
  const found: string[] = [];
  for await (const page of store.pages({ gte: '', lt: '\u{10ffff}' })) {
    found.push(...page.map(([key]) => key));
  }
  return found;
};

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

/** Something of everything in a colony. */
const furnish = async (bench: Bench, name: string) => {
  const { engine } = bench;
  const colony = await bench.colony(name);
  await bench.user(colony);
  const ann = await bench.executor(colony, 'ann');
  await engine.functions.add(ann, FUNCTION);
  for (const close of [true, false, undefined]) {
    await bench.submit(colony, forType('cli', {}, { env: { A: '1' }, maxexectime: 100 }));
    const p = await engine.processes.assign(colony, ann, want());
    if (!p) throw new Error('no work');
    await engine.attributes.add(p, ann.id, { type: 1, key: 'k', value: 'v' });
    await engine.logs.add(p, ann.id, 'line');
    if (close === true) await engine.processes.closeSuccessful(p, ann.id);
    if (close === false) await engine.processes.closeFailed(p, ann.id, '[]');
  }
  await bench.submit(colony, forType('cli', {}, { env: { A: '1' }, maxwaittime: 100 }));
  await engine.logs.addForExecutor(ann, 'line');
  return { colony, ann };
};

describe('names and ids', () => {
  test('are unique on a server; an id match wins over a name', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const id = 'a'.repeat(64);
    await engine.colonies.add(id, 'dev');
    await expect(engine.colonies.add('b'.repeat(64), 'dev')).rejects.toMatchObject({
      detail: { reason: 'name' },
    });
    await expect(engine.colonies.add(id, 'prod')).rejects.toMatchObject({
      detail: { reason: 'id' },
    });
    expect(engine.colonies.find('dev')?.id).toBe(id);
    expect(engine.colonies.find(id)?.name).toBe('dev');
    expect(engine.colonies.find('prod')).toBeUndefined();
  });

  test.each(['A'.repeat(64), 'short', `${'a'.repeat(63)}g`])('the id %s is refused', async (id) => {
    const bench = await openBench();
    await expect(bench.engine.colonies.add(id, 'dev')).rejects.toMatchObject({
      code: 'bad-request',
    });
  });

  test.each(['a'.repeat(64), 'F'.repeat(64), 'a\u0000b', 'x'.repeat(1025)])(
    'the name %j is refused',
    async (name) => {
      const bench = await openBench();
      await expect(bench.engine.colonies.add('a'.repeat(64), name)).rejects.toMatchObject({
        code: 'bad-request',
      });
      expect(bench.engine.colonies.list()).toEqual([]);
    },
  );

  test('a changed id is found, the old one is not, also after a restart', async () => {
    const bench = await openBench();
    const colony = await bench.colony('dev');
    const other = await bench.colony('other');
    const id = 'c'.repeat(64);
    await expect(bench.engine.colonies.changeId(colony, other.id)).rejects.toMatchObject({
      code: 'conflict',
    });
    await bench.engine.colonies.changeId(colony, id);
    for (const restart of [false, true]) {
      if (restart) await bench.restart();
      expect(bench.engine.colonies.find(colony.id)).toBeUndefined();
      expect(bench.engine.colonies.find(id)?.name).toBe('dev');
      expect(bench.engine.roles.isColonyOwner(colony, id)).toBe(true);
      expect(bench.engine.roles.isColonyOwner(colony, colony.id)).toBe(false);
    }
  });
});

describe('removal', () => {
  test('leaves nothing of the colony, and all of the others', async () => {
    const bench = await openBench();
    const kept = await furnish(bench, 'kept');
    const before = await allKeys(bench.store);
    const { colony, ann } = await furnish(bench, 'gone');
    const waiting = bench.engine.processes.assign(
      colony,
      ann,
      want({ waitMs: 1000, cpuMilli: -1 }),
    );
    await bench.engine.colonies.remove(colony);
    expect(await waiting).toBeUndefined();
    expect(await allKeys(bench.store)).toEqual(before);
    expect(bench.engine.colonies.list()).toEqual([kept.colony]);
    expect(bench.engine.processes.counts(kept.colony)).toEqual([1, 1, 1, 1, 0]);
    await expect(bench.submit(colony)).rejects.toMatchObject({ code: 'not-found' });
    bench.clock.advance(200_000);
    await bench.engine.tick();
    expect(bench.engine.processes.counts(kept.colony)).toEqual([0, 0, 1, 3, 0]);
  });

  test('a colony of the same name and id afterwards starts empty', async () => {
    const bench = await openBench();
    const { colony } = await furnish(bench, 'dev');
    await bench.engine.colonies.remove(colony);
    const again = await bench.engine.colonies.add(colony.id, 'dev');
    expect(again.no).not.toBe(colony.no);
    expect(bench.engine.processes.counts(again)).toEqual([0, 0, 0, 0, 0]);
    expect(bench.engine.executors.list(again)).toEqual([]);
    await bench.restart();
    expect(bench.engine.processes.counts(again)).toEqual([0, 0, 0, 0, 0]);
  });

  test('one that a crash interrupted is finished at the next start', async () => {
    const bench = await openBench();
    await furnish(bench, 'kept');
    const before = await allKeys(bench.store);
    const { colony } = await furnish(bench, 'gone');
    const removing = bench.engine.colonies.remove(colony).catch(() => 'stopped');
    await bench.engine.settled();
    // Members are gone in one batch; processes and logs would follow.
    await bench.store.close();
    await removing;
    await bench.restart();
    expect(await allKeys(bench.store)).toEqual(before);
  });

  test('of a large one goes in pieces: another colony works meanwhile', async () => {
    const bench = await openBench();
    const large = await bench.colony('large');
    const small = await bench.colony('small');
    await bench.user(large);
    await bench.user(small);
    const before = (await allKeys(bench.store)).filter((key) => key.includes('00000002'));
    const spec = forType(
      'cli',
      { executornames: ['a', 'b'] },
      { maxwaittime: 100, env: { A: '1' } },
    );
    await Promise.all(Array.from({ length: 3_500 }, () => bench.submit(large, spec)));
    const done: string[] = [];
    const removing = bench.engine.colonies.remove(large).then(() => done.push('removed'));
    await bench.submit(small).then(() => done.push('submitted'));
    await removing;
    expect(done).toEqual(['submitted', 'removed']);
    bench.clock.advance(200_000);
    await bench.engine.tick();
    expect(bench.engine.processes.counts(small)).toEqual([1, 0, 0, 0, 0]);
    const left = await allKeys(bench.store);
    expect(left.filter((key) => key.includes('00000001'))).toEqual([]);
    expect(left.filter((key) => key.includes('00000002'))).toHaveLength(before.length + 1);
  });

  test('commands that still hold rows of it are refused and write nothing', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const { colony, ann } = await furnish(bench, 'dev');
    const [running] = await engine.processes.list(colony, {
      state: STATE.running,
      count: 10,
      order: 'queue',
    });
    const [done] = await engine.processes.list(colony, {
      state: STATE.success,
      count: 10,
      order: 'queue',
    });
    if (!running || !done) throw new Error('not furnished');
    const [user] = engine.users.list(colony);
    await engine.colonies.remove(colony);
    const before = await allKeys(bench.store);
    const attribute = { type: 1, key: 'new', value: 'v' };
    const calls = [
      () => engine.executors.approve(ann),
      () => engine.executors.remove(ann),
      () => engine.executors.changeId(ann, 'f'.repeat(64)),
      () => engine.functions.add(ann, FUNCTION),
      () => engine.logs.addForExecutor(ann, 'x'),
      () => engine.logs.add(running, ann.id, 'x'),
      () => engine.attributes.add(running, ann.id, attribute),
      () => engine.attributes.add(done, ann.id, attribute, true),
      () => engine.processes.closeSuccessful(running, ann.id),
      () => engine.processes.closeFailed(running, ann.id, '[]'),
      () => engine.processes.setOutput(running, ann.id, '[1]'),
      () => engine.processes.cancel(running),
      () => engine.colonies.pause(colony, true),
      () => engine.users.changeId(user ?? ({} as never), 'f'.repeat(64)),
      () => engine.processes.assign(colony, ann, want()),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ name: 'Fault' });
    expect(await allKeys(bench.store)).toEqual(before);
  });
});

describe('removing processes', () => {
  test('all of one state, or all, with their attributes; the counts follow', async () => {
    const bench = await openBench();
    const { colony } = await furnish(bench, 'dev');
    const { processes } = bench.engine;
    await processes.removeAll(colony, STATE.success);
    expect(processes.counts(colony)).toEqual([1, 1, 0, 1, 0]);
    await processes.removeAll(colony, STATE.waiting);
    expect(processes.counts(colony)).toEqual([0, 1, 0, 1, 0]);
    await processes.removeAll(colony, 'all');
    expect(processes.counts(colony)).toEqual([0, 0, 0, 0, 0]);
    const left = await allKeys(bench.store);
    expect(left.filter((key) => 'ladet'.includes(key[0] ?? ''))).toEqual([]);
    bench.clock.advance(1_000_000);
    await bench.engine.tick();
    await bench.restart();
    expect(bench.engine.processes.counts(colony)).toEqual([0, 0, 0, 0, 0]);
  });

  test('a running one only by force; one twice at once counts once', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const { processes } = bench.engine;
    const p = await bench.submit(colony);
    await processes.assign(colony, ann, want());
    await expect(processes.remove(p)).rejects.toMatchObject({ detail: { reason: 'running' } });
    await processes.closeSuccessful(p, ann.id);
    await bench.submit(colony);
    const other = await processes.assign(colony, ann, want());
    if (!other) throw new Error('no work');
    await processes.closeSuccessful(other, ann.id);
    await Promise.all([processes.remove(p), processes.remove(p)]);
    expect(processes.counts(colony)).toEqual([0, 0, 1, 0, 0]);
    const running = await bench.submit(colony);
    await processes.assign(colony, ann, want());
    await processes.remove(running, true);
    expect(processes.counts(colony)).toEqual([0, 0, 1, 0, 0]);
    expect(processes.find(running.id)).toBeUndefined();
  });
});

describe('retention', () => {
  test('lets go what finished long ago, all of it, a bounded part at every tick', async () => {
    const bench = await openBench({ options: { retentionS: 3600 }, limits: { tickWorkMax: 10 } });
    const { engine, clock } = bench;
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const finish = async (): Promise<string> => {
      const p = await bench.submit(colony);
      await engine.processes.assign(colony, ann, want());
      await engine.logs.add(p, ann.id, 'line');
      await engine.processes.closeSuccessful(p, ann.id);
      return p.id;
    };
    for (let i = 0; i < 25; i++) await finish();
    clock.advance(3_000_000);
    const young = await finish();
    const cancelled = await bench.submit(colony);
    await engine.processes.cancel(cancelled);
    clock.advance(1_000_000);
    const left: number[] = [];
    for (let i = 0; i < 4; i++) {
      await engine.tick();
      left.push(engine.processes.counts(colony)[2]);
      clock.advance(500);
    }
    expect(left).toEqual([16, 6, 1, 1]);
    expect(engine.processes.find(young)?.state).toBe(STATE.success);
    expect(engine.processes.find(cancelled.id)?.state).toBe(STATE.cancelled);
    expect(await engine.logs.search(colony, 'line', 30, 100)).toHaveLength(1);
    clock.advance(10_000_000);
    await engine.tick();
    expect(engine.processes.counts(colony)).toEqual([0, 0, 0, 0, 0]);
  });

  test('0 keeps everything', async () => {
    const bench = await openBench({ options: { retentionS: 0 } });
    const { colony } = await furnish(bench, 'dev');
    const before = bench.engine.processes.counts(colony);
    bench.clock.advance(50_000);
    await bench.engine.tick();
    expect(bench.engine.processes.counts(colony)).toEqual(before);
  });
});

describe('the server', () => {
  test('keeps the owner of the folder, and adopts one where there is none', async () => {
    const bench = await openBench();
    expect(bench.engine.roles.isServerOwner('')).toBe(false);
    await bench.restart({ serverId: 'a'.repeat(64) });
    expect(bench.engine.server.id()).toBe('a'.repeat(64));
    await bench.restart({ serverId: 'b'.repeat(64) });
    expect(bench.engine.server.id()).toBe('a'.repeat(64));
    await bench.engine.server.changeId('c'.repeat(64));
    await expect(bench.engine.server.changeId('nobody')).rejects.toMatchObject({
      code: 'bad-request',
    });
    await bench.restart();
    expect(bench.engine.roles.isServerOwner('c'.repeat(64))).toBe(true);
  });

  test('counts all colonies; unregistered executors count in their colony only', async () => {
    const bench = await openBench();
    const { colony, ann } = await furnish(bench, 'a');
    await furnish(bench, 'b');
    await bench.engine.executors.remove(ann);
    expect(bench.engine.server.statistics()).toMatchObject({
      colonies: 2,
      executors: 1,
      activeexecutors: 1,
      unregisteredexecutors: 1,
      waitingprocesses: 3,
      runningprocesses: 1,
      successfulprocesses: 2,
      failedprocesses: 2,
      cancelledprocesses: 0,
    });
    expect(bench.engine.colonies.statistics(colony)).toMatchObject({
      colonies: 1,
      executors: 1,
      activeexecutors: 0,
      unregisteredexecutors: 1,
    });
  });
});
