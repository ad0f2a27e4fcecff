// The worker loop over real connections.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { ColoniesError, type Run, type WorkOptions, work } from '../../src/sdk.ts';
import { type Served, serve } from '../support/served.ts';
import { idOf, keyOf, openWorld, type World } from '../support/world.ts';

let w: World;
let at: Served;
let stop: AbortController;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
  at = await serve(w);
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await at.close();
  await w.close();
});

const start = (run: Run, more: Partial<WorkOptions> = {}): Promise<void> =>
  work(
    {
      url: at.url,
      colony: 'dev',
      name: 'w',
      type: 'doubler',
      colonyKey: keyOf('dev'),
      signal: stop.signal,
      ...more,
    },
    run,
  );

const submit = (args: readonly unknown[], more: object = {}) =>
  w.submit('alice', { args, ...more }, { executortype: 'doubler' });

const finished = async (processid: string) => {
  for (;;) {
    const process = await w.as('alice').getProcess({ processid });
    if (process.state >= 2) return process;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const workers = async () =>
  (await w.as('alice').getExecutors({ colonyname: 'dev' }))
    .filter(({ executortype }) => executortype === 'doubler')
    .map(({ executorname, state }) => [executorname, state]);

test('a worker registers itself, works, and unregisters when it is stopped', async () => {
  const { processid } = await submit([21]);
  const running = start(({ spec }) => Number(spec.args[0]) * 2);
  expect(await finished(processid)).toMatchObject({ state: 2, out: [42] });
  expect(await workers()).toEqual([['w', 1]]);
  stop.abort();
  await running;
  expect(await workers()).toEqual([['w', 3]]);
});

test('a worker with a key of its own needs no colony key', async () => {
  await w.executor('own', 'dev', { executortype: 'doubler' });
  const { processid } = await submit([]);
  const { colonyKey: _, ...options } = { colonyKey: undefined, key: keyOf('own') };
  const running = work(
    { url: at.url, colony: 'dev', name: 'own', type: 'doubler', signal: stop.signal, ...options },
    () => ['a', 'b'],
  );
  expect(await finished(processid)).toMatchObject({ state: 2, out: ['a', 'b'] });
  stop.abort();
  await running;
  expect(await workers()).toEqual([['own', 1]]);
});

test('what the work throws, or cannot be written as JSON, is a failure', async () => {
  const thrown = await submit(['throw']);
  const cyclic = await submit(['cyclic']);
  const nothing = await submit(['nothing']);
  void start(({ spec }) => {
    if (spec.args[0] === 'throw') throw new Error('cannot do it');
    if (spec.args[0] === 'nothing') return undefined;
    const loop: unknown[] = [];
    loop.push(loop);
    return loop;
  });
  expect(await finished(thrown.processid)).toMatchObject({ state: 3, errors: ['cannot do it'] });
  expect(await finished(cyclic.processid)).toMatchObject({ state: 3 });
  expect(await finished(nothing.processid)).toMatchObject({ state: 2, out: [] });
});

test('work may log and set attributes', async () => {
  const { processid } = await submit([]);
  void start(async (_process, ctx) => {
    await ctx.log('begun');
    await ctx.set('colour', 'red');
  });
  const { attributes } = await finished(processid);
  expect(attributes).toMatchObject([{ key: 'colour', value: 'red', attributetype: 1 }]);
  const logs = await w.as('alice').getLogs({ colonyname: 'dev', processid, count: 10 });
  expect(logs.map(({ message }) => message)).toEqual(['begun']);
});

test('when the time of a process is over its work is told, and its result is not sent', async () => {
  const { processid } = await submit([], { maxexectime: 1 });
  let reason: unknown;
  void start(
    (_process, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason;
          resolve('too late');
        });
      }),
  );
  while (reason === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(reason).toBeInstanceOf(ColoniesError);
  expect(await w.as('alice').getProcess({ processid })).toMatchObject({ state: 1, out: [] });
});

test('a stopped worker finishes what it has begun and takes no more', async () => {
  const first = await submit(['first']);
  const second = await submit(['second']);
  let release = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    void start(async ({ spec }) => {
      resolve();
      await new Promise<void>((done) => {
        release = done;
      });
      return spec.args;
    });
  });
  await begun;
  stop.abort();
  release();
  expect(await finished(first.processid)).toMatchObject({ out: ['first'] });
  expect((await w.as('alice').getProcess({ processid: second.processid })).state).toBe(0);
});

test('a worker runs several processes at a time when told to', async () => {
  const all = await Promise.all([1, 2, 3].map((n) => submit([n])));
  let inside = 0;
  let release = (): void => undefined;
  const open = new Promise<void>((resolve) => {
    release = resolve;
  });
  void start(
    async () => {
      inside += 1;
      if (inside === 3) release();
      await open;
    },
    { parallel: 3 },
  );
  for (const { processid } of all) await finished(processid);
  expect(inside).toBe(3);
});

test('a worker waits while its server is away, and goes on when it is back', async () => {
  const troubles: unknown[] = [];
  let away = false;
  const shaky: typeof fetch = (input, init) =>
    away ? Promise.reject(new TypeError('fetch failed')) : fetch(input, init);
  const first = await submit([1]);
  const run: Run = ({ spec }) => {
    away = spec.args[0] === 1;
    return 'done';
  };
  void start(run, { fetch: shaky, onTrouble: (error) => troubles.push(error) });
  while (troubles.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(troubles[0]).toMatchObject({ code: 'unreachable', mayRetry: true });
  expect((await w.as('alice').getProcess({ processid: first.processid })).state).toBe(1);
  away = false;
  expect(await finished(first.processid)).toMatchObject({ out: ['done'] });
  const second = await submit([2]);
  expect(await finished(second.processid)).toMatchObject({ out: ['done'] });
});

test('a worker whose name belongs to somebody else, or whom the colony refuses, gives up', async () => {
  await expect(start(() => 1, { name: 'e1' })).rejects.toThrow(/already exists/);
  await expect(start(() => 1, { colonyKey: keyOf('other') })).rejects.toThrow(/not colony owner/);
  const { colonyKey: _, ...stranger } = {
    url: at.url,
    colony: 'dev',
    name: 'x',
    type: 'doubler',
    colonyKey: '',
    key: keyOf('nobody'),
  };
  await expect(work(stranger, () => 1)).rejects.toMatchObject({ code: 'forbidden' });
});

test('a worker that was not unregistered comes back under its key', async () => {
  const named = { name: 'back', key: keyOf('back') };
  await w.as('dev').addExecutor({
    executor: {
      colonyname: 'dev',
      executorname: 'back',
      executorid: idOf('back'),
      executortype: 'doubler',
    },
  });
  const { processid } = await submit([3]);
  void start(({ spec }) => spec.args[0], named);
  expect(await finished(processid)).toMatchObject({ out: [3] });
});
