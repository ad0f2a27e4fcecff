// Deadlines and retries, closing, output, attributes, logs.

import { describe, expect, test } from 'vitest';
import { attributeId } from '../../src/node/crypto/ids.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { ATTRIBUTE_TYPE } from '../../src/node/model/attribute.ts';
import { attributesOf, STATE } from '../../src/node/model/process.ts';
import { manualClock } from '../support/clock.ts';
import { type Bench, forType, openBench, want } from '../support/engine.ts';

const ready = async (bench: Bench) => {
  const colony = await bench.colony();
  return {
    colony,
    ann: await bench.executor(colony, 'ann'),
    bob: await bench.executor(colony, 'bob'),
    ...bench.engine,
  };
};

const LIMITED = '["Maximum execution time limit exceeded"]';

describe('deadlines', () => {
  test('a process that waits too long fails', async () => {
    const bench = await openBench();
    const { colony, processes } = await ready(bench);
    const p = await bench.submit(colony, forType('cli', {}, { maxwaittime: 10 }));
    bench.clock.advance(9_999);
    await bench.engine.tick();
    expect(processes.find(p.id)?.state).toBe(STATE.waiting);
    bench.clock.advance(2);
    await bench.engine.tick();
    expect(processes.find(p.id)).toMatchObject({
      state: STATE.failed,
      errors: '["Maximum waiting time limit exceeded"]',
      executorid: '',
      assigned: false,
    });
    expect(processes.counts(colony)).toEqual([0, 0, 0, 1, 0]);
  });

  test('the next tick is due at the next deadline, and sooner when an earlier one comes in', async () => {
    const bench = await openBench();
    const { colony, ann, processes } = await ready(bench);
    const { tickMs, tickRestMs } = LIMITS;
    let woken = 0;
    const until = (): number =>
      bench.engine.untilTickMs(() => {
        woken += 1;
      });
    await bench.engine.tick();
    expect(until()).toBe(tickRestMs);
    await bench.submit(colony, forType('cli', {}, { maxwaittime: 60 }));
    expect([until(), woken]).toEqual([tickRestMs, 0]);
    const quick = await bench.submit(
      colony,
      forType('cli', {}, { maxwaittime: 3, maxexectime: 1, priority: 1 }),
    );
    expect([until(), woken]).toEqual([3_000, 1]);
    expect((await processes.assign(colony, ann, want()))?.id).toBe(quick.id);
    expect([until(), woken]).toEqual([1_000, 2]);
    bench.clock.advance(2_000);
    // Late already: at the shortest pause, not at once again and again.
    expect([until(), woken]).toEqual([tickMs, 2]);
    await bench.engine.tick();
    expect(processes.find(quick.id)?.state).toBe(STATE.failed);
    expect([until(), woken]).toEqual([tickRestMs, 2]);
  });

  test('a process that runs too long comes back while retries are left, then fails', async () => {
    const bench = await openBench();
    const { colony, ann, processes } = await ready(bench);
    const p = await bench.submit(colony, forType('cli', {}, { maxexectime: 5, maxretries: 1 }));
    for (const attempt of [1, 2]) {
      expect(await processes.assign(colony, ann, want())).toMatchObject({
        id: p.id,
        lease: attempt,
      });
      bench.clock.advance(5_001);
      await bench.engine.tick();
    }
    expect(processes.find(p.id)).toMatchObject({
      state: STATE.failed,
      errors: LIMITED,
      retries: 1,
      executorid: ann.id,
    });
    expect(await processes.assign(colony, ann, want())).toBeUndefined();
  });

  test('a negative number of retries never ends', async () => {
    const bench = await openBench();
    const { colony, ann, processes } = await ready(bench);
    const p = await bench.submit(colony, forType('cli', {}, { maxexectime: 1, maxretries: -1 }));
    for (let i = 0; i < 20; i++) {
      await processes.assign(colony, ann, want());
      bench.clock.advance(1_001);
      await bench.engine.tick();
    }
    expect(processes.find(p.id)).toMatchObject({ state: STATE.waiting, retries: 20 });
  });

  test('times of 0 and below are no deadlines', async () => {
    const bench = await openBench();
    const { colony, ann, processes } = await ready(bench);
    for (const time of [0, -1, -5]) {
      await bench.submit(colony, forType('cli', {}, { maxexectime: time, maxwaittime: time }));
      await bench.submit(colony, forType('cli', {}, { maxexectime: time, maxwaittime: time }));
      await processes.assign(colony, ann, want());
    }
    bench.clock.advance(365 * 86_400_000);
    await bench.engine.tick();
    expect(processes.counts(colony)).toEqual([3, 3, 0, 0, 0]);
  });

  test('the executor whose time ran out can no longer close it; the next one can', async () => {
    const bench = await openBench();
    const { colony, ann, bob, processes } = await ready(bench);
    const p = await bench.submit(colony, forType('cli', {}, { maxexectime: 5, maxretries: 5 }));
    await processes.assign(colony, ann, want());
    bench.clock.advance(5_001);
    await bench.engine.tick();
    await expect(processes.closeSuccessful(p, ann.id)).rejects.toMatchObject({
      detail: { reason: 'unassigned' },
    });
    await processes.assign(colony, bob, want());
    await expect(processes.closeSuccessful(p, ann.id, '[1]')).rejects.toMatchObject({
      code: 'forbidden',
      detail: { reason: 'caller' },
    });
    await processes.closeSuccessful(p, bob.id, '[2]');
    expect(processes.find(p.id)).toMatchObject({ state: STATE.success, out: '[2]' });
  });

  test('one tick handles a bounded part of what is due, the next ones the rest', async () => {
    const bench = await openBench({ limits: { tickWorkMax: 10 } });
    const { colony, processes } = await ready(bench);
    for (let i = 0; i < 25; i++) {
      await bench.submit(colony, forType('cli', {}, { maxwaittime: 1 }));
    }
    bench.clock.advance(2_000);
    const waiting: number[] = [];
    for (let i = 0; i < 3; i++) {
      await bench.engine.tick();
      waiting.push(processes.counts(colony)[0]);
    }
    expect(waiting).toEqual([15, 5, 0]);
  });

  test('waiting goes on while the colony is paused', async () => {
    const bench = await openBench();
    const { colony, colonies, processes } = await ready(bench);
    await colonies.pause(colony, true);
    const p = await bench.submit(colony, forType('cli', {}, { maxwaittime: 10 }));
    bench.clock.advance(10_001);
    await bench.engine.tick();
    expect(processes.find(p.id)?.state).toBe(STATE.failed);
  });
});

