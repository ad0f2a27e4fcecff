// The call protocol over a stream in memory: many calls at once, credit, ends of every kind.

import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClientCallOptions, makeCallClient } from '../../src/dht/call-client.ts';
import { type CallHandler, makeAdmission, serveCalls } from '../../src/dht/call-server.ts';
import {
  encodeCredit,
  encodeFrame,
  FRAME,
  type FrameError,
  makeDecoder,
} from '../../src/dht/frames.ts';
import type { CallBody, CallReply, OverlayStream } from '../../src/dht/overlay.ts';
import { systemClock } from '../../src/node/clock.ts';
import type { Fault } from '../../src/node/errors.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import { until } from '../support/overlay-world.ts';
import { streamPair } from '../support/stream-pair.ts';

const KiB = 1024;
const clock = systemClock();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const never = (): AbortSignal => new AbortController().signal;

const all = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
};

interface Line {
  readonly here: OverlayStream;
  readonly there: OverlayStream;
  readonly ended: Promise<FrameError | undefined>;
  readonly budget: { bytes: number };
  readonly counts: () => { calls: number; waits: number };
  call(
    head: string,
    body?: CallBody,
    options?: Partial<Omit<ClientCallOptions, 'onOver'>>,
  ): Promise<CallReply>;
}

const lines: Line[] = [];
afterEach(() => {
  for (const { here } of lines.splice(0)) here.abort(new Error('the test is over'));
});

const connect = (handler: CallHandler, over: Partial<Record<keyof Limits, number>> = {}): Line => {
  const limits = { ...LIMITS, ...over } as Limits;
  const [here, there] = streamPair();
  const budget = { bytes: 0 };
  const admission = makeAdmission(limits, clock.now);
  const log = silentLog();
  const ended = serveCalls(there, { limits, clock, log, budget, admission, handler });
  const client = makeCallClient({
    stream: here,
    limits,
    clock,
    budget,
    onGone: () => undefined,
  });
  const line: Line = {
    here,
    there,
    ended,
    budget,
    counts: admission.counts,
    call: (head, body = new Uint8Array(0), options = {}) =>
      client.call(bytes(head), body, {
        signal: never(),
        waits: false,
        confirm: 'read',
        bytesMax: limits.callBytesMax,
        gathered: false,
        onOver: () => undefined,
        ...options,
      }),
  };
  lines.push(line);
  return line;
};

const echo: CallHandler = async ({ head, body }) => ({ head, body: await all(body) });

const detailOf = async (failing: Promise<unknown>): Promise<[string, unknown]> => {
  const error = (await failing.then(
    () => undefined,
    (reason: unknown) => reason,
  )) as Fault | undefined;
  return [error?.code ?? '', error?.detail['sent']];
};

describe('frames', () => {
  it('come out as they went in, however the bytes are cut', () => {
    const frame = fc.record({
      type: fc.constantFrom(FRAME.open, FRAME.reply, FRAME.data),
      id: fc.nat(0xffffffff),
      content: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(
        fc.array(frame),
        fc.infiniteStream(fc.integer({ min: 1, max: 64 })),
        (list, cuts) => {
          const wire = Buffer.concat(
            list.map(({ type, id, content }) => encodeFrame(type, id, content)),
          );
          const decode = makeDecoder(LIMITS);
          const got = [];
          for (let at = 0; at < wire.length; ) {
            const size = cuts.next().value as number;
            got.push(...decode(wire.subarray(at, at + size)));
            at += size;
          }
          expect(got.map(({ type, id, bytes: content }) => [type, id, [...content]])).toEqual(
            list.map(({ type, id, content }) => [type, id, [...content]]),
          );
        },
      ),
    );
  });

  it('that are unknown or announce too much are refused at their header', () => {
    const header = (type: number, length: number): Buffer => {
      const wire = Buffer.alloc(9);
      wire.writeUInt8(type, 0);
      wire.writeUInt32BE(length, 5);
      return wire;
    };
    const refused = [
      header(0, 0),
      header(77, 0),
      header(FRAME.data, 0xffffffff),
      header(FRAME.data, LIMITS.callFrameBytesMax + 1),
      header(FRAME.open, LIMITS.callHeadBytesMax + 2),
      header(FRAME.end, 1),
      header(FRAME.ping, 1),
      header(FRAME.credit, 3),
    ];
    for (const wire of refused) expect(() => makeDecoder(LIMITS)(wire)).toThrow(/frame|credit/);
  });

  it('of noise never make the decoder do anything but refuse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          makeDecoder(LIMITS)(noise);
        } catch (error) {
          expect((error as Error).name).toBe('FrameError');
        }
      }),
    );
  });
});

