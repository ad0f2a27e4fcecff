// Where calls go that name a thing by its id alone: an attribute, a runtime, a process. By the tag in
// the id, by the colonies of the caller, by what was relayed before, else to nobody.

import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { answerOf, idOf } from '../support/world.ts';
import {
  endNodes,
  post,
  publish,
  sealed,
  sleep,
  startNodes,
  type TestNode,
  until,
} from './nodes.ts';

let north: TestNode;
let south: TestNode;
let relay: TestNode;
const NORTH = idOf('north-colony');
const SOUTH = idOf('south-colony');

/** What a process of the south colony has: its id, and that of an attribute of it. */
let processid: string;
let attributeid: string;

const runtime = async (home: TestNode, name: string, colony: string): Promise<void> => {
  const fields = { runtimeid: idOf(name), runtimetype: 'worker', name, colonyid: idOf(colony) };
  await home.send(colony, 'addruntimemsg', { runtime: fields });
  await home.send(colony, 'approveruntimemsg', { runtimeid: idOf(name) });
};

beforeAll(async () => {
  const nodes = await startNodes(['relay', 'north', 'south']);
  [relay, north, south] = nodes as [TestNode, TestNode, TestNode];
  for (const [home, colony] of [
    [north, 'north-colony'],
    [south, 'south-colony'],
  ] as const) {
    await home.colony(colony);
    for (const name of ['alice', 'dan']) await home.user(name, colony);
    await publish(relay, colony, [home.id]);
  }
  await south.user('bob', 'south-colony');
  await south.executor('e1', 'south-colony');
  const conditions = { colonyname: SOUTH, executortype: 'worker' };
  await south.send('alice', 'submitfuncspecmsg', { spec: { funcname: 'f', conditions } });
  const poll = { colonyname: SOUTH, timeout: 5 };
  processid = (await south.send('e1', 'assignprocessmsg', poll)).payload.processid;
  const attribute = { targetid: processid, attributetype: 1, key: 'k', value: 'v' };
  attributeid = (await south.send('e1', 'addattributemsg', { attribute })).payload.attributeid;
}, 60_000);
afterAll(() => endNodes([relay, north, south]));

/** Posts an envelope to the relay on a connection of this agent. */
const postOn = async (agent: Agent, body: string) => {
  const asked = request(`${relay.url}/api`, { method: 'POST', agent });
  asked.end(body);
  const [reply] = await once(asked, 'response');
  return { status: reply.statusCode as number, text: await text(reply) };
};

const calls = (name: string, colonyname: string) =>
  relay.send(name, 'getcolonymsg', { colonyname });
const attributeOf = (name: string, id = attributeid) =>
  relay.send(name, 'getattributemsg', { attributeid: id });

test('an id of which nothing is known is 404, with what to do', async () => {
  for (const [type, fields] of [
    ['getattributemsg', { attributeid }],
    ['getruntimemsg', { runtimeid: idOf('r1') }],
    ['getprocessmsg', { processid: 'f'.repeat(64) }],
  ] as const) {
    const answer = await relay.send('bob', type, fields);
    expect(answer).toMatchObject({ status: 404, error: true });
    expect(answer.payload.message).toMatch(/names the colony by its id/);
  }
});

test('an attribute is found in a colony of its caller, whichever he used last', async () => {
  await calls('alice', SOUTH);
  await calls('alice', NORTH);
  const found = await attributeOf('alice');
  expect(found).toMatchObject({ status: 200, payload: { attributeid, value: 'v' } });
  expect((await south.send('alice', 'getattributemsg', { attributeid })).text).toBe(found.text);
});

test('what no colony of the caller has is refused in the words of a home', async () => {
  const nothing = { attributeid: 'e'.repeat(64) };
  const direct = await south.send('alice', 'getattributemsg', nothing);
  expect(await attributeOf('alice', nothing.attributeid)).toEqual(direct);
});

