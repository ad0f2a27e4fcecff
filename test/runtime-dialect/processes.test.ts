// Processes in the words of 2022: queue, assignment, closing, timeouts, lists.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RuntimeProcess } from '../../src/api/runtime-dialect/shapes.ts';
import { id, openWorld, WHO, type World } from './world.ts';

const { server, colony, other, r1, r2, foreign, stranger } = WHO;
const UNKNOWN = 'f'.repeat(64);
const ZERO = '0001-01-01T00:00:00Z';

let w: World;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
});
afterEach(() => w.close());

type Listed = { readonly processid: string };
const ids = (list: readonly Listed[]): string[] => list.map(({ processid }) => processid);
const get = (processid: string) => w.ok(r2, 'getprocessmsg', { processid });
const close = (who: number, processid: string) => w.call(who, 'closesuccessfulmsg', { processid });
const fail = (who: number, processid: string) => w.call(who, 'closefailedmsg', { processid });
const list = (state: number, count = 100) =>
  w.ok(r1, 'getprocessesmsg', { colonyid: id(colony), count, state });
const hist = (state: number, seconds: number, runtimeid = '') =>
  w.ok(r1, 'getprocesshistmsg', { colonyid: id(colony), runtimeid, seconds, state });
const stat = (who = r1) => w.ok(who, 'getprocstatmsg', { colonyid: id(colony) });

const run = async (who: number): Promise<string> => {
  await w.submit(who);
  return (await w.assign(who)).payload.processid;
};

describe('submitting', () => {
  test('gives back the process as it waits', async () => {
    const process = RuntimeProcess.strict().parse(await w.submit(r1, { env: { A: '1' } }));
    expect(process).toMatchObject({
      assignedruntimeid: '',
      isassigned: false,
      state: 0,
      starttime: ZERO,
      endtime: ZERO,
      deadline: ZERO,
      retries: 0,
      spec: { cmd: 'sleep', args: ['5'], conditions: { colonyid: id(colony) }, env: { A: '1' } },
      initiatorid: id(r1),
      initiatorname: `runtime ${r1}`,
    });
    expect(await get(process.processid)).toEqual(process);
  });

  test('is for approved runtimes of the colony', async () => {
    for (const who of [colony, server, foreign, stranger]) {
      expect((await w.call(who, 'submitprocessespecmsg', w.spec())).status).toBe(403);
    }
    const answer = await w.call(r1, 'submitprocessespecmsg', {});
    expect([answer.status, answer.message]).toEqual([400, 'msg.ProcessSpec is nil']);
  });
});

describe('assigning', () => {
  test('hands out what was submitted first', async () => {
    const first = await w.submit(r1);
    const second = await w.submit(r1);
    const handed = [await w.assign(r1), await w.assign(r2)];
    expect(handed.map(({ payload }) => payload.processid)).toEqual(ids([first, second]));
    expect(handed[0]?.payload).toMatchObject({
      assignedruntimeid: id(r1),
      isassigned: true,
      state: 1,
      deadline: ZERO,
    });
    expect(handed[0]?.payload.starttime).not.toBe(ZERO);
  });

  test('answers nothing at all when there is nothing', async () => {
    expect(await w.assign(r1)).toMatchObject({ status: 200, empty: true });
  });

  test('is for approved runtimes of the colony', async () => {
    await w.submit(r1);
    for (const who of [colony, server, foreign, stranger]) {
      expect((await w.assign(who)).status).toBe(403);
    }
  });

  test('a target may take its process, others never do', async () => {
    const toR2 = await w.submit(r1, {}, { runtimeids: [id(r2)] });
    expect((await w.assign(r1)).empty).toBe(true);
    expect((await w.assign(r2)).payload.processid).toBe(toR2.processid);
    for (const who of [r1, r2]) {
      const both = await w.submit(r1, {}, { runtimeids: [id(r1), id(r2)] });
      expect((await w.assign(who)).payload.processid).toBe(both.processid);
    }
  });

  test('runtime types have to match', async () => {
    await w.submit(r1, {}, { runtimetype: 'other' });
    expect((await w.assign(r1)).empty).toBe(true);
  });

  test('what a process asks for is never compared', async () => {
    await w.submit(r1, {}, { mem: 1_000_000_000, cores: 1_000_000, gpus: 99 });
    expect((await w.assign(r1)).payload.state).toBe(1);
  });

  test('waits as long as it is told to', async () => {
    const waiting = w.assign(r1, { timeout: 10 });
    const { processid } = await w.submit(r2);
    expect((await waiting).payload.processid).toBe(processid);
    const inVain = w.assign(r1, { timeout: 10 });
    await new Promise((resolve) => setImmediate(resolve));
    while (w.clock.timers() === 0) await new Promise((resolve) => setImmediate(resolve));
    w.clock.advance(10_000);
    expect(await inVain).toMatchObject({ status: 200, empty: true });
  });

  test('a paused colony has nothing to hand out', async () => {
    await w.submit(r1);
    await w.ok(colony, 'pauseassignmentsmsg', { colonyname: 'dev' });
    expect(await w.assign(r1)).toMatchObject({ status: 200, empty: true });
    await w.ok(colony, 'resumeassignmentsmsg', { colonyname: 'dev' });
    expect((await w.assign(r1)).payload.state).toBe(1);
  });
});

