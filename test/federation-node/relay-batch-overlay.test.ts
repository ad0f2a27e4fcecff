// Batches over the overlay: short calls to one peer go as one call of the call protocol, each is
// answered as if it had gone alone, and what was given away comes back when the answer is lost.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Dispatch } from '../../src/api/dispatch.ts';
import { makeMetrics } from '../../src/api/metrics.ts';
import {
  type BatchedReply,
  decodeCalls,
  encodeCalls,
  encodeReplies,
  isBatch,
  makeReplyDecoder,
} from '../../src/compose/relay-batch-wire.ts';
import { makeBatches } from '../../src/compose/relay-batches.ts';
import { makeRelayIn } from '../../src/compose/relay-in.ts';
import { makePieces } from '../../src/compose/relay-pieces.ts';
import { makeOverlayCall, overlayWay } from '../../src/compose/relay-ways.ts';
import { decodeAnswerHead, encodeHead, readBody } from '../../src/compose/relay-wire.ts';
import { type ClientCallOptions, makeCallClient } from '../../src/dht/call-client.ts';
import { type CallHandler, makeAdmission, serveCalls } from '../../src/dht/call-server.ts';
import { encodeFrame, FRAME, makeDecoder } from '../../src/dht/frames.ts';
import type { CallAnswer, CallRequest, Calls, OverlayStream } from '../../src/dht/overlay.ts';
import { replyProofProblem } from '../../src/federation/reply-proof.ts';
import { Fault, fault } from '../../src/node/errors.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import type { Reply } from '../../src/node/model/envelope.ts';
import { manualClock } from '../support/clock.ts';
import { streamPair } from '../support/stream-pair.ts';
import { idOf } from '../support/world.ts';
import {
  clock,
  endNodes,
  freePort,
  guarded,
  post,
  publish,
  sealed,
  sleep,
  startNodes,
  type TestNode,
  until,
} from './nodes.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
const TARGET = 'f'.repeat(64);

const streams: OverlayStream[] = [];
afterEach(() => {
  for (const stream of streams.splice(0)) stream.abort(new Error('the test is over'));
});

/** A relaying node's sending side on a stream to a peer that answers as the test says. */
const connect = (handler: CallHandler, over: Partial<Limits> = {}) => {
  const limits = { ...LIMITS, ...over };
  const [here, there] = streamPair();
  streams.push(here);
  const budget = { bytes: 0 };
  const admission = makeAdmission(limits, clock.now);
  const log = silentLog();
  void serveCalls(there, { limits, clock, log, budget, admission, handler });
  const client = makeCallClient({ stream: here, limits, clock, budget, onGone: () => undefined });
  const calls: Calls = {
    ready: async () => undefined,
    serve: async () => undefined,
    call: (_peer, head, body, { signal, waits = false, confirm = 'read', ...more }) => {
      const defaults = { bytesMax: limits.callBytesMax, gathered: false };
      const options: ClientCallOptions = {
        ...{ ...defaults, ...more, signal, waits, confirm },
        onOver: () => undefined,
      };
      return client.call(head, body, options);
    },
  };
  const deps = { calls: () => calls, certificate: () => 'a certificate', limits };
  const way = overlayWay(makeOverlayCall(deps), limits, { peer: 'p', addresses: [] }, TARGET);
  const send = makeBatches({ clock, limits });
  return { here, there, send: (text: string): Promise<Reply> => send(way, bytes(text)) };
};

/** Body, or what the fault says about whether bytes left. */
const outcomeOf = async (sent: Promise<Reply>): Promise<unknown> => {
  try {
    const { status, body, proof } = await sent;
    return proof === undefined ? [status, body] : [status, body, proof];
  } catch (error) {
    if (error instanceof Fault) return [error.code, error.detail['sent']];
    throw error;
  }
};

type Line = ReturnType<typeof connect>;
const all = (line: Line, texts: readonly string[]) =>
  Promise.all(texts.map((text) => outcomeOf(line.send(text))));

const takes = encodeHead({ status: 200, batch: 64 });
const isReplies = encodeHead({ status: 200, replies: true });

/** Answers single calls with themselves and says that it takes batches. */
const home = (
  seen: string[][],
  answer: (calls: readonly string[]) => Awaited<ReturnType<CallHandler>>,
) => {
  const handler: CallHandler = async ({ body }) => {
    const whole = await readBody(body);
    const texts = isBatch(whole) ? decodeCalls(whole, LIMITS).map(String) : [String(whole)];
    seen.push(texts);
    return isBatch(whole) ? answer(texts) : { head: takes, body: whole };
  };
  return handler;
};

