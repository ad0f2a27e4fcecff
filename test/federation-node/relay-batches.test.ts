// Short calls that go to one node together: each is answered as if it had gone alone, whatever
// becomes of the batch. The other node is a bare HTTP server that does what the test says.

import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { makeOutbound, type Outbound } from '../../src/compose/outbound.ts';
import {
  BATCH_HEADER,
  BATCH_TYPE,
  type BatchedReply,
  decodeCalls,
  encodeCalls,
  encodeReplies,
  isBatch,
  makeReplyDecoder,
} from '../../src/compose/relay-batch-wire.ts';
import { makeBatches } from '../../src/compose/relay-batches.ts';
import { type HttpWayDeps, httpWay } from '../../src/compose/relay-ways.ts';
import { Fault } from '../../src/node/errors.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import type { Reply } from '../../src/node/model/envelope.ts';
import { clock, freePort, sleep, until } from './nodes.ts';

const TARGET = 'f'.repeat(64);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

/** The replies in chunks. */
const decoded = (count: number, bytesMax: number, chunks: readonly Buffer[]): BatchedReply[] => {
  const replies: BatchedReply[] = [];
  const take = makeReplyDecoder(count, bytesMax, (reply) => replies.push(reply));
  for (const chunk of chunks) take(chunk);
  return replies;
};

/** Cuts bytes at the given places. */
const cut = (whole: Buffer, places: readonly number[]): Buffer[] => {
  const at = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => whole.subarray(from, at[i] ?? whole.length));
};

describe('on the wire', () => {
  test('calls and replies come out as they went in, wherever the bytes are cut', () => {
    const call = fc.uint8Array({ maxLength: 400 });
    const reply = fc.record({
      status: fc.constantFrom(200, 204, 400, 403, 404, 421, 503),
      proof: fc.option(fc.stringMatching(/^[ -~]{1,300}$/), { nil: undefined }),
      body: fc.string({ unit: 'binary', maxLength: 400 }),
    });
    const both = fc.array(fc.tuple(call, reply), {
      minLength: 1,
      maxLength: LIMITS.relayBatchCallsMax,
    });
    const order = fc.infiniteStream(fc.nat());
    const property = fc.property(both, order, fc.array(fc.nat()), (pairs, keys, places) => {
      const body = encodeCalls(pairs.map(([each]) => each));
      expect(isBatch(body)).toBe(true);
      const calls = decodeCalls(new Uint8Array(body), LIMITS);
      expect(calls.map((each) => [...each])).toEqual(pairs.map(([each]) => [...each]));

      const sent = pairs
        .map(([, each], index) => ({ ...each, index, key: keys.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ key: _key, ...each }) => each);
      // Text that is no text becomes the same on either way.
      const asText = sent.map((each) => ({ ...each, body: bytes(each.body).toString('utf8') }));
      const pieces = cut(encodeReplies(sent), places);
      expect(decoded(pairs.length, 2_000, pieces)).toEqual(asText);
    });
    fc.assert(property);
  });

  const reply = (index: number, more: object = {}) => ({ index, status: 200, body: 'x', ...more });

  test.each([
    ['a call that is not in the batch', [reply(2)]],
    ['one call twice', [reply(0), reply(0)]],
    ['a redirect', [reply(0, { status: 307 })]],
    ['no status at all', [reply(0, { status: 0 })]],
    ['more than is permitted', [reply(0, { body: 'x'.repeat(101) })]],
    ['a proof that is none', [reply(0, { proof: 'x'.repeat(401) })]],
  ])('a reply to %s is not taken', (_what, replies) => {
    expect(() => decoded(2, 100, [encodeReplies(replies)])).toThrow();
  });

  test('a reply that is too long is refused at its head', () => {
    const head = encodeReplies([reply(0, { body: 'x'.repeat(101) })]).subarray(0, 10);
    expect(() => decoded(1, 100, [head])).toThrow(/longer than permitted/);
  });

  const batch = encodeCalls([bytes('one'), bytes('two')]);
  const patched = (at: number, value: number): Buffer => {
    const copy = Buffer.from(batch);
    copy.writeUInt8(value, at);
    return copy;
  };

  test.each([
    ['empty', batch.subarray(0, 3)],
    ['of another version', patched(1, 2)],
    ['without calls', encodeCalls([])],
    ['cut short', batch.subarray(0, batch.length - 1)],
    ['longer than its calls', Buffer.concat([batch, bytes('x')])],
    ['with a length beyond its end', patched(4, 0xff)],
    ['of too many calls', encodeCalls(Array.from({ length: 65 }, () => bytes('x')))],
    ['of too many bytes', encodeCalls([Buffer.alloc(LIMITS.relayBatchBytesMax + 1)])],
  ])('a batch that is %s is refused', (_what, body) => {
    expect(() => decodeCalls(body, LIMITS)).toThrow(/relayed batch/);
  });

  test('no envelope looks like a batch', () => {
    for (const text of ['{}', ' {', '\n', '[', '']) expect(isBatch(bytes(text))).toBe(false);
  });
});

