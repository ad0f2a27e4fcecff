// A batch of relayed calls at its home: every call is served by itself, on real sockets, and what
// was given away comes back when its reply does not arrive.

import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Dispatch } from '../../src/api/dispatch.ts';
import { makeHttpServer } from '../../src/api/http.ts';
import { makeMetrics } from '../../src/api/metrics.ts';
import { makeBatchIn } from '../../src/compose/relay-batch-in.ts';
import {
  BATCH_TYPE,
  type BatchedReply,
  encodeCalls,
  makeReplyDecoder,
} from '../../src/compose/relay-batch-wire.ts';
import { CALLS_PATH } from '../../src/compose/relay-post.ts';
import { replyProofProblem } from '../../src/federation/reply-proof.ts';
import { Fault } from '../../src/node/errors.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import { makeLog } from '../../src/node/log.ts';
import { errorBody, type Origin, type Reply } from '../../src/node/model/envelope.ts';
import { answerOf, idOf } from '../support/world.ts';
import {
  clock,
  endNodes,
  guarded,
  passFor,
  post,
  publish,
  sealed,
  startNodes,
  type TestNode,
  until,
} from './nodes.ts';
import { type BadProxy, startProxy } from './proxy.ts';

const PATH = '/federation/relay';
const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

/** The replies in a whole answer. */
const repliesIn = async (answer: Response, count: number): Promise<BatchedReply[]> => {
  const replies: BatchedReply[] = [];
  const take = makeReplyDecoder(count, LIMITS.callBytesMax, (reply) => replies.push(reply));
  take(Buffer.from(await answer.arrayBuffer()));
  return replies;
};

