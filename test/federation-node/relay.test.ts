// Calls for a colony elsewhere, over HTTP and over the overlay: the same as at the home, and
// nothing is lost or left behind when somebody goes away.

import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { replyProofProblem } from '../../src/federation/reply-proof.ts';
import { answerOf, idOf } from '../support/world.ts';
import {
  endNodes,
  freePort,
  guarded,
  passFor,
  post,
  publish,
  sealed,
  sleep,
  startNodes,
  type TestNode,
  until,
} from './nodes.ts';

let web: TestNode;
let deep: TestNode;
let relay: TestNode;

beforeAll(async () => {
  const port = await freePort();
  // `deep` publishes no URL: only the overlay leads there.
  const settings = {
    'overlay.listen': [`/ip4/127.0.0.1/tcp/${port}`],
    'overlay.announce': [`/ip4/127.0.0.1/tcp/${port}`],
  };
  [web, deep, relay] = (await startNodes(['web', 'deep', 'relay'], (owner) =>
    owner === 'deep' ? { settings } : {},
  )) as [TestNode, TestNode, TestNode];
  for (const [home, colony] of [
    [web, 'near'],
    [deep, 'far'],
  ] as const) {
    await home.colony(colony);
    await home.user('alice', colony);
    await home.executor('e1', colony);
    await publish(relay, colony, [home.id]);
  }
}, 60_000);
afterAll(() => endNodes([web, deep, relay]));

test('a node that announces no URL publishes none', async () => {
  expect((await deep.status()).urls).toEqual([]);
  expect((await web.status()).urls).toEqual([web.url]);
});

