import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorld, refusal, type World } from '../support/world.ts';

let w: World;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
});
afterEach(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

const fun = (executorname: string, funcname = 'f', more: object = {}) => ({
  fun: { executorname, colonyname: 'dev', funcname, ...more },
});

test('an executor registers its function; members see it', async () => {
  const args = [{ name: 'n', type: 'int', description: 'd', required: true, enum: ['1', '2'] }];
  const added = await w.as('e1').addFunction(fun('e1', 'f', { description: 'does f', args }));
  expect(added).toEqual({
    functionid: expect.stringMatching(/^[0-9a-f]{64}$/),
    executorname: 'e1',
    executortype: 'worker',
    colonyname: 'dev',
    funcname: 'f',
    description: 'does f',
    args,
    counter: 0,
    minwaittime: 0,
    maxwaittime: 0,
    minexectime: 0,
    maxexectime: 0,
    avgwaittime: 0,
    avgexectime: 0,
  });
  await w.as('e2').addFunction(fun('e2', 'g'));
  const all = await w.as('alice').getFunctions({ colonyname: 'dev' });
  expect(all.map(({ funcname }) => funcname).sort()).toEqual(['f', 'g']);
  const own = await w.as('alice').getFunctions({ colonyname: 'dev', executorname: 'e2' });
  expect(own.map(({ funcname }) => funcname)).toEqual(['g']);
});

test('registering a function again replaces it', async () => {
  await w.as('e1').addFunction(fun('e1', 'f', { description: 'old' }));
  await w.as('e1').addFunction(fun('e1', 'f', { description: 'new' }));
  const all = await w.as('alice').getFunctions({ colonyname: 'dev' });
  expect(all.map(({ description }) => description)).toEqual(['new']);
});

test('a colony without functions lists none', async () => {
  expect(await w.as('alice').getFunctions({ colonyname: 'dev' })).toEqual([]);
});

test('nobody registers a function for somebody else', async () => {
  const other = [403, 'Not allowed to add a function to another executor'];
  expect(await refusal(w.as('e2').addFunction(fun('e1')))).toEqual(other);
  expect(await refusal(w.as('alice').addFunction(fun('e1')))).toEqual(other);
  expect(await refusal(w.as('e1').addFunction(fun('none')))).toEqual([
    400,
    'Failed to add function, Executor with name <none> does not exist',
  ]);
  expect((await w.send('e1', 'addfunctionmsg')).payload).toEqual({
    status: 400,
    message: 'Failed to add function, msg.Function is nil',
  });
});

test('only its executor removes a function', async () => {
  const { functionid } = await w.as('e1').addFunction(fun('e1'));
  expect(await refusal(w.as('e2').removeFunction({ functionid }))).toEqual([
    403,
    'Not allowed to remove a function from another executor',
  ]);
  expect(await w.as('e1').removeFunction({ functionid })).toEqual({});
  expect(await refusal(w.as('e1').removeFunction({ functionid }))).toEqual([
    404,
    'Failed to remove function, function does not exist',
  ]);
  expect(await refusal(w.as('e1').removeFunction({ functionid: '' }))).toEqual([
    400,
    'Failed to remove function, msg.FunctionID is empty',
  ]);
});

test('a function counts its successful calls and their times', async () => {
  await w.as('e1').addFunction(fun('e1'));
  const { processid } = await w.submit('alice');
  await w.pass(2);
  await w.assign('e1');
  await w.pass(3);
  await w.as('e1').close({ processid });
  const [counted] = await w.as('alice').getFunctions({ colonyname: 'dev' });
  expect(counted?.counter).toBe(1);
  expect(counted?.avgwaittime).toBeCloseTo(2, 1);
  expect(counted?.maxexectime).toBeCloseTo(3, 1);
});

test('the functions of a removed executor are gone', async () => {
  await w.as('e1').addFunction(fun('e1'));
  await w.as('dev').removeExecutor({ colonyname: 'dev', executorname: 'e1' });
  expect(await w.as('alice').getFunctions({ colonyname: 'dev' })).toEqual([]);
});
