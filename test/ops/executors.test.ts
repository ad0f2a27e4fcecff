import { afterEach, beforeEach, expect, test } from 'vitest';
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

const fresh = (name: string, more: object = {}) => ({
  executor: {
    executorid: idOf(name),
    executorname: name,
    executortype: 'worker',
    colonyname: 'dev',
    ...more,
  },
});

const named = (executorname: string) => ({ colonyname: 'dev', executorname });

test('a registered executor waits for approval, then is a member', async () => {
  const sent = fresh('new', { state: 1, lastheardfromtime: '2020-01-01T00:00:00Z' });
  const added = await w.as('dev').addExecutor(sent);
  expect(added).toEqual({
    executorid: idOf('new'),
    executortype: 'worker',
    executorname: 'new',
    colonyname: 'dev',
    state: 0,
    requirefuncreg: false,
    commissiontime: expect.stringMatching(/^2030-01-01T00:00:\d\d(\.\d+)?Z$/),
    lastheardfromtime: '0001-01-01T00:00:00Z',
    capabilities: { hardware: null, software: null },
    allocations: { projects: null },
  });
  expect(await refusal(w.as('new').getExecutor(named('new')))).toEqual([
    403,
    'Access denied, not a member of Colony with name <dev>',
  ]);
  expect(await w.as('dev').approveExecutor(named('new'))).toEqual({});
  expect(await w.as('new').getExecutor(named('new'))).toMatchObject({ state: 1 });
});

test('everything that a registration says comes back', async () => {
  const told = {
    requirefuncreg: true,
    locationname: 'Home',
    capabilities: {
      hardware: [
        {
          model: 'm',
          nodes: 1,
          cpu: '4000m',
          cores: 4,
          mem: '1Gi',
          storage: '2Gi',
          gpu: { name: 'g', mem: '1Gi', count: 1, nodecount: 2 },
          platform: 'linux',
          architecture: 'amd64',
          network: ['eth0'],
        },
      ],
      software: [{ name: 's', type: 't', version: '1' }],
    },
    allocations: {
      projects: {
        p: {
          allocatedcpu: 9007199254740993n,
          usedcpu: 1,
          allocatedgpu: 0,
          usedgpu: 0,
          allocatedstorage: 0,
          usedstorage: 0,
        },
      },
    },
    blueprintid: 'b',
    blueprintgen: 9223372036854775807n,
  };
  expect(await w.as('dev').addExecutor(fresh('full', told))).toMatchObject(told);
  await w.as('dev').approveExecutor(named('full'));
  expect(await w.as('alice').getExecutor(named('full'))).toMatchObject(told);
});

test('an older sender may put one object where a list belongs', async () => {
  const capabilities = { hardware: { model: 'm' }, software: { name: 's' } };
  const added = await w.as('dev').addExecutor(fresh('old', { capabilities }));
  expect(added.capabilities.hardware?.[0]?.model).toBe('m');
  expect(added.capabilities.software?.[0]?.name).toBe('s');
});

test('the name of a live executor is taken, that of an unregistered one is free', async () => {
  expect(await refusal(w.as('dev').addExecutor(fresh('e1')))).toEqual([
    400,
    'Executor with name <e1> in Colony <dev> already exists',
  ]);
  await w.as('dev').removeExecutor(named('e1'));
  const again = { executorid: idOf('e1 again'), executorname: 'e1', requirefuncreg: true };
  expect(await w.as('dev').addExecutor(fresh('e1', again))).toMatchObject({
    state: 0,
    executorid: idOf('e1 again'),
    requirefuncreg: true,
  });
});

test('members list executors in every state', async () => {
  await w.as('dev').addExecutor(fresh('waiting'));
  await w.as('dev').rejectExecutor(named('e1'));
  await w.as('dev').removeExecutor(named('e2'));
  const states = (await w.as('alice').getExecutors({ colonyname: 'dev' })).map((one) => [
    one.executorname,
    one.state,
  ]);
  expect(Object.fromEntries(states)).toEqual({ waiting: 0, e1: 2, e2: 3 });
});

