// One place of the recovery pool: keeps one worker thread alive, gives it batches, settles their
// jobs, and hands jobs back when the thread dies. Which job comes next is the pool's affair.

import type { Clock } from '../clock.ts';
import { type Fault, fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Log } from '../log.ts';
import { type Ask, packAsks, unpackAnswers } from './recovery-wire.ts';
import { idOrThrow, type Recovered } from './refusals.ts';

/** A running thread (`worker-thread.ts` makes real ones). */
export interface Thread {
  post(asks: Uint8Array): void;
  /** Ends the thread; `onEnd` follows. */
  stop(): Promise<void>;
}

/**
 * What a thread reports. `onEnd` comes exactly once and last, never before `startThread` returned.
 */
export interface ThreadEvents {
  onReady(): void;
  onAnswers(answers: Uint8Array): void;
  onEnd(why: string): void;
}

export type StartThread = (events: ThreadEvents) => Thread;

/** A question of one caller, and where its answer goes. */
export interface Job extends Ask {
  readonly resolve: (id: string) => void;
  readonly reject: (error: unknown) => void;
  /** Threads that died while they held this job. */
  deaths: number;
}

export interface PlaceParts {
  readonly startThread: StartThread;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
  readonly limits: Limits;
  /** There is room for another batch. */
  readonly onRoom: () => void;
  /** The thread died while it held these jobs. */
  readonly onOrphans: (jobs: readonly Job[]) => void;
}

export interface Place {
  /** Resolves when the first thread is ready; rejects when it died before. */
  readonly opened: Promise<void>;
  /** Batches held, or undefined when no further one may be given now. */
  load(): number | undefined;
  give(batch: Job[]): void;
  /** Whether there is no thread now and the last ones all died without an answer. */
  failing(): boolean;
  close(): Promise<void>;
}

/** Deaths in a row after which a place counts as failing; it goes on trying. */
const FAILURES_MAX = 3;
/** Pause before a new thread, doubled with every death in a row. Milliseconds. */
const RESTART_MS = 50;
const RESTART_MS_MAX = 5_000;

const settle = (job: Job, recovered: Recovered): void => {
  try {
    job.resolve(idOrThrow(recovered));
  } catch (refusal) {
    // Expected: a refused signature is the answer of this job alone.
    job.reject(refusal);
  }
};

/** Starts a place at once. */
export const makePlace = (parts: PlaceParts): Place => {
  const { clock, limits, log } = parts;
  let thread: Thread | undefined;
  let batches: Job[][] = [];
  let state: 'starting' | 'ready' | 'down' | 'closed' = 'starting';
  let failures = 0;
  let cancelTimer = (): void => undefined;
  let opened = (): void => undefined;
  let notOpened = (_: Fault): void => undefined;
  const opening = new Promise<void>((resolve, reject) => {
    [opened, notOpened] = [resolve, reject];
  });

  const onReady = (): void => {
    cancelTimer();
    if (state !== 'starting') return;
    state = 'ready';
    opened();
    parts.onRoom();
  };

  const onAnswers = (bytes: Uint8Array): void => {
    const answers = unpackAnswers(bytes);
    // A thread that answers something else than it was asked is not to be trusted: start another.
    if (answers.length !== batches[0]?.length) return void thread?.stop();
    failures = 0;
    for (const job of batches.shift() ?? []) settle(job, answers.shift() as Recovered);
    parts.onRoom();
  };

  const onEnd = (why: string): void => {
    cancelTimer();
    thread = undefined;
    notOpened(fault('unavailable', `the crypto worker does not start: ${why}`));
    const orphans = batches.flat();
    batches = [];
    if (state !== 'closed') {
      state = 'down';
      failures += 1;
      log.warn('crypto worker ended', { why, failures });
      cancelTimer = clock.after(Math.min(RESTART_MS * 2 ** failures, RESTART_MS_MAX), start);
    }
    parts.onOrphans(orphans);
  };

  const start = (): void => {
    state = 'starting';
    thread = parts.startThread({ onReady, onAnswers, onEnd });
    cancelTimer = clock.after(limits.cryptoWorkerStartMs, () => void thread?.stop());
  };
  start();

  return {
    opened: opening,
    load: () => {
      const room = state === 'ready' && batches.length < limits.recoveryBatchesPerWorkerMax;
      return room ? batches.length : undefined;
    },
    give: (batch) => {
      batches.push(batch);
      thread?.post(packAsks(batch));
    },
    failing: () => state !== 'ready' && failures >= FAILURES_MAX,
    close: async () => {
      state = 'closed';
      cancelTimer();
      await thread?.stop();
    },
  };
};
