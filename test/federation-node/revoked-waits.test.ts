// A key that is declared dead while its owner waits: what it began before is worth nothing either.

import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { replyProofProblem } from '../../src/federation/reply-proof.ts';
import { signerOf } from '../../src/federation/signature.ts';
import { stateRevocation } from '../../src/federation/statements.ts';
import { answerOf, idOf, keyOf } from '../support/world.ts';
import {
  clock,
  endNodes,
  guarded,
  post,
  publish,
  sealed,
  sleep,
  startNodes,
  type TestNode,
  until,
} from './nodes.ts';

let home: TestNode;
let relay: TestNode;
beforeAll(async () => {
  [home, relay] = (await startNodes(['home', 'relay'])) as [TestNode, TestNode];
  await home.colony('dev');
  await home.user('alice', 'dev');
  for (const name of ['e1', 'e2', 'e3']) await home.executor(name, 'dev');
  await publish(relay, 'dev', [home.id]);
}, 60_000);
afterAll(() => endNodes([home, relay]));

const DEV = idOf('dev');
const SPEC = { funcname: 'f', conditions: { colonyname: DEV, executortype: 'worker' } };

const declareDead = async (name: string): Promise<void> => {
  const { bytes } = await stateRevocation(signerOf(keyOf(name)), {
    network: 'testnet',
    now: clock.now(),
  });
  const records = [Buffer.from(bytes).toString('base64')];
  expect((await relay.send(name, 'publishrecordsmsg', { records })).status).toBe(200);
};

const polls = async (): Promise<number> => {
  const text = await (await fetch(`${relay.url}/metrics`)).text();
  return Number(/colonies_relay_waits (\d+)/.exec(text)?.[1]);
};

test('a poll that waits is refused when its key is declared dead, and is given nothing', async () => {
  const wait = { colonyname: DEV, timeout: 60 };
  const protectedPoll = sealed('e1', 'assignprocessmsg', { ...wait, ...guarded(home.id) });
  const waiting = Promise.all([
    home.send('e1', 'assignprocessmsg', wait),
    relay.send('e1', 'assignprocessmsg', wait),
    post(relay.url, protectedPoll),
  ]);
  await until(async () => (await polls()) === 2);
  await declareDead('e1');
  const answers = await waiting;
  for (const { status, payload } of answers) {
    expect([status, payload.message]).toEqual([403, 'key revoked']);
  }
  const [, , last] = answers;
  const prover = { serverid: home.id, publicKey: (await home.status()).nodekey as string };
  const request = JSON.parse(protectedPoll).payload;
  const answered = { request, status: 403, body: last.text };
  expect(replyProofProblem(last.proof, answered, [prover])).toBeUndefined();
  const { processid } = (await home.send('alice', 'submitfuncspecmsg', { spec: SPEC })).payload;
  const found = await home.send('alice', 'getprocessmsg', { processid });
  expect(found.payload.state).toBe(0);
  // Others get their work as ever.
  const given = await relay.send('e2', 'assignprocessmsg', wait);
  expect(given.payload.processid).toBe(processid);
});

test('a subscription ends with the refusal of its key, proven where it asked for that', async () => {
  const fields = { colonyname: DEV, executortype: 'worker', state: 0, timeout: 60 };
  const plain = sealed('e3', 'subscribeprocessesmsg', fields);
  const guardedOne = sealed('e3', 'subscribeprocessesmsg', { ...fields, ...guarded(home.id) });
  const watchers = await Promise.all(
    [
      [home, plain],
      [relay, plain],
      [relay, guardedOne],
    ].map(async ([node, body]) => {
      const socket = new WebSocket(`${(node as TestNode).url.replace('http', 'ws')}/pubsub`);
      await once(socket, 'open');
      const frames: string[] = [];
      socket.on('message', (data) => frames.push(String(data)));
      socket.send(body as string);
      return { socket, frames };
    }),
  );
  const submit = () => home.send('alice', 'submitfuncspecmsg', { spec: SPEC });
  await until(async () => {
    await submit();
    return watchers.every(({ frames }) => frames.length > 0);
  });
  await declareDead('e3');
  const isRefused = (frame = ''): boolean => frame.includes('"error":true');
  await until(() => watchers.every(({ frames }) => isRefused(frames.at(-1))), 5_000);
  await submit();
  await sleep(300);
  for (const { frames } of watchers) {
    const { status, message } = answerOf(403, frames.at(-1) ?? '').payload;
    expect([status, message]).toEqual([403, 'key revoked']);
  }
  const { nodekey } = await home.status();
  const prover = { serverid: home.id, publicKey: nodekey };
  const frames = watchers[2]?.frames ?? [];
  const frame = frames.at(-1) ?? '';
  const { proof } = JSON.parse(frame);
  const body = frame.replace(/,"proof":"[^"]*"/, '');
  const request = JSON.parse(guardedOne).payload;
  const answered = { request, status: 403, body, counter: frames.length };
  expect(replyProofProblem(proof, answered, [prover])).toBeUndefined();
  for (const { socket } of watchers) socket.terminate();
});
