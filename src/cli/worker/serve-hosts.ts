// The life of a worker that is attached to a colony: it takes work from the home, from the next host
// when the home cannot be reached, and from both when it is back. One loop for each host.

import { ColoniesError } from '../../api/client/error.ts';
import type { OnReach } from '../../attach/deliver.ts';
import { LIMITS } from '../../node/limits.ts';
import { anyOf } from '../../node/signals.ts';
import { AdvisedError, advised, EXIT, ServerError } from '../errors.ts';
import type { Call } from '../rpc.ts';
import { type Broker, isAway, isUnknownMember, makeBroker } from './broker.ts';
import { changeOrPause, type HostBoard } from './hosts.ts';
import type { Job } from './job.ts';
import type { Members } from './members.ts';
import { pause, runJob, type WorkerCx } from './run-job.ts';

export interface AttachedCx extends WorkerCx {
  readonly board: HostBoard;
  readonly members: Members;
  readonly callTo: (serverid: string) => Call;
  /** Looks the hosts of the colony up anew: it may have moved. */
  readonly lookAgain: () => void;
  /** Whether the worker registers itself; otherwise a refusal ends it. */
  readonly registers: boolean;
}

const REJECTED =
  'The colony owner rejected this worker. Approve it, or start it under another name.';
const NO_MEMBER =
  'Its key is no approved member there. Give the key of the colony (COLONIES_COLONYPRVKEY), or have ' +
  'its owner register and approve this worker on every host of the colony.';
const NOT_LEFT =
  'It stays registered there until `colonies worker unregister` is run; a process it was running ' +
  'goes back to the queue then.';

const reasonOf = (error: unknown): string => {
  if (error instanceof AdvisedError) return `${error.message}. ${error.advice}`;
  return error instanceof Error ? error.message : String(error);
};

/** Notes on the board whether a host answers, and tells of changes. */
export const noting =
  ({ board, log }: Pick<AttachedCx, 'board' | 'log'>): OnReach =>
  (serverid, problem): void => {
    const isReached = problem === undefined;
    const isNews = isReached ? board.back(serverid) : board.away(serverid);
    if (!isNews) return;
    if (isReached) log.info('The host answers again', { serverID: serverid });
    else log.warn('Cannot reach the host, trying again', { serverID: serverid, err: problem });
  };

const NOT_HOME = 421;

/** Whether a host is of no use though it was reached: it denies the colony, or its word is altered. */
const isUseless = (error: unknown): boolean => {
  if (error instanceof ServerError) return error.status === NOT_HOME;
  const cause = error instanceof AdvisedError ? error.cause : undefined;
  return cause instanceof ColoniesError && cause.code === 'bad-reply';
};

/** Calls after which a host that is of no use counts as away. */
const watched = (cx: AttachedCx, serverid: string): Call => {
  const call = cx.callTo(serverid);
  const note = noting(cx);
  return async <T>(...args: Parameters<Call>): Promise<T> => {
    try {
      return await call<T>(...args);
    } catch (error) {
      if (isUseless(error)) {
        note(serverid, reasonOf(error));
        cx.lookAgain();
      }
      throw error;
    }
  };
};

/** The loop of one host; ends when the worker stops or the host is wanted no more. */
const serveHost = async (cx: AttachedCx, serverid: string): Promise<void> => {
  const { board, members, log, stop } = cx;
  const call = watched(cx, serverid);
  const isWanted = (): boolean => !stop.aborted && board.wanted().includes(serverid);
  let broker: Broker | undefined;

  const join = async (): Promise<Broker> => {
    await members.join(serverid);
    board.joined(serverid);
    const who = members.identityAt(serverid);
    log.info('Colonies Worker now waiting for processes to be execute', {
      serverID: serverid,
      ServerHost: who.host,
      ServerPort: String(who.port),
    });
    return makeBroker(cx.clock, call, who);
  };

  const take = async (): Promise<Job | undefined> => {
    try {
      broker ??= await join();
      await board.room(stop);
      return stop.aborted ? undefined : await broker.assign(stop);
    } catch (error) {
      if (stop.aborted) return undefined;
      if (isUnknownMember(error)) {
        if (/is not approved/.test(reasonOf(error))) throw advised(reasonOf(error), REJECTED);
        if (!cx.registers) throw advised(`${serverid}: ${reasonOf(error)}`, NO_MEMBER);
        if (broker === undefined) throw error;
        log.warn('The host does not know this worker any more, registering again', {
          serverID: serverid,
          err: reasonOf(error),
        });
        broker = undefined;
        return undefined;
      }
      if (!isAway(error)) throw error;
      await pause(cx, LIMITS.workerRetryMs);
      return undefined;
    }
  };

  while (isWanted()) {
    const job = await take();
    if (job === undefined || broker === undefined) continue;
    const { processid } = job;
    log.info('Colonies Worker was assigned a process', { processID: processid });
    const end = board.begin(serverid);
    try {
      await runJob(cx, broker, members.identityAt(serverid), job);
    } finally {
      end();
    }
  }
};

const leave = async ({ members, log }: AttachedCx): Promise<number> => {
  const left = await members.leave(AbortSignal.timeout(LIMITS.workerGraceMs));
  if (left.length === 0) {
    log.info('Runtime unregistered');
    return EXIT.ok;
  }
  log.error('Runtime not unregistered on every host', { servers: left });
  log.info(NOT_LEFT);
  return EXIT.failed;
};

/** Runs a worker on the hosts that the board wants, until it is stopped. Gives the exit code. */
export const serveHosts = async (given: AttachedCx): Promise<number> => {
  const failed = new AbortController();
  const stop = anyOf(given.stop, failed.signal);
  const cx: AttachedCx = { ...given, stop };
  const running = new Map<string, Promise<void>>();
  let failure: unknown;

  const start = (serverid: string): void => {
    const loop = serveHost(cx, serverid)
      .catch((error: unknown) => {
        // One host that refuses this worker for good ends it, as it would end at its only server.
        failure ??= error;
        failed.abort(new Error('stopped'));
      })
      .finally(() => running.delete(serverid));
    running.set(serverid, loop);
  };

  let code: number = EXIT.failed;
  try {
    while (!stop.aborted) {
      for (const serverid of cx.board.wanted()) if (!running.has(serverid)) start(serverid);
      await changeOrPause(cx.board, cx.clock, LIMITS.workerWatchMs, stop);
    }
    await Promise.all(running.values());
  } finally {
    code = await leave(cx);
  }
  if (failure !== undefined) throw failure;
  return code;
};
