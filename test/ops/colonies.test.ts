import { afterEach, beforeEach, expect, test } from 'vitest';
import { idOf, openWorld, refusal, type World } from '../support/world.ts';

let w: World;
beforeEach(async () => {
  w = await openWorld();
});
afterEach(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

test('the server owner adds, lists and removes colonies', async () => {
  expect(await w.colony('dev')).toEqual({ colonyid: idOf('dev'), name: 'dev' });
  await w.colony('other');
  expect(await w.as('server').getColonies()).toEqual([
    { colonyid: idOf('dev'), name: 'dev' },
    { colonyid: idOf('other'), name: 'other' },
  ]);
  expect(await w.as('server').removeColony({ colonyname: 'dev' })).toEqual({});
  expect(await w.as('server').getColonies()).toEqual([{ colonyid: idOf('other'), name: 'other' }]);
});

test('a server without colonies lists none', async () => {
  expect(await w.as('server').getColonies()).toEqual([]);
});

test('a colony is refused that cannot be one', async () => {
  const add = (colony: object | null) =>
    refusal(w.as('server').addColony({ colony: colony ?? {} }));
  await w.colony('dev');
  expect(await w.send('server', 'addcolonymsg', { colony: null })).toMatchObject({
    status: 400,
    payload: { status: 400, message: 'Failed to add colony, colony is <nil>' },
  });
  expect(await add({ colonyid: 'abc', name: 'x' })).toEqual([
    400,
    'Failed to add colony, invalid colony Id length',
  ]);
  expect(await add({ colonyid: 'Z'.repeat(64), name: 'x' })).toEqual([
    400,
    'colony id is not 64 lower-case hex digits',
  ]);
  expect(await add({ colonyid: idOf('x'), name: 'dev' })).toEqual([
    400,
    'A Colony with name <dev> already exists',
  ]);
  expect(await add({ colonyid: idOf('dev'), name: 'x' })).toEqual([
    400,
    `A Colony with id <${idOf('dev')}> already exists`,
  ]);
  expect(await add({ colonyid: idOf('x'), name: 'a'.repeat(64) })).toEqual([
    400,
    'A colony name must not be 64 hex digits: that is the form of an id',
  ]);
  expect((await add({ colonyid: idOf('x'), name: 'line\nbreak' }))[0]).toBe(400);
  expect((await add({ colonyid: idOf('x'), name: 'n'.repeat(2000) }))[0]).toBe(400);
  expect(await w.as('server').getColonies()).toHaveLength(1);
});

test('removing a colony that is not there is a bad request', async () => {
  expect(await refusal(w.as('server').removeColony({ colonyname: 'none' }))).toEqual([
    400,
    'Colony with name <none> not found',
  ]);
});

test('removing a colony takes everything in it along', async () => {
  await w.settle();
  const { processid } = await w.submit('alice');
  await w.as('server').removeColony({ colonyname: 'dev' });
  expect(await refusal(w.as('alice').getProcess({ processid }))).toEqual([
    404,
    'Failed to get process, process not found',
  ]);
  expect(await refusal(w.as('alice').getUsers({ colonyname: 'dev' }))).toEqual([
    400,
    'Colony with name <dev> does not exists',
  ]);
});

test('a member reads the colony, by name and by id', async () => {
  await w.settle();
  const dev = { colonyid: idOf('dev'), name: 'dev' };
  expect(await w.as('alice').getColony({ colonyname: 'dev' })).toEqual(dev);
  expect(await w.as('e1').getColony({ colonyname: idOf('dev') })).toEqual(dev);
});

test('an unknown colony reads like one without the caller', async () => {
  await w.settle();
  expect(await refusal(w.as('alice').getColony({ colonyname: 'none' }))).toEqual([
    403,
    'Colony with name <none> does not exists',
  ]);
  expect(await refusal(w.as('alice').getColony({ colonyname: '' }))).toEqual([
    403,
    'Colony with name <> does not exists',
  ]);
  expect(await refusal(w.as('alice').getColony({ colonyname: 'other' }))).toEqual([
    403,
    'Access denied, not a member of Colony with name <other>',
  ]);
});

test('the statistics of a colony count its members and processes', async () => {
  await w.settle();
  await w.submit('alice');
  await w.submit('alice');
  await w.assign('e1');
  await w.as('dev').removeExecutor({ colonyname: 'dev', executorname: 'e2' });
  expect(await w.as('alice').getColonyStatistics({ colonyname: 'dev' })).toMatchObject({
    colonies: 1,
    executors: 2,
    activeexecutors: 1,
    unregisteredexecutors: 1,
    waitingprocesses: 1,
    runningprocesses: 1,
    successfulprocesses: 0,
  });
  expect(await refusal(w.as('alice').getColonyStatistics({ colonyname: 'none' }))).toEqual([
    400,
    'Colony with name <none> not found',
  ]);
  expect(await refusal(w.as('foreign').getColonyStatistics({ colonyname: 'dev' }))).toEqual([
    403,
    'Access denied, not a member of Colony with name <dev>',
  ]);
});
