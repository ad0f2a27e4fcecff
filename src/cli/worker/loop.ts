// The life of a worker: join the colony, take one process after the other, leave the colony. An
// unreachable server is waited for; a server that forgot the worker gets it registered again; one
// that rejects it ends it.

import { LIMITS } from '../../node/limits.ts';
import { AdvisedError, advised, EXIT } from '../errors.ts';
import { isAway, isUnknownMember, makeBroker } from './broker.ts';
import type { Job, WorkerIdentity } from './job.ts';
import { joinColony, leaveColony, type MembershipCx, type WorkerFacts } from './membership.ts';
import { pause, runJob, type WorkerCx } from './run-job.ts';

const NOT_LEFT =
  'It stays registered at the server until `colonies worker unregister` is run; a process it was running goes back to the queue then.';
const REJECTED =
  'The colony owner rejected this worker. Approve it, or start it under another name.';

const reasonOf = (error: unknown): string => {
  if (error instanceof AdvisedError) return `${error.message}. ${error.advice}`;
  return error instanceof Error ? error.message : String(error);
};

/**
 * Ends the membership; when the server cannot be reached, says what is left to do. Gives the exit
 * code.
 */
const leave = async (
  cx: WorkerCx,
  membership: MembershipCx,
  runtimeid: string,
): Promise<number> => {
  try {
    await leaveColony(membership, runtimeid, AbortSignal.timeout(LIMITS.workerGraceMs));
    return EXIT.ok;
  } catch (error) {
    const text = `Runtime not unregistered: ${reasonOf(error)}`;
    if (isAway(error)) {
      cx.log.error(text, { runtimeID: runtimeid });
      cx.log.info(NOT_LEFT);
      return EXIT.failed;
    }
    // Expected when somebody else unregistered it: then there is nothing left to end.
    cx.log.warn(text, { runtimeID: runtimeid });
    membership.states.remove(runtimeid);
    return EXIT.ok;
  }
};

/**
 * Runs a worker until it is stopped; `info` goes into the line that says it is ready, `ready` is
 * called once with the first identity. Gives the exit code.
 */
export const runWorker = async (
  cx: WorkerCx,
  membership: MembershipCx,
  facts: WorkerFacts,
  pid: number,
  info: Readonly<Record<string, string>>,
  ready: (who: WorkerIdentity) => void,
): Promise<number> => {
  const { log, stop } = cx;
  let away = false;

  const told = (error: unknown): void => {
    if (!away) log.warn('Cannot reach the server, trying again', { err: reasonOf(error) });
    away = true;
  };
  const back = (): void => {
    if (away) log.info('The server answers again');
    away = false;
  };

  // The next process, undefined when there was none this time. Throws what waiting cannot mend.
  const next = async (take: () => Promise<Job | undefined>): Promise<Job | undefined> => {
    try {
      const job = await take();
      back();
      return job;
    } catch (error) {
      // Expected at the end of the worker, and while the server is away.
      if (stop.aborted) return undefined;
      if (!isAway(error)) throw error;
      told(error);
      await pause(cx, LIMITS.workerRetryMs);
      return undefined;
    }
  };

  const serve = async (who: WorkerIdentity): Promise<void> => {
    const broker = makeBroker(cx.clock, membership.call, who);
    while (!stop.aborted) {
      const job = await next(() => broker.assign(stop));
      if (job === undefined) continue;
      log.info('Colonies Worker was assigned a process', { processID: job.processid });
      await runJob(cx, broker, who, job);
    }
  };

  const join = async (): Promise<WorkerIdentity> => {
    const who = await joinColony(membership, facts, pid);
    log.info('Colonies Worker now waiting for processes to be execute', info);
    return who;
  };

  const rejoin = async (who: WorkerIdentity, error: unknown): Promise<WorkerIdentity> => {
    if (/is not approved/.test(reasonOf(error))) throw advised(reasonOf(error), REJECTED);
    log.warn('The server does not know this worker any more, registering again', {
      err: reasonOf(error),
    });
    membership.states.remove(who.runtimeid);
    for (;;) {
      try {
        return await join();
      } catch (failure) {
        // Expected while the server is away.
        if (!isAway(failure) || stop.aborted) throw failure;
        told(failure);
        await pause(cx, LIMITS.workerRetryMs);
      }
    }
  };

  let who = await join();
  let code: number = EXIT.failed;
  try {
    ready(who);
    while (!stop.aborted) {
      try {
        await serve(who);
      } catch (error) {
        // Expected when the executor was removed, by its owner or after a long silence.
        if (!isUnknownMember(error)) throw error;
        who = await rejoin(who, error);
      }
    }
  } finally {
    code = await leave(cx, membership, who.runtimeid);
  }
  return code;
};