interface Arrived {
  readonly body: Buffer;
  readonly calls: readonly Buffer[];
}

type Answer = (arrived: Arrived, response: ServerResponse) => void;

const heads = { 'content-type': BATCH_TYPE };

/** A node that answers single calls with themselves, and batches as the test says. */
const home = async (answer: Answer, port = 0) => {
  const seen: Arrived[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const arrived = { body, calls: isBatch(body) ? decodeCalls(body, LIMITS) : [body] };
      seen.push(arrived);
      if (isBatch(body)) answer(arrived, response);
      else response.writeHead(200, { [BATCH_HEADER]: '64' }).end(body);
    });
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { base, seen, server };
};

/** Sends calls to a base URL in batches. */
const posting = (outbound: Outbound, pass: HttpWayDeps['pass'], limits: Limits) => {
  const send = makeBatches({ clock, limits });
  return (base: string, target: string, body: Uint8Array) =>
    send(httpWay({ outbound, pass }, base, target), body);
};

const sending = (limits: Partial<Limits> = {}) => {
  const all = { ...LIMITS, ...limits };
  const outbound = makeOutbound({ policy: { policy: 'test' }, clock, limits: all });
  closing.push(() => outbound.close());
  const pass = async () => ({ certificate: 'c', auth: 'a' });
  return posting(outbound, pass, all);
};

type Send = ReturnType<typeof sending>;

/** The lane has learnt that the node takes batches. */
const warm = async (send: Send, base: string): Promise<void> => {
  expect((await send(base, TARGET, bytes('first'))).body).toBe('first');
};

const all = (send: Send, base: string, texts: readonly string[]) =>
  Promise.allSettled(texts.map((text) => send(base, TARGET, bytes(text))));

/** Body, or what the fault says about whether bytes left. */
const outcome = (one: PromiseSettledResult<Reply>): unknown => {
  if (one.status === 'fulfilled') return [one.value.status, one.value.body];
  if (one.reason instanceof Fault) return [one.reason.code, one.reason.detail['sent']];
  throw one.reason;
};

const echo = ({ calls }: Arrived) =>
  calls.map((call, index) => ({ index, status: 200, body: `re ${call}` }));

