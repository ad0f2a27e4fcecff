// Who gets what, when, and who is woken.

import { describe, expect, test } from 'vitest';
import { STATE } from '../../src/node/model/process.ts';
import { asUser, type Bench, forType, openBench, spec, want } from '../support/engine.ts';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A long poll that can be looked at while it waits. */
const poll = (answer: Promise<{ readonly id: string } | undefined>) => {
  const seen: { id: string | undefined; done: boolean; error: unknown } = {
    id: undefined,
    done: false,
    error: undefined,
  };
  answer.then(
    (p) => Object.assign(seen, { id: p?.id, done: true }),
    (error: unknown) => Object.assign(seen, { error, done: true }),
  );
  return seen;
};

const settle = async (bench: Bench): Promise<void> => {
  await soon();
  await bench.engine.settled();
  await soon();
};

describe('one attempt', () => {
  test('gives the process that was submitted first, and then the next', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const first = await bench.submit(colony);
    const second = await bench.submit(colony);
    const taken = [
      await bench.engine.processes.assign(colony, ann, want()),
      await bench.engine.processes.assign(colony, ann, want()),
      await bench.engine.processes.assign(colony, ann, want()),
    ];
    expect(taken.map((p) => p?.id)).toEqual([first.id, second.id, undefined]);
    expect(taken[0]).toMatchObject({
      state: STATE.running,
      executorid: ann.id,
      assigned: true,
      lease: 1,
    });
    expect(bench.engine.processes.counts(colony)).toEqual([0, 2, 0, 0, 0]);
  });

  test('a step of priority is worth a day of waiting', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const old = await bench.submit(colony);
    bench.clock.advance(86_400_000 - 1);
    const urgent = await bench.submit(colony, forType('cli', {}, { priority: 1 }));
    bench.clock.advance(10);
    const late = await bench.submit(colony, forType('cli', {}, { priority: 1 }));
    const order: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      order.push((await bench.engine.processes.assign(colony, ann, want()))?.id);
    }
    expect(order).toEqual([urgent.id, old.id, late.id]);
  });

  test('two callers at once never get the same process', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const executors = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => bench.executor(colony, name)),
    );
    for (let i = 0; i < 3; i++) await bench.submit(colony);
    const taken = await Promise.all(
      executors.map((executor) => bench.engine.processes.assign(colony, executor, want())),
    );
    expect(new Set(taken.map((p) => p?.id)).size).toBe(4);
    expect(taken.filter((p) => p === undefined)).toHaveLength(1);
  });

  test('only what the executor matches: type, name, id, location, cpu and memory', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann', { location: 'Lund' });
    const other = await bench.colony('other');
    const never = [
      forType('CLI'),
      forType(''),
      forType('cli', { executornames: ['bob'] }),
      forType('cli', { locationname: 'Oslo' }),
      forType('cli', { cpu: '3' }),
      forType('cli', { mem: '2Gi' }),
      spec({ conditions: { executortype: 'cli' } }, ['9'.repeat(64)]),
    ];
    for (const row of never) await bench.submit(colony, row);
    await bench.submit(other);
    const offer = want({ cpuMilli: 2000, memBytes: 2 ** 30 });
    expect(await bench.engine.processes.assign(colony, ann, offer)).toBeUndefined();
    for (const row of [
      forType('cli', { executornames: ['bob', 'ann'] }),
      forType('cli', { locationname: 'LUND' }),
      forType('cli', { cpu: '2', mem: '1Gi' }),
      forType('cli', { executornames: ['*'] }),
      spec({ conditions: { executortype: 'cli' } }, [ann.id]),
    ]) {
      const { id } = await bench.submit(colony, row);
      expect((await bench.engine.processes.assign(colony, ann, offer))?.id).toBe(id);
    }
    expect(bench.engine.processes.counts(colony)).toEqual([7, 5, 0, 0, 0]);
  });

  test('an executor that is not approved gets nothing', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    await bench.submit(colony);
    await bench.engine.executors.reject(ann);
    await expect(bench.engine.processes.assign(colony, ann, want())).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});

