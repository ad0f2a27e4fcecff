// How parts start and stop together.

import { expect, test } from 'vitest';
import { makeLifecycle, type Part, ticking } from '../../../src/node/lifecycle.ts';
import type { LogFields } from '../../../src/node/log.ts';
import { makeLog } from '../../../src/node/log.ts';

// A clock whose timers fire only when the test says so.
const manualTimers = () => {
  const waiting = new Set<() => void>();
  return {
    after: (_delayMs: number, run: () => void) => {
      waiting.add(run);
      return () => waiting.delete(run);
    },
    fire: () => {
      for (const run of [...waiting]) {
        waiting.delete(run);
        run();
      }
    },
    waiting,
  };
};

const collecting = () => {
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const log = makeLog('debug', (level, message, fields) => lines.push({ level, message, fields }));
  return { log, errors: () => lines.filter((line) => line.level === 'error') };
};

const noting = (seen: string[], name: string, more: Partial<Part> = {}): Part => ({
  name,
  start: () => void seen.push(`+${name}`),
  stop: () => void seen.push(`-${name}`),
  ...more,
});

test('parts start in order and stop in reverse order', async () => {
  const seen: string[] = [];
  const { log } = collecting();
  const life = makeLifecycle(
    manualTimers(),
    log,
    ['a', 'b', 'c'].map((n) => noting(seen, n)),
  );
  await life.start();
  await life.stop();
  expect(seen).toEqual(['+a', '+b', '+c', '-c', '-b', '-a']);
});

test('starting and stopping twice does everything once', async () => {
  const seen: string[] = [];
  const { log } = collecting();
  const life = makeLifecycle(manualTimers(), log, [noting(seen, 'a')]);
  await Promise.all([life.start(), life.start()]);
  await Promise.all([life.stop(), life.stop()]);
  await life.stop();
  expect(seen).toEqual(['+a', '-a']);
});

test('when a part cannot start, it and those before it are stopped and its failure is thrown', async () => {
  const seen: string[] = [];
  const { log } = collecting();
  const life = makeLifecycle(manualTimers(), log, [
    noting(seen, 'a'),
    noting(seen, 'b', { start: () => Promise.reject(new Error('port in use')) }),
    noting(seen, 'c'),
  ]);
  await expect(life.start()).rejects.toThrow('port in use');
  expect(seen).toEqual(['+a', '-b', '-a']);
});

test('a part that hangs at start fails the start with its name', async () => {
  const seen: string[] = [];
  const timers = manualTimers();
  const life = makeLifecycle(timers, collecting().log, [
    noting(seen, 'a'),
    noting(seen, 'slow', { start: () => new Promise(() => undefined) }),
  ]);
  const started = expect(life.start()).rejects.toThrow('starting slow took longer');
  await new Promise(setImmediate);
  timers.fire();
  await started;
  expect(seen).toEqual(['+a', '-slow', '-a']);
});

test('a part that fails or hangs at stop is logged and the others are still stopped', async () => {
  const seen: string[] = [];
  const timers = manualTimers();
  const { log, errors } = collecting();
  const life = makeLifecycle(timers, log, [
    noting(seen, 'database'),
    noting(seen, 'failing', { stop: () => Promise.reject(new Error('broken')) }),
    noting(seen, 'hanging', { stop: () => new Promise(() => undefined) }),
  ]);
  await life.start();
  const stopped = life.stop();
  await new Promise(setImmediate);
  timers.fire();
  await stopped;
  expect(seen.at(-1)).toBe('-database');
  expect(errors().map((line) => line.fields['part'])).toEqual(['hanging', 'failing']);
  expect(timers.waiting.size).toBe(0);
});

test('a stop during the start waits for the part at hand and then stops it', async () => {
  const seen: string[] = [];
  let open = (): void => undefined;
  const life = makeLifecycle(manualTimers(), collecting().log, [
    noting(seen, 'a', { start: () => new Promise<void>((resolve) => (open = resolve)) }),
    noting(seen, 'b'),
  ]);
  const started = expect(life.start()).rejects.toThrow('stopped while starting');
  const stopped = life.stop();
  await new Promise(setImmediate);
  expect(seen).toEqual([]);
  open();
  await Promise.all([started, stopped]);
  expect(seen).toEqual(['-a']);
});

const every10 = () => 10;

test('ticks run one at a time, outlive a failure, and end with the stop', async () => {
  const timers = manualTimers();
  const { log, errors } = collecting();
  let ticks = 0;
  const part = ticking(timers, log, every10, () => {
    ticks += 1;
    return ticks === 1 ? Promise.reject(new Error('disk')) : Promise.resolve();
  });
  await part.start();
  timers.fire();
  expect(timers.waiting.size).toBe(0);
  await new Promise(setImmediate);
  timers.fire();
  await new Promise(setImmediate);
  expect(ticks).toBe(2);
  expect(errors()).toHaveLength(1);
  await part.stop();
  expect(timers.waiting.size).toBe(0);
});

test('a stop waits for the tick that is running', async () => {
  const timers = manualTimers();
  let end = (): void => undefined;
  const part = ticking(
    timers,
    collecting().log,
    every10,
    () => new Promise((resolve) => (end = resolve)),
  );
  await part.start();
  timers.fire();
  let stopped = false;
  const stopping = Promise.resolve(part.stop()).then(() => {
    stopped = true;
  });
  await new Promise(setImmediate);
  expect(stopped).toBe(false);
  end();
  await stopping;
  expect(timers.waiting.size).toBe(0);
});

test('the pause before a tick is asked anew when something comes in sooner', async () => {
  const delays: number[] = [];
  const timers = manualTimers();
  let wake = (): void => undefined;
  let pauseMs = 5_000;
  let end = (): void => undefined;
  const part = ticking(
    {
      after: (ms, run) => {
        delays.push(ms);
        return timers.after(ms, run);
      },
    },
    collecting().log,
    (sooner) => {
      wake = sooner;
      return pauseMs;
    },
    () => new Promise((resolve) => (end = resolve)),
  );
  await part.start();
  pauseMs = 700;
  wake();
  expect(delays).toEqual([5_000, 700]);
  expect(timers.waiting.size).toBe(1);
  timers.fire();
  // What comes in during a tick is seen when the next pause is chosen.
  wake();
  expect(timers.waiting.size).toBe(0);
  end();
  await new Promise(setImmediate);
  expect(delays).toEqual([5_000, 700, 700]);
  const stopped = part.stop();
  wake();
  expect(timers.waiting.size).toBe(0);
  await stopped;
});
