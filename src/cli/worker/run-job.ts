// Runs one assigned process from its start to its result on the server. Whoever takes the process
// away (its deadline, a cancellation, the end of this worker) stops the child; then the server
// decides, not the worker.

import { join } from 'node:path';
import type { Clock } from '../../node/clock.ts';
import { LIMITS } from '../../node/limits.ts';
import type { Log } from '../../node/log.ts';
import { type Broker, isAway } from './broker.ts';
import { type Child, type Outcome, startChild } from './child.ts';
import { childEnvironment, type Job, type WorkerIdentity } from './job.ts';
import { makeLogStream } from './log-stream.ts';
import { makeOutput } from './output.ts';

export interface WorkerCx {
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly echo: (piece: Uint8Array) => Promise<void>;
  /** '' is no logs. */
  readonly logDir: string;
  /** Aborted when the worker must stop. */
  readonly stop: AbortSignal;
  /** Pace of asking whether the running process is still ours; `LIMITS.workerWatchMs` else. */
  readonly watchMs?: number;
}

/** Settles after `ms`, or at once when the worker stops. */
export const pause = (cx: Pick<WorkerCx, 'clock' | 'stop'>, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      cancel();
      cx.stop.removeEventListener('abort', end);
      resolve();
    };
    const cancel = cx.clock.after(ms, end);
    if (cx.stop.aborted) end();
    else cx.stop.addEventListener('abort', end, { once: true });
  });

/**
 * Calls until the server answered or refused. When the worker stops there is one attempt, not more.
 */
const insist = async (cx: WorkerCx, what: string, call: () => Promise<void>): Promise<void> => {
  for (let told = false; ; told = true) {
    try {
      return await call();
    } catch (error) {
      // Expected while the server is away: the result of an hour's work must not be lost for that.
      if (!isAway(error) || cx.stop.aborted) throw error;
      if (!told) cx.log.warn(`Cannot ${what} now, trying again`, { err: error });
      await pause(cx, LIMITS.workerRetryMs);
    }
  }
};

type Taken = 'deadline' | 'server' | 'stop';

// Watches for what takes the process away from the child; stops the child then.
const watch = (cx: WorkerCx, broker: Broker, job: Job, child: Child) => {
  let taken: Taken | undefined;
  const cancels: (() => void)[] = [];
  const take = (why: Taken): void => {
    taken ??= why;
    child.stop(LIMITS.workerGraceMs);
  };
  const onStop = (): void => take('stop');
  const look = async (): Promise<void> => {
    try {
      if (!(await broker.isMine(job.processid))) take('server');
    } catch (error) {
      // Expected while the server is away; a refusal says that the process, or this worker, is
      // gone.
      if (!isAway(error)) take('server');
    }
    lookLater();
  };
  const { watchMs = LIMITS.workerWatchMs } = cx;
  const lookLater = (): void => {
    if (taken === undefined && cancels.length > 0) {
      cancels[0] = cx.clock.after(watchMs, () => void look());
    }
  };

  cancels.push(cx.clock.after(watchMs, () => void look()));
  if (job.maxexectime > 0) {
    cancels.push(cx.clock.after(job.maxexectime * 1000, () => take('deadline')));
  }
  if (cx.stop.aborted) onStop();
  else cx.stop.addEventListener('abort', onStop, { once: true });
  return {
    end: (): Taken | undefined => {
      for (const cancel of cancels.splice(0)) cancel();
      cx.stop.removeEventListener('abort', onStop);
      return taken;
    },
  };
};

const close = async (
  cx: WorkerCx,
  broker: Broker,
  processid: string,
  outcome: Outcome,
  text: string,
): Promise<void> => {
  for (const error of outcome.errors) cx.log.error(error);
  const { success } = outcome;
  cx.log.info(`Closing process as ${success ? 'Successful' : 'Failed'}`, { processID: processid });
  try {
    await insist(cx, 'send the output', () => broker.addOutput(processid, text));
    await insist(cx, 'close the process', () =>
      success
        ? broker.closeSuccessful(processid, text)
        : broker.closeFailed(processid, outcome.errors),
    );
  } catch (error) {
    // Expected when the process was taken away a moment ago: its result belongs to somebody else
    // now.
    cx.log.warn('The result was not accepted', { processID: processid, err: error });
  }
};

const TAKEN: Readonly<Record<Taken, string>> = {
  deadline: 'Maximum execution time exceeded, process stopped',
  server: 'The process was cancelled or taken away, stopped',
  stop: 'Stopping, process handed back',
};

/**
 * Runs the process. Settles when its result is on the server, or when it is no longer this
 * worker's.
 */
export const runJob = async (
  cx: WorkerCx,
  broker: Broker,
  who: WorkerIdentity,
  job: Job,
): Promise<void> => {
  const { processid } = job;
  cx.log.info('Executing', { Cmd: job.cmd, Args: `[${job.args.join(' ')}]` });
  const stream = makeLogStream(cx.clock, (text) => broker.addLog(processid, text));
  const output = makeOutput({
    echo: cx.echo,
    file: cx.logDir === '' ? undefined : join(cx.logDir, `${processid}.log`),
    send: stream.send,
  });
  const env = childEnvironment(cx.environment, job, who);
  const child = startChild(cx.clock, { cmd: job.cmd, args: job.args, env }, output.write);
  const watching = watch(cx, broker, job, child);
  const outcome = await child.done;
  const taken = watching.end();
  const { text, cut, problem } = await output.end();
  const unsent = await stream.end();
  if (problem !== undefined) cx.log.error('The log file is incomplete', { err: problem });
  if (unsent !== undefined) cx.log.warn('Output was not sent while running', { err: unsent });
  if (cut > 0)
    cx.log.warn('The beginning of the output was cut off', { processID: processid, cut });
  if (taken === undefined) return close(cx, broker, processid, outcome, text);
  cx.log.warn(TAKEN[taken], { processID: processid });
};
