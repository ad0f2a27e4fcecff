// The recovery pool over scripted threads: order, batches, bounds, fairness, and threads that die.

import { describe, expect, it } from 'vitest';
import type { ThreadEvents } from '../../../src/node/crypto/place.ts';
import { openPool } from '../../../src/node/crypto/pool.ts';
import type { Recovery } from '../../../src/node/crypto/recovery.ts';
import { packAnswers, unpackAsks } from '../../../src/node/crypto/recovery-wire.ts';
import { LIMITS } from '../../../src/node/limits.ts';
import { makeLog, silentLog } from '../../../src/node/log.ts';

/** A thread that answers when the test says so; the id it gives is the digest it was sent. */
interface Scripted {
  readonly events: ThreadEvents;
  /** Digests of the batches it was given and has not answered, oldest first. */
  readonly batches: number[][];
  answer(): void;
  die(why: string): void;
  stopped: boolean;
}

const numberOf = (digest: Uint8Array): number => new DataView(digest.slice().buffer).getUint32(0);
const digestOf = (value: number): Uint8Array => {
  const digest = new Uint8Array(32);
  new DataView(digest.buffer).setUint32(0, value);
  return digest;
};
const idOf = (value: number): string => value.toString(16).padStart(8, '0').padEnd(64, '0');

const makeBench = () => {
  const threads: Scripted[] = [];
  const timers: { ms: number; run: () => void }[] = [];
  const lines: string[] = [];
  const clock = {
    after: (ms: number, run: () => void) => {
      const timer = { ms, run };
      timers.push(timer);
      return () => {
        if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
      };
    },
  };
  const startThread = (events: ThreadEvents) => {
    const batches: number[][] = [];
    let alive = true;
    const end = (why: string): void => {
      if (alive) events.onEnd(why);
      alive = false;
    };
    const thread: Scripted = {
      events,
      batches,
      stopped: false,
      answer: () => {
        const ids = (batches.shift() ?? []).map((value) => ({ id: idOf(value) }));
        events.onAnswers(packAnswers(ids));
      },
      die: end,
    };
    threads.push(thread);
    return {
      post: (asks: Uint8Array) =>
        void batches.push(unpackAsks(asks).map(({ digest }) => numberOf(digest))),
      stop: async () => {
        thread.stopped = true;
        end('stopped');
      },
    };
  };
  const log = makeLog('warn', (_, message, fields) => lines.push(`${message}: ${fields['why']}`));
  return { threads, timers, lines, clock, startThread, log };
};

type Bench = ReturnType<typeof makeBench>;

const open = async (
  bench: Bench,
  workers = 1,
  limits: Partial<Record<keyof typeof LIMITS, number>> = {},
): Promise<Recovery> => {
  const pool = openPool({
    ...bench,
    engine: 'pure',
    workers,
    limits: { ...LIMITS, ...limits },
  });
  for (const thread of bench.threads) thread.events.onReady();
  return await pool;
};

const signature = { rs: new Uint8Array(64), v: 0 };
/**
 * Asks for `count` recoveries, numbered on from `first`; notes each answer or refusal as it comes.
 */