describe('served on a socket', () => {
  let port: number;
  let close: () => Promise<void>;
  let answers: Map<string, (reply: Reply) => void>;
  let fates: string[];
  let errors: string[];
  let counted: number;
  let lastOrigin: Origin | undefined;

  /** Calls are answered when the test says so; `boom` is a bug. */
  const dispatch: Dispatch = {
    metrics: makeMetrics(),
    send: async () => expect.unreachable(),
    receive: (body, origin) => {
      lastOrigin = origin;
      const text = Buffer.from(body as Uint8Array).toString();
      if (text === 'boom') return Promise.reject(new Error('a bug'));
      return new Promise((resolve) => {
        answers.set(text, resolve);
      });
    },
  };

  /** A reply with something at stake. */
  const granted = (name: string): Reply => ({
    status: 200,
    body: name,
    onLost: async () => {
      fates.push(`${name} lost`);
    },
    onDelivered: () => fates.push(`${name} delivered`),
  });

  const start = async (more: Partial<Limits> = {}): Promise<void> => {
    const limits = { ...LIMITS, ...more };
    const log = makeLog('info', (_level, message) => errors.push(message));
    const serve = makeBatchIn({ dispatch, log, limits });
    const server = makeHttpServer({
      ...{ dispatch, sockets: {}, drain: () => undefined, clock, log, limits },
      routes: [
        {
          method: 'POST',
          path: PATH,
          handle: async (request) => {
            const origin: Origin = {
              connection: new Map(),
              get signal() {
                return request.signal;
              },
            };
            try {
              const each = (): void => {
                counted += 1;
              };
              return serve(request.body, { serverid: 'a node', origin, each });
            } catch (error) {
              if (!(error instanceof Fault)) throw error;
              return { status: error.status, body: errorBody(error.status, error.message) };
            }
          },
        },
      ],
    });
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
    close = server.close;
  };

  beforeEach(() => {
    [answers, fates, errors, counted] = [new Map(), [], [], 0];
  });
  afterEach(() => close());

  /** Sends a batch of `a` and `b`, both begun, on a connection that reads nothing. */
  const sendUnread = async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.pause();
    const body = encodeCalls([bytes('a'), bytes('b')]);
    const head = `POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`;
    socket.write(Buffer.concat([bytes(head), body]));
    await begun(2);
    const signal = lastOrigin?.signal;
    return { socket, signal };
  };

  /** Sends a batch; replies are kept as they come. */
  const send = (calls: readonly string[]) => {
    const replies: BatchedReply[] = [];
    const take = makeReplyDecoder(calls.length, LIMITS.callBytesMax, (reply) =>
      replies.push(reply),
    );
    const request = httpRequest({ port, path: PATH, method: 'POST' });
    request.on('error', () => undefined);
    request.end(encodeCalls(calls.map(bytes)));
    const head = new Promise<IncomingMessage>((resolve) => {
      request.once('response', (response: IncomingMessage) => {
        if (response.headers['content-type'] === BATCH_TYPE) {
          response.on('data', take);
        }
        response.on('error', () => undefined);
        resolve(response);
      });
    });
    return { replies, request, head };
  };

  const begun = (count: number): Promise<void> => until(() => answers.size >= count);
  const answer = (name: string, reply: Reply = { status: 200, body: `re ${name}` }): void =>
    answers.get(name)?.(reply);

  test('each reply leaves when it is there, and the answer ends with the last', async () => {
    await start();
    const { replies, head } = send(['a', 'b', 'c']);
    await begun(3);
    answer('b', { status: 403, body: 'ré', proof: 'v1;proof' });
    await until(() => replies.length === 1);
    expect(replies).toEqual([{ index: 1, status: 403, body: 'ré', proof: 'v1;proof' }]);
    answer('c', { status: 200, body: 're c, the longer one' });
    answer('a');
    const response = await head;
    await once(response, 'end');
    expect(replies.map(({ index, body }) => [index, body])).toEqual([
      [1, 'ré'],
      [0, 're a'],
      [2, 're c, the longer one'],
    ]);
    expect([response.statusCode, counted]).toEqual([200, 3]);
  });

  test('a bug in one call is the error of that one', async () => {
    await start();
    const { replies } = send(['boom', 'a']);
    await begun(1);
    answer('a');
    await until(() => replies.length === 2);
    const [bug] = replies.filter(({ index }) => index === 0);
    expect(answerOf(500, bug?.body ?? '')).toMatchObject({ error: true });
    expect(bug?.status).toBe(500);
    expect(errors).toEqual(['dispatch failed']);
  });

  test('what was given away in a reply that was read stays given', async () => {
    await start();
    const { replies } = send(['a', 'b']);
    await begun(2);
    answer('a', granted('a'));
    await until(() => replies.length === 1);
    await until(() => fates.length === 1);
    expect(fates).toEqual(['a delivered']);
    answer('b');
    await until(() => replies.length === 2);
  });

  test('a connection that is reset takes back what was just sent on it and what comes after', async () => {
    await start();
    const { socket, signal } = await sendUnread();
    expect(signal?.aborted).toBe(false);
    answer('a', granted('a'));
    // In the kernel of the other side, unread.
    await until(() => socket.bytesRead === 0 && fates.length === 0);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    socket.resetAndDestroy();
    await until(() => fates.length === 1);
    expect([fates, signal?.aborted]).toEqual([['a lost'], true]);
    answer('b', granted('b'));
    await until(() => fates.length === 2);
    expect(fates).toEqual(['a lost', 'b lost']);
  });

  test('a reader that takes nothing is cut off after a while, and its batch with it', async () => {
    await start({ replyStallMs: 300 });
    const { socket, signal } = await sendUnread();
    socket.on('error', () => undefined);
    answer('a', { ...granted('a'), body: 'x'.repeat(20_000_000) });
    await until(() => fates.length === 1);
    expect([fates, signal?.aborted]).toEqual([['a lost'], true]);
    socket.destroy();
  });

  test('a call that takes its time is not cut off for it', async () => {
    await start({ replyStallMs: 200 });
    const { replies } = send(['a', 'b']);
    await begun(2);
    answer('a');
    await until(() => replies.length === 1);
    await new Promise((resolve) => {
      setTimeout(resolve, 600);
    });
    answer('b');
    await until(() => replies.length === 2);
  });

  test('replies that nobody takes are bounded together', async () => {
    await start({ repliesBytesMax: 30_000_000 });
    const sockets = Array.from({ length: 2 }, () => connect(port, '127.0.0.1'));
    for (const [i, socket] of sockets.entries()) {
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.pause();
      const body = encodeCalls([bytes(`a${i}`)]);
      const head = `POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`;
      socket.write(Buffer.concat([bytes(head), body]));
    }
    await begun(2);
    answer('a0', { ...granted('a0'), body: 'x'.repeat(20_000_000) });
    answer('a1', { ...granted('a1'), body: 'x'.repeat(20_000_000) });
    await until(() => fates.length === 1);
    expect(fates[0]).toMatch(/lost/);
    for (const socket of sockets) socket.destroy();
    await until(() => fates.length === 2);
  });

  test('calls are counted, not batches', async () => {
    await start({ relayBatchedMax: 3 });
    const first = send(['a', 'b']);
    await begun(2);
    const refused = await send(['c', 'd']).head;
    expect(refused.statusCode).toBe(429);
    const third = send(['e']);
    await begun(3);
    for (const name of ['a', 'b', 'e']) answer(name);
    await until(() => first.replies.length === 2 && third.replies.length === 1);
    const again = send(['f', 'g', 'h']);
    await begun(6);
    for (const name of ['f', 'g', 'h']) answer(name);
    await until(() => again.replies.length === 3);
  });
});

