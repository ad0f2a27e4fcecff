import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorld, refusal, type World } from '../support/world.ts';

let w: World;
let processid: string;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
  processid = (await w.submit('alice')).processid;
});
afterEach(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

const say = (message: string, who = 'e1') => w.as(who).addLog({ processid, message });

const read = (more: object = {}) =>
  w.as('alice').getLogs({ colonyname: 'dev', processid, count: 100, ...more });

const texts = async (more: object = {}) => (await read(more)).map(({ message }) => message);

test('the assigned executor logs, members read in order', async () => {
  await w.assign('e1');
  expect(await say('one')).toEqual({});
  await say('two');
  const [first] = await read();
  expect(first).toEqual({
    processid,
    colonyname: 'dev',
    executorname: 'e1',
    message: 'one',
    timestamp: expect.any(BigInt),
  });
  expect(BigInt(first?.timestamp ?? 1) % 256n).toBe(0n);
  expect(await texts()).toEqual(['one', 'two']);
});

test('a reader follows a log by the time of the last line', async () => {
  await w.assign('e1');
  for (const n of [1, 2, 3, 4]) await say(`line ${n}`);
  expect(await texts({ count: 2 })).toEqual(['line 1', 'line 2']);
  const since = (await read({ count: 2 })).at(-1)?.timestamp;
  expect(await texts({ since })).toEqual(['line 3', 'line 4']);
  expect(await texts({ since, count: 1 })).toEqual(['line 3']);
  expect(await texts({ latest: true, count: 2 })).toEqual(['line 3', 'line 4']);
  expect(await texts({ count: 0 })).toEqual([]);
});

test('only the assigned executor logs, and only while it runs', async () => {
  expect(await refusal(say('x'))).toEqual([403, 'Failed to set output, process is not running']);
  await w.assign('e1');
  for (const who of ['e2', 'alice']) {
    expect(await refusal(say('x', who))).toEqual([
      403,
      'Failed to add log, not allowed to add log, only the assigned Executor may att logs',
    ]);
  }
  expect(await refusal(w.as('e1').addLog({ processid: 'none', message: 'x' }))).toEqual([
    404,
    'Failed to add log, process is nil',
  ]);
});

test('an executor keeps a log of its own', async () => {
  const own = (who: string, executorname: string) =>
    w.as(who).addExecutorLog({ colonyname: 'dev', executorname, message: 'hello' });
  expect(await own('e1', 'e1')).toEqual({});
  expect(await texts({ processid: '', executorname: 'e1' })).toEqual(['hello']);
  expect(await refusal(own('alice', 'e1'))).toEqual([
    403,
    'Failed to add executor log, executor not found',
  ]);
  expect(await refusal(own('e2', 'e1'))).toEqual([
    403,
    'Failed to add executor log, executor name mismatch',
  ]);
});

test('logs by executor hold what it logged for processes, of this colony only', async () => {
  await w.executor('e1', 'other');
  await w.as('e1').addExecutorLog({ colonyname: 'other', executorname: 'e1', message: 'secret' });
  await w.assign('e1');
  await say('work');
  expect(await texts({ processid: '', executorname: 'e1' })).toEqual(['work']);
});

test('what is asked for must exist and be within bounds', async () => {
  expect(await refusal(read({ processid: 'none' }))).toEqual([
    404,
    'Failed to get logs, process does not exist',
  ]);
  expect(await refusal(read({ executorname: 'none' }))).toEqual([
    404,
    'Failed to get logs, executor does not exist',
  ]);
  expect(await refusal(read({ count: 501 }))).toEqual([403, 'Count exceeds max log count (500)']);
  const negative = await w.send('alice', 'getlogsmsg', { colonyname: 'dev', processid, count: -1 });
  expect(negative.status).toBe(400);
  expect(
    await refusal(w.as('foreign').getLogs({ colonyname: 'other', processid, count: 1 })),
  ).toEqual([403, 'Access denied, not a member of Colony with name <dev>']);
});

test('a text is found in the logs of the last days', async () => {
  await w.assign('e1');
  await say('100% of Alpha');
  await w.pass(10);
  const find = (text: string, more: object = {}) =>
    w.as('alice').searchLogs({ colonyname: 'dev', text, days: 1, count: 10, ...more });
  expect(await find('Alpha')).toMatchObject([{ processid, message: '100% of Alpha' }]);
  expect(await find('alpha')).toEqual([]);
  expect(await find('1%Alpha')).toEqual([]);
  expect(await find('Alpha', { count: 0 })).toEqual([]);
  expect(await refusal(find('x', { count: 101 }))).toEqual([
    400,
    'Count exceeds max log count (100)',
  ]);
  expect(await refusal(find('x', { days: 31 }))).toEqual([400, 'Count exceeds max day count (30)']);
  expect((await refusal(find('x', { days: -1 })))[0]).toBe(400);
});

test('a line may be long and hold anything', async () => {
  await w.assign('e1');
  const odd = `\u0000\u2028<&>"\\${'x'.repeat(100_000)}😀`;
  await say(odd);
  expect(await texts()).toEqual([odd]);
});
