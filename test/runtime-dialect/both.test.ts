// The two dialects on one node: either kind of worker runs what either kind of client submitted,
// and both kinds of client see how it ended.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RuntimeProcess } from '../../src/api/runtime-dialect/shapes.ts';
import { Process } from '../../src/node/model/process.ts';
import { envelope, id, key, openWorld, WHO, type World } from './world.ts';

const { colony, server, r1, r2 } = WHO;
const today = 20;
const user = 21;

let w: World;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
  const executor = {
    executorid: id(today),
    executortype: 'worker',
    executorname: 'today',
    colonyname: 'dev',
  };
  await w.ok(colony, 'addexecutormsg', { executor });
  await w.ok(colony, 'approveexecutormsg', { colonyname: 'dev', executorname: 'today' });
  const added = { colonyname: 'dev', userid: id(user), name: 'user', email: '', phone: '' };
  await w.ok(colony, 'addusermsg', { user: added });
});
afterEach(() => w.close());

const submitToday = (more: object = {}) =>
  w.ok(user, 'submitfuncspecmsg', {
    spec: {
      funcname: 'echo',
      args: ['hello'],
      maxexectime: -1,
      maxretries: -1,
      conditions: { colonyname: 'dev', executortype: 'worker' },
      ...more,
    },
  });
const assignToday = (more: object = {}) =>
  w.call(today, 'assignprocessmsg', { colonyname: 'dev', timeout: -1, ...more });
const getToday = async (processid: string) => {
  // The user speaks the executor dialect: nothing else is known of it.
  return Process.parse(await w.ok(user, 'getprocessmsg', { processid }));
};
const get2022 = async (processid: string) =>
  RuntimeProcess.strict().parse(await w.ok(r2, 'getprocessmsg', { processid }));
const attribute = (
  who: number,
  targetid: string,
  attributetype: number,
  name: string,
  value: string,
) =>
  w.ok(who, 'addattributemsg', {
    attribute: { targetid, targetcolonyid: id(colony), attributetype, key: name, value },
  });

describe('work of 2022 for a worker of today', () => {
  test('is a function with arguments, and its output an attribute', async () => {
    const { processid } = await w.submit(r1, { env: { A: '1' } });
    const assigned = Process.parse((await assignToday()).payload);
    expect(assigned).toMatchObject({ processid, assignedexecutorid: id(today) });
    expect(assigned.spec).toMatchObject({
      funcname: 'sleep',
      args: ['5'],
      env: { A: '1' },
      conditions: { colonyname: 'dev', executortype: 'worker' },
    });
    await w.ok(today, 'closesuccessfulmsg', { processid, out: ['done'] });
    const { state, attributes, out } = await get2022(processid);
    expect([state, out]).toEqual([2, ['done']]);
    expect(attributes.map((a) => [a.attributetype, a.key, a.value])).toEqual([
      [4, 'A', '1'],
      [1, 'output', 'done'],
    ]);
  });

  test('that failed says why', async () => {
    const { processid } = await w.submit(r1);
    await assignToday();
    await w.ok(today, 'closefailedmsg', { processid, errors: ['no such file'] });
    const { state, attributes } = await get2022(processid);
    expect(state).toBe(3);
    expect(attributes).toMatchObject([{ attributetype: 2, key: 'error', value: 'no such file' }]);
  });

  test('with targets goes to a target only', async () => {
    await w.submit(r1, {}, { runtimeids: [id(r1)] });
    expect((await assignToday()).status).toBe(404);
    const { processid } = await w.submit(r1, {}, { runtimeids: [id(today)] });
    expect((await w.assign(r2)).empty).toBe(true);
    expect((await assignToday()).payload.processid).toBe(processid);
  });

  test('asking for more than the worker has left waits for another', async () => {
    await w.submit(r1, {}, { cores: 8, mem: 4096 });
    expect((await assignToday({ availablecpu: '4000m' })).status).toBe(404);
    expect((await assignToday({ availablemem: '2Gi' })).status).toBe(404);
    expect((await assignToday({ availablecpu: '8000m', availablemem: '4Gi' })).status).toBe(200);
  });
});

