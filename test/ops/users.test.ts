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

test('the colony owner adds a user, members see him', async () => {
  const bob = { colonyname: 'dev', userid: idOf('bob'), name: 'bob', email: 'b@x', phone: '1' };
  expect(await w.as('dev').addUser({ user: bob })).toEqual(bob);
  expect(await w.as('alice').getUsers({ colonyname: 'dev' })).toEqual([
    { colonyname: 'dev', userid: idOf('alice'), name: 'alice', email: '', phone: '' },
    bob,
  ]);
  expect(await w.as('e1').getUser({ colonyname: 'dev', name: 'bob' })).toEqual(bob);
  expect(await w.as('bob').getUserById({ colonyname: 'dev', userid: idOf('bob') })).toEqual(bob);
});

test('a reply names the colony the way the request did', async () => {
  const users = await w.as('alice').getUsers({ colonyname: idOf('dev') });
  expect(users.map(({ colonyname }) => colonyname)).toEqual([idOf('dev')]);
});

test('a colony without users lists none', async () => {
  expect(await w.as('foreign').getUsers({ colonyname: 'other' })).toEqual([]);
});

test('a name or an id is taken once in a colony, and free in another', async () => {
  const user = (name: string, userid: string, colonyname = 'dev') => ({
    user: { colonyname, userid, name },
  });
  expect(await refusal(w.as('dev').addUser(user('alice', idOf('x'))))).toEqual([
    400,
    'A user with name <alice> already exists in Colony with name <dev>',
  ]);
  expect(await refusal(w.as('dev').addUser(user('x', idOf('alice'))))).toEqual([
    400,
    `A user with id <${idOf('alice')}> already exists in Colony with name <dev>`,
  ]);
  await w.as('other').addUser(user('alice', idOf('alice'), 'other'));
  expect(await w.as('alice').getUsers({ colonyname: 'other' })).toHaveLength(1);
});

test('a name with a colon is a name like any other', async () => {
  await w.as('dev').addUser({ user: { colonyname: 'dev', userid: idOf('x'), name: 'a:b' } });
  const users = await w.as('alice').getUsers({ colonyname: 'dev' });
  expect(users.map(({ name }) => name)).toEqual(['alice', 'a:b']);
});

test('a message without a user, or for no colony, is a bad request', async () => {
  expect((await w.send('dev', 'addusermsg')).payload).toEqual({
    status: 400,
    message: 'Failed to add user, executor is nil',
  });
  const nowhere = { user: { colonyname: 'none', userid: idOf('x'), name: 'x' } };
  const noColony = [400, 'Colony with name <none> does not exists'];
  expect(await refusal(w.as('dev').addUser(nowhere))).toEqual(noColony);
  expect(await refusal(w.as('alice').getUsers({ colonyname: 'none' }))).toEqual(noColony);
  expect(await refusal(w.as('alice').getUser({ colonyname: 'none', name: 'x' }))).toEqual(noColony);
  expect(await refusal(w.as('alice').getUserById({ colonyname: 'none', userid: 'x' }))).toEqual(
    noColony,
  );
  expect(await refusal(w.as('dev').removeUser({ colonyname: 'none', name: 'x' }))).toEqual(
    noColony,
  );
});

test('an unknown user is not found', async () => {
  expect(await refusal(w.as('alice').getUser({ colonyname: 'dev', name: 'x' }))).toEqual([
    404,
    'Failed to get user, user is nil',
  ]);
  expect(await refusal(w.as('alice').getUserById({ colonyname: 'dev', userid: 'x' }))).toEqual([
    404,
    'Failed to get user by ID, user is nil',
  ]);
  expect(await refusal(w.as('dev').removeUser({ colonyname: 'dev', name: 'x' }))).toEqual([
    400,
    'User with name <x> not found',
  ]);
});

test('a removed user is a stranger; what he submitted stays', async () => {
  const { processid } = await w.submit('alice');
  expect(await w.as('dev').removeUser({ colonyname: 'dev', name: 'alice' })).toEqual({});
  expect(await refusal(w.as('alice').getUsers({ colonyname: 'dev' }))).toEqual([
    403,
    'Access denied, not a member of Colony with name <dev>',
  ]);
  const left = await w.as('e1').getProcess({ processid });
  expect(left.initiatorname).toBe('alice');
});

test('an executor that waits for approval may list users', async () => {
  const executor = { executorid: idOf('new'), executorname: 'new', colonyname: 'dev' };
  await w.as('dev').addExecutor({ executor });
  expect(await w.as('new').getUsers({ colonyname: 'dev' })).toHaveLength(1);
});
