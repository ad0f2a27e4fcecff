// Six nodes: what is published is found everywhere, and every node answers for every colony.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDocument } from '../../src/federation/documents.ts';
import { replyProofProblem } from '../../src/federation/reply-proof.ts';
import { idOf } from '../support/world.ts';
import {
  endNodes,
  getJson,
  guarded,
  post,
  publish,
  sealed,
  startNodes,
  type TestNode,
} from './nodes.ts';

const OWNERS = ['one', 'two', 'three', 'four', 'five', 'six'];
let nodes: TestNode[];
let home: TestNode;
let other: TestNode;

beforeAll(async () => {
  nodes = await startNodes(OWNERS);
  [home, other] = nodes as [TestNode, TestNode];
  await home.colony('dev');
  await home.user('alice', 'dev');
  await home.executor('e1', 'dev');
  await publish(nodes[2] as TestNode, 'dev', [home.id]);
}, 60_000);
afterAll(() => endNodes(nodes));

const DEV = idOf('dev');

test('a published colony is found from every node, with its server', async () => {
  for (const node of nodes) {
    const { status, body } = await getJson(node.url, `/federation/colonies/${DEV}`);
    expect(status).toBe(200);
    const found = readDocument(JSON.stringify(body)).map(({ kind, id }) => `${kind} ${id}`);
    expect(found).toEqual([`colony ${DEV}`, `server ${home.id}`]);
  }
});

test('an id that nobody knows is 404 in the shape of an error of the RPC', async () => {
  const { status, body } = await getJson(other.url, `/federation/colonies/${'0'.repeat(64)}`);
  expect(status).toBe(404);
  expect(body).toMatchObject({ payloadtype: 'error', error: true });
});

test('every node says who it is', async () => {
  for (const node of nodes) {
    const status = await node.status();
    expect(status).toMatchObject({
      serverid: node.id,
      network: 'testnet',
      policy: 'test',
      mode: 'open',
      urls: [node.url],
      certificate: { state: 'valid' },
      version: '1.2.3',
    });
    expect(status.addresses[0]).toContain(`/p2p/${status.peerid}`);
    expect(status.peers).toBeGreaterThan(0);
  }
});

describe('a call at any node', () => {
  test('is answered as at the home', async () => {
    for (const node of nodes) {
      const answer = await node.send('alice', 'getcolonymsg', { colonyname: DEV });
      expect(answer).toMatchObject({ status: 200, payload: { colonyid: DEV, name: 'dev' } });
    }
  });

  test('is refused as at the home', async () => {
    const body = sealed('mallory', 'getcolonymsg', { colonyname: DEV });
    const [direct, relayed] = await Promise.all([post(home.url, body), post(other.url, body)]);
    expect(direct.status).toBe(403);
    expect(relayed).toEqual(direct);
  });

  test('submits, assigns and closes, and the process is found by its id', async () => {
    const spec = { funcname: 'f', conditions: { colonyname: DEV, executortype: 'worker' } };
    const [a, b, c, d] = nodes.slice(1) as [TestNode, TestNode, TestNode, TestNode];
    const submitted = await a.send('alice', 'submitfuncspecmsg', { spec });
    expect(submitted.status).toBe(200);
    const { processid } = submitted.payload;
    const assigned = await b.send('e1', 'assignprocessmsg', { colonyname: DEV, timeout: 10 });
    expect(assigned.payload.processid).toBe(processid);
    const done = { processid, out: ['done'] };
    expect((await c.send('e1', 'closesuccessfulmsg', done)).status).toBe(200);
    const found = await d.send('alice', 'getprocessmsg', { processid });
    expect(found.payload).toMatchObject({ processid, state: 2, out: ['done'] });
  });

  test('with a nonce is proven by the home, wherever it was made', async () => {
    const fields = { colonyname: DEV, ...guarded(home.id) };
    const body = sealed('alice', 'getcolonymsg', fields);
    const answer = await post(other.url, body);
    expect(answer.status).toBe(200);
    const { nodekey } = await home.status();
    const { payload: request } = JSON.parse(body);
    const answered = { request, status: answer.status, body: answer.text };
    const expected = [{ serverid: home.id, publicKey: nodekey }];
    expect(replyProofProblem(answer.proof, answered, expected)).toBeUndefined();
    const altered = { ...answered, body: answer.text.replace('false', 'true') };
    expect(replyProofProblem(answer.proof, altered, expected)).toMatch(/does not hold/);
  });

  test('without a nonce carries no proof', async () => {
    const answer = await other.send('alice', 'getcolonymsg', { colonyname: DEV });
    expect(answer.proof).toBeUndefined();
  });
});