describe('a long poll', () => {
  test('is answered by the next process that fits it', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const answer = bench.engine.processes.assign(colony, ann, want({ waitMs: 60_000 }));
    const seen = poll(answer);
    await bench.submit(colony, forType('other'));
    await settle(bench);
    expect(seen.done).toBe(false);
    const { id } = await bench.submit(colony);
    expect((await answer)?.id).toBe(id);
    expect(bench.clock.timers()).toBe(0);
  });

  test('is refused when the key of its executor is declared dead; others get the work', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const bob = await bench.executor(colony, 'bob');
    const annPoll = poll(bench.engine.processes.assign(colony, ann, want({ waitMs: 1000 })));
    const bobPoll = poll(bench.engine.processes.assign(colony, bob, want({ waitMs: 1000 })));
    bench.engine.processes.endWaits(ann.id);
    bench.engine.processes.endWaits('nobody');
    const { id } = await bench.submit(colony);
    await settle(bench);
    expect(annPoll.error).toMatchObject({ code: 'forbidden', message: 'key revoked' });
    expect(bobPoll.id).toBe(id);
  });

  test('ends without work at its deadline', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const answer = bench.engine.processes.assign(colony, ann, want({ waitMs: 10_000 }));
    bench.clock.advance(10_000);
    expect(await answer).toBeUndefined();
    await bench.submit(colony);
    expect(bench.engine.processes.counts(colony)[0]).toBe(1);
  });

  test('one process wakes one of them, the one that waited longest', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const polls = [];
    for (const name of ['a', 'b', 'c']) {
      const executor = await bench.executor(colony, name);
      polls.push(poll(bench.engine.processes.assign(colony, executor, want({ waitMs: 1000 }))));
    }
    await bench.submit(colony);
    await settle(bench);
    expect(polls.map((seen) => seen.done)).toEqual([true, false, false]);
    await bench.submit(colony);
    await settle(bench);
    expect(polls.map((seen) => seen.done)).toEqual([true, true, false]);
  });

  test('a process meant for one executor wakes that one, whoever else waits', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const bob = await bench.executor(colony, 'bob');
    const annPoll = poll(bench.engine.processes.assign(colony, ann, want({ waitMs: 1000 })));
    const bobPoll = poll(bench.engine.processes.assign(colony, bob, want({ waitMs: 1000 })));
    await bench.submit(colony, forType('cli', { executornames: ['bob'] }));
    await settle(bench);
    expect([annPoll.done, bobPoll.done]).toEqual([false, true]);
    await bench.submit(colony, spec({ conditions: { executortype: 'cli' } }, [ann.id]));
    await settle(bench);
    expect(annPoll.done).toBe(true);
  });

  test('a process that needs more than one offers wakes one that offers enough', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const small = await bench.executor(colony, 'small');
    const large = await bench.executor(colony, 'large');
    const limits = { cpuMilli: 500, memBytes: 2 ** 20 };
    const smallPoll = poll(
      bench.engine.processes.assign(colony, small, want({ waitMs: 1000, ...limits })),
    );
    const largePoll = poll(bench.engine.processes.assign(colony, large, want({ waitMs: 1000 })));
    await bench.submit(colony, forType('cli', { cpu: '1' }));
    await settle(bench);
    expect([smallPoll.done, largePoll.done]).toEqual([false, true]);
  });

  test('colonies and types with similar names do not wake each other', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const other = await bench.colony('dev2');
    const ann = await bench.executor(colony, 'ann', { type: 'w' });
    const seen = poll(bench.engine.processes.assign(colony, ann, want({ waitMs: 1000 })));
    await bench.submit(other, forType('w'));
    await bench.submit(colony, forType('w0'));
    await settle(bench);
    expect(seen.done).toBe(false);
  });

  test('a location is the same in any case', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann', { location: 'Malmö' });
    const seen = poll(bench.engine.processes.assign(colony, ann, want({ waitMs: 1000 })));
    await bench.submit(colony, forType('cli', { locationname: 'MALMÖ' }));
    await settle(bench);
    expect(seen.done).toBe(true);
  });

  test('is dropped when the caller goes away, before anything is given to it', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const bob = await bench.executor(colony, 'bob');
    const left = new AbortController();
    const annPoll = bench.engine.processes.assign(
      colony,
      ann,
      want({ waitMs: 1000, signal: left.signal }),
    );
    const bobPoll = bench.engine.processes.assign(colony, bob, want({ waitMs: 1000 }));
    left.abort();
    const { id } = await bench.submit(colony);
    expect(await annPoll).toBeUndefined();
    expect((await bobPoll)?.id).toBe(id);
    const gone = want({ waitMs: 1000, signal: left.signal });
    expect(await bench.engine.processes.assign(colony, ann, gone)).toBeUndefined();
  });

  test('a process that comes back wakes one too: exec timeout, removed executor, lost reply', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const bob = await bench.executor(colony, 'bob');
    await bench.submit(colony, forType('cli', {}, { maxexectime: 5, maxretries: 3 }));
    const take = () => bench.engine.processes.assign(colony, ann, want());
    const wait = () => bench.engine.processes.assign(colony, bob, want({ waitMs: 100_000 }));

    const timedOut = await take();
    const first = wait();
    bench.clock.advance(5_001);
    await bench.engine.tick();
    expect(await first).toMatchObject({ id: timedOut?.id, retries: 1, executorid: bob.id });

    await bench.engine.processes.handBack(timedOut?.id ?? '', 2);
    const lost = await take();
    const second = wait();
    await bench.engine.processes.handBack(lost?.id ?? '', lost?.lease ?? 0);
    expect(await second).toMatchObject({ id: lost?.id, retries: 1, executorid: bob.id, lease: 4 });

    await bench.engine.processes.handBack(lost?.id ?? '', 4);
    await take();
    const third = wait();
    await bench.engine.executors.remove(ann);
    expect(await third).toMatchObject({ id: lost?.id, retries: 1, executorid: bob.id });
  });

  test('beyond the limit of waiters the caller is told to come back', async () => {
    const bench = await openBench({ limits: { waitersPerColonyMax: 2 } });
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const polls = [1, 2].map(() =>
      poll(bench.engine.processes.assign(colony, ann, want({ waitMs: 1000 }))),
    );
    await expect(
      bench.engine.processes.assign(colony, ann, want({ waitMs: 1000 })),
    ).rejects.toMatchObject({ code: 'unavailable' });
    bench.clock.advance(1000);
    await soon();
    expect(polls.every((seen) => seen.done)).toBe(true);
  });

  test('a stopping server ends it and takes no new one', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const waiting = bench.engine.processes.assign(colony, ann, want({ waitMs: 1000 }));
    bench.engine.drain();
    const stopping = { code: 'unavailable', detail: { reason: 'stopping' } };
    await expect(waiting).rejects.toMatchObject(stopping);
    await expect(bench.engine.processes.assign(colony, ann, want())).rejects.toMatchObject(
      stopping,
    );
  });
});