describe('work of today for a worker of 2022', () => {
  test('is a command with arguments, and what it printed the output', async () => {
    const { processid } = await submitToday({ args: ['hello', 7], kwargs: { image: 'busybox' } });
    const assigned = RuntimeProcess.strict().parse((await w.assign(r1)).payload);
    expect(assigned).toMatchObject({
      processid,
      assignedruntimeid: id(r1),
      spec: { cmd: 'echo', args: ['hello', '7'], image: 'busybox', env: {} },
    });
    await attribute(r1, processid, 1, 'output', 'hello 7\n');
    await w.ok(r1, 'closesuccessfulmsg', { processid });
    const done = await getToday(processid);
    expect([done.state, done.out]).toEqual([2, ['hello 7\n']]);
    const outputs = (await get2022(processid)).attributes.filter((a) => a.key === 'output');
    expect(outputs.map((a) => a.value)).toEqual(['hello 7\n']);
  });

  test('that failed has its ERR attributes as errors', async () => {
    const { processid } = await submitToday();
    await w.assign(r1);
    await attribute(r1, processid, 2, 'reason', 'exit status 3');
    await w.ok(r1, 'closefailedmsg', { processid });
    expect(await getToday(processid)).toMatchObject({ state: 3, errors: ['exit status 3'] });
  });

  test('by name is shown with the id of that name', async () => {
    const conditions = {
      colonyname: 'dev',
      executortype: 'worker',
      executornames: [`runtime ${r1}`, 'nobody'],
    };
    const { processid } = await submitToday({ conditions });
    expect((await get2022(processid)).spec.conditions.runtimeids).toEqual([id(r1), 'nobody']);
    expect((await w.assign(r2)).empty).toBe(true);
    expect((await w.assign(r1)).payload.processid).toBe(processid);
  });

  test('that was cancelled has failed: listed, counted and closed as such', async () => {
    const { processid } = await submitToday();
    await w.assign(r1);
    await w.ok(user, 'cancelprocessmsg', { processid });
    expect((await get2022(processid)).state).toBe(3);
    const other = await w.submit(r1);
    w.clock.advance(1000);
    await w.assign(r1);
    await w.ok(r1, 'closefailedmsg', { processid: other.processid });
    const fields = { colonyid: id(colony), runtimeid: '', count: 10, seconds: 60, state: 3 };
    for (const type of ['getprocessesmsg', 'getprocesshistmsg']) {
      const list: { processid: string; state: number }[] = await w.ok(r1, type, fields);
      expect(list.map((p) => [p.processid, p.state])).toEqual([
        [other.processid, 3],
        [processid, 3],
      ]);
    }
    expect(await w.ok(r1, 'getprocstatmsg', { colonyid: id(colony) })).toMatchObject({ failed: 2 });
    expect((await w.call(r1, 'closefailedmsg', { processid })).status).toBe(200);
    const late = await w.call(r1, 'closesuccessfulmsg', { processid });
    expect([late.status, late.message]).toEqual([400, 'Tried to set failed process as completed']);
  });
});