describe('between nodes', () => {
  let proxy: BadProxy;
  let home: TestNode;
  let relay: TestNode;
  const DEV = idOf('dev');

  beforeAll(async () => {
    proxy = await startProxy();
    [home, relay] = (await startNodes(['home', 'relay'], (owner) =>
      owner === 'home' ? { settings: { 'overlay.announce': [proxy.url] } } : {},
    )) as [TestNode, TestNode];
    proxy.to(home.url);
    // No streams through this one: calls are posted.
    proxy.onPath(CALLS_PATH, 'drop');
    await home.colony('dev');
    await home.user('alice', 'dev');
    await publish(relay, 'dev', [home.id]);
    // From the answer to a single call the relaying node learns that its home takes batches.
    expect((await relay.send('alice', 'getcolonymsg', { colonyname: DEV })).status).toBe(200);
  }, 60_000);
  afterAll(async () => {
    await endNodes([home, relay]);
    await proxy.close();
  });

  const conditions = { colonyname: DEV, executortype: 'worker' };
  const submission = (i: number, more: object = guarded(home.id)) =>
    sealed('alice', 'submitfuncspecmsg', { spec: { funcname: `f${i}`, conditions }, ...more });

  test('many calls at once travel in few exchanges, each answered and proven as if alone', async () => {
    const before = proxy.seen.length;
    const bodies = Array.from({ length: 40 }, (_, i) =>
      i % 4 === 3
        ? sealed('mallory', 'getcolonymsg', { colonyname: DEV, ...guarded(home.id) })
        : submission(i),
    );
    const replies = await Promise.all(bodies.map((body) => post(relay.url, body)));
    const prover = { serverid: home.id, publicKey: (await home.status()).nodekey };
    replies.forEach(({ status, text, proof, payload }, i) => {
      const { payload: request } = JSON.parse(bodies[i] ?? '');
      expect(replyProofProblem(proof, { request, status, body: text }, [prover])).toBeUndefined();
      expect(status).toBe(i % 4 === 3 ? 403 : 200);
      if (status === 200) expect(payload.spec.funcname).toBe(`f${i}`);
    });
    const exchanges = proxy.seen.slice(before).filter((path) => path === PATH).length;
    expect(exchanges).toBeLessThan(30);
    const all = await home.send('alice', 'getprocessesmsg', {
      ...{ colonyname: DEV, count: 100, state: 0 },
    });
    expect(all.payload).toHaveLength(30);
  });

  /** A batch as another node brings it. */
  const bring = (body: Buffer, headers: Record<string, string>) =>
    fetch(`${home.url}${PATH}`, { method: 'POST', body: new Uint8Array(body), headers });

  test('a batch needs a pass for exactly itself, and cannot be brought twice', async () => {
    const body = encodeCalls([bytes(submission(100)), bytes(submission(101))]);
    const headers = await passFor(home, body);
    const first = await bring(body, headers);
    expect([first.status, first.headers.get('content-type')]).toEqual([200, BATCH_TYPE]);
    const replies = await repliesIn(first, 2);
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    const other = encodeCalls([bytes(submission(100)), bytes(submission(102))]);
    for (const [what, pass] of [
      [body, headers],
      [body, {}],
      [other, await passFor(home, body)],
      [body, await passFor(relay, body)],
    ] as const) {
      expect((await bring(what, pass)).status).toBe(403);
    }
  });

  test('what is not at home is refused call by call', async () => {
    const elsewhere = sealed('alice', 'getcolonymsg', { colonyname: idOf('elsewhere') });
    const here = sealed('alice', 'getcolonymsg', { colonyname: DEV });
    const body = encodeCalls([here, elsewhere, 'no envelope'].map(bytes));
    const answer = await bring(body, await passFor(home, body));
    const replies = await repliesIn(answer, 3);
    const statuses = [0, 1, 2].map((i) => replies.find(({ index }) => index === i)?.status);
    expect(statuses).toEqual([200, 421, 400]);
  });

  test('what is no batch and no envelope is refused', async () => {
    const body = Buffer.from([0, 1, 0, 2, 0, 0]);
    const answer = await bring(body, await passFor(home, body));
    expect(answer.status).toBe(400);
  });

  test('of submissions in a batch that got no answer none is made twice', async () => {
    const count = async (): Promise<number> => {
      const { payload } = await home.send('alice', 'getcolonystatsmsg', { colonyname: DEV });
      return payload.waitingprocesses;
    };
    const before = await count();
    expect(before).toBeGreaterThan(0);
    proxy.onPath(PATH, 'drop');
    const lost = await Promise.all([200, 201, 202].map((i) => post(relay.url, submission(i, {}))));
    expect(lost.map(({ status }) => status)).toEqual([502, 502, 502]);
    proxy.onPath(PATH, undefined);
    expect(await count()).toBe(before);
  });

  test('nothing of this was an error of ours', () => {
    for (const node of [home, relay]) expect(node.complaints()).toEqual([]);
  });
});