describe('calls', () => {
  it('carry head and body there and back, many at once, each to its own caller', async () => {
    const line = connect(async ({ head, body }) => {
      const content = await all(body);
      await new Promise((resolve) => setTimeout(resolve, content.length % 7));
      return { head, body: content };
    });
    const calls = Array.from({ length: 50 }, (_, i) => i);
    const answers = await Promise.all(
      calls.map(async (i) => {
        const reply = await line.call(`head ${i}`, Buffer.alloc(i * 1_000, i));
        return [text(reply.head), await all(reply.body)] as const;
      }),
    );
    for (const i of calls) {
      expect(answers[i]?.[0]).toBe(`head ${i}`);
      expect(answers[i]?.[1].equals(Buffer.alloc(i * 1_000, i))).toBe(true);
    }
    await until('nothing is left over', () => line.counts().calls === 0);
    expect(line.budget.bytes).toBe(0);
  });

  it('carry bodies of many windows, given in one piece or in many', async () => {
    const line = connect(echo);
    const content = Buffer.alloc(3 * 1024 * KiB + 17, 'abcdefg');
    const reply = await line.call('whole', content);
    expect((await all(reply.body)).equals(content)).toBe(true);
    async function* pieces() {
      for (let at = 0; at < content.length; at += 100_001) yield content.subarray(at, at + 100_001);
    }
    const again = await line.call('pieces', pieces());
    expect((await all(again.body)).equals(content)).toBe(true);
  });

  it('of all sizes and cuts arrive unchanged', async () => {
    const line = connect(async ({ body, head }) => ({ head, body }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 9_000 }), { maxLength: 12 }),
        async (parts) => {
          async function* body() {
            yield* parts;
          }
          const reply = await line.call('h', body());
          expect((await all(reply.body)).equals(Buffer.concat(parts))).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('with a slow reader hold up themselves, not the others', async () => {
    let produced = 0;
    const line = connect(async ({ head }) => {
      if (text(head) !== 'big') return { head };
      async function* endless() {
        for (;;) {
          produced += 1;
          yield Buffer.alloc(16 * KiB);
        }
      }
      return { head, body: endless() };
    });
    const big = await line.call('big');
    for (let i = 0; i < 30; i += 1) await all((await line.call(`small ${i}`)).body);
    expect(produced * 16 * KiB).toBeLessThanOrEqual(LIMITS.callWindowBytes + 32 * KiB);
    big.cancel();
    await until('the producer was stopped', () => line.counts().calls === 0);
    expect(line.budget.bytes).toBe(0);
  });

  it('that are cancelled stop their handler, and tell it that nothing arrived', async () => {
    const delivered: boolean[] = [];
    let stopped = 0;
    const line = connect(async ({ signal, head }) => {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      });
      stopped += 1;
      return { head, delivered: (ok) => delivered.push(ok) };
    });
    const controller = new AbortController();
    const call = line.call('wait', undefined, { signal: controller.signal, waits: true });
    await until('it is served', () => line.counts().waits === 1);
    controller.abort(new Error('changed my mind'));
    await expect(call).rejects.toThrow('changed my mind');
    await until('the handler stopped', () => stopped === 1);
    expect(delivered).toEqual([false]);
    expect(line.counts().waits).toBe(0);
  });

  it('say whether the answer arrived: read to the end, confirmed, broken off, or gone', async () => {
    const outcomes: Record<string, boolean> = {};
    const line = connect(async ({ head }) => ({
      head,
      body: Buffer.alloc(400 * KiB),
      delivered: (ok) => {
        outcomes[text(head)] = ok;
      },
    }));
    await all((await line.call('read')).body);
    const held = await line.call('held', undefined, { confirm: 'explicit' });
    await all(held.body);
    await until('the first is confirmed', () => outcomes['read'] === true);
    expect(outcomes['held']).toBeUndefined();
    held.confirm();
    for await (const _chunk of (await line.call('broken off')).body) break;
    const gone = await line.call('gone', undefined, { confirm: 'explicit' });
    await all(gone.body);
    await until('the third is known', () => outcomes['broken off'] !== undefined);
    line.here.abort(new Error('killed'));
    await until('all are known', () => Object.keys(outcomes).length === 4);
    expect(outcomes).toEqual({ read: true, held: true, 'broken off': false, gone: false });
  });

  it('say whether a byte of them left when the connection breaks', async () => {
    const line = connect(() => new Promise(() => undefined));
    const sent = line.call('sent');
    await until('it is served', () => line.counts().calls === 1);
    line.there.abort(new Error('power cut'));
    expect(await detailOf(sent)).toEqual(['outcome-unknown', 1]);
    expect(await detailOf(line.call('late'))).toEqual(['unavailable', 0]);
  });

  it('one too many are refused before they run, short and waiting ones counted apart', async () => {
    let runs = 0;
    const over = { callsPerPeerMax: 2, callWaitsPerPeerMax: 3 };
    const line = connect(() => {
      runs += 1;
      return new Promise(() => undefined);
    }, over);
    const open = [0, 0].map(() => line.call('short'));
    const waiting = [0, 0, 0].map(() => line.call('wait', undefined, { waits: true }));
    await until('they run', () => runs === 5);
    expect(await detailOf(line.call('short'))).toEqual(['too-many', 0]);
    expect(await detailOf(line.call('w', undefined, { waits: true }))).toEqual(['too-many', 0]);
    expect(runs).toBe(5);
    for (const call of [...open, ...waiting]) call.catch(() => undefined);
  });

  it('beyond the size of a request or of an answer end as too large', async () => {
    const line = connect(echo, { callBytesMax: 100 * KiB });
    expect(await detailOf(line.call('x', Buffer.alloc(101 * KiB)))).toEqual(['too-large', 1]);
    const answering = connect(async ({ head }) => ({ head, body: Buffer.alloc(101 * KiB) }), {
      callBytesMax: 100 * KiB,
    });
    const reply = await answering.call('x');
    expect(await detailOf(all(reply.body))).toEqual(['too-large', 1]);
    const long = 'h'.repeat(LIMITS.callHeadBytesMax + 1);
    expect(await detailOf(line.call(long))).toEqual(['too-large', 0]);
  });

  it('may have a longer answer where its reader says so', async () => {
    const line = connect(async ({ head }) => ({ head, body: Buffer.alloc(250 * KiB, 'x') }), {
      callBytesMax: 100 * KiB,
    });
    const reply = await line.call('x', undefined, { bytesMax: 300 * KiB });
    expect((await all(reply.body)).length).toBe(250 * KiB);
    const other = await line.call('x', undefined, { bytesMax: 200 * KiB });
    expect(await detailOf(all(other.body))).toEqual(['too-large', 1]);
  });

  it('that stand for several are counted as those', async () => {
    const granted: boolean[] = [];
    const line = connect(
      async ({ head, charge }) => {
        granted.push(charge(Number(text(head))));
        return { head };
      },
      { callsBurst: 10, callsPerSecond: 0 },
    );
    // Each costs one, and what it asks for if that is there.
    for (const more of ['5', '4', '2']) await all((await line.call(more)).body);
    expect(granted).toEqual([true, false, true]);
    expect(await detailOf(line.call('0'))).toEqual(['too-many', 0]);
  });

  it('send an end that is known with the last bytes before it', async () => {
    async function* pieces() {
      yield bytes('one');
      yield bytes('two');
    }
    const line = connect(async ({ head }) => ({ head, body: pieces() }));
    const chunks: Uint8Array[] = [];
    const send = line.there.send.bind(line.there);
    Object.assign(line.there, {
      send: (chunk: Uint8Array) => {
        chunks.push(chunk);
        return send(chunk);
      },
    });
    expect(text(await all((await line.call('x')).body))).toBe('onetwo');
    const frames = chunks.map((chunk) => makeDecoder(LIMITS)(chunk).map(({ type }) => type));
    expect(frames).toEqual([
      [FRAME.reply, FRAME.data],
      [FRAME.data, FRAME.end],
    ]);
  });

  it('end when their time is over, and when their reader stands still', async () => {
    const line = connect(() => new Promise(() => undefined), { callMs: 50 });
    expect(await detailOf(line.call('slow'))).toEqual(['outcome-unknown', 1]);
    const stalled = connect(async ({ head }) => ({ head, body: Buffer.alloc(900 * KiB) }), {
      callStallMs: 40,
    });
    const reply = await stalled.call('unread', undefined, { waits: true });
    await until('it was given up', () => stalled.counts().waits === 0);
    expect(await detailOf(all(reply.body))).toEqual(['outcome-unknown', 1]);
  });

  it('end when the other side falls silent', async () => {
    const [here, there] = streamPair();
    const limits = { ...LIMITS, callProbeMs: 30 } as unknown as Limits;
    const heard: Uint8Array[] = [];
    void (async () => {
      for await (const chunk of there) heard.push(chunk);
    })().catch(() => undefined);
    const client = makeCallClient({
      stream: here,
      limits,
      clock,
      budget: { bytes: 0 },
      onGone: () => undefined,
    });
    const options = {
      signal: never(),
      waits: true,
      confirm: 'read',
      bytesMax: LIMITS.callBytesMax,
      gathered: false,
      onOver: () => undefined,
    } as const;
    const call = client.call(bytes('x'), new Uint8Array(0), options);
    expect(await detailOf(call)).toEqual(['outcome-unknown', 1]);
    expect(client.isOpen()).toBe(false);
    const pings = makeDecoder(LIMITS)(Buffer.concat(heard)).filter((f) => f.type === FRAME.ping);
    expect(pings.length).toBe(2);
  });

  it('whose handler fails say so without saying why', async () => {
    const line = connect(async () => {
      throw new Error('secret of the house');
    });
    const failed = line.call('x');
    await expect(failed).rejects.toThrow('the other node failed');
    await expect(failed).rejects.not.toThrow('secret');
    expect(await detailOf(failed)).toEqual(['outcome-unknown', 1]);
  });
});

