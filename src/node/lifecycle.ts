// The mechanism of start and stop: parts start in order and stop in reverse, each within a
// deadline. It knows no part by name: which parts there are is composition, and lives in
// src/index.ts.

import type { Clock } from './clock.ts';
import { fault } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { Log } from './log.ts';

/**
 * Something that runs. Nothing happens before `start`; `stop` also follows a start that failed or
 * was late.
 */
export interface Part {
  readonly name: string;
  start(): Promise<void> | void;
  stop(): Promise<void> | void;
}

export interface Lifecycle {
  /**
   * Starts the parts in order. When one fails, or takes longer than `LIMITS.partStartMs`, those
   * already started are stopped and its failure is thrown. A second call gives the first one's
   * outcome.
   */
  start(): Promise<void>;
  /**
   * Waits for the part that is starting, then stops the started ones in reverse order, each for at
   * most `LIMITS.partStopMs`. A part that fails or hangs is logged and the others are still
   * stopped. A second call gives the first one's outcome.
   */
  stop(): Promise<void>;
}

type Timer = Pick<Clock, 'after'>;

/** `work` with a deadline: rejects with `unavailable` when it takes longer than `withinMs`. */
const within = async (
  clock: Timer,
  withinMs: number,
  what: string,
  work: () => Promise<void> | void,
): Promise<void> => {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(withinMs, () =>
      reject(fault('unavailable', `${what} took longer than ${withinMs} ms`)),
    );
  });
  try {
    await Promise.race([work(), late]);
  } finally {
    cancel();
  }
};

/** Puts the parts under one start and one stop. */
export const makeLifecycle = (clock: Timer, log: Log, parts: readonly Part[]): Lifecycle => {
  const started: Part[] = [];
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  let inFlight: Promise<unknown> = Promise.resolve();

  const startAll = async (): Promise<void> => {
    for (const part of parts) {
      if (stopping !== undefined) throw fault('unavailable', 'stopped while starting');
      // Noted first: a part that failed half way, or is late, may hold something that must be let
      // go.
      started.push(part);
      const up = within(clock, LIMITS.partStartMs, `starting ${part.name}`, part.start);
      inFlight = Promise.allSettled([up]);
      await up;
      log.debug('part started', { part: part.name });
    }
  };

  const stopAll = async (): Promise<void> => {
    await inFlight;
    for (const part of started.reverse()) {
      try {
        await within(clock, LIMITS.partStopMs, `stopping ${part.name}`, part.stop);
        log.debug('part stopped', { part: part.name });
      } catch (error) {
        // Expected of any part: the rest must still be stopped, above all the database.
        log.error('a part did not stop cleanly', { part: part.name, error });
      }
    }
  };

  const stop = (): Promise<void> => {
    stopping ??= stopAll();
    return stopping;
  };

  const startOrUndo = async (): Promise<void> => {
    try {
      await startAll();
    } catch (error) {
      await stop();
      throw error;
    }
  };

  return {
    start: () => {
      starting ??= startOrUndo();
      return starting;
    },
    stop,
  };
};

/**
 * A part that calls `tick` again and again, one at a time, each so long after the one before as
 * `untilMs` says then. That may call the function it is given while the part waits: then it is
 * asked anew. A tick that throws is logged; the next one runs.
 */
export const ticking = (
  clock: Timer,
  log: Log,
  untilMs: (sooner: () => void) => number,
  tick: () => Promise<void>,
): Part => {
  let cancel = (): void => undefined;
  let isWaiting = false;
  let stopped = false;
  let running: Promise<void> = Promise.resolve();

  const runTask = async (): Promise<void> => {
    try {
      await tick();
    } catch (error) {
      // A background task has no caller to tell: a human must look, and the next tick tries again.
      log.error('tick failed', { error });
    }
    schedule();
  };
  const schedule = (): void => {
    if (stopped) return;
    isWaiting = true;
    cancel = clock.after(untilMs(sooner), () => {
      isWaiting = false;
      running = runTask();
    });
  };
  const sooner = (): void => {
    if (!isWaiting) return;
    cancel();
    schedule();
  };

  return {
    name: 'ticks',
    start: schedule,
    stop: async () => {
      stopped = true;
      isWaiting = false;
      cancel();
      await running;
    },
  };
};
