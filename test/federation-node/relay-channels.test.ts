// Streams of relayed calls over HTTP: opened when calls keep going to a server, proven once, left in
// good order when the server stops, and never between a call and its answer when none opens.

import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { encodeCalls } from '../../src/compose/relay-batch-wire.ts';
import { makeChannels } from '../../src/compose/relay-channels.ts';
import { CALLS_PATH, RELAY_PATH } from '../../src/compose/relay-post.ts';
import { encodeHead } from '../../src/compose/relay-wire.ts';
import { makeWebStreams, streamOn } from '../../src/compose/web-streams.ts';
import { makeCallClient } from '../../src/dht/call-client.ts';
import { RELAY_HEADERS } from '../../src/federation/relay-auth.ts';
import { replyProofProblem } from '../../src/federation/reply-proof.ts';
import { fault } from '../../src/node/errors.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import { answerOf, idOf } from '../support/world.ts';
import {
  clock,
  endNodes,
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
import { type BadProxy, startProxy } from './proxy.ts';

describe('which servers', () => {
  const limits = {
    ...{ relayChannelAfter: 3, relayChannelPauseMs: 100, relayChannelRetryMs: 1_000 },
    ...{ callIdleMs: 5_000, outboundTargetsMax: 10 },
  };
  const setUp = (opens: () => Promise<void>) => {
    let now = 0;
    const tried: string[] = [];
    const ready = (end: string): Promise<void> => {
      tried.push(end);
      return opens();
    };
    const channels = makeChannels({
      calls: { ready },
      clock: { now: () => now },
      log: silentLog(),
      limits,
    });
    return {
      channels,
      tried,
      pass: (ms: number) => {
        now += ms;
      },
      asked: (times: number, end = 'a') =>
        Array.from({ length: times }, () => channels.serves(end)),
    };
  };
  const settled = () => sleep(0);

  test('those to which calls keep going, once the stream is open', async () => {
    const { tried, asked } = setUp(async () => undefined);
    expect(asked(2)).toEqual([false, false]);
    expect(tried).toEqual([]);
    expect(asked(3)).toEqual([false, false, false]);
    expect(tried).toEqual(['a']);
    await settled();
    expect(asked(1)).toEqual([true]);
    expect(asked(1, 'b')).toEqual([false]);
  });

  test('not those that are called now and then', async () => {
    const { tried, asked, pass } = setUp(async () => undefined);
    for (let i = 0; i < 6; i += 1) {
      asked(1);
      pass(101);
    }
    expect(tried).toEqual([]);
  });

  test('one whose stream does not open, or fails, is let alone for a while', async () => {
    let isDown = true;
    const { channels, tried, asked, pass } = setUp(async () => {
      if (isDown) throw fault('unavailable', 'no streams here', { sent: 0 });
    });
    asked(3);
    await settled();
    expect(asked(5)).toEqual(Array(5).fill(false));
    expect(tried).toHaveLength(1);
    isDown = false;
    pass(1_000);
    asked(3);
    await settled();
    expect(tried).toHaveLength(2);
    expect(asked(1)).toEqual([true]);
    channels.failed('a');
    expect(asked(5)).toEqual(Array(5).fill(false));
    await settled();
    expect(tried).toHaveLength(2);
  });
});

describe('which servers, once streams break', () => {
  test('one that carried answers is opened anew, one that never did is let alone', async () => {
    let now = 0;
    let opened = 0;
    const channels = makeChannels({
      calls: {
        ready: async () => {
          opened += 1;
        },
      },
      clock: { now: () => now },
      log: silentLog(),
      limits: {
        ...{ relayChannelAfter: 1, relayChannelPauseMs: 100, relayChannelRetryMs: 1_000 },
        ...{ callIdleMs: 5_000, outboundTargetsMax: 10 },
      },
    });
    const isOpen = async (): Promise<boolean> => {
      channels.serves('a');
      await sleep(0);
      return channels.serves('a');
    };
    expect(await isOpen()).toBe(true);
    channels.answered('a');
    channels.broke('a');
    expect(channels.serves('a')).toBe(false);
    expect(await isOpen()).toBe(true);
    channels.broke('a');
    expect(await isOpen()).toBe(false);
    expect(opened).toBe(2);
    now += 1_000;
    expect(await isOpen()).toBe(true);
    // Closed by itself by now: a lone call is posted.
    now += 5_000;
    expect(channels.serves('a')).toBe(false);
  });
});

describe('places of a node that brings them', () => {
  test('are free again when its connection is gone, before it was a stream too', async () => {
    const { streams, endpoint } = makeWebStreams({
      outbound: { socket: () => expect.unreachable() },
      pass: () => expect.unreachable(),
      limits: LIMITS,
      log: silentLog(),
    });
    await streams.handle('x', async () => undefined, { inboundMax: 1 });
    const { admit } = endpoint(async () => ({ serverid: 's', nodeid: 'n', peer: 'p' }));
    await admit({}, (listener) => listener());
    await admit({}, () => undefined);
    await expect(admit({}, () => undefined)).rejects.toMatchObject({ code: 'too-many' });
  });
});

describe('between nodes', () => {
  let proxy: BadProxy;
  let home: TestNode;
  let relay: TestNode;
  const DEV = idOf('dev');
  const conditions = { colonyname: DEV, executortype: 'worker' };
  const submission = (i: number, more: object = {}) =>
    sealed('alice', 'submitfuncspecmsg', { spec: { funcname: `f${i}`, conditions }, ...more });
  const question = sealed('alice', 'getcolonymsg', { colonyname: DEV });
  const submitted = async (): Promise<number> => {
    const { payload } = await home.send('alice', 'getcolonystatsmsg', { colonyname: DEV });
    return payload.waitingprocesses;
  };
  const counted = async (name: string): Promise<number> => {
    const text = await (await fetch(`${relay.url}/metrics`)).text();
    return Number(new RegExp(`"${name}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  };
  const streams = () => counted('web-call-stream-opened');
  const posts = () => proxy.seen.filter((path) => path === RELAY_PATH).length;
  /** Calls until they take a stream that was opened since. */
  const warm = async (): Promise<void> => {
    const before = await counted('web-calls-made');
    await until(async () => {
      await post(relay.url, question);
      return (await counted('web-calls-made')) > before;
    });
  };

  beforeAll(async () => {
    proxy = await startProxy();
    [home, relay] = (await startNodes(['home', 'relay'], (owner) =>
      owner === 'home' ? { settings: { 'overlay.announce': [proxy.url] } } : {},
    )) as [TestNode, TestNode];
    proxy.to(home.url);
    await home.colony('dev');
    await home.user('alice', 'dev');
    await home.executor('worker', 'dev');
    await publish(relay, 'dev', [home.id]);
  }, 60_000);
  afterAll(async () => {
    await endNodes([home, relay]);
    await proxy.close();
  });

  test('calls that keep going take one stream, each answered and proven as if alone', async () => {
    await warm();
    const before = posts();
    const bodies = Array.from({ length: 40 }, (_, i) =>
      i % 4 === 3
        ? sealed('mallory', 'getcolonymsg', { colonyname: DEV, ...guarded(home.id) })
        : submission(i, guarded(home.id)),
    );
    const replies = await Promise.all(bodies.map((body) => post(relay.url, body)));
    const prover = { serverid: home.id, publicKey: (await home.status()).nodekey };
    replies.forEach(({ status, text, proof, payload }, i) => {
      const { payload: request } = JSON.parse(bodies[i] ?? '');
      expect(replyProofProblem(proof, { request, status, body: text }, [prover])).toBeUndefined();
      expect(status).toBe(i % 4 === 3 ? 403 : 200);
      if (status === 200) expect(payload.spec.funcname).toBe(`f${i}`);
    });
    expect(posts()).toBe(before);
    expect(await streams()).toBe(1);
    expect(await submitted()).toBe(30);
  });

  test('a stream that breaks leaves the outcome of changes unknown, and nothing is made twice', async () => {
    const before = await submitted();
    const all = Array.from({ length: 20 }, (_, i) => post(relay.url, submission(100 + i)));
    await sleep(3);
    proxy.cut();
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    const known = statuses.filter((status) => status === 200).length;
    expect(statuses.every((status) => status === 200 || status === 502)).toBe(true);
    const made = (await submitted()) - before;
    expect(made).toBeGreaterThanOrEqual(known);
    expect(made).toBeLessThanOrEqual(20);
    // Questions are asked again, and the next stream opens.
    expect((await post(relay.url, question)).status).toBe(200);
    await warm();
  });

  test('a call that waits has an exchange of its own', async () => {
    const before = posts();
    const poll = sealed('worker', 'assignprocessmsg', { colonyname: DEV, timeout: 10 });
    expect((await post(relay.url, poll)).payload.spec.funcname).toMatch(/^f\d+$/);
    expect(posts()).toBe(before + 1);
  });

  test('where no stream opens calls are posted, and none is tried again soon', async () => {
    proxy.onPath(CALLS_PATH, 'drop');
    proxy.cut();
    await until(async () => (await post(relay.url, question)).status === 200);
    const [tries, before] = [proxy.seen.filter((path) => path === CALLS_PATH).length, posts()];
    for (let i = 0; i < 12; i += 1) {
      expect((await post(relay.url, submission(200 + i))).status).toBe(200);
    }
    expect(posts()).toBeGreaterThan(before);
    expect(proxy.seen.filter((path) => path === CALLS_PATH).length - tries).toBeLessThanOrEqual(1);
    proxy.onPath(CALLS_PATH, undefined);
  });

  describe('a node that brings them', () => {
    const sockets: WebSocket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.terminate();
    });
    let headers: Record<string, string>;
    beforeEach(async () => {
      headers = await passFor(home, new Uint8Array(0));
    });
    const dial = (given = headers) => {
      const socket = new WebSocket(`${home.url.replace('http', 'ws')}${CALLS_PATH}`, {
        headers: given,
      });
      // Given up before it is open, it says so.
      socket.on('error', () => undefined);
      sockets.push(socket);
      return socket;
    };
    /** Status of the answer to a request for a stream that is refused. */
    const refusal = async (given = headers): Promise<number | undefined> => {
      const [, answer] = await once(dial(given), 'unexpected-response');
      return answer.statusCode;
    };
    const opened = async (): Promise<WebSocket> => {
      const socket = dial();
      await once(socket, 'open');
      return socket;
    };
    const client = (socket: WebSocket) => {
      const stream = streamOn(socket, 'home', LIMITS);
      const budget = { bytes: 0 };
      const shared = { stream, limits: LIMITS, clock, budget, onGone: () => undefined };
      const calls = makeCallClient(shared);
      stream.whenLeft?.(calls.retire);
      return calls;
    };
    const options = () => ({
      ...{ signal: new AbortController().signal, waits: false, confirm: 'read' as const },
      ...{ bytesMax: LIMITS.callBytesMax, gathered: false, onOver: () => undefined },
    });
    const head = () =>
      encodeHead({ kind: 'rpc', certificate: headers[RELAY_HEADERS.certificate] ?? '' });
    const answer = async (socket: WebSocket, asked: Uint8Array, body: Uint8Array) => {
      const reply = await client(socket).call(asked, body, options());
      const parts: Uint8Array[] = [];
      for await (const part of reply.body) parts.push(part);
      return [JSON.parse(String(Buffer.from(reply.head))), String(Buffer.concat(parts))] as const;
    };

    test('shows a pass, which works once', async () => {
      const [told, text] = await answer(await opened(), head(), Buffer.from(question));
      expect(told).toMatchObject({ status: 200, batch: LIMITS.relayBatchCallsMax });
      expect(answerOf(200, text).payload).toMatchObject({ colonyid: DEV });
      for (const given of [headers, {}, await passFor(relay, new Uint8Array(0))]) {
        expect(await refusal(given)).toBe(403);
      }
    });

    test('sends relayed calls and nothing else', async () => {
      const get = encodeHead({ kind: 'get', path: '/federation/status' });
      for (const asked of [get, encodeHead({ kind: 'api' }), Buffer.from('{}')]) {
        headers = await passFor(home, new Uint8Array(0));
        expect((await answer(await opened(), asked, Buffer.from(question)))[0].status).toBe(400);
      }
      const away = sealed('alice', 'getcolonymsg', { colonyname: idOf('elsewhere') });
      headers = await passFor(home, new Uint8Array(0));
      expect((await answer(await opened(), head(), Buffer.from(away)))[0].status).toBe(421);
    });

    test('that breaks the protocol loses the stream, and is logged once', async () => {
      const before = home.lines.length;
      for (const [what, binary] of [
        [Buffer.from('no frames'), true],
        [Buffer.alloc(70_000, 1), true],
        [Buffer.alloc(LIMITS.frameBytesMax + 1), true],
        ['a text', false],
      ] as const) {
        headers = await passFor(home, new Uint8Array(0));
        const socket = await opened();
        const closed = once(socket, 'close');
        socket.send(what, { binary });
        await closed;
      }
      const warned = home.lines.slice(before).filter(({ level }) => level === 'warn');
      expect(warned.map(({ message }) => message)).toEqual(['a stream of relayed calls broke']);
    });

    test('has a few streams at once', async () => {
      for (let i = 0; i < LIMITS.callStreamsPerPeerMax; i += 1) {
        headers = await passFor(home, new Uint8Array(0));
        const socket = await opened();
        // Served once it answers.
        await answer(socket, head(), Buffer.from(question));
      }
      headers = await passFor(home, new Uint8Array(0));
      expect(await refusal()).toBe(429);
      for (const socket of sockets) socket.terminate();
      await until(async () => {
        headers = await passFor(home, new Uint8Array(0));
        const socket = dial();
        return new Promise<boolean>((resolve) => {
          socket.once('open', () => resolve(true));
          socket.once('error', () => resolve(false));
        });
      });
    });

    test('reads its batch whole before the server that stops lets go of it', async () => {
      const socket = await opened();
      const calls = client(socket);
      const batch = encodeCalls(
        Array.from({ length: 20 }, (_, i) => Buffer.from(submission(300 + i))),
      );
      const reply = calls.call(head(), batch, options());
      const closed = once(socket, 'close');
      await sleep(1);
      const stopped = home.stop();
      let bytes = 0;
      for await (const part of (await reply).body) bytes += part.length;
      expect(bytes).toBeGreaterThan(20 * 100);
      const [code] = await closed;
      expect(code).toBe(1005);
      await stopped;
    });
  });

  test('nothing of this was an error of ours', () => {
    for (const node of [home, relay]) expect(node.complaints()).toEqual([]);
  });
});