describe('on the way', () => {
  test('a node that never said so is sent no batches', async () => {
    const { base, seen } = await home(() => expect.unreachable());
    await all(sending(), base, ['a', 'b', 'c']);
    expect(seen).toHaveLength(3);
  });

  test('calls of one moment go as one, each gets its own reply in whatever order it comes', async () => {
    const { base, seen } = await home((arrived, response) => {
      response.writeHead(200, heads);
      const replies = echo(arrived).reverse();
      const whole = encodeReplies(replies);
      for (const piece of cut(whole, [1, 9, 30, 31])) response.write(piece);
      response.end();
    });
    const send = sending();
    await warm(send, base);
    const texts = ['one', '', 'three', 'ünï', 'five'];
    const replies = await all(send, base, texts);
    expect(replies.map(outcome)).toEqual(texts.map((text) => [200, `re ${text}`]));
    expect(seen.slice(1).map(({ calls }) => calls.map(String))).toEqual([texts]);
  });

  test('no byte of any call or reply is altered or given to another caller', async () => {
    let places: readonly number[] = [];
    let keys: Iterator<number> = [][Symbol.iterator]();
    const { base } = await home((arrived, response) => {
      const replies = echo(arrived)
        .map((each) => ({ each, key: keys.next().value ?? 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ each }) => each);
      response.writeHead(200, heads);
      const pieces = cut(encodeReplies(replies), places);
      const next = (): void => {
        const piece = pieces.shift();
        if (piece === undefined) response.end();
        else response.write(piece, next);
      };
      next();
    });
    const send = sending();
    await warm(send, base);
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 3_000 }), { maxLength: 90 });
    const order = fc.infiniteStream(fc.nat());
    const property = fc.asyncProperty(
      texts,
      order,
      fc.array(fc.nat()),
      async (list, random, at) => {
        [keys, places] = [random, at];
        const marked = list.map((text, i) => `${i} ${text}`);
        const replies = await all(send, base, marked);
        const alone = marked.length === 1;
        expect(replies.map(outcome)).toEqual(
          marked.map((text) => [200, alone ? text : expect.stringMatching(/^(re )?\d+ /)]),
        );
        replies.forEach((reply, i) => {
          const body = reply.status === 'fulfilled' ? reply.value.body : '';
          expect(body.replace(/^re /, '')).toBe(marked[i]);
        });
      },
    );
    await fc.assert(property, { numRuns: 40 });
  }, 60_000);

  test('of a stream that breaks those with a reply are answered, the rest is unknown, none is sent again', async () => {
    const { base, seen } = await home((arrived, response) => {
      response.writeHead(200, heads);
      const whole = encodeReplies(echo(arrived));
      const second = encodeReplies(echo(arrived).slice(0, 2)).length;
      response.write(whole.subarray(0, second + 7), () => response.destroy());
    });
    const send = sending();
    await warm(send, base);
    const replies = await all(send, base, ['a', 'b', 'c', 'd']);
    const unknown = ['outcome-unknown', 1];
    expect(replies.map(outcome)).toEqual([[200, 're a'], [200, 're b'], unknown, unknown]);
    expect(seen).toHaveLength(2);
  });

  test('an answer that ends without a call leaves that one unknown', async () => {
    const { base } = await home((arrived, response) =>
      response.writeHead(200, heads).end(encodeReplies(echo(arrived).slice(1))),
    );
    const send = sending();
    await warm(send, base);
    const replies = await all(send, base, ['a', 'b']);
    expect(replies.map(outcome)).toEqual([
      ['outcome-unknown', 1],
      [200, 're b'],
    ]);
  });

  test.each([
    ['what is no reply', Buffer.alloc(30, 0xff)],
    ['replies to calls that were not made', encodeReplies([{ index: 9, status: 200, body: '' }])],
  ])('%s costs that batch only', async (_what, rubbish) => {
    let isBad = true;
    const { base } = await home((arrived, response) => {
      response.writeHead(200, heads);
      const [first] = echo(arrived);
      if (isBad) response.write(Buffer.concat([encodeReplies(first ? [first] : []), rubbish]));
      else response.end(encodeReplies(echo(arrived)));
    });
    const send = sending();
    await warm(send, base);
    const unknown = ['outcome-unknown', 1];
    expect((await all(send, base, ['a', 'b', 'c'])).map(outcome)).toEqual([
      [200, 're a'],
      unknown,
      unknown,
    ]);
    isBad = false;
    expect((await all(send, base, ['d', 'e'])).map(outcome)).toEqual([
      [200, 're d'],
      [200, 're e'],
    ]);
  });

  test('a slow reply holds up no other', async () => {
    let finish = (): void => undefined;
    const { base } = await home((arrived, response) => {
      const [slow, ...others] = echo(arrived);
      response.writeHead(200, heads).write(encodeReplies(others));
      finish = () => response.end(encodeReplies(slow ? [slow] : []));
    });
    const send = sending();
    await warm(send, base);
    const [slow, ...others] = ['a', 'b', 'c'].map((text) => send(base, TARGET, bytes(text)));
    const fast = await Promise.all(others);
    expect(fast.map(({ body }) => body)).toEqual(['re b', 're c']);
    finish();
    expect((await slow)?.body).toBe('re a');
  });

  test('calls come together while the batch before them is on its way, for a bounded time', async () => {
    const waiting: (() => void)[] = [];
    const { base, seen } = await home((arrived, response) => {
      waiting.push(() => response.writeHead(200, heads).end(encodeReplies(echo(arrived))));
      // Two are held back: the second one left although the first was never answered.
      if (waiting.length === 2) for (const go of waiting) go();
    });
    const send = sending();
    await warm(send, base);
    const first = all(send, base, ['a', 'b']);
    await until(() => seen.length === 2);
    const second = all(send, base, ['c', 'd']);
    for (const replies of [await first, await second]) {
      expect(replies.map((one) => one.status)).toEqual(['fulfilled', 'fulfilled']);
    }
    expect(seen.slice(1).map(({ calls }) => calls.length)).toEqual([2, 2]);
  });

  test.each([
    [403, 'no'],
    [413, 'too large'],
    [429, 'busy'],
    [503, 'closing'],
    [404, 'not here'],
    [200, 'what is no answer to a batch'],
  ])(
    'a batch that is answered with %i as a whole is each call answered so',
    async (status, why) => {
      const { base, seen } = await home((_arrived, response) =>
        response.writeHead(status).end(why),
      );
      const send = sending();
      await warm(send, base);
      const replies = await all(send, base, ['a', 'b']);
      expect(replies.map(outcome)).toEqual([
        [status, why],
        [status, why],
      ]);
      expect(seen).toHaveLength(2);
    },
  );

  test('a redirect of a batch leaves every call unknown', async () => {
    const { base } = await home((_arrived, response) =>
      response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
    );
    const send = sending();
    await warm(send, base);
    const unknown = ['outcome-unknown', 1];
    expect((await all(send, base, ['a', 'b'])).map(outcome)).toEqual([unknown, unknown]);
  });

  test('a node that takes no batches any more is sent the calls one by one', async () => {
    const { base, seen } = await home((_arrived, response) => response.writeHead(400).end('{}'));
    const send = sending();
    await warm(send, base);
    expect((await all(send, base, ['a', 'b'])).map(outcome)).toEqual([
      [200, 'a'],
      [200, 'b'],
    ]);
    expect(seen.map(({ calls }) => calls.map(String))).toEqual([
      ['first'],
      ['a', 'b'],
      ['a'],
      ['b'],
    ]);
  });

  test('without a connection every call is known not to have left', async () => {
    const port = await freePort();
    const { base, server } = await home(() => expect.unreachable(), port);
    const send = sending();
    await warm(send, base);
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    // The end of the kept connection has arrived by then.
    await sleep(200);
    const unsent = ['unavailable', 0];
    expect((await all(send, base, ['a', 'b', 'c'])).map(outcome)).toEqual([unsent, unsent, unsent]);
  });

  test('without a pass nothing leaves', async () => {
    const { base, seen } = await home(() => expect.unreachable());
    const outbound = makeOutbound({ policy: { policy: 'test' }, clock, limits: LIMITS });
    closing.push(() => outbound.close());
    const pass = async () => undefined;
    const send = posting(outbound, pass, LIMITS);
    expect((await all(send, base, ['a', 'b'])).map(outcome)).toEqual([
      ['unavailable', 0],
      ['unavailable', 0],
    ]);
    expect(seen).toEqual([]);
  });

  test('what is not answered in time is unknown', async () => {
    const { base } = await home((arrived, response) => {
      response.writeHead(200, heads).write(encodeReplies(echo(arrived).slice(0, 1)));
    });
    const send = sending({ outboundAnswerMs: 300 });
    await warm(send, base);
    expect((await all(send, base, ['a', 'b'])).map(outcome)).toEqual([
      [200, 're a'],
      ['outcome-unknown', 1],
    ]);
  });

  test('a batch is bounded in calls and in bytes, and a long call goes alone', async () => {
    const { base, seen } = await home((arrived, response) =>
      response.writeHead(200, heads).end(encodeReplies(echo(arrived))),
    );
    const send = sending({
      relayBatchCallsMax: 4,
      relayBatchBytesMax: 100,
      relayBatchCallBytesMax: 60,
    });
    await warm(send, base);
    const texts = [...'abcdefghij', 'x'.repeat(61), 'y'.repeat(55), 'z'.repeat(55)];
    const replies = await all(send, base, texts);
    expect(replies.map(({ status }) => status)).toEqual(texts.map(() => 'fulfilled'));
    const batches = seen.slice(1).map(({ calls }) => calls);
    for (const calls of batches) {
      expect(calls.length).toBeLessThanOrEqual(4);
      const size = calls.reduce((sum, { length }) => sum + length, 0);
      expect(size <= 100 && (calls.length === 1 || calls.every(({ length }) => length <= 60))).toBe(
        true,
      );
    }
    expect(batches.flat().map(String).sort()).toEqual([...texts].sort());
  });
});
