// The worker loop: asks for work, runs it, reports the outcome, and keeps going through network
// trouble.

import { stringifyJson } from '../../node/model/json.ts';
import type { Process } from '../../node/model/process.ts';
import { type Client, type ClientOptions, makeClient } from './client.ts';
import { ColoniesError } from './error.ts';
import { generateKey, random } from './key.ts';

export interface WorkContext {
  readonly client: Client;
  /** Aborted when the process's execution time is over: what it would return is refused then. */
  readonly signal: AbortSignal;
  /** Adds a line to the process's log. */
  log(message: string): Promise<void>;
  /** Sets an attribute of the process. */
  set(key: string, value: string): Promise<void>;
}

/**
 * Does the work. What it returns is the output: a list as it is, nothing as none, else a list of
 * one.
 */
export type Run = (process: Process, ctx: WorkContext) => unknown;

export interface WorkOptions extends ClientOptions {
  readonly colony: string;
  readonly name: string;
  /** The executor type whose processes it takes. */
  readonly type: string;
  /**
   * The colony's private key: the worker registers and approves itself with it, and unregisters
   * when it stops. Without it, `key` must belong to an approved executor.
   */
  readonly colonyKey?: string;
  readonly location?: string;
  /** How many processes it runs at a time; default 1. */
  readonly parallel?: number;
  /** Seconds that one poll waits; default 30. */
  readonly waitS?: number;
  /** Stops the loop: no more work is taken, what runs is finished first. */
  readonly signal?: AbortSignal;
  /** Told of trouble that the loop survives. */
  readonly onTrouble?: (error: unknown) => void;
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 10_000;
const ATTEMPTS_MAX = 10;
const WAIT_S = 30;

// A pause that the signal ends early. Half of it is chance, so that a fleet does not return all at
// once.
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const [share = 0] = random(new Uint8Array(1));
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms / 2 + (ms / 2) * (share / 255));
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });

// Waits that grow while nothing works: half a second, then twice as long each time up to ten
// seconds.
const makeBackoff = (signal: AbortSignal) => {
  let nextMs = BACKOFF_FIRST_MS;
  return {
    wait: async (): Promise<void> => {
      await pause(nextMs, signal);
      nextMs = Math.min(2 * nextMs, BACKOFF_MAX_MS);
    },
    reset: (): void => {
      nextMs = BACKOFF_FIRST_MS;
    },
  };
};

const isPassing = (error: unknown): boolean =>
  error instanceof ColoniesError &&
  (error.mayRetry || error.code === 'internal' || error.code === 'bad-reply');

type Trouble = (error: unknown) => void;

// Repeats a call while the trouble is of the passing kind. `signal` ends the waiting, not the call.
const insist = async <T>(
  call: () => Promise<T>,
  signal: AbortSignal,
  trouble: Trouble,
  attemptsMax: number = ATTEMPTS_MAX,
) => {
  const backoff = makeBackoff(signal);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!isPassing(error) || attempt >= attemptsMax || signal.aborted) throw error;
      trouble(error);
      await backoff.wait();
    }
  }
};

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const outputOf = (result: unknown): readonly unknown[] => {
  if (result === undefined) return [];
  return Array.isArray(result) ? result : [result];
};

const contextOf = (client: Client, processid: string, signal: AbortSignal): WorkContext => ({
  client,
  signal,
  log: async (message) => {
    await client.addLog({ processid, message });
  },
  set: async (key, value) => {
    await client.addAttribute({ attribute: { targetid: processid, attributetype: 1, key, value } });
  },
});

// Runs one process; gives what reports its outcome, or undefined when its time was over before.
const runOne = async (client: Client, process: Process, run: Run) => {
  const { processid, spec } = process;
  const late = new AbortController();
  const expire = (): void =>
    late.abort(new ColoniesError('outcome-unknown', 'the execution time is over'));
  const timer = spec.maxexectime > 0 ? setTimeout(expire, spec.maxexectime * 1000) : undefined;
  try {
    const out = outputOf(await run(process, contextOf(client, processid, late.signal)));
    stringifyJson(out);
    if (!late.signal.aborted) return () => client.close({ processid, out });
  } catch (error) {
    // Whatever the work threw is its outcome: the process failed.
    if (!late.signal.aborted) return () => client.fail({ processid, errors: [textOf(error)] });
  } finally {
    clearTimeout(timer);
  }
  return undefined;
};

