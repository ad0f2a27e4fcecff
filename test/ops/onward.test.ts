// Calls that follow others onward: nobody here looks who makes them, the end of the way does.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Onward, Unproven } from '../../src/api/onward.ts';
import type { Target } from '../../src/api/op.ts';
import { fault } from '../../src/node/errors.ts';
import { errorReply, type Reply } from '../../src/node/model/envelope.ts';
import { idOf, openWorld, type World } from '../support/world.ts';

let w: World;
let went: { target: Target; call: Unproven }[] = [];
let asked: string[] = [];
let reply: Reply | undefined;
beforeEach(async () => {
  went = [];
  asked = [];
  reply = errorReply(418, 'from the end of the way');
  const onward: Onward = () => async (target, call) => {
    went.push({ target, call });
    return reply;
  };
  w = await openWorld({
    deps: {
      onward,
      elsewhere: async (_target, { caller }) => {
        asked.push(caller);
        return errorReply(404, 'the usual course');
      },
    },
  });
  await w.settle();
});
afterEach(() => w.close());

const AWAY = 'f'.repeat(64);
const conditions = { colonyname: AWAY, executortype: 'worker' };
const forged = (type: string, fields: object): string => {
  const payload = Buffer.from(JSON.stringify({ ...fields, msgtype: type })).toString('base64');
  return JSON.stringify({ payloadtype: type, payload, signature: '00'.repeat(65) });
};

test('what names a colony or a process goes on as it came, whoever signed it', async () => {
  const fields = { spec: { funcname: 'f', conditions }, audience: 'someone' };
  const body = forged('submitfuncspecmsg', fields);
  expect((await w.post(body)).status).toBe(418);
  await w.post(forged('getprocessmsg', { processid: AWAY }));
  expect(went.map(({ target }) => target)).toEqual([{ colony: AWAY }, { process: AWAY }]);
  expect(went.map(({ call }) => call.kind)).toEqual(['write', 'read']);
  expect(went.map(({ call }) => call.audience)).toEqual(['someone', undefined]);
  expect(Buffer.from(went[0]?.call.body ?? []).toString()).toBe(body);
  expect(asked).toEqual([]);
});

test('both dialects name it', async () => {
  await w.post(forged('submitprocessespecmsg', { spec: { conditions: { colonyid: AWAY } } }));
  await w.post(forged('getcolonymsg', { colonyid: AWAY }));
  await w.post(forged('getcolonymsg', { colonyname: AWAY }));
  expect(went.map(({ target }) => target)).toEqual(Array(3).fill({ colony: AWAY }));
});

test('calls that wait, or name nothing, or not clearly, take the usual course', async () => {
  const waits = { colonyname: AWAY, timeout: 1 };
  expect((await w.send('alice', 'assignprocessmsg', waits)).status).toBe(404);
  await w.send('alice', 'getattributemsg', { attributeid: AWAY });
  await w.send('alice', 'getcolonymsg', { colonyname: AWAY, colonyid: idOf('other') });
  await w.send('alice', 'getcolonymsg', { colonyname: 7 });
  await w.send('alice', 'getcolonymsg', { colonyname: 'a name' });
  await w.send('alice', 'submitfuncspecmsg', { spec: 'none' });
  await w.post('{"payloadtype":"getcolonymsg","payload":"!","signature":"00"}');
  await w.post(forged('nosuchmsg', { colonyname: AWAY }));
  expect(went).toEqual([]);
  expect(asked).toContain(idOf('alice'));
});

test('a way that does not lead there is as none: the caller is recovered, and looked for', async () => {
  reply = undefined;
  const answer = await w.send('alice', 'getcolonymsg', { colonyname: AWAY });
  expect(answer).toMatchObject({ status: 404, payload: { message: 'the usual course' } });
  expect(went).toHaveLength(1);
  expect(asked).toEqual([idOf('alice')]);
  expect((await w.post(forged('getcolonymsg', { colonyname: AWAY }))).status).toBe(403);
  expect(asked).toHaveLength(1);
});

test('what the way refuses is told as any refusal', async () => {
  await w.close();
  const onward: Onward = () => () => Promise.reject(fault('outcome-unknown', 'outcome unknown: x'));
  w = await openWorld({ deps: { onward } });
  const answer = await w.send('alice', 'getcolonymsg', { colonyname: AWAY });
  expect(answer).toMatchObject({ status: 502, payload: { message: 'outcome unknown: x' } });
});
