import { afterEach, beforeEach, expect, test } from 'vitest';
import { attributeId } from '../../src/node/crypto/ids.ts';
import { idOf, openWorld, refusal, type World } from '../support/world.ts';

let w: World;
let processid: string;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
  processid = (await w.submit('alice', { env: { KEY: 'env' } })).processid;
});
afterEach(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

const add = (who: string, more: object = {}) =>
  w.as(who).addAttribute({
    attribute: { targetid: processid, attributetype: 1, key: 'result', value: '42', ...more },
  });

test('the assigned executor sets an attribute, members read it', async () => {
  await w.assign('e1');
  const attributeid = attributeId(processid, 'result', 1);
  const added = {
    attributeid,
    targetid: processid,
    targetcolonyname: 'dev',
    targetprocessgraphid: '',
    state: 1,
    attributetype: 1,
    key: 'result',
    value: '42',
  };
  expect(await add('e1', { attributeid: 'mine', state: 7 })).toEqual(added);
  expect(await w.as('alice').getAttribute({ attributeid })).toEqual(added);
  const { attributes } = await w.as('alice').getProcess({ processid });
  expect(attributes).toContainEqual(added);
  await w.as('e1').close({ processid });
  expect(await w.as('alice').getAttribute({ attributeid })).toEqual({ ...added, state: 2 });
});

test('environment values are attributes too', async () => {
  const attributeid = attributeId(processid, 'KEY', 3);
  expect(await w.as('alice').getAttribute({ attributeid })).toMatchObject({ value: 'env' });
});

test('an attribute is set once', async () => {
  await w.assign('e1');
  await add('e1');
  expect((await refusal(add('e1', { value: 'other' })))[0]).toBe(400);
  expect(
    await w.as('e1').getAttribute({ attributeid: attributeId(processid, 'result', 1) }),
  ).toMatchObject({ value: '42' });
  await add('e1', { attributetype: 2 });
});

test('attributes are refused to everybody else, and to processes that do not run', async () => {
  expect(await refusal(add('e1'))).toEqual([
    403,
    'Failed to add attribute, process is not running',
  ]);
  await w.assign('e1');
  for (const who of ['e2', 'alice']) {
    expect(await refusal(add(who))).toEqual([
      403,
      `Failed to add attribute, only executor with id <${idOf('e1')}> is allowed to set attributes`,
    ]);
  }
  expect(await refusal(add('e1', { targetid: 'none' }))).toEqual([
    404,
    'Failed to add attribute, process not found',
  ]);
  expect((await w.send('e1', 'addattributemsg')).payload.message).toBe(
    'Failed to add attribute, process not found',
  );
});

test('an unknown attribute is a bad request', async () => {
  expect(await refusal(w.as('alice').getAttribute({ attributeid: 'none' }))).toEqual([
    400,
    'Attribute does not exists',
  ]);
});

test('the reply names the colony by its id when the request did', async () => {
  await w.assign('e1');
  expect(await add('e1', { targetcolonyname: idOf('dev') })).toMatchObject({
    targetcolonyname: idOf('dev'),
  });
});
