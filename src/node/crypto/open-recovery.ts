// Decides where recovery runs: on the main thread or in worker threads. Server side only.

import { availableParallelism } from 'node:os';
import type { Clock } from '../clock.ts';
import type { Limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { Engine, EngineName } from './engine.ts';
import { openPool } from './pool.ts';
import { inlineRecovery, type Recovery } from './recovery.ts';
import { threadStarter, workerEntry } from './worker-thread.ts';

/** From this many cores on a pool of native engines gains; below it the messages eat the gain. */
const NATIVE_POOL_CORES = 4;

/**
 * Worker threads for an engine on a machine: none for the native engine below four cores, since a
 * message costs as much as it saves; always at least one for the others, since one recovery of
 * theirs would hold up every other call.
 */
export const workersFor = (engine: EngineName, cores: number, most: number): number => {
  if (engine !== 'native') return Math.min(Math.max(cores - 1, 1), most);
  return cores < NATIVE_POOL_CORES ? 0 : Math.min(Math.floor(cores / 2), most);
};

export interface RecoveryOptions {
  /** Worker threads; 0 keeps the engine on the main thread. Without it `workersFor` decides. */
  readonly workers?: number | undefined;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
  readonly limits: Limits;
  /** Where the compiled worker lies; undefined where there is none. */
  readonly entry?: URL | undefined;
}

/**
 * Opens recovery with a tested engine. Where threads cannot be had (no compiled worker beside this
 * code, a container that allows none) the engine runs on the main thread and the log says so.
 */
export const openRecovery = async (engine: Engine, options: RecoveryOptions): Promise<Recovery> => {
  const { clock, limits, log, entry = workerEntry() } = options;
  const most = limits.cryptoWorkersMax;
  const workers = options.workers ?? workersFor(engine.name, availableParallelism(), most);
  if (!Number.isInteger(workers) || workers < 0 || workers > most) {
    throw new RangeError(`workers: must be a whole number from 0 to ${most}`);
  }
  if (workers === 0) return inlineRecovery(engine);
  if (entry === undefined) {
    log.warn('no compiled crypto worker: signatures are checked on the main thread');
    return inlineRecovery(engine);
  }
  try {
    const startThread = threadStarter(entry, engine.name, limits);
    return await openPool({ engine: engine.name, workers, startThread, clock, log, limits });
  } catch (error) {
    // Expected where threads are not allowed: slower, but it serves.
    log.warn('crypto workers do not start: signatures are checked on the main thread', { error });
    return inlineRecovery(engine);
  }
};