describe('closing', () => {
  test('is for the assigned runtime only', async () => {
    const processid = await run(r1);
    for (const who of [r2, foreign, colony]) {
      expect((await close(who, processid)).status).toBe(403);
      expect((await fail(who, processid)).status).toBe(403);
    }
    expect((await close(r2, processid)).message).toBe('not allowed to close process as successful');
    expect((await fail(r2, processid)).message).toBe('not allowed to close process as failed');
    expect((await close(r1, processid)).payload).toEqual({});
    expect(await get(processid)).toMatchObject({
      state: 2,
      isassigned: true,
      assignedruntimeid: id(r1),
    });
  });

  test('a waiting process belongs to nobody', async () => {
    const { processid } = await w.submit(r1);
    expect((await close(r1, processid)).message).toBe('not allowed to close process as successful');
    expect((await fail(r1, processid)).message).toBe('not allowed to close process as failed');
  });

  test('an unknown process is nil', async () => {
    const calls = [close(r1, UNKNOWN), fail(r1, UNKNOWN), w.call(r1, 'getprocessmsg')];
    for (const answer of await Promise.all(calls)) {
      expect([answer.status, answer.message]).toEqual([404, 'process is nil']);
    }
  });

  test('once more changes nothing, the other way is refused', async () => {
    const done = await run(r1);
    await close(r1, done);
    const before = await get(done);
    w.clock.advance(5000);
    expect((await close(r1, done)).status).toBe(200);
    expect((await fail(r1, done)).message).toBe('Tried to set successful process as failed');
    expect((await fail(r1, done)).status).toBe(400);
    expect(await get(done)).toEqual(before);

    const failed = await run(r1);
    await fail(r1, failed);
    const then = await get(failed);
    w.clock.advance(5000);
    expect((await fail(r1, failed)).status).toBe(200);
    expect((await fail(r2, failed)).status).toBe(403);
    expect((await close(r1, failed)).message).toBe('Tried to set failed process as completed');
    expect(await get(failed)).toEqual(then);
  });
});

describe('timeouts', () => {
  test.each([-1, 0, -2])('a maximum execution time of %i is none', async (maxexectime) => {
    await w.submit(r1, { maxexectime });
    const { processid, deadline } = (await w.assign(r1)).payload;
    expect(deadline).toBe(ZERO);
    await w.pass(100);
    expect((await get(processid)).state).toBe(1);
  });

  test('a process returns to the queue, again and again', async () => {
    const { processid } = await w.submit(r1, { maxexectime: 1 });
    for (let retries = 1; retries <= 3; retries += 1) {
      const running = (await w.assign(r1)).payload;
      expect(running.deadline > running.starttime).toBe(true);
      await w.pass(3);
      expect(await get(processid)).toMatchObject({
        state: 0,
        isassigned: false,
        assignedruntimeid: '',
        retries,
        starttime: ZERO,
        endtime: ZERO,
      });
    }
    expect((await close(r1, processid)).status).toBe(403);
  });

  test('with one retry it fails at the second timeout', async () => {
    const { processid } = await w.submit(r1, { maxexectime: 1, maxretries: 1 });
    await w.assign(r1);
    await w.pass(3);
    expect(await get(processid)).toMatchObject({ state: 0, retries: 1 });
    await w.assign(r2);
    await w.pass(3);
    const failed = await get(processid);
    expect(failed).toMatchObject({ state: 3, retries: 1, assignedruntimeid: id(r2) });
    expect(failed.endtime).not.toBe(ZERO);
  });

  test('what was put back goes first', async () => {
    const { processid } = await w.submit(r1, { maxexectime: 1 });
    await w.assign(r1);
    await w.submit(r1);
    await w.pass(3);
    expect((await w.assign(r2)).payload.processid).toBe(processid);
  });
});