describe('closing', () => {
  test('keeps the output that was set when none is given; a refused one changes nothing', async () => {
    const bench = await openBench();
    const { colony, ann, bob, processes } = await ready(bench);
    const p = await bench.submit(colony);
    await expect(processes.setOutput(p, ann.id, '[0]')).rejects.toMatchObject({
      detail: { reason: 'caller' },
    });
    await processes.assign(colony, ann, want());
    await processes.setOutput(p, ann.id, '["set"]');
    await processes.setOutput(p, ann.id, '[]');
    await expect(processes.setOutput(p, bob.id, '[1]')).rejects.toMatchObject({
      detail: { reason: 'caller' },
    });
    await expect(processes.closeSuccessful(p, bob.id, '[1]')).rejects.toMatchObject({
      detail: { reason: 'caller' },
    });
    await processes.closeSuccessful(p, ann.id);
    expect(processes.find(p.id)?.out).toBe('["set"]');
    await expect(processes.setOutput(p, ann.id, '[1]')).rejects.toMatchObject({
      detail: { reason: 'not-running' },
    });
  });

  test('a successful one again changes nothing; any other end is final', async () => {
    const bench = await openBench();
    const { colony, ann, processes } = await ready(bench);
    const p = await bench.submit(colony);
    await processes.assign(colony, ann, want());
    await processes.closeSuccessful(p, ann.id, '[1]');
    const closed = processes.find(p.id);
    bench.clock.advance(1000);
    await processes.closeSuccessful(p, ann.id, '[2]');
    expect(processes.find(p.id)).toEqual(closed);
    for (const call of [() => processes.closeFailed(p, ann.id, '[]'), () => processes.cancel(p)]) {
      await expect(call()).rejects.toMatchObject({
        code: 'conflict',
        detail: { reason: 'success' },
      });
    }
    expect(processes.counts(colony)).toEqual([0, 0, 1, 0, 0]);
  });

  test('of two ends at once one wins and the other is told', async () => {
    const bench = await openBench();
    const { colony, ann, processes } = await ready(bench);
    const p = await bench.submit(colony);
    await processes.assign(colony, ann, want());
    const ends = await Promise.allSettled([
      processes.closeFailed(p, ann.id, '["x"]'),
      processes.closeSuccessful(p, ann.id, '[1]'),
      processes.cancel(p),
    ]);
    expect(ends.map((end) => end.status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(processes.counts(colony)).toEqual([0, 0, 0, 1, 0]);
  });

  test('a cancelled one that ran tells its executor at the next call', async () => {
    const bench = await openBench();
    const { colony, ann, processes } = await ready(bench);
    const p = await bench.submit(colony);
    await processes.assign(colony, ann, want());
    await processes.cancel(p);
    await expect(processes.closeSuccessful(p, ann.id)).rejects.toMatchObject({
      detail: { reason: 'cancelled' },
    });
    await expect(bench.engine.logs.add(p, ann.id, 'x')).rejects.toMatchObject({
      detail: { reason: 'not-running' },
    });
  });
});

describe('attributes', () => {
  test('ENV ones follow from the specification and are found under both numbers', async () => {
    const bench = await openBench();
    const { colony, attributes } = await ready(bench);
    const p = await bench.submit(colony, forType('cli', {}, { env: { KEY: 'v' } }));
    for (const type of [3, 4]) {
      expect(attributes.find(attributeId(p.id, 'KEY', type))).toMatchObject({
        attribute: { key: 'KEY', value: 'v' },
        process: { id: p.id },
      });
    }
    expect(attributes.find('0'.repeat(64))).toBeUndefined();
    expect(attributes.find('no id\u0000')).toBeUndefined();
  });

  test('the assigned executor adds them while it runs, each once', async () => {
    const bench = await openBench();
    const { colony, ann, bob, attributes, processes } = await ready(bench);
    const p = await bench.submit(colony);
    const add = (caller: string, key: string) =>
      attributes.add(p, caller, { type: 1, key, value: 'v' });
    await expect(add(ann.id, 'k')).rejects.toMatchObject({ detail: { reason: 'not-running' } });
    await processes.assign(colony, ann, want());
    await expect(add(bob.id, 'k')).rejects.toMatchObject({ detail: { reason: 'caller' } });
    const { attribute } = await add(ann.id, 'k');
    expect(attribute.id).toBe(attributeId(p.id, 'k', 1));
    await expect(add(ann.id, 'k')).rejects.toMatchObject({ detail: { reason: 'duplicate' } });
    await processes.closeSuccessful(p, ann.id);
    await expect(add(ann.id, 'k2')).rejects.toMatchObject({ detail: { reason: 'not-running' } });
    expect(attributes.find(attribute.id)).toMatchObject({ process: { state: STATE.success } });
  });

  test('with upsert they are replaced, and the last executor may add some afterwards', async () => {
    const bench = await openBench();
    const { colony, ann, attributes, processes } = await ready(bench);
    const p = await bench.submit(colony, forType('cli', {}, { env: { E: 'env' } }));
    await processes.assign(colony, ann, want());
    const put = (key: string, value: string, type = 1) =>
      attributes.add(p, ann.id, { type, key, value }, true);
    await put('k', '1');
    await put('k', '2');
    await put('E', 'mine', 3);
    await processes.closeSuccessful(p, ann.id);
    await Promise.all([put('late', '3'), put('later', '4'), put('k', '5')]);
    await bench.restart();
    const now = bench.engine.processes.find(p.id);
    const shown = now ? attributesOf(now, 'dev').map(({ key, value }) => `${key}=${value}`) : [];
    expect(shown).toEqual(['E=mine', 'late=3', 'later=4', 'k=5']);
    expect(bench.engine.attributes.find(attributeId(p.id, 'later', 1))?.attribute.value).toBe('4');
  });

  test('a process holds so many and no more', async () => {
    const bench = await openBench({
      limits: { attributesPerProcessMax: 3, attributeTextMax: 100 },
    });
    const { colony, ann, attributes, processes } = await ready(bench);
    const p = await bench.submit(colony);
    await processes.assign(colony, ann, want());
    const add = (key: string, value = '') => attributes.add(p, ann.id, { type: 1, key, value });
    const tooLarge = { code: 'too-large' };
    await expect(add('a', 'x'.repeat(100))).rejects.toMatchObject(tooLarge);
    for (const key of ['a', 'b', 'c']) await add(key);
    await expect(add('d')).rejects.toMatchObject(tooLarge);
    expect(processes.find(p.id)?.attributes).toHaveLength(3);
  });
});

describe('logs', () => {
  test('the assigned executor writes them; they outlive the process', async () => {
    const bench = await openBench();
    const { colony, ann, bob, logs, processes } = await ready(bench);
    const p = await bench.submit(colony);
    await expect(logs.add(p, ann.id, 'x')).rejects.toMatchObject({
      detail: { reason: 'not-running' },
    });
    await processes.assign(colony, ann, want());
    await expect(logs.add(p, bob.id, 'x')).rejects.toMatchObject({ detail: { reason: 'caller' } });
    for (const line of ['one', 'two', 'three']) await logs.add(p, ann.id, line);
    await logs.addForExecutor(ann, 'own');
    await processes.closeSuccessful(p, ann.id);
    await processes.remove(p);
    const all = { count: 10, sinceNs: 0, latest: false };
    const messages = async (rows: Promise<readonly { message: string }[]>) =>
      (await rows).map((row) => row.message);
    expect(await messages(logs.ofProcess(p, all))).toEqual(['one', 'two', 'three']);
    expect(await messages(logs.ofExecutor(colony, 'ann', all))).toEqual([
      'one',
      'two',
      'three',
      'own',
    ]);
    expect(await messages(logs.ofExecutor(colony, 'bob', all))).toEqual([]);
    expect(await messages(logs.ofProcess(p, { ...all, count: 2 }))).toEqual(['one', 'two']);
    expect(await messages(logs.ofProcess(p, { ...all, count: 2, latest: true }))).toEqual([
      'two',
      'three',
    ]);
    expect(await messages(logs.search(colony, 't', 1, 10))).toEqual(['two', 'three']);
    expect(await messages(logs.search(colony, 'o', 1, 2))).toEqual(['two', 'own']);
    bench.clock.advance(2 * 86_400_000);
    expect(await messages(logs.search(colony, 't', 1, 10))).toEqual([]);
  });

  test('`since` gives what came later, exactly, as a client would ask with what it got', async () => {
    const bench = await openBench();
    const { colony, ann, logs, processes } = await ready(bench);
    const p = await bench.submit(colony);
    await processes.assign(colony, ann, want());
    const seen: string[] = [];
    let sinceNs = 0;
    for (let round = 0; round < 5; round++) {
      await Promise.all([logs.add(p, ann.id, `a${round}`), logs.add(p, ann.id, `b${round}`)]);
      for (const row of await logs.ofProcess(p, { count: 100, sinceNs, latest: false })) {
        seen.push(row.message);
        // A client that reads the number as a double must not lose or repeat a line.
        sinceNs = Number(String(row.timestampNs));
      }
    }
    expect(seen).toEqual([0, 1, 2, 3, 4].flatMap((round) => [`a${round}`, `b${round}`]));
    for (const odd of [-5, 2n ** 63n - 1n]) {
      const rows = await logs.ofProcess(p, { count: 100, sinceNs: odd, latest: false });
      expect(rows).toHaveLength(odd < 0 ? 10 : 0);
    }
  });
});

test('a line written after the clock was set back loses none and is not overlooked', async () => {
  const bench = await openBench();
  const { colony, ann } = await ready(bench);
  await bench.engine.logs.addForExecutor(ann, 'before');
  bench.clock.advance(60_000);
  await bench.engine.logs.addForExecutor(ann, 'last');
  // The times of this clock are those of the first one all over again.
  const setBack = manualClock();
  await bench.restart({ clock: setBack });
  const read = (sinceNs: number) =>
    bench.engine.logs.ofExecutor(colony, 'ann', { count: 10, sinceNs, latest: false });
  const last = (await read(0)).at(-1)?.timestampNs ?? 0;
  for (let i = 0; i < 20; i++) await bench.engine.logs.addForExecutor(bench.now(ann), `after ${i}`);
  expect((await read(last)).map(({ message }) => message).slice(0, 2)).toEqual([
    'after 0',
    'after 1',
  ]);
  const all = await bench.engine.logs.search(colony, '', 1, 100);
  expect(all.map(({ message }) => message).slice(0, 3)).toEqual(['before', 'last', 'after 0']);
  expect(all).toHaveLength(22);
});

test('too many commands in flight: the next ones are told to come back, and nothing is half done', async () => {
  const bench = await openBench();
  const { colony, ann, processes } = await ready(bench);
  await bench.user(colony);
  for (let i = 0; i < LIMITS.pendingWritesMax; i++) void bench.store.write(() => undefined);
  const busy = { code: 'unavailable' };
  await expect(bench.submit(colony)).rejects.toMatchObject(busy);
  await bench.engine.settled();
  expect(processes.counts(colony)).toEqual([0, 0, 0, 0, 0]);
  expect(await processes.assign(colony, ann, want())).toBeUndefined();
});

describe('room for work', () => {
  const big = (length: number) => forType('cli', {}, { args: ['x'.repeat(length)] });

  test('beyond it submissions are put off, until something is finished or removed', async () => {
    const bench = await openBench({ limits: { liveTextMax: 10_000 } });
    const { colony, ann, processes } = await ready(bench);
    const first = await bench.submit(colony, big(4_000));
    await bench.submit(colony, big(3_000));
    await expect(bench.submit(colony, big(3_000))).rejects.toMatchObject({
      code: 'unavailable',
      message: 'too much work is on this server; try again later',
    });
    await bench.submit(colony, big(10));
    expect(await processes.assign(colony, ann, want())).toMatchObject({ id: first.id });
    await processes.closeSuccessful(first, ann.id, JSON.stringify(['y'.repeat(9_000)]));
    const third = await bench.submit(colony, big(3_000));
    await expect(bench.submit(colony, big(3_000))).rejects.toMatchObject({ code: 'unavailable' });
    await processes.remove(third);
    await bench.submit(colony, big(3_000));
  });

  test('work that was taken has room of its own, and its end is never put off', async () => {
    const bench = await openBench({ limits: { liveTextMax: 10_000, progressTextMax: 5_000 } });
    const { colony, ann, bob, processes, attributes } = await ready(bench);
    const p = await bench.submit(colony, big(5_000));
    const q = await bench.submit(colony, big(4_000));
    await processes.assign(colony, ann, want());
    await processes.assign(colony, bob, want());
    await expect(bench.submit(colony, big(1_500))).rejects.toMatchObject({ code: 'unavailable' });

    const text = (length: number) => JSON.stringify(['y'.repeat(length)]);
    const add = (value: string, key = 'output') =>
      attributes.add(p, ann.id, { key, type: ATTRIBUTE_TYPE.out, value });
    const busy = {
      code: 'unavailable',
      message: 'running processes have told this server too much; close them, or try again later',
    };
    await processes.setOutput(p, ann.id, text(3_000));
    await processes.setOutput(q, bob.id, text(2_000));
    await expect(processes.setOutput(q, bob.id, text(4_000))).rejects.toMatchObject(busy);
    await expect(add('z'.repeat(2_000))).rejects.toMatchObject(busy);
    expect(processes.find(q.id)).toMatchObject({ out: text(2_000) });
    expect(processes.find(p.id)?.attributes).toEqual([]);

    // Less than before always has room, and so has what a process ends with.
    await processes.setOutput(q, bob.id, text(1_000));
    await processes.closeSuccessful(p, ann.id, text(9_000));
    await processes.closeFailed(q, bob.id, text(9_000));
    expect(processes.find(p.id)).toMatchObject({ state: STATE.success, out: text(9_000) });
    expect(processes.find(q.id)).toMatchObject({ state: STATE.failed, errors: text(9_000) });

    // What is over is not in memory: the room is for what runs.
    await bench.submit(colony, big(9_000));
    await attributes.add(
      p,
      ann.id,
      { key: 'a', type: ATTRIBUTE_TYPE.out, value: text(9_000) },
      true,
    );
  });

  test('what a running process puts out counts, and a restart counts the same', async () => {
    const bench = await openBench({ limits: { liveTextMax: 10_000 } });
    const { colony, ann, processes } = await ready(bench);
    const p = await bench.submit(colony, big(1_000));
    await processes.assign(colony, ann, want());
    await processes.setOutput(p, ann.id, JSON.stringify(['y'.repeat(8_000)]));
    await expect(bench.submit(colony, big(1_000))).rejects.toMatchObject({ code: 'unavailable' });
    await bench.restart();
    await expect(bench.submit(colony, big(1_000))).rejects.toMatchObject({ code: 'unavailable' });
    await bench.engine.processes.removeAll(colony, 'all');
    await bench.submit(colony, big(1_000));
  });
});
