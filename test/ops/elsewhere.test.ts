// Calls for colonies and processes that live on another node.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeDispatch } from '../../src/api/dispatch.ts';
import type { Target } from '../../src/api/op.ts';
import { fault } from '../../src/node/errors.ts';
import { errorReply } from '../../src/node/model/envelope.ts';
import { answerOf, idOf, nowhere, openWorld, type World } from '../support/world.ts';

let w: World;
const asked: { target: Target; caller: string }[] = [];
beforeEach(async () => {
  asked.length = 0;
  w = await openWorld({
    deps: {
      elsewhere: async (target, { caller, envelope }) => {
        asked.push({ target, caller });
        const known =
          'colony' in target ? target.colony : 'process' in target ? target.process : '';
        return known.startsWith('f')
          ? errorReply(418, `relayed ${envelope.payloadtype}`)
          : undefined;
      },
    },
  });
  await w.settle();
});
afterEach(() => w.close());

const AWAY = 'f'.repeat(64);
const NOWHERE = 'e'.repeat(64);

test('a colony id that is not here is asked for elsewhere, after the signature', async () => {
  const answer = await w.send('alice', 'getcolonymsg', { colonyname: AWAY });
  expect(answer).toMatchObject({ status: 418, payload: { message: 'relayed getcolonymsg' } });
  expect(asked).toEqual([{ target: { colony: AWAY }, caller: idOf('alice') }]);
  const unsigned = { payloadtype: 'getcolonymsg', payload: '', signature: '' };
  expect((await w.post(JSON.stringify(unsigned))).status).toBe(403);
  expect(asked).toHaveLength(1);
});

test('so is a process', async () => {
  const answer = await w.send('alice', 'getprocessmsg', { processid: AWAY });
  expect(answer.status).toBe(418);
  expect(asked).toEqual([{ target: { process: AWAY }, caller: idOf('alice') }]);
});

test('what nobody has is refused in the usual words', async () => {
  expect(await w.send('alice', 'getcolonymsg', { colonyname: NOWHERE })).toMatchObject({
    status: 403,
    payload: { message: `Colony with name <${NOWHERE}> does not exists` },
  });
  expect(await w.send('alice', 'getprocessmsg', { processid: NOWHERE })).toMatchObject({
    status: 404,
    payload: { message: 'Failed to get process, process not found' },
  });
});

test('a name never leaves the node', async () => {
  expect((await w.send('alice', 'getcolonymsg', { colonyname: 'far' })).status).toBe(403);
  expect((await w.send('alice', 'getusersmsg', { colonyname: 'far' })).status).toBe(400);
  const executor = { colonyname: 'far', executorname: 'x' };
  expect((await w.send('alice', 'getexecutormsg', executor)).status).toBe(404);
  expect(asked).toEqual([]);
});

test('what is here is answered here', async () => {
  expect((await w.send('alice', 'getcolonymsg', { colonyname: idOf('dev') })).status).toBe(200);
  expect(asked).toEqual([]);
});

test('a call that came from another node is never passed on', async () => {
  const inner = makeDispatch({
    ...w.deps,
    elsewhere: async (target) => {
      if ('colony' in target) throw fault('not-home', `not home of colony ${target.colony}`);
      return undefined;
    },
  });
  const json = JSON.stringify({ colonyname: AWAY, msgtype: 'getcolonymsg' });
  const reply = await inner.receive(w.sealed('alice', 'getcolonymsg', json), nowhere());
  expect(answerOf(reply.status, reply.body).payload).toEqual({
    status: 421,
    message: `not home of colony ${AWAY}`,
  });
});