test('an executor is found by id, in the colony that is named first of all', async () => {
  expect(
    await w.as('alice').getExecutorById({ colonyname: 'dev', executorid: idOf('e1') }),
  ).toMatchObject({ executorname: 'e1', colonyname: 'dev' });
  expect(await refusal(w.as('alice').getExecutorById({ executorid: 'x' }))).toEqual([
    404,
    'Failed to get executor by ID, executor is nil',
  ]);
  await w.executor('e1', 'other');
  expect(
    await w.as('foreign').getExecutorById({ colonyname: 'other', executorid: idOf('e1') }),
  ).toMatchObject({ colonyname: 'other' });
});

test('an unknown executor is not found, whoever asks', async () => {
  const none = named('none');
  expect(await refusal(w.as('alice').getExecutor(none))).toEqual([
    404,
    'Failed to get executor, executor is nil',
  ]);
  expect(await refusal(w.as('dev').approveExecutor(none))).toEqual([
    404,
    'Failed to approve executor, executor is nil',
  ]);
  expect(await refusal(w.as('dev').rejectExecutor(none))).toEqual([
    404,
    'Failed to reject executor, executor is nil',
  ]);
  expect(await refusal(w.as('dev').removeExecutor(none))).toEqual([
    404,
    'Failed to remove executor, executor is nil',
  ]);
  expect((await w.send('dev', 'addexecutormsg')).payload).toEqual({
    status: 400,
    message: 'Failed to add executor, executor is nil',
  });
});

test('removing an executor puts its work back and wakes another one', async () => {
  const { processid } = await w.submit('alice');
  await w.assign('e1');
  const waiting = w.as('e2').assign({ colonyname: 'dev', timeout: 10 });
  await w.as('dev').removeExecutor(named('e1'));
  expect(await waiting).toMatchObject({ processid, assignedexecutorid: idOf('e2'), retries: 0 });
  expect(await w.as('dev').removeExecutor(named('e1'))).toEqual({});
});

test('approving an unregistered executor brings it back', async () => {
  await w.as('dev').removeExecutor(named('e1'));
  expect((await refusal(w.assign('e1')))[0]).toBe(403);
  await w.as('dev').approveExecutor(named('e1'));
  expect(await refusal(w.assign('e1'))).toEqual([404, 'No process available for assignment']);
});

test('only an executor itself reports allocations and capabilities', async () => {
  const projects = {
    p: {
      allocatedcpu: 1,
      usedcpu: 2,
      allocatedgpu: 3,
      usedgpu: 4,
      allocatedstorage: 5,
      usedstorage: 6,
    },
  };
  const report = { ...named('e1'), allocations: { projects } };
  expect(await w.as('e1').reportAllocations(report)).toEqual({});
  const update = { ...named('e1'), capabilities: { software: [{ name: 's' }] } };
  expect(await w.as('e1').updateExecutor(update)).toEqual({});
  expect(await w.as('alice').getExecutor(named('e1'))).toMatchObject({
    allocations: { projects },
    capabilities: { hardware: null, software: [{ name: 's', type: '', version: '' }] },
  });
  expect(await refusal(w.as('e2').reportAllocations(report))).toEqual([
    400,
    'Only an executor can report allocations to itself',
  ]);
  expect(await refusal(w.as('e2').updateExecutor(update))).toEqual([
    400,
    'Only an executor can update its own capabilities',
  ]);
  const unknown = { ...named('none'), allocations: {}, capabilities: {} };
  const noExecutor = [400, 'Executor with name <none> does not exist'];
  expect(await refusal(w.as('e1').reportAllocations(unknown))).toEqual(noExecutor);
  expect(await refusal(w.as('e1').updateExecutor(unknown))).toEqual(noExecutor);
});

test('every call of an executor is a sign of life', async () => {
  const heard = async () => (await w.as('alice').getExecutor(named('e1'))).lastheardfromtime;
  const before = await heard();
  await w.pass(60);
  await w.as('e1').getUsers({ colonyname: 'dev' });
  expect((await heard()) > before).toBe(true);
});

test('names are as long as a name may be, and hold no control characters', async () => {
  expect((await refusal(w.as('dev').addExecutor(fresh('x'.repeat(2000)))))[0]).toBe(400);
  expect((await refusal(w.as('dev').addExecutor(fresh('a\u0000b'))))[0]).toBe(400);
  await w.as('dev').addExecutor(fresh('a:b'));
  await w.as('dev').addExecutor(fresh('__proto__'));
  const names = (await w.as('alice').getExecutors({ colonyname: 'dev' })).map(
    ({ executorname }) => executorname,
  );
  expect(names).toEqual(expect.arrayContaining(['a:b', '__proto__']));
});