test('a caller never seen before is led by what was relayed for others', async () => {
  expect(await attributeOf('bob')).toMatchObject({ status: 200, payload: { attributeid } });
});

test('who followed others on one connection is led to their colonies', async () => {
  // More than one socket would be a connection of his own for each.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (name: string, type: string, fields: object) =>
    postOn(agent, sealed(name, type, fields));
  await south.user('erin', 'south-colony');
  for (const name of ['alice', 'erin']) {
    expect((await send(name, 'getcolonymsg', { colonyname: SOUTH })).status).toBe(200);
  }
  const nothing = { attributeid: 'd'.repeat(64) };
  const direct = await south.send('erin', 'getattributemsg', nothing);
  expect(await send('erin', 'getattributemsg', nothing)).toEqual({
    status: direct.status,
    text: direct.text,
  });
  // The signature is looked at by the home, which refuses in the words it has for everybody.
  const forged = sealed('erin', 'getcolonymsg', { colonyname: SOUTH }).replace(
    /"signature":"[0-9a-f]{8}/,
    '"signature":"00000000',
  );
  const refused = await post(south.url, forged);
  expect(await postOn(agent, forged)).toEqual({ status: refused.status, text: refused.text });
  agent.destroy();
});

test('a stranger who is led there is refused by the home', async () => {
  const direct = await south.send('mallory', 'getattributemsg', { attributeid });
  expect(direct.status).toBe(403);
  expect(await attributeOf('mallory')).toMatchObject({ status: 403, text: direct.text });
});

test('a runtime is registered, approved and found through a node that is not its home', async () => {
  const fields = { runtimeid: idOf('r1'), runtimetype: 'worker', name: 'r1', colonyid: SOUTH };
  const added = await relay.send('south-colony', 'addruntimemsg', { runtime: fields });
  expect(added).toMatchObject({ status: 200, payload: { runtimeid: idOf('r1') } });
  const named = { runtimeid: idOf('r1') };
  expect((await relay.send('south-colony', 'approveruntimemsg', named)).status).toBe(200);
  const found = await relay.send('r1', 'getruntimemsg', named);
  expect(found).toMatchObject({ status: 200, payload: { runtimeid: idOf('r1'), colonyid: SOUTH } });
});

test('a runtime of 2022 polls and subscribes at a node that is not its home', async () => {
  await runtime(south, 'r2', 'south-colony');
  await relay.send('r2', 'getruntimemsg', { runtimeid: idOf('r2') });
  const poll = { colonyid: SOUTH, timeout: 1 };
  expect(await relay.send('r2', 'assignprocessmsg', poll)).toMatchObject({ status: 200, text: '' });
  const socket = new WebSocket(`${relay.url.replace('http', 'ws')}/pubsub`);
  await once(socket, 'open');
  const frames: string[] = [];
  socket.on('message', (data) => frames.push(String(data)));
  const fields = { runtimetype: 'other', state: 0, timeout: 10 };
  socket.send(sealed('r2', 'subscribeprocessesmsg', fields));
  await sleep(500);
  const conditions = { colonyname: SOUTH, executortype: 'other' };
  await south.send('alice', 'submitfuncspecmsg', { spec: { funcname: 'f', conditions } });
  await until(() => frames.length > 0);
  expect(answerOf(200, frames[0] ?? '').payload).toMatchObject({ state: 0 });
  socket.close();
  await once(socket, 'close');
});

test('a colony that cannot be asked does not hide what is in another one', async () => {
  await calls('dan', SOUTH);
  await calls('dan', NORTH);
  await north.stop();
  expect(await attributeOf('dan')).toMatchObject({ status: 200, payload: { attributeid } });
  // It may be in the one that cannot be asked: nobody says that it is gone.
  const nothing = await attributeOf('dan', 'e'.repeat(64));
  expect(nothing.status).toBe(503);
}, 40_000);