describe('a paused colony', () => {
  test('refuses one attempt, and goes on submitting and closing', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    await bench.submit(colony);
    const running = await bench.engine.processes.assign(colony, ann, want());
    await bench.engine.colonies.pause(colony, true);
    await bench.submit(colony);
    await expect(bench.engine.processes.assign(colony, ann, want())).rejects.toMatchObject({
      code: 'unavailable',
    });
    if (running) await bench.engine.processes.closeSuccessful(running, ann.id);
    expect(bench.engine.processes.counts(colony)).toEqual([1, 0, 1, 0, 0]);
  });

  test('lets long polls wait: 408 at their deadline', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    await bench.engine.colonies.pause(colony, true);
    await bench.submit(colony);
    const waiting = bench.engine.processes.assign(colony, ann, want({ waitMs: 1000 }));
    const told = expect(waiting).rejects.toMatchObject({ code: 'paused-timeout', status: 408 });
    bench.clock.advance(1000);
    await told;
  });

  test('resumed, hands what waits to whoever waits, in both orders, before anything newer', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const bob = await bench.executor(colony, 'bob');
    await bench.engine.colonies.pause(colony, true);
    const polls = [ann, bob].map((executor) =>
      bench.engine.processes.assign(colony, executor, want({ waitMs: 1000 })),
    );
    const first = await bench.submit(colony);
    const second = await bench.submit(colony);
    const user = bench.engine.users.list(colony)[0];
    if (!user) throw new Error('no user');
    const resumed = bench.engine.colonies.pause(colony, false);
    const third = bench.engine.processes.submit(colony, asUser(user), forType('cli'));
    await Promise.all([resumed, third]);
    expect((await Promise.all(polls)).map((p) => p?.id)).toEqual([first.id, second.id]);
    expect(bench.engine.processes.find((await third).id)?.state).toBe(STATE.waiting);
  });
});

describe('a lost reply', () => {
  test('puts the process back in its old place; a later assignment is not touched', async () => {
    const bench = await openBench();
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const first = await bench.submit(colony);
    await bench.submit(colony);
    const lost = await bench.engine.processes.assign(colony, ann, want());
    await bench.engine.processes.handBack(first.id, lost?.lease ?? 0);
    expect(bench.engine.processes.find(first.id)).toMatchObject({
      state: STATE.waiting,
      executorid: '',
      startedUs: 0,
      retries: 0,
    });
    const again = await bench.engine.processes.assign(colony, ann, want());
    expect(again).toMatchObject({ id: first.id, lease: 2 });
    await bench.engine.processes.handBack(first.id, 1);
    expect(bench.engine.processes.find(first.id)?.state).toBe(STATE.running);
    await bench.engine.processes.closeSuccessful(first, ann.id);
    await bench.engine.processes.handBack(first.id, 2);
    expect(bench.engine.processes.find(first.id)?.state).toBe(STATE.success);
  });
});