const isTaken = (error: unknown): boolean =>
  error instanceof ColoniesError && /already exists/.test(error.message);

// Whether an earlier run of this worker, with this key, is still registered.
const isRegistered = async (worker: Client, colonyname: string, name: string): Promise<boolean> => {
  const all = await worker.getExecutors({ colonyname });
  return all.some((one) => one.executorid === worker.id && one.executorname === name);
};

const register = async (options: WorkOptions, worker: Client, owner: Client): Promise<void> => {
  const { colony: colonyname, name: executorname, type: executortype, location = '' } = options;
  const named = { executorid: worker.id ?? '', executorname, executortype, colonyname };
  try {
    await owner.addExecutor({ executor: { ...named, locationname: location } });
  } catch (error) {
    if (!isTaken(error)) throw error;
    // Refused to a stranger, which this worker is when the name belongs to another key.
    const ours = await isRegistered(worker, colonyname, executorname).catch(() => false);
    if (!ours) throw error;
  }
  await owner.approveExecutor({ colonyname, executorname });
};

type Report = () => Promise<unknown>;

/**
 * Hands results in. With a courier the server of a process may be away while there is work
 * elsewhere: then the result waits for it beside the next work.
 */
const makeReporting = (
  { courier }: WorkOptions,
  signal: AbortSignal,
  trouble: Trouble,
): { report(call: Report): Promise<void>; ended(): Promise<unknown> } => {
  const waiting = new Set<Promise<unknown>>();
  const wait = (call: Report): void => {
    const one = insist(call, signal, trouble, Number.POSITIVE_INFINITY)
      .catch(trouble)
      .finally(() => waiting.delete(one));
    waiting.add(one);
  };
  return {
    report: async (call) => {
      try {
        await (courier === undefined ? insist(call, signal, trouble) : call());
      } catch (error) {
        trouble(error);
        if (courier !== undefined && isPassing(error)) wait(call);
      }
    },
    ended: () => Promise.all(waiting),
  };
};

/**
 * Registers where the worker is not registered yet: at its server, or at each that a courier finds.
 */
const makeJoining = (options: WorkOptions, client: Client, owner: Client | undefined) => {
  const { courier } = options;
  const joined = new Set<string>();
  const here = (): string => courier?.attached?.()?.serverid ?? '';
  return {
    join: async (): Promise<void> => {
      if (owner === undefined) return;
      await register(options, client, owner);
      joined.add(here());
    },
    /** Whether a refusal came from a server that has not met this worker. */
    isNew: (error: unknown): boolean =>
      owner !== undefined &&
      courier !== undefined &&
      error instanceof ColoniesError &&
      error.code === 'forbidden' &&
      !joined.has(here()),
  };
};

/**
 * Works until `signal` is aborted, then finishes what runs and returns. Lost connections are waited
 * out. With the courier of an attached client (`connect`) it works for whichever host of the colony
 * can be reached. Throws when the server refuses the worker for good.
 */
export const work = async (options: WorkOptions, run: Run): Promise<void> => {
  const { colonyKey, sign: _, ...address } = options;
  const { signal = new AbortController().signal, onTrouble = () => undefined } = options;
  const client = makeClient({ ...options, key: options.key ?? generateKey() });
  const owner = colonyKey === undefined ? undefined : makeClient({ ...address, key: colonyKey });
  const { colony: colonyname, name: executorname, waitS = WAIT_S } = options;
  const { join, isNew } = makeJoining(options, client, owner);
  const { report, ended } = makeReporting(options, signal, onTrouble);

  const loop = async (): Promise<void> => {
    const backoff = makeBackoff(signal);
    while (!signal.aborted) {
      try {
        const process = await client.next({ colonyname, waitS, signal });
        backoff.reset();
        if (process === undefined) continue;
        const outcome = await runOne(client, process, run);
        if (outcome !== undefined) await report(outcome);
      } catch (error) {
        if (signal.aborted) return;
        if (isNew(error)) await insist(join, signal, onTrouble);
        else if (!isPassing(error)) throw error;
        else {
          onTrouble(error);
          await backoff.wait();
        }
      }
    }
  };

  await insist(join, signal, onTrouble);
  try {
    await Promise.all(Array.from({ length: options.parallel ?? 1 }, loop));
    await ended();
  } finally {
    if (owner !== undefined) {
      await owner.removeExecutor({ colonyname, executorname }).catch(onTrouble);
    }
  }
};