const proofOf = (text: string): string => `p ${encodeURIComponent(text)}`;
const re = (texts: readonly string[]) =>
  texts.map((text, index) => ({ index, status: 200, body: `re ${text}`, proof: proofOf(text) }));

describe('on a stream', () => {
  test('calls of one moment go as one call, each gets its own reply', async () => {
    const seen: string[][] = [];
    const line = connect(
      home(seen, (texts) => ({ head: isReplies, body: encodeReplies(re(texts).reverse()) })),
    );
    expect(await all(line, ['first'])).toEqual([[200, 'first']]);
    const texts = ['a', 'ünï', '', 'd'];
    expect(await all(line, texts)).toEqual(texts.map((text) => [200, `re ${text}`, proofOf(text)]));
    expect(seen).toEqual([['first'], texts]);
  });

  test('a peer that never said so is sent no batches', async () => {
    const seen: number[] = [];
    const line = connect(async ({ body }) => {
      const whole = await readBody(body);
      seen.push(whole.length);
      return { head: encodeHead({ status: 200 }), body: whole };
    });
    await all(line, ['first']);
    expect(await all(line, ['a', 'b'])).toEqual([
      [200, 'a'],
      [200, 'b'],
    ]);
    expect(seen).toEqual([5, 1, 1]);
  });

  test('one that takes no batches any more is sent the calls one by one', async () => {
    const seen: string[][] = [];
    const refusal = { head: encodeHead({ status: 400 }), body: bytes('{}') };
    const line = connect(home(seen, () => refusal));
    await all(line, ['first']);
    expect(await all(line, ['a', 'b'])).toEqual([
      [200, 'a'],
      [200, 'b'],
    ]);
    expect(seen).toEqual([['first'], ['a', 'b'], ['a'], ['b']]);
  });

  test.each([403, 413, 429, 503])(
    'a batch that is answered with %i is each call answered so',
    async (status) => {
      const line = connect(home([], () => ({ head: encodeHead({ status }), body: bytes('no') })));
      await all(line, ['first']);
      expect(await all(line, ['a', 'b'])).toEqual([
        [status, 'no'],
        [status, 'no'],
      ]);
    },
  );

  const unknown = ['outcome-unknown', 1];

  test('of an answer that breaks off those with a reply are answered, the rest is unknown', async () => {
    const seen: string[][] = [];
    let cut = (): void => undefined;
    async function* broken(texts: readonly string[]) {
      yield encodeReplies(re(texts).slice(0, 1));
      await sleep(50);
      cut();
      await new Promise(() => undefined);
    }
    const line = connect(home(seen, (texts) => ({ head: isReplies, body: broken(texts) })));
    cut = () => line.there.abort(new Error('power cut'));
    await all(line, ['first']);
    expect(await all(line, ['a', 'b', 'c'])).toEqual([[200, 're a', 'p a'], unknown, unknown]);
    expect(seen).toHaveLength(2);
    expect(await all(line, ['late'])).toEqual([['unavailable', 0]]);
  });

  test.each([
    ['what is no reply', Buffer.alloc(30, 0xff)],
    ['a second reply', encodeReplies(re(['a']))],
    ['nothing', Buffer.alloc(0)],
  ])('%s costs that batch only, and its sender is told', async (_what, rubbish) => {
    let isBad = true;
    const delivered: boolean[] = [];
    const line = connect(
      home([], (texts) => {
        const replies = encodeReplies(isBad ? re(texts).slice(0, 1) : re(texts));
        const body = isBad ? Buffer.concat([replies, rubbish]) : replies;
        return { head: isReplies, body, delivered: (ok) => delivered.push(ok) };
      }),
    );
    await all(line, ['first']);
    expect(await all(line, ['a', 'b'])).toEqual([[200, 're a', 'p a'], unknown]);
    isBad = false;
    expect(await all(line, ['c', 'd'])).toEqual([
      [200, 're c', 'p c'],
      [200, 're d', 'p d'],
    ]);
    await until(() => delivered.length === 2);
    expect(delivered).toEqual([rubbish.length === 0, true]);
  });

  test.each([
    { status: 99_999 },
    { status: 700 },
    { status: 101 },
    { status: 302 },
    { status: 200, proof: 'a\r\nb' },
    { status: 200, proof: 'é' },
    { status: 200, proof: 'x'.repeat(401) },
  ])('an answer that no node gives reaches no client: %j', async (told) => {
    const head = Buffer.from(JSON.stringify(told));
    expect(
      await all(
        connect(async () => ({ head, body: bytes('x') })),
        ['a'],
      ),
    ).toEqual([unknown]);
    const { status, proof } = told;
    const line = connect(
      home([], () => ({
        head: isReplies,
        body: encodeReplies([{ index: 0, status: Math.min(status, 65_535), body: '', proof }]),
      })),
    );
    await all(line, ['first']);
    expect(await all(line, ['a', 'b'])).toEqual([unknown, unknown]);
  });

  test('a peer that answers pings and nothing else is not waited for', async () => {
    const [here, there] = streamPair();
    streams.push(here);
    const own = manualClock();
    const decode = makeDecoder(LIMITS);
    const pong = async (): Promise<void> => {
      for await (const chunk of there) {
        for (const { type } of decode(chunk)) {
          if (type === FRAME.ping) await there.send(encodeFrame(FRAME.pong, 0));
        }
      }
    };
    // It ends with the stream.
    pong().catch(() => undefined);
    const pass = async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 5_000) {
        own.advance(5_000);
        await sleep(1);
      }
    };
    const client = makeCallClient({
      ...{ stream: here, limits: LIMITS, clock: own },
      ...{ budget: { bytes: 0 }, onGone: () => undefined },
    });
    const begin = (waits: boolean) =>
      client.call(bytes('head'), bytes('body'), {
        ...{ signal: new AbortController().signal, waits, confirm: 'read', gathered: true },
        ...{ bytesMax: 100, onOver: () => undefined },
      });
    const short = begin(false);
    const long = begin(true);
    let isOver = false;
    long.catch(() => {
      isOver = true;
    });
    const lost = expect(short).rejects.toMatchObject({ code: 'outcome-unknown' });
    await pass(LIMITS.callMs);
    expect(client.size()).toBe(2);
    await pass(5_000);
    await lost;
    expect([client.size(), isOver]).toEqual([1, false]);
    client.close();
  });

  test('the replies of a batch may be long together, but none by itself, nor a refusal', async () => {
    const callBytesMax = 50_000;
    const long = 'x'.repeat(40_000);
    const line = connect(
      home([], (texts) => {
        const body = texts[0] === 'refuse' ? 'y'.repeat(60_000) : undefined;
        if (body !== undefined) return { head: encodeHead({ status: 403 }), body: bytes(body) };
        const replies = texts.map((text, index) => ({ index, status: 200, body: text + long }));
        return { head: isReplies, body: encodeReplies(replies) };
      }),
      { callBytesMax },
    );
    await all(line, ['first']);
    expect(await all(line, ['a', 'b', 'c'])).toEqual(['a', 'b', 'c'].map((x) => [200, x + long]));
    const tooLong = 'z'.repeat(12_000);
    expect(await all(line, ['d', tooLong])).toEqual([[200, `d${long}`], unknown]);
    const large = ['too-large', 1];
    expect(await all(line, ['refuse', 'e'])).toEqual([large, large]);
  });

  test('a slow reply holds up no other', async () => {
    let finish = (): void => undefined;
    async function* slowly(texts: readonly string[]) {
      const [first, ...others] = re(texts);
      yield encodeReplies(others);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      yield encodeReplies(first === undefined ? [] : [first]);
    }
    const line = connect(home([], (texts) => ({ head: isReplies, body: slowly(texts) })));
    await all(line, ['first']);
    const [slow, ...others] = ['a', 'b', 'c'].map(line.send);
    expect((await Promise.all(others)).map(({ body }) => body)).toEqual(['re b', 're c']);
    finish();
    expect((await slow)?.body).toBe('re a');
  });
});

