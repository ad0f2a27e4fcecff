import { afterEach, beforeEach, expect, test } from 'vitest';
import { answerOf, idOf, nowhere, openWorld, refusal, type World } from '../support/world.ts';

let w: World;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
});
afterEach(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

const poll = (who: string, timeout: number, more: object = {}) =>
  w.as(who).assign({ colonyname: 'dev', timeout, ...more });

const NOTHING = [404, 'No process available for assignment'];

test('without work a single attempt ends at once', async () => {
  expect(await refusal(poll('e1', -1))).toEqual(NOTHING);
});

test('a long poll ends when its time is over', async () => {
  const waiting = refusal(poll('e1', 5));
  await w.pass(6);
  expect(await waiting).toEqual(NOTHING);
});

test('a long poll gets what is submitted meanwhile', async () => {
  const waiting = poll('e1', 10);
  const { processid } = await w.submit('alice');
  expect(await waiting).toMatchObject({ processid, state: 1 });
});

test('a targeted process waits for its executor and wakes nobody else', async () => {
  const other = refusal(poll('e1', 5));
  const own = poll('e2', 5);
  const { processid } = await w.submit('alice', {}, { executornames: ['e2'] });
  expect(await own).toMatchObject({ processid });
  await w.pass(6);
  expect(await other).toEqual(NOTHING);
});

test('resources, location and type must fit', async () => {
  await w.executor('far', 'dev', { locationname: 'North' });
  await w.submit('alice', {}, { cpu: '2000m', mem: '2Gi' });
  await w.submit('alice', {}, { locationname: 'north' });
  await w.submit('alice', {}, { executortype: 'Worker' });
  expect(await refusal(poll('e1', -1, { availablecpu: '1000m' }))).toEqual(NOTHING);
  expect(await refusal(poll('e1', -1, { availablemem: '1Gi' }))).toEqual(NOTHING);
  const roomy = await poll('e1', -1, { availablecpu: '2', availablemem: '2Gi' });
  expect(roomy.spec.conditions.cpu).toBe('2000m');
  expect(await refusal(poll('e1', -1))).toEqual(NOTHING);
  expect((await poll('far', -1)).spec.conditions.locationname).toBe('north');
});

test('a call that cannot be is refused', async () => {
  expect(await refusal(poll('e1', 0))).toEqual([
    400,
    'Invalid timeout value, timeout cannot be zero',
  ]);
  expect(await refusal(poll('alice', -1))).toEqual([
    403,
    'Failed to assign process, executor not found',
  ]);
  expect((await refusal(poll('e1', -1, { availablecpu: 'much' })))[0]).toBe(400);
  expect((await refusal(poll('e1', -1, { availablemem: '1' })))[0]).toBe(400);
  expect((await refusal(w.as('e1').assign({ colonyname: 'other', timeout: -1 })))[0]).toBe(403);
});

test('a paused colony hands out nothing until it is resumed', async () => {
  const status = () => w.send('e1', 'getpausestatusmsg', { colonyname: 'dev' });
  await w.submit('alice');
  await w.as('dev').pauseAssignments({ colonyname: 'dev' });
  expect(await status()).toEqual({
    status: 200,
    payloadtype: 'pausestatusreplymsg',
    error: false,
    payload: { msgtype: 'pausestatusreplymsg', colonyname: 'dev', ispaused: true },
  });
  expect(await refusal(poll('e1', -1))).toEqual([
    503,
    'No processes available: colony assignments are paused',
  ]);
  const timedOut = refusal(poll('e1', 3));
  await w.pass(4);
  expect(await timedOut).toEqual([408, 'Assignment timeout: colony assignments are paused']);
  const resumed = poll('e1', 10);
  await w.as('dev').resumeAssignments({ colonyname: 'dev' });
  expect(await resumed).toMatchObject({ state: 1 });
  expect((await status()).payload.ispaused).toBe(false);
});

test('a caller that went away gets nothing', async () => {
  const gone = new AbortController();
  const waiting = w.send(
    'e1',
    'assignprocessmsg',
    { colonyname: 'dev', timeout: 10 },
    {
      ...nowhere(gone.signal),
    },
  );
  gone.abort();
  expect((await waiting).status).toBe(404);
  const { processid } = await w.submit('alice');
  expect(await poll('e2', -1)).toMatchObject({ processid });
});

test('an assignment whose reply is lost is put back without counting a retry', async () => {
  const { processid } = await w.submit('alice');
  const body = w.sealed(
    'e1',
    'assignprocessmsg',
    '{"colonyname":"dev","timeout":-1,"msgtype":"assignprocessmsg"}',
  );
  const reply = await w.dispatch.receive(body, nowhere());
  expect(answerOf(reply.status, reply.body).payload.processid).toBe(processid);
  await reply.onLost?.();
  expect(await poll('e2', -1)).toMatchObject({ processid, retries: 0 });
  await reply.onLost?.();
  expect((await w.as('alice').getProcess({ processid })).assignedexecutorid).toBe(idOf('e2'));
});

test('an execution that takes too long goes to another executor', async () => {
  const { processid } = await w.submit('alice', { maxexectime: 2, maxretries: 1 });
  await poll('e1', -1);
  await w.pass(4);
  expect(await poll('e2', -1)).toMatchObject({ processid, retries: 1 });
  expect((await refusal(w.as('e1').close({ processid })))[0]).toBe(403);
  await w.pass(4);
  expect(await w.as('alice').getProcess({ processid })).toMatchObject({
    state: 3,
    errors: ['Maximum execution time limit exceeded'],
  });
});

test('a missing maximum of execution time is none', async () => {
  const { processid } = await w.submit('alice');
  await poll('e1', -1);
  await w.pass(30);
  expect((await w.as('alice').getProcess({ processid })).state).toBe(1);
});

test('a stopping server ends every waiting call', async () => {
  const waiting = refusal(poll('e1', 100));
  await w.submit('alice', {}, { executortype: 'other' });
  w.engine.drain();
  expect((await waiting)[0]).toBe(503);
  expect((await refusal(poll('e1', 100)))[0]).toBe(503);
});
