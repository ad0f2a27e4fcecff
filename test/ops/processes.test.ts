import { afterEach, beforeEach, expect, test } from 'vitest';
import { Process } from '../../src/node/model/process.ts';
import { idOf, openWorld, refusal, type World } from '../support/world.ts';

let w: World;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
});
afterEach(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

const ZERO = '0001-01-01T00:00:00Z';

test('a minimal submission becomes a waiting process with every field', async () => {
  const process = await w.submit('alice');
  expect(Process.parse(process)).toEqual(process);
  expect(process).toEqual({
    processid: expect.stringMatching(/^[0-9a-f]{64}$/),
    initiatorid: idOf('alice'),
    initiatorname: 'alice',
    assignedexecutorid: '',
    isassigned: false,
    state: 0,
    prioritytime: expect.any(BigInt),
    submissiontime: expect.stringMatching(/^2030-01-01T00:00:00(\.\d+)?Z$/),
    starttime: ZERO,
    endtime: ZERO,
    waitdeadline: ZERO,
    execdeadline: ZERO,
    retries: 0,
    attributes: [],
    spec: {
      nodename: '',
      funcname: 'f',
      args: [],
      kwargs: {},
      priority: 0,
      maxwaittime: 0,
      maxexectime: 0,
      maxretries: 0,
      conditions: {
        colonyname: 'dev',
        executornames: null,
        executortype: 'worker',
        dependencies: [],
        nodes: 0,
        cpu: '0m',
        processes: 0,
        processespernode: 0,
        mem: '0Mi',
        storage: '0Mi',
        gpu: { name: '', mem: '0Mi', count: 0, nodecount: 0 },
        walltime: 0,
      },
      label: '',
      fs: { mount: '', snapshots: null, dirs: null },
      env: {},
    },
    waitforparents: false,
    parents: [],
    children: [],
    processgraphid: '',
    in: [],
    out: [],
    errors: [],
  });
});

test('a specification is normalised once, and free values come back as they were', async () => {
  const args = [1, 'two', { three: [3.5, null, true, '<&>'] }];
  const { spec, attributes } = await w.submit(
    'alice',
    { args, kwargs: { k: 'v' }, env: { KEY: 'value' }, channels: ['c'], label: 'l' },
    { cpu: '500m', mem: '10G', gpu: { mem: '1Gi', count: 1, nodecount: 2 }, executornames: ['*'] },
  );
  expect(spec).toMatchObject({ args, kwargs: { k: 'v' }, env: { KEY: 'value' }, channels: ['c'] });
  expect(spec.conditions).toMatchObject({
    cpu: '500m',
    mem: '9536Mi',
    gpu: { mem: '1024Mi', count: 1, nodecount: 2 },
    executornames: [],
  });
  expect(attributes).toMatchObject([{ attributetype: 3, key: 'KEY', value: 'value', state: 0 }]);
});

test('integers that are too large for a double keep every digit', async () => {
  const json =
    '{"spec":{"funcname":"f","priority":10,"conditions":{"colonyname":"dev","walltime":9007199254740993}},"msgtype":"submitfuncspecmsg"}';
  const { payload } = await w.post(w.sealed('alice', 'submitfuncspecmsg', json));
  expect(payload.spec.conditions.walltime).toBe(9007199254740993n);
  const submittedNs = BigInt(Date.parse(`${payload.submissiontime.slice(0, 19)}Z`)) * 1_000_000n;
  const aheadNs = submittedNs - payload.prioritytime;
  expect(aheadNs / 86_400_000_000_000n).toBe(9n);
});

test('a submission that cannot be is refused and leaves nothing behind', async () => {
  expect((await w.send('alice', 'submitfuncspecmsg')).payload).toEqual({
    status: 400,
    message: 'Failed to submit process spec, msg.FunctionSpec is nil',
  });
  expect(await refusal(w.submit('alice', { priority: 50_001 }))).toEqual([
    400,
    'Failed to submit function spec, priority outside range [-50000, 50000]',
  ]);
  expect((await refusal(w.submit('alice', {}, { cpu: '1.5m' })))[0]).toBe(400);
  expect((await refusal(w.submit('alice', {}, { mem: '10' })))[0]).toBe(400);
  expect(await refusal(w.submit('alice', {}, { colonyname: '' }))).toEqual([
    403,
    'Colony with name <> does not exists',
  ]);
  expect(await refusal(w.submit('dev'))).toEqual([
    403,
    'Access denied, not a member of Colony with name <dev>',
  ]);
  expect(await w.as('alice').getColonyStatistics({ colonyname: 'dev' })).toMatchObject({
    waitingprocesses: 0,
  });
});

test('an executor takes, fills and closes a process', async () => {
  const { processid } = await w.submit('alice', { maxexectime: 60 });
  const taken = await w.assign('e1');
  expect(taken).toMatchObject({
    processid,
    state: 1,
    isassigned: true,
    assignedexecutorid: idOf('e1'),
  });
  const seconds = Date.parse(taken.execdeadline) - Date.parse(taken.starttime);
  expect(seconds).toBe(60_000);
  await w.as('e1').setOutput({ processid, out: ['half'] });
  await w.as('e1').close({ processid });
  const done = await w.as('alice').getProcess({ processid });
  expect(done).toMatchObject({ state: 2, out: ['half'], errors: [] });
  expect(done.endtime).not.toBe(ZERO);
});

test('closing again changes nothing, and a refused close changes nothing', async () => {
  const { processid } = await w.submit('alice');
  await w.assign('e1');
  await w.as('e1').close({ processid, out: ['first'] });
  const done = await w.as('alice').getProcess({ processid });
  expect(await w.as('e1').close({ processid, out: ['second'] })).toEqual({});
  expect(await w.as('alice').getProcess({ processid })).toEqual(done);
  expect(await refusal(w.as('e1').fail({ processid, errors: ['x'] }))).toEqual([
    400,
    'Tried to set successful process as failed',
  ]);
  expect(await w.as('alice').getProcess({ processid })).toEqual(done);
});

test('failing keeps the errors; without any it is an empty list', async () => {
  const first = await w.submit('alice');
  await w.assign('e1');
  await w.as('e1').fail({ processid: first.processid, errors: ['broken'] });
  expect(await w.as('alice').getProcess({ processid: first.processid })).toMatchObject({
    state: 3,
    errors: ['broken'],
  });
  const second = await w.submit('alice');
  await w.assign('e1');
  await w.send('e1', 'closefailedmsg', { processid: second.processid, errors: null });
  expect(await w.as('alice').getProcess({ processid: second.processid })).toMatchObject({
    errors: [],
  });
  expect(await refusal(w.as('e1').close({ processid: second.processid, out: ['x'] }))).toEqual([
    400,
    'Tried to set failed process as successful',
  ]);
  expect(await w.as('alice').getProcess({ processid: second.processid })).toMatchObject({
    out: [],
  });
  expect(await refusal(w.as('e1').fail({ processid: second.processid, errors: [] }))).toEqual([
    400,
    'Tried to set failed process as failed',
  ]);
});

test('only the executor that runs a process reports on it', async () => {
  const { processid } = await w.submit('alice');
  const closing = 'Failed to close process as successful';
  const failing = 'Failed to close process as failed';
  expect(await refusal(w.as('e1').close({ processid }))).toEqual([
    403,
    `${closing}, process is not assigned`,
  ]);
  expect(await refusal(w.as('e1').fail({ processid, errors: [] }))).toEqual([
    403,
    `${failing}, process is not assigned`,
  ]);
  await w.assign('e1');
  for (const who of ['e2', 'alice']) {
    expect(await refusal(w.as(who).close({ processid }))).toEqual([
      403,
      `${closing}, not allowed to close process as successful`,
    ]);
    expect(await refusal(w.as(who).fail({ processid, errors: [] }))).toEqual([
      403,
      `${failing}, not allowed to close process as failed`,
    ]);
    expect(await refusal(w.as(who).setOutput({ processid, out: ['x'] }))).toEqual([
      403,
      `${closing}, not allowed to close process as successful`,
    ]);
  }
  await w.as('e1').close({ processid });
  expect(await refusal(w.as('e1').setOutput({ processid, out: ['x'] }))).toEqual([
    403,
    'Failed to set output, process is not running',
  ]);
});

test('an unknown process is not found, whatever is asked of it', async () => {
  const processid = '0'.repeat(64);
  const e1 = w.as('e1');
  const answers = [
    [e1.getProcess({ processid }), 'Failed to get process, process not found'],
    [e1.setOutput({ processid, out: [] }), 'Failed to set output, process is nil'],
    [e1.close({ processid }), 'Failed to close process as successful, process is nil'],
    [e1.fail({ processid, errors: [] }), 'Failed to close process as failed, process is nil'],
    [e1.cancelProcess({ processid }), 'Failed to cancel process, process is nil'],
    [e1.removeProcess({ processid }), 'Failed to remove process, process is nil'],
  ] as const;
  for (const [call, text] of answers) expect(await refusal(call)).toEqual([404, text]);
});

test('any member cancels what is not finished', async () => {
  const { processid } = await w.submit('alice');
  await w.assign('e1');
  expect(await w.as('e2').cancelProcess({ processid })).toEqual({});
  expect(await w.as('alice').getProcess({ processid })).toMatchObject({
    state: 4,
    isassigned: true,
    assignedexecutorid: idOf('e1'),
  });
  expect(await refusal(w.as('alice').cancelProcess({ processid }))).toEqual([
    400,
    'Tried to cancel already cancelled process',
  ]);
  expect(await refusal(w.as('e1').close({ processid }))).toEqual([
    400,
    'Tried to set cancelled process as successful',
  ]);
});

test('a member removes a process that does not run', async () => {
  const { processid } = await w.submit('alice');
  await w.assign('e1');
  expect(await refusal(w.as('alice').removeProcess({ processid }))).toEqual([
    400,
    'Failed to remove process, cannot remove a running process',
  ]);
  await w.as('e1').close({ processid });
  expect(await w.as('alice').removeProcess({ processid })).toEqual({});
  expect((await refusal(w.as('alice').getProcess({ processid })))[0]).toBe(404);
});

test('the colony owner removes all processes in a state', async () => {
  const done = await w.submit('alice');
  await w.assign('e1');
  await w.as('e1').close({ processid: done.processid });
  await w.submit('alice');
  const removeAll = (state: number) => w.as('dev').removeAllProcesses({ colonyname: 'dev', state });
  const counts = async () => {
    const all = await w.as('alice').getColonyStatistics({ colonyname: 'dev' });
    return [all.waitingprocesses, all.successfulprocesses];
  };
  expect(await refusal(removeAll(1))).toEqual([400, 'Not possible to remove running processes']);
  expect(await refusal(removeAll(5))).toEqual([400, 'Invalid state when deleting all processes']);
  expect(await refusal(removeAll(-2))).toEqual([400, 'Invalid state when deleting all processes']);
  await removeAll(0);
  expect(await counts()).toEqual([0, 1]);
  await removeAll(-1);
  expect(await counts()).toEqual([0, 0]);
});

test('lists are ordered, filtered by everything that is asked, and bounded', async () => {
  const one = await w.submit('alice', { label: 'x' });
  const two = await w.submit('e1', { label: 'x', priority: 1 });
  const three = await w.submit('e1', { label: 'y' }, { executortype: 'other' });
  const list = async (more: object = {}) =>
    (await w.as('alice').getProcesses({ colonyname: 'dev', count: 100, state: 0, ...more })).map(
      ({ processid }) => processid,
    );
  expect(await list()).toEqual([two.processid, one.processid, three.processid]);
  expect(await list({ count: 1 })).toEqual([two.processid]);
  expect(await list({ count: 0 })).toEqual([]);
  expect(await list({ label: 'x', initiator: 'alice' })).toEqual([one.processid]);
  expect(await list({ initiator: 'e1' })).toEqual([two.processid, three.processid]);
  expect(await list({ executortype: 'other', label: 'x' })).toEqual([]);
  expect(await list({ initiator: 'nobody' })).toEqual([]);
  expect(await list({ state: 4 })).toEqual([]);
  expect(await refusal(list({ count: 101 }))).toEqual([
    400,
    'Count is larger than MaxCount limit <100>',
  ]);
  expect((await refusal(list({ count: -1 })))[0]).toBe(400);
  for (const state of [-1, 5]) {
    expect(await refusal(list({ state }))).toEqual([
      400,
      'Failed to get processes, invalid msg.State',
    ]);
  }
});

test('finished processes are listed newest first', async () => {
  const ids: string[] = [];
  for (const _ of [1, 2, 3]) {
    const { processid } = await w.submit('alice');
    await w.assign('e1');
    await w.as('e1').close({ processid });
    ids.unshift(processid);
    await w.pass(1);
  }
  const done = await w.as('alice').getProcesses({ colonyname: 'dev', count: 100, state: 2 });
  expect(done.map(({ processid }) => processid)).toEqual(ids);
});

test('the history goes back as far as is asked, for all executors or one', async () => {
  const old = await w.submit('alice');
  await w.assign('e1');
  await w.pass(100);
  const young = await w.submit('alice');
  await w.assign('e2');
  const history = async (seconds: number, executorid = '') =>
    (
      await w.as('alice').getProcessHistory({ colonyname: 'dev', seconds, state: 1, executorid })
    ).map(({ processid }) => processid);
  expect(await history(1000)).toEqual([old.processid, young.processid]);
  expect(await history(50)).toEqual([young.processid]);
  expect(await history(1000, idOf('e1'))).toEqual([old.processid]);
  expect(await history(1000, idOf('alice'))).toEqual([]);
});

test('replies name the colony by its id when the request did', async () => {
  const colonyname = idOf('dev');
  const process = await w.submit('alice', { env: { A: 'b' } }, { colonyname });
  expect(process.spec.conditions.colonyname).toBe(colonyname);
  expect(process.attributes[0]?.targetcolonyname).toBe(colonyname);
  const taken = await w.as('e1').assign({ colonyname, timeout: -1 });
  expect(taken.spec.conditions.colonyname).toBe(colonyname);
  const [listed] = await w.as('alice').getProcesses({ colonyname: 'dev', count: 1, state: 1 });
  expect(listed?.spec.conditions.colonyname).toBe('dev');
});