describe('an answer in parts', () => {
  const fates: string[] = [];
  const stake = (name: string) => ({
    onLost: async () => void fates.push(`${name} lost`),
    onDelivered: () => void fates.push(`${name} delivered`),
  });
  const limits = { repliesBytesMax: 10 };
  const onError = (error: unknown): void => expect.unreachable(String(error));
  afterEach(() => fates.splice(0));

  test('is delivered or lost as a whole, and what comes after that is lost', async () => {
    const unread = { bytes: 0 };
    const lost = makePieces({ unread, limits, onError });
    lost.out.send(bytes('abc'), [stake('a')]);
    expect(unread.bytes).toBe(3);
    lost.settle(false);
    lost.settle(true);
    lost.out.send(bytes('d'), [stake('d')]);
    expect([fates, unread.bytes]).toEqual([['a lost', 'd lost'], 0]);
    const read = makePieces({ unread, limits, onError });
    read.out.send(bytes('abc'), [stake('b')]);
    read.out.send(bytes('de'), [stake('c')]);
    read.out.end();
    await read.begun;
    expect(String(await readBody(read.body))).toBe('abcde');
    expect(unread.bytes).toBe(0);
    read.settle(true);
    expect(fates.slice(2)).toEqual(['b delivered', 'c delivered']);
  });

  test('is given up when too much waits for slow readers, unless it is alone', async () => {
    const unread = { bytes: 0 };
    const first = makePieces({ unread, limits, onError });
    first.out.send(bytes('longer than permitted'), []);
    const second = makePieces({ unread, limits, onError });
    second.out.send(bytes('x'), [stake('x')]);
    await expect(readBody(second.body)).rejects.toThrow('slow readers');
    second.settle(false);
    expect(fates).toEqual(['x lost']);
    first.out.end();
    expect((await readBody(first.body)).length).toBe(21);
    first.settle(true);
    expect(unread.bytes).toBe(0);
  });
});