describe.each([
  ['HTTP', 'near', () => web],
  ['the overlay', 'far', () => deep],
] as const)('over %s', (_way, colony, homeOf) => {
  const COLONY = idOf(colony);
  const spec = { funcname: 'f', conditions: { colonyname: COLONY, executortype: 'worker' } };
  const submit = (node: TestNode, more: object = {}) =>
    node.send('alice', 'submitfuncspecmsg', { spec: { ...spec, ...more } });
  const stateOf = async (processid: string): Promise<number> =>
    (await homeOf().send('alice', 'getprocessmsg', { processid })).payload.state;
  const empty = () =>
    homeOf().send(colony, 'removeallprocessesmsg', { colonyname: COLONY, state: 0 });

  test('replies and refusals are those of the home, byte for byte', async () => {
    const bodies = [
      sealed('alice', 'getcolonymsg', { colonyname: COLONY }),
      sealed('alice', 'getexecutorsmsg', { colonyname: COLONY }),
      sealed('mallory', 'getcolonymsg', { colonyname: COLONY }),
      sealed('e1', 'assignprocessmsg', { colonyname: COLONY, timeout: 0 }),
      sealed('e1', 'assignprocessmsg', { colonyname: COLONY, timeout: -1 }),
    ];
    for (const body of bodies) {
      const direct = await post(homeOf().url, body);
      const relayed = await post(relay.url, body);
      expect(relayed).toEqual(direct);
    }
  });

  test('fields and bytes that mean nothing to us travel along', async () => {
    const sent = JSON.parse(sealed('alice', 'getcolonymsg', { colonyname: COLONY }));
    const text = `  ${JSON.stringify({ ...sent, extra: '@@' })}\n`;
    const odd = Buffer.from(text);
    odd.fill(0xff, odd.indexOf('@@'), odd.indexOf('@@') + 2);
    for (const body of [text, odd]) expect((await post(relay.url, body)).status).toBe(200);
  });

  test('a large call arrives whole', async () => {
    const args = ['a'.repeat(700_000)];
    const submitted = await submit(relay, { args });
    expect(submitted.status).toBe(200);
    const { processid } = submitted.payload;
    const found = await homeOf().send('alice', 'getprocessmsg', { processid });
    expect(found.payload.spec.args).toEqual(args);
    await empty();
  });

  test('a long poll gets work when it comes', async () => {
    const poll = relay.send('e1', 'assignprocessmsg', { colonyname: COLONY, timeout: 20 });
    await sleep(300);
    const submitted = await submit(relay);
    const assigned = await poll;
    expect(assigned.payload).toMatchObject({ processid: submitted.payload.processid, state: 1 });
    const done = { processid: submitted.payload.processid };
    expect((await relay.send('e1', 'closesuccessfulmsg', done)).status).toBe(200);
  });

  test('a long poll ends as at the home when there is no work', async () => {
    const poll = { colonyname: COLONY, timeout: 1 };
    const answer = await relay.send('e1', 'assignprocessmsg', poll);
    expect(answer).toMatchObject({ status: 404, error: true });
  });

  test('a caller that went away is given nothing', async () => {
    const controller = new AbortController();
    const body = sealed('e1', 'assignprocessmsg', { colonyname: COLONY, timeout: 60 });
    const gone = post(relay.url, body, { signal: controller.signal }).catch(() => 'gone');
    await sleep(500);
    controller.abort();
    expect(await gone).toBe('gone');
    await sleep(500);
    const { processid } = (await submit(homeOf())).payload;
    await sleep(300);
    expect(await stateOf(processid)).toBe(0);
    await empty();
  });

  test('what was assigned to a caller that vanished at that moment is put back', async () => {
    const body = sealed('e1', 'assignprocessmsg', { colonyname: COLONY, timeout: 60 });
    const head = `POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`;
    for (let i = 0; i < 12; i += 1) {
      const socket = connect(relay.node.port, '127.0.0.1');
      let answered = false;
      socket.on('data', () => {
        answered = true;
      });
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(head + body);
      await sleep(120);
      const submitted = submit(homeOf());
      await sleep(i);
      socket.resetAndDestroy();
      const { processid } = (await submitted).payload;
      if (!answered) await until(async () => (await stateOf(processid)) === 0, 5_000);
      const found = await homeOf().send('alice', 'getprocessmsg', { processid });
      expect(found.payload.retries).toBe(0);
      await homeOf().send('alice', 'cancelprocessmsg', { processid });
      await homeOf().send(colony, 'removeprocessmsg', { processid });
    }
  }, 30_000);

  test('a subscription brings every event, each with its proof in order', async () => {
    const { payload } = await submit(homeOf());
    const { processid } = payload;
    const socket = new WebSocket(`${relay.url.replace('http', 'ws')}/pubsub`);
    await once(socket, 'open');
    const frames: string[] = [];
    socket.on('message', (data) => frames.push(String(data)));
    const subscribe = sealed('alice', 'subscribeprocessesmsg', {
      colonyname: COLONY,
      executortype: 'worker',
      state: 1,
      timeout: 60,
      ...guarded(homeOf().id),
    });
    socket.send(subscribe);
    await sleep(800);
    const poll = { colonyname: COLONY, timeout: 5 };
    await relay.send('e1', 'assignprocessmsg', poll);
    await submit(homeOf());
    await relay.send('e1', 'assignprocessmsg', poll);
    await until(() => frames.length === 2);
    const { nodekey } = await homeOf().status();
    const prover = { serverid: homeOf().id, publicKey: nodekey };
    const { payload: request } = JSON.parse(subscribe);
    frames.forEach((frame, i) => {
      const { proof } = JSON.parse(frame);
      const bare = frame.replace(/,"proof":"[^"]*"/, '');
      const answered = { request, status: 200, body: bare, counter: i + 1 };
      expect(replyProofProblem(proof, answered, [prover])).toBeUndefined();
    });
    expect(answerOf(200, frames[0] ?? '').payload).toMatchObject({ processid, state: 1 });
    socket.close();
    await once(socket, 'close');
  });

  test('a refused subscription is told so, and one that runs out ends the connection', async () => {
    const socket = new WebSocket(`${relay.url.replace('http', 'ws')}/pubsub`);
    await once(socket, 'open');
    const fields = { colonyname: COLONY, executortype: 'worker', state: 0, timeout: 60 };
    socket.send(sealed('mallory', 'subscribeprocessesmsg', fields));
    const [refused] = await once(socket, 'message');
    expect(answerOf(403, String(refused))).toMatchObject({ error: true });
    socket.send(sealed('alice', 'subscribeprocessesmsg', { ...fields, timeout: 1 }));
    await once(socket, 'close');
  });
});

test('what was assigned to a node that dies before it read the answer is put back', async () => {
  const port = Number(new URL(web.url).port);
  const body = sealed('e1', 'assignprocessmsg', { colonyname: idOf('near'), timeout: 60 });
  const headers = Object.entries(await passFor(web, body));
  const lines = [...headers, ['host', 'x'], ['content-length', String(body.length)]];
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write(`POST /federation/relay HTTP/1.1\r\n${head}\r\n${body}`);
  await sleep(300);
  const conditions = { colonyname: idOf('near'), executortype: 'worker' };
  const spec = { funcname: 'f', conditions };
  const { processid } = (await web.send('alice', 'submitfuncspecmsg', { spec })).payload;
  const found = async () => (await web.send('alice', 'getprocessmsg', { processid })).payload;
  expect((await found()).state).toBe(1);
  socket.resetAndDestroy();
  await until(async () => (await found()).state === 0, 5_000);
  expect((await found()).retries).toBe(0);
  await web.send('near', 'removeprocessmsg', { processid });
});

test('nothing is left on its way', async () => {
  await until(async () => {
    const text = await (await fetch(`${relay.url}/metrics`)).text();
    return /colonies_relay_calls 0\n/.test(text) && /colonies_relay_waits 0\n/.test(text);
  });
  for (const node of [web, deep, relay]) expect(node.complaints()).toEqual([]);
});