describe('lists', () => {
  test('honour their count and put the newest first', async () => {
    const all: Listed[] = [];
    for (let i = 0; i < 20; i += 1) all.push(await w.submit(r1));
    expect(ids(await list(0, 10))).toEqual(ids(all).reverse().slice(0, 10));
    expect(await list(0, 0)).toEqual([]);
  });

  test('running ones are in the order of their start, finished ones of their end', async () => {
    const runs = [await run(r1), await run(r1), await run(r1)];
    expect(ids(await list(1))).toEqual([...runs].reverse());
    for (const i of [1, 2, 0]) await close(r1, runs[i] ?? '');
    expect(ids(await list(2))).toEqual([runs[0], runs[2], runs[1]]);
  });

  test.each([
    [101, 0, 'Count is larger than MaxCount limit <100>'],
    [1, 4, 'invalid msg.State'],
    [1, -1, 'invalid msg.State'],
    [-1, 0, 'pq: LIMIT must not be negative'],
  ])('%i in state %i is refused', async (count, state, text) => {
    const fields = { colonyid: id(colony), count, state };
    const answer = await w.call(r1, 'getprocessesmsg', fields);
    expect([answer.status, answer.message]).toEqual([400, text]);
  });

  test('history is a window over the time of submission', async () => {
    for (let i = 0; i < 20; i += 1) await w.submit(r1);
    w.clock.advance(2000);
    const { processid } = await w.submit(r1);
    expect(await hist(0, 60)).toHaveLength(21);
    expect(ids(await hist(0, 60))[0]).toBe(processid);
    expect(ids(await hist(0, 1))).toEqual([processid]);
    expect(await hist(0, -1)).toEqual([]);
    expect(await hist(7, 60)).toEqual([]);
    expect(await hist(0, 60, id(r1))).toEqual([]);
  });

  test('history of one runtime is what it was assigned', async () => {
    const mine = await run(r1);
    await run(r2);
    expect(ids(await hist(1, 60, id(r1)))).toEqual([mine]);
  });

  test('counts tell the states', async () => {
    for (let i = 0; i < 26; i += 1) await w.submit(r1);
    for (let i = 0; i < 21; i += 1) {
      const { processid } = (await w.assign(r1)).payload;
      if (i < 7) await close(r1, processid);
      else if (i < 15) await fail(r1, processid);
    }
    expect(await stat()).toEqual({ waiting: 5, running: 6, success: 7, failed: 8 });
    expect(await stat(colony)).toEqual(await stat(r1));
  });

  test.each(['getprocessesmsg', 'getprocesshistmsg', 'getprocstatmsg'])(
    '%s is for approved runtimes and the owner',
    async (type) => {
      const fields = { colonyid: id(colony), runtimeid: '', count: 1, seconds: 1, state: 0 };
      for (const who of [r1, r2, colony])
        expect((await w.call(who, type, fields)).status).toBe(200);
      for (const who of [foreign, other, server, stranger]) {
        const answer = await w.call(who, type, fields);
        expect([answer.status, answer.message]).toEqual([
          403,
          'RecoveredID does not match Colony Id',
        ]);
      }
    },
  );
});

describe('deleting', () => {
  test('any approved runtime of the colony deletes any process, a running one too', async () => {
    const processid = await run(r1);
    for (const who of [foreign, colony]) {
      expect((await w.call(who, 'deleteprocessmsg', { processid })).status).toBe(403);
    }
    expect(await w.ok(r2, 'deleteprocessmsg', { processid, all: false })).toEqual({});
    expect((await w.call(r2, 'getprocessmsg', { processid })).message).toBe('process is nil');
  });

  test('all of them is for the owner, and takes every state', async () => {
    await close(r1, await run(r1));
    await run(r1);
    await w.submit(r1);
    const fields = { colonyid: id(colony) };
    for (const who of [r1, other, server]) {
      expect((await w.call(who, 'deleteallprocessesmsg', fields)).status).toBe(403);
    }
    expect(await w.ok(colony, 'deleteallprocessesmsg', fields)).toEqual({});
    expect(await stat()).toEqual({ waiting: 0, running: 0, success: 0, failed: 0 });
    expect(await w.ok(colony, 'deleteallprocessesmsg', fields)).toEqual({});
  });
});