const askMany = (pool: Recovery, first: number, count: number, notes: string[] = []) => {
  const all = Array.from({ length: count }, async (_, i) => {
    try {
      const id = await pool.recover(digestOf(first + i), signature);
      expect(id).toBe(idOf(first + i));
      notes.push(String(first + i));
    } catch (error) {
      notes.push(`${first + i} ${(error as Error).message}`);
    }
  });
  return { notes, done: Promise.all(all) };
};
const numbers = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => first + i);
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('batches', () => {
  it('a single call goes out at once, later ones wait and travel together, in order', async () => {
    const bench = makeBench();
    const pool = await open(bench);
    const { notes, done } = askMany(pool, 0, 40);
    const [thread] = bench.threads;
    expect(thread?.batches).toEqual([[0], [1]]);
    thread?.answer();
    expect(thread?.batches).toEqual([[1], numbers(2, 16)]);
    thread?.answer();
    thread?.answer();
    thread?.answer();
    thread?.answer();
    await done;
    expect(notes).toEqual(numbers(0, 40).map(String));
  });

  it('a thread never holds more than two batches of sixteen', async () => {
    const bench = makeBench();
    const pool = await open(bench, 2);
    const { done } = askMany(pool, 0, 500);
    let most = 0;
    for (let i = 0; i < 500; i++) {
      for (const thread of bench.threads) {
        expect(thread.batches.length).toBeLessThanOrEqual(2);
        for (const batch of thread.batches) most = Math.max(most, batch.length);
        if (thread.batches.length > 0) thread.answer();
      }
    }
    await done;
    expect(most).toBe(16);
  });

  it('work goes to the thread that holds least, and a short queue is shared out', async () => {
    const bench = makeBench();
    const pool = await open(bench, 2);
    const first = askMany(pool, 0, 4);
    expect(bench.threads.map(({ batches }) => batches)).toEqual([
      [[0], [2]],
      [[1], [3]],
    ]);
    const later = askMany(pool, 10, 8);
    for (const thread of bench.threads) {
      thread.answer();
      thread.answer();
    }
    const held = bench.threads.flatMap(({ batches }) => batches.flat());
    expect(held.sort((a, b) => a - b)).toEqual(numbers(10, 8));
    expect(bench.threads.every(({ batches }) => batches.length > 0)).toBe(true);
    for (let i = 0; i < 4; i++) {
      for (const thread of bench.threads) if (thread.batches.length > 0) thread.answer();
    }
    await Promise.all([first.done, later.done]);
  });

  it('first come, first served: a flood by one caller does not overtake an earlier call', async () => {
    const bench = makeBench();
    const pool = await open(bench);
    const flood = askMany(pool, 0, 100);
    const single = askMany(pool, 1_000, 1);
    const after = askMany(pool, 2_000, 100);
    const order: number[] = [];
    const [thread] = bench.threads;
    while ((thread?.batches.length ?? 0) > 0) {
      order.push(...(thread?.batches[0] ?? []));
      thread?.answer();
    }
    await Promise.all([flood.done, single.done, after.done]);
    expect(order).toEqual([...numbers(0, 100), 1_000, ...numbers(2_000, 100)]);
  });
});

describe('bounds', () => {
  it('beyond the queue callers are refused at once with unavailable, and the others are served', async () => {
    const bench = makeBench();
    const pool = await open(bench, 1, { recoveriesQueuedMax: 5 });
    const { done, notes } = askMany(pool, 0, 7);
    expect(() => pool.recover(digestOf(7), signature)).toThrow(
      expect.objectContaining({ code: 'unavailable', message: expect.stringMatching('too many') }),
    );
    while ((bench.threads[0]?.batches.length ?? 0) > 0) bench.threads[0]?.answer();
    await done;
    expect(notes).toEqual(numbers(0, 7).map(String));
    const again = askMany(pool, 20, 1);
    bench.threads[0]?.answer();
    await again.done;
    expect(again.notes).toEqual(['20']);
  });
});

describe('refusals', () => {
  it('reach the one caller they belong to', async () => {
    const bench = makeBench();
    const pool = await open(bench);
    const asked = [1, 2, 3].map((value) => pool.recover(digestOf(value), signature));
    const settled = Promise.allSettled(asked);
    const [thread] = bench.threads;
    thread?.events.onAnswers(packAnswers([{ refusal: 'high-s' }]));
    thread?.events.onAnswers(packAnswers([{ refusal: 'infinity' }]));
    thread?.events.onAnswers(packAnswers([{ refusal: 'not-on-curve' }]));
    const reasons = (await settled).map(
      (each) => each.status === 'rejected' && each.reason.detail.reason,
    );
    expect(reasons).toEqual(['high-s', 'infinity', 'not-on-curve']);
  });
});