describe('at the home', () => {
  let granted: number[];
  let begun: string[];
  let finish: Map<string, (reply: Reply) => void>;
  const fates: string[] = [];

  const dispatch: Dispatch = {
    metrics: makeMetrics(),
    send: async () => expect.unreachable(),
    receive: (body) => {
      const text = String(body);
      begun.push(text);
      return new Promise((resolve) => {
        finish.set(text, resolve);
      });
    },
  };

  /** A home that knows one certificate, and counts calls as the test says. */
  const serving = (more: Partial<Limits> = {}) => {
    [granted, begun, finish] = [[], [], new Map()];
    const watching = (): undefined => expect.unreachable();
    const { serve } = makeRelayIn({
      guard: { admit: () => expect.unreachable() },
      relayers: {
        admit: async () => undefined,
        certified: (certificate, peer) => {
          if (certificate !== 'known') throw fault('forbidden', 'relay refused');
          return { serverid: TARGET, nodeid: '', peer };
        },
        connection: () => new Map(),
      },
      ask: async () => expect.unreachable(),
      front: dispatch,
      inner: { dispatch, watching },
      count: () => undefined,
      clock,
      log: silentLog(),
      limits: { ...LIMITS, ...more },
    });
    return serve;
  };

  const request = (calls: readonly string[], certificate = 'known', rate = 100): CallRequest => {
    async function* body() {
      yield encodeCalls(calls.map(bytes));
    }
    return {
      peer: 'p',
      head: encodeHead({ kind: 'rpc', certificate }),
      body: body(),
      waits: false,
      signal: new AbortController().signal,
      charge: (more) => {
        granted.push(more);
        return more <= rate;
      },
    };
  };

  const read = async ({ head, body }: CallAnswer, count: number) => {
    const replies: BatchedReply[] = [];
    const take = makeReplyDecoder(count, 1_000, (reply) => replies.push(reply));
    if (body instanceof Uint8Array || body === undefined) expect.unreachable();
    for await (const chunk of body) take(Buffer.from(chunk));
    return [decodeAnswerHead(head), replies.map(({ index, status }) => [index, status])];
  };

  const stake = (name: string) => ({
    onLost: async () => void fates.push(`${name} lost`),
    onDelivered: () => void fates.push(`${name} delivered`),
  });
  afterEach(() => void fates.splice(0));

  test('every call is begun at once and answered by itself, a refusal too', async () => {
    const answer = serving()(request(['a', 'b', 'c']));
    await until(() => begun.length === 3);
    expect([begun, granted]).toEqual([['a', 'b', 'c'], [2]]);
    finish.get('b')?.({ status: 421, body: 'not home' });
    finish.get('a')?.({ status: 200, body: 'the longer one', ...stake('a') });
    const given = await answer;
    finish.get('c')?.({ status: 403, body: 'no', ...stake('c') });
    expect(await read(given, 3)).toEqual([
      { status: 200, replies: true },
      [
        [1, 421],
        [0, 200],
        [2, 403],
      ],
    ]);
    expect(fates).toEqual([]);
    given.delivered?.(true);
    expect(fates).toEqual(['a delivered', 'c delivered']);
  });

  test('what was given away comes back when the answer is lost, and what is given after it', async () => {
    const answer = serving()(request(['a', 'b']));
    await until(() => begun.length === 2);
    finish.get('a')?.({ status: 200, body: 'a', ...stake('a') });
    const { delivered } = await answer;
    delivered?.(false);
    finish.get('b')?.({ status: 200, body: 'b', ...stake('b') });
    await until(() => fates.length === 2);
    expect(fates).toEqual(['a lost', 'b lost']);
  });

  const statusOf = async (answer: Promise<CallAnswer>) => decodeAnswerHead((await answer).head);

  test('a batch of a stranger, over the rate, or that is none, is refused as a whole', async () => {
    const serve = serving();
    expect(await statusOf(serve(request(['a'], 'unknown')))).toEqual({ status: 403 });
    expect(await statusOf(serve(request(['a', 'b', 'c'], 'known', 1)))).toEqual({ status: 429 });
    expect(await statusOf(serve(request([])))).toEqual({ status: 400 });
    expect(begun).toEqual([]);
  });

  test('one node has at most its share of the places, until its calls are answered', async () => {
    const serve = serving({ relayBatchedPerNodeMax: 3 });
    const first = serve(request(['a', 'b']));
    await until(() => begun.length === 2);
    expect(await statusOf(serve(request(['c', 'd'])))).toEqual({ status: 429 });
    finish.get('a')?.({ status: 200, body: '' });
    await first;
    void serve(request(['e', 'f']));
    await until(() => begun.length === 4);
  });

  test('the answer to a single call says that batches are taken', async () => {
    async function* body() {
      yield bytes('single');
    }
    const answer = serving()({ ...request([]), body: body() });
    await until(() => begun.length === 1);
    finish.get('single')?.({ status: 200, body: 'x' });
    expect(await statusOf(answer)).toEqual({ status: 200, batch: LIMITS.relayBatchCallsMax });
  });
});

