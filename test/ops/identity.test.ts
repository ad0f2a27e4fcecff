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

const colonyname = 'dev';

test('a user moves to another key, and the old one is a stranger', async () => {
  const userid = idOf('alice anew');
  expect((await w.send('alice', 'changeuseridmsg', { colonyname, userid })).payload).toEqual({
    colonyname,
    userid,
    msgtype: 'changeuseridmsg',
  });
  expect((await refusal(w.as('alice').getUsers({ colonyname })))[0]).toBe(403);
  expect(await w.as('alice anew').getUsers({ colonyname })).toMatchObject([{ name: 'alice' }]);
});

test('an executor moves to another key and closes what it had begun', async () => {
  const { processid } = await w.submit('alice');
  await w.assign('e1');
  await w.as('e1').changeExecutorId({ colonyname, executorid: idOf('e1 anew') });
  expect((await refusal(w.as('e1').close({ processid })))[0]).toBe(403);
  expect(await w.as('e1 anew').close({ processid })).toEqual({});
});

test('a colony moves to another owner', async () => {
  await w.as('dev').changeColonyId({ colonyname, colonyid: idOf('dev anew') });
  const pause = (who: string) => w.as(who).pauseAssignments({ colonyname });
  expect(await refusal(pause('dev'))).toEqual([403, 'Access denied, not colony owner']);
  expect(await pause('dev anew')).toEqual({});
  expect(await w.as('alice').getColony({ colonyname: idOf('dev anew') })).toMatchObject({
    name: 'dev',
  });
});

test('a server moves to another owner', async () => {
  await w.as('server').changeServerId({ serverid: idOf('server anew') });
  expect((await refusal(w.as('server').getColonies()))[0]).toBe(403);
  expect(await w.as('server anew').getColonies()).toHaveLength(2);
});

test('an empty id is refused before anything else is looked at', async () => {
  const stranger = w.as('nobody');
  expect(await refusal(stranger.changeUserId({ colonyname, userid: '' }))).toEqual([
    400,
    'Failed to change user Id, user Id is empty',
  ]);
  expect(await refusal(stranger.changeExecutorId({ colonyname, executorid: '' }))).toEqual([
    400,
    'Failed to change executor Id, executor Id is empty',
  ]);
  expect(await refusal(stranger.changeColonyId({ colonyname, colonyid: '' }))).toEqual([
    400,
    'Failed to change colony Id, colony Id is empty',
  ]);
  expect(await refusal(stranger.changeServerId({ serverid: '' }))).toEqual([
    400,
    'Failed to change colony Id, colony Id is empty',
  ]);
});

test('a new id must be one, and free', async () => {
  expect(await refusal(w.as('alice').changeUserId({ colonyname, userid: 'x' }))).toEqual([
    400,
    'Failed to change user Id, new user Id is not 64 characters',
  ]);
  expect(await refusal(w.as('e1').changeExecutorId({ colonyname, executorid: 'x' }))).toEqual([
    400,
    'Failed to change executor Id, new executor Id is not 64 characters',
  ]);
  expect(await refusal(w.as('dev').changeColonyId({ colonyname, colonyid: 'x' }))).toEqual([
    400,
    'Failed to change colony Id, new colony Id is not 64 characters',
  ]);
  const upper = 'A'.repeat(64);
  const calls = [
    w.as('alice').changeUserId({ colonyname, userid: upper }),
    w.as('e1').changeExecutorId({ colonyname, executorid: upper }),
    w.as('dev').changeColonyId({ colonyname, colonyid: upper }),
    w.as('server').changeServerId({ serverid: upper }),
    w.as('server').changeServerId({ serverid: 'x' }),
    w.as('e1').changeExecutorId({ colonyname, executorid: idOf('e2') }),
    w.as('dev').changeColonyId({ colonyname, colonyid: idOf('other') }),
  ];
  for (const call of calls) expect((await refusal(call))[0]).toBe(400);
});

test('users and executors change their own kind of id only', async () => {
  const id = idOf('x');
  expect(await refusal(w.as('e1').changeUserId({ colonyname, userid: id }))).toEqual([
    400,
    'Failed to change user Id, user not found',
  ]);
  expect(await refusal(w.as('alice').changeExecutorId({ colonyname, executorid: id }))).toEqual([
    400,
    'Failed to change executor Id, executor not found',
  ]);
});