describe('members of either kind', () => {
  test('a runtime is an executor and an executor a runtime', async () => {
    const executors = await w.ok(user, 'getexecutorsmsg', { colonyname: 'dev' });
    expect(executors).toHaveLength(3);
    const runtimes = await w.ok(colony, 'getruntimesmsg', { colonyid: id(colony) });
    expect(runtimes.at(-1)).toMatchObject({ runtimeid: id(today), name: 'today', state: 1 });
  });

  test('each is answered in the words it speaks', async () => {
    const { processid } = await w.submit(r1);
    expect(await w.ok(r1, 'getprocessmsg', { processid })).toHaveProperty('assignedruntimeid');
    expect(await w.ok(user, 'getprocessmsg', { processid })).not.toHaveProperty(
      'assignedruntimeid',
    );
    expect(await w.ok(today, 'getprocessmsg', { processid })).not.toHaveProperty(
      'assignedruntimeid',
    );
    // A runtime that shows words of today is answered in those from then on.
    await w.ok(r1, 'getcolonymsg', { colonyname: 'dev' });
    expect(await w.ok(r1, 'getprocessmsg', { processid })).not.toHaveProperty('assignedruntimeid');
    await w.ok(r1, 'getcolonymsg', { colonyid: id(colony) });
    expect(await w.ok(r1, 'getprocessmsg', { processid })).toHaveProperty('assignedruntimeid');
  });

  test('one identity may speak differently on two connections', async () => {
    const { processid } = await w.submit(r1);
    const { signal } = new AbortController();
    const line = () => ({ connection: new Map<string, string>(), signal });
    const [a, b] = [line(), line()];
    const send = async (origin: typeof a, type: string, fields: object) => {
      const reply = await w.dispatch.receive(envelope(key(r1), type, fields), origin);
      return Buffer.from(JSON.parse(reply.body).payload, 'base64').toString('utf8');
    };
    await send(a, 'getcolonymsg', { colonyid: id(colony) });
    await send(b, 'getcolonymsg', { colonyname: 'dev' });
    expect(await send(a, 'getprocessmsg', { processid })).toContain('assignedruntimeid');
    expect(await send(b, 'getprocessmsg', { processid })).not.toContain('assignedruntimeid');
  });

  test('a colony reads the same in both', async () => {
    const one = { colonyid: id(colony), name: 'dev' };
    expect(await w.ok(r1, 'getcolonymsg', { colonyid: id(colony) })).toEqual(one);
    expect(await w.ok(today, 'getcolonymsg', { colonyname: 'dev' })).toEqual(one);
    expect(await w.ok(server, 'getcoloniesmsg')).toContainEqual(one);
  });
});

describe('after a restart', () => {
  test('each member is answered in the words it used last, however it was registered', async () => {
    const { processid } = await w.submit(r1);
    const speaks = async (who: number): Promise<string> => {
      const process = await w.ok(who, 'getprocessmsg', { processid });
      return 'assignedruntimeid' in process ? 'runtime' : 'executor';
    };
    expect([await speaks(today), await speaks(r1), await speaks(r2)]).toEqual([
      'executor',
      'runtime',
      'runtime',
    ]);
    // An executor that took up the words of 2022, and a runtime that was brought up to date.
    await w.ok(today, 'getcolonymsg', { colonyid: id(colony) });
    await w.ok(r1, 'getcolonymsg', { colonyname: 'dev' });
    w = await openWorld(await w.stop());
    expect([await speaks(today), await speaks(r1), await speaks(r2)]).toEqual([
      'runtime',
      'executor',
      'runtime',
    ]);
    w = await openWorld(await w.stop());
    expect([await speaks(today), await speaks(r1)]).toEqual(['runtime', 'executor']);
  });

  test('everything reads as before, and each member is answered in the words of its registration', async () => {
    await w.ok(colony, 'addruntimemsg', {
      runtime: { runtimeid: id(9), colonyid: id(colony), name: 'today', cores: -1, cpu: 'c' },
    });
    const spec = { args: null, volumes: [], maxexectime: 0, maxretries: 7, env: { A: '1' } };
    const { processid } = await w.submit(r1, spec, { runtimeids: [id(r1)], mem: -5 });
    const read = async () => [
      await w.ok(r1, 'getprocessmsg', { processid }),
      await w.ok(r1, 'getruntimesmsg', { colonyid: id(colony) }),
    ];
    const before = await read();
    w = await openWorld(await w.stop());
    expect(await w.ok(r1, 'getprocessmsg', { processid })).toHaveProperty('assignedruntimeid');
    const [process, runtimes] = await read();
    expect(process).toEqual(before[0]);
    const still = (list: { lastheardfromtime: string }[]) =>
      list.map(({ lastheardfromtime: _heard, ...rest }) => rest);
    expect(still(runtimes)).toEqual(still(before[1]));
    expect((await w.assign(r1)).payload.processid).toBe(processid);
  });
});

describe('a reply that was not delivered', () => {
  test('gives its process back', async () => {
    const { processid } = await w.submit(r1);
    const origin = { connection: new Map<string, string>(), signal: new AbortController().signal };
    const body = envelope(key(r1), 'assignprocessmsg', { colonyid: id(colony) });
    const reply = await w.dispatch.receive(body, origin);
    reply.onLost?.();
    expect((await w.assign(r2)).payload).toMatchObject({ processid, retries: 0 });
  });
});