describe('between nodes', () => {
  let deep: TestNode;
  let relay: TestNode;
  const FAR = idOf('far');

  beforeAll(async () => {
    const port = await freePort();
    // It publishes no URL: only the overlay leads there.
    const settings = {
      'overlay.listen': [`/ip4/127.0.0.1/tcp/${port}`],
      'overlay.announce': [`/ip4/127.0.0.1/tcp/${port}`],
    };
    [deep, relay] = (await startNodes(['deep', 'relay'], (owner) =>
      owner === 'deep' ? { settings } : {},
    )) as [TestNode, TestNode];
    await deep.colony('far');
    await deep.user('alice', 'far');
    await publish(relay, 'far', [deep.id]);
    // From the answer to a single call the relaying node learns that its home takes batches.
    expect((await relay.send('alice', 'getcolonymsg', { colonyname: FAR })).status).toBe(200);
  }, 60_000);
  afterAll(() => endNodes([deep, relay]));

  const counted = async (node: TestNode, name: RegExp): Promise<number> => {
    const text = await (await fetch(`${node.url}/metrics`)).text();
    return Number(name.exec(text)?.[1] ?? 0);
  };
  const callsMade = () => counted(relay, /"calls-made"\} (\d+)/);
  const served = () => counted(deep, /"in-served-overlay"\} (\d+)/);

  const conditions = { colonyname: FAR, executortype: 'worker' };
  const submission = (i: number) =>
    sealed('alice', 'submitfuncspecmsg', {
      ...{ spec: { funcname: `f${i}`, conditions }, ...guarded(deep.id) },
    });

  test('many calls at once travel in few, each answered and proven as if alone', async () => {
    const [made, before] = [await callsMade(), await served()];
    const bodies = Array.from({ length: 40 }, (_, i) =>
      i % 4 === 3
        ? sealed('mallory', 'getcolonymsg', { colonyname: FAR, ...guarded(deep.id) })
        : submission(i),
    );
    const replies = await Promise.all(bodies.map((body) => post(relay.url, body)));
    const prover = { serverid: deep.id, publicKey: (await deep.status()).nodekey };
    replies.forEach(({ status, text, proof, payload }, i) => {
      const { payload: request } = JSON.parse(bodies[i] ?? '');
      expect(replyProofProblem(proof, { request, status, body: text }, [prover])).toBeUndefined();
      expect(status).toBe(i % 4 === 3 ? 403 : 200);
      if (status === 200) expect(payload.spec.funcname).toBe(`f${i}`);
    });
    expect((await callsMade()) - made).toBeLessThan(30);
    // Calls are counted, not batches.
    expect((await served()) - before).toBe(40);
    const list = { colonyname: FAR, count: 100, state: 0 };
    expect((await deep.send('alice', 'getprocessesmsg', list)).payload).toHaveLength(30);
  });

  test('nothing is left on its way, and nothing of this was an error of ours', async () => {
    await until(async () => (await counted(relay, /colonies_relay_calls (\d+)/)) === 0);
    for (const node of [deep, relay]) expect(node.complaints()).toEqual([]);
  });
});