describe('attributes', () => {
  const add = (who: number, targetid: string, more: object = {}) =>
    w.call(who, 'addattributemsg', {
      attribute: {
        targetid,
        targetcolonyid: id(colony),
        attributetype: 1,
        key: 'result',
        value: '7',
        ...more,
      },
    });
  const read = (who: number, attributeid: string) =>
    w.call(who, 'getattributemsg', { attributeid });

  test('are set by the assigned runtime and read by every approved one', async () => {
    const processid = await run(r1);
    const text = `only runtime with id <${id(r1)}> is allowed to set attributes`;
    const answer = await add(r2, processid);
    expect([answer.status, answer.message]).toEqual([403, text]);
    const added = (await add(r1, processid)).payload;
    expect(added).toMatchObject({ targetid: processid, attributetype: 1, key: 'result' });
    expect((await read(r2, added.attributeid)).payload).toEqual(added);
    for (const who of [foreign, colony]) {
      expect((await read(who, added.attributeid)).status).toBe(403);
    }
    expect((await get(processid)).attributes).toEqual([added]);
  });

  test('of a waiting process are nobody’s to set', async () => {
    const { processid } = await w.submit(r1);
    expect((await add(r1, processid)).message).toBe(
      'only runtime with id <> is allowed to set attributes',
    );
  });

  test('belong to the colony of their process, whatever was sent', async () => {
    const processid = await run(r1);
    const added = (await add(r1, processid, { targetcolonyid: 'elsewhere' })).payload;
    expect([added.targetcolonyid, added.targetcolonyname]).toEqual([id(colony), 'dev']);
  });

  test('are replaced by the same key and type, also on a retry and after the end', async () => {
    const { processid } = await w.submit(r1, { maxexectime: 1 });
    await w.assign(r1);
    await add(r1, processid, { key: 'output', value: 'first' });
    await w.pass(3);
    await w.assign(r2);
    expect((await add(r2, processid, { key: 'output', value: 'second' })).status).toBe(200);
    await close(r2, processid);
    expect((await add(r2, processid, { key: 'late', value: 'x' })).status).toBe(200);
    const values = (await get(processid)).attributes.map((a: { value: string }) => a.value);
    expect(values).toEqual(['second', 'x']);
  });

  test('ENV ones have the type and id of 2022, and are found by it', async () => {
    const { processid, attributes } = await w.submit(r1, { env: { TEST: 'testenv' } });
    expect(attributes).toHaveLength(1);
    expect(attributes[0]).toMatchObject({ attributetype: 4, key: 'TEST', value: 'testenv' });
    expect((await read(r2, attributes[0].attributeid)).payload).toEqual(attributes[0]);
    await w.assign(r1);
    const again = await add(r1, processid, { attributetype: 4, key: 'TEST', value: 'other' });
    expect([again.status, again.message]).toEqual([
      400,
      'pq: duplicate key value violates unique constraint "prod_attributes_pkey"',
    ]);
    const more = (await add(r1, processid, { attributetype: 4, key: 'MORE' })).payload;
    expect((await read(r2, more.attributeid)).payload).toEqual(more);
    expect((await get(processid)).spec.env).toEqual({ TEST: 'testenv' });
  });

  test('an unknown one, or one of an unknown process, is nil', async () => {
    expect(await read(r1, UNKNOWN)).toMatchObject({ status: 404, message: 'attribute is nil' });
    expect(await add(r1, UNKNOWN)).toMatchObject({ status: 404, message: 'process is nil' });
    const none = await w.call(r1, 'addattributemsg', { attribute: null });
    expect(none.status).toBe(400);
  });

  test('go with their process', async () => {
    const processid = await run(r1);
    const { attributeid } = (await add(r1, processid)).payload;
    await w.ok(r1, 'deleteprocessmsg', { processid });
    expect((await read(r1, attributeid)).message).toBe('attribute is nil');
  });
});