describe('a thread that dies', () => {
  it('loses nothing: another takes its work, in order', async () => {
    const bench = makeBench();
    const pool = await open(bench, 2);
    const { done, notes } = askMany(pool, 0, 30);
    const [one, two] = bench.threads;
    one?.die('out of memory');
    expect(bench.lines).toEqual(['crypto worker ended: out of memory']);
    while ((two?.batches.length ?? 0) > 0) two?.answer();
    await done;
    expect(notes).toHaveLength(30);
    expect(notes.every((note) => /^\d+$/.test(note))).toBe(true);
  });

  it('is replaced after a pause', async () => {
    const bench = makeBench();
    const pool = await open(bench);
    const { done, notes } = askMany(pool, 0, 3);
    bench.threads[0]?.die('crashed');
    expect(bench.threads).toHaveLength(1);
    bench.timers.pop()?.run();
    expect(bench.threads).toHaveLength(2);
    bench.threads[1]?.events.onReady();
    expect(bench.threads[1]?.batches[0]?.[0]).toBe(0);
    while ((bench.threads[1]?.batches.length ?? 0) > 0) bench.threads[1]?.answer();
    await done;
    expect(notes).toEqual(['0', '1', '2']);
  });

  it('twice under the same call: that call is given up, the rest are served', async () => {
    const bench = makeBench();
    const pool = await open(bench, 1, { recoveryBatchesPerWorkerMax: 1, recoveryBatchMax: 1 });
    const { done, notes } = askMany(pool, 0, 2);
    for (const life of [0, 1]) {
      bench.threads[life]?.die('poisoned');
      bench.timers.pop()?.run();
      bench.threads[life + 1]?.events.onReady();
    }
    bench.threads[2]?.answer();
    await done;
    expect(notes).toEqual(['0 signatures cannot be checked now: the crypto worker died', '1']);
  });

  it('again and again: waiting calls are refused, later ones too, until a thread lives', async () => {
    const bench = makeBench();
    const pool = await open(bench);
    const pauses: number[] = [];
    bench.threads[0]?.die('first');
    const { done, notes } = askMany(pool, 0, 2);
    for (const life of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const timer = bench.timers.pop();
      pauses.push(timer?.ms ?? 0);
      timer?.run();
      bench.threads[life]?.die('again');
    }
    await done;
    expect(notes).toEqual([
      '0 signatures cannot be checked now: no crypto worker runs',
      '1 signatures cannot be checked now: no crypto worker runs',
    ]);
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(() => pool.recover(digestOf(5), signature)).toThrow('no crypto worker runs');
    bench.timers.pop()?.run();
    bench.threads.at(-1)?.events.onReady();
    const later = askMany(pool, 9, 1);
    bench.threads.at(-1)?.answer();
    await later.done;
    expect(later.notes).toEqual(['9']);
  });

  it('one that answers something else than it was asked is stopped, and its work done elsewhere', async () => {
    const bench = makeBench();
    const pool = await open(bench);
    const { done, notes } = askMany(pool, 0, 1);
    bench.threads[0]?.events.onAnswers(packAnswers([{ id: idOf(1) }, { id: idOf(2) }]));
    expect(bench.threads[0]?.stopped).toBe(true);
    bench.timers.pop()?.run();
    bench.threads[1]?.events.onReady();
    bench.threads[1]?.answer();
    await done;
    expect(notes).toEqual(['0']);
  });
});

describe('start and end', () => {
  it('a pool whose thread never starts is refused, and no thread stays', async () => {
    const bench = makeBench();
    const pool = openPool({ ...bench, engine: 'pure', workers: 2, limits: LIMITS });
    bench.threads[0]?.events.onReady();
    bench.threads[1]?.die('no memory');
    await expect(pool).rejects.toMatchObject({
      code: 'unavailable',
      message: 'the crypto worker does not start: no memory',
    });
    expect(bench.threads[0]?.stopped).toBe(true);
    expect(bench.timers).toEqual([]);
  });

  it('a thread that is not ready in time counts as dead', async () => {
    const bench = makeBench();
    const pool = openPool({ ...bench, engine: 'pure', workers: 1, limits: LIMITS });
    expect(bench.timers.map(({ ms }) => ms)).toEqual([LIMITS.cryptoWorkerStartMs]);
    bench.timers[0]?.run();
    await expect(pool).rejects.toMatchObject({ code: 'unavailable' });
    expect(bench.threads[0]?.stopped).toBe(true);
  });

  it('closing ends every waiting call and every thread, and refuses new calls', async () => {
    const bench = { ...makeBench(), log: silentLog() };
    const pool = await open(bench, 2);
    const { done, notes } = askMany(pool, 0, 50);
    await pool.close();
    await done;
    await turn();
    expect(notes).toHaveLength(50);
    expect(notes.every((note) => note.endsWith('signatures cannot be checked now: stopping'))).toBe(
      true,
    );
    expect(bench.threads.every(({ stopped }) => stopped)).toBe(true);
    expect(bench.timers).toEqual([]);
    expect(() => pool.recover(digestOf(1), signature)).toThrow('stopping');
    await pool.close();
  });
});
