// The calls a running worker makes to the server of its colony, each with a deadline. It speaks the
// runtime dialect; `timeout` makes the assign of 2022 a long poll.

import type { Clock } from '../../node/clock.ts';
import { LIMITS } from '../../node/limits.ts';
import { AdvisedError, ServerError } from '../errors.ts';
import type { Call } from '../rpc.ts';
import { type Job, jobOf } from './job.ts';

const OUT = 1;
const RUNNING = 1;

export interface Broker {
  /** Waits for work; undefined when there was none in time. */
  assign(signal: AbortSignal): Promise<Job | undefined>;
  /** Whether the process still runs under this worker's name. */
  isMine(processid: string): Promise<boolean>;
  addLog(processid: string, message: string): Promise<void>;
  /** Keeps the output as the attribute `output`. */
  addOutput(processid: string, value: string): Promise<void>;
  closeSuccessful(processid: string, output: string): Promise<void>;
  closeFailed(processid: string, errors: readonly string[]): Promise<void>;
}

// Statuses that say "not now" or "not here": the same call may succeed later.
const PASSING = [408, 421, 429, 502, 503, 504];

/** Whether the server could not be asked, or not now: the same call may succeed later. */
export const isAway = (error: unknown): boolean =>
  error instanceof ServerError
    ? PASSING.includes(error.status)
    : error instanceof AdvisedError || (error as Error | undefined)?.name === 'TimeoutError';

/** Whether the server does not know the caller as an approved member of the colony (any more). */
export const isUnknownMember = (error: unknown): boolean =>
  error instanceof ServerError && error.status === 403;

// Calls with a signal that is aborted when the time is over, or with `signal`. What is done leaves
// no trace on `signal`, which lives as long as the worker.
const within = async <T>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  signal: AbortSignal | undefined,
  run: (until: AbortSignal) => Promise<T>,
): Promise<T> => {
  const until = new AbortController();
  const stop = (): void => until.abort(signal?.reason);
  const cancel = clock.after(ms, () =>
    until.abort(new DOMException(`no answer in ${ms} ms`, 'TimeoutError')),
  );
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await run(until.signal);
  } finally {
    cancel();
    signal?.removeEventListener('abort', stop);
  }
};

/** The broker for one registered runtime. */
export const makeBroker = (
  clock: Pick<Clock, 'after'>,
  call: Call,
  who: { readonly colonyid: string; readonly runtimeid: string; readonly prvkey: string },
): Broker => {
  const { colonyid, prvkey } = who;
  const ask = <T>(
    type: string,
    fields: Readonly<Record<string, unknown>>,
    withinMs: number = LIMITS.workerCallMs,
    signal?: AbortSignal,
  ): Promise<T> => within(clock, withinMs, signal, (until) => call<T>(type, fields, prvkey, until));
  return {
    assign: async (signal) => {
      const fields = { colonyid, timeout: LIMITS.workerPollS };
      const withinMs = LIMITS.workerPollS * 1000 + LIMITS.workerCallMs;
      const reply = await ask<unknown>('assignprocessmsg', fields, withinMs, signal);
      return reply === undefined ? undefined : jobOf(reply);
    },
    isMine: async (processid) => {
      const reply = await ask<{ state: number; assignedexecutorid: string }>('getprocessmsg', {
        processid,
      });
      return reply.state === RUNNING && reply.assignedexecutorid === who.runtimeid;
    },
    addLog: async (processid, message) => {
      await ask('addlogmsg', { processid, message });
    },
    addOutput: async (processid, value) => {
      await ask('addattributemsg', {
        attribute: {
          targetid: processid,
          targetcolonyid: colonyid,
          attributetype: OUT,
          key: 'output',
          value,
        },
      });
    },
    closeSuccessful: async (processid, output) => {
      await ask('closesuccessfulmsg', { processid, out: [output] });
    },
    closeFailed: async (processid, errors) => {
      await ask('closefailedmsg', { processid, errors });
    },
  };
};