describe('a caller that breaks the protocol', () => {
  const broken: Record<string, Buffer[]> = {
    'bytes of no call': [encodeFrame(FRAME.data, 5, bytes('x'))],
    'a call number used twice': [
      encodeFrame(FRAME.open, 1, Uint8Array.of(0)),
      encodeFrame(FRAME.open, 1, Uint8Array.of(0)),
    ],
    'an opening without flags': [encodeFrame(FRAME.open, 1)],
    'an answer': [encodeFrame(FRAME.open, 1, Uint8Array.of(0)), encodeFrame(FRAME.reply, 1)],
    'a receipt before the end': [
      encodeFrame(FRAME.open, 1, Uint8Array.of(0)),
      encodeFrame(FRAME.received, 1),
    ],
    'more bytes than credit': [
      encodeFrame(FRAME.open, 1, Uint8Array.of(0)),
      ...Array.from({ length: 5 }, () => encodeFrame(FRAME.data, 1, Buffer.alloc(64 * KiB))),
    ],
    'a frame of no kind': [Buffer.alloc(9)],
  };
  for (const [what, frames] of Object.entries(broken)) {
    it(`with ${what} is cut off, and every call of it ends`, async () => {
      const [here, there] = streamPair();
      const admission = makeAdmission(LIMITS, clock.now);
      const signals: AbortSignal[] = [];
      const served = serveCalls(there, {
        limits: LIMITS,
        clock,
        log: silentLog(),
        budget: { bytes: 0 },
        admission,
        handler: ({ signal }) => {
          signals.push(signal);
          return new Promise(() => undefined);
        },
      });
      void (async () => {
        for (const frame of frames) await here.send(frame);
      })().catch(() => undefined);
      expect((await served)?.name).toBe('FrameError');
      expect(admission.counts()).toEqual({ calls: 0, waits: 0 });
      expect(signals.every((signal) => signal.aborted)).toBe(true);
      await expect(here.send(new Uint8Array(1))).rejects.toThrow();
    });
  }

  it('by giving endless credit gains nothing', async () => {
    const line = connect(echo);
    await line.here.send(encodeFrame(FRAME.open, 1_000, Uint8Array.of(0)));
    await line.here.send(encodeCredit(1_000, 0xffffffff));
    await line.here.send(encodeCredit(1_000, 0xffffffff));
    await line.here.send(encodeFrame(FRAME.end, 1_000));
    await until('the call was answered', () => line.counts().calls <= 1);
  });
});
