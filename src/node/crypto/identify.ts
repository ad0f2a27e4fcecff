// Who signed this payload? The one port through which the server learns a caller's id: cache,
// strict reading of the signature, then recovery. Knows nothing of members: the caller of the port
// says whom to remember.

import { type Clock, systemClock } from '../clock.ts';
import { LIMITS, type Limits } from '../limits.ts';
import { type Log, silentLog } from '../log.ts';
import type { Engine, EngineName, Recoverable } from './engine.ts';
import { chooseEngine } from './engines.ts';
import { sha3 } from './hash.ts';
import { openRecovery } from './open-recovery.ts';
import type { Recovery } from './recovery.ts';
import { makeRecoveryCache } from './recovery-cache.ts';
import { parseSignature } from './signature.ts';

export interface Identify {
  /**
   * The id of whoever signed the payload text (the base64 text as received). A remembered pair, and
   * an engine on this thread, answer at once; else a promise. Throws or rejects with `forbidden`
   * and `detail.reason` for a bad signature, or `unavailable` when too many wait: await it in a
   * `try`.
   */
  (payload: string, signature: string): string | Promise<string>;
  /**
   * Remembers what `identify` answered. Call it only after the id turned out to belong to a known
   * member, so that strangers cannot flush the cache.
   */
  remember(payload: string, signature: string, id: string): void;
  /** The engine in use, for the log and the health page. */
  readonly engine: EngineName;
  /** Worker threads in use; 0 when the engine runs on the main thread. */
  readonly workers: number;
  /** Ends the worker threads; recoveries that still wait are rejected with `unavailable`. */
  close(): Promise<void>;
}

/** Puts the cache in front of a recovery. */
export const makeIdentify = (recovery: Recovery, limits: Limits = LIMITS): Identify => {
  const cache = makeRecoveryCache(limits);
  // Hashed only after the signature could be read.
  const recoverFresh = (payload: string, signature: Recoverable): string | Promise<string> =>
    recovery.recover(sha3(payload), signature);
  const identify = (payload: string, signature: string): string | Promise<string> =>
    cache.find(payload, signature) ?? recoverFresh(payload, parseSignature(signature));
  return Object.assign(identify, {
    remember: cache.add,
    engine: recovery.engine,
    workers: recovery.workers,
    close: recovery.close,
  });
};

export interface IdentifyOptions {
  /**
   * A name: use this engine or fail. An engine that `chooseEngine` gave: use it, so that other
   * parts (verification of records) share it. Without either: the fastest that works here.
   */
  readonly engine?: EngineName | Engine | undefined;
  /** Worker threads; 0 keeps the engine on the main thread. Without it the machine decides. */
  readonly workers?: number | undefined;
  readonly clock?: Pick<Clock, 'after'> | undefined;
  readonly log?: Log | undefined;
  readonly limits?: Limits | undefined;
}

/**
 * Chooses and tests the engine, starts its threads where they help, logs what serves, and gives the
 * port. Rejects with `unavailable` when the wanted engine cannot be used here.
 */
export const createIdentify = async (options: IdentifyOptions = {}): Promise<Identify> => {
  const { clock = systemClock(), log = silentLog(), limits = LIMITS, workers } = options;
  const given = options.engine;
  const engine = typeof given === 'object' ? given : await chooseEngine({ want: given, log });
  const recovery = await openRecovery(engine, { workers, clock, log, limits });
  log.info('signature engine ready', { engine: recovery.engine, workers: recovery.workers });
  return makeIdentify(recovery, limits);
};
