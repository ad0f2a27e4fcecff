// Recovery in worker threads: one bounded first-come queue, handed out in batches. A thread that
// dies loses nothing: recovery is pure, so its work is given to another. Must not know what is
// signed.

import type { Clock } from '../clock.ts';
import { type Fault, fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { EngineName } from './engine.ts';
import { type Job, makePlace, type Place, type StartThread } from './place.ts';
import type { Recovery } from './recovery.ts';

export interface PoolParts {
  readonly engine: EngineName;
  /** Worker threads, at least 1. */
  readonly workers: number;
  readonly startThread: StartThread;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
  readonly limits: Limits;
}

/** A job that saw this many threads die is given up: it may be what kills them. */
const DEATHS_MAX = 2;

const unavailable = (why: string): Fault =>
  fault('unavailable', `signatures cannot be checked now: ${why}`);

// The place with room that holds the fewest batches.
const roomiest = (places: readonly Place[]): Place | undefined => {
  let best: Place | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const place of places) {
    const load = place.load();
    if (load !== undefined && load < least) [best, least] = [place, load];
  }
  return best;
};

/**
 * Starts the threads and resolves when all of them are ready; rejects, leaving none, when one
 * fails.
 */
export const openPool = async (parts: PoolParts): Promise<Recovery> => {
  const { limits, workers } = parts;
  const places: Place[] = [];
  let queue: Job[] = [];
  let closed = false;

  const pump = (): void => {
    while (queue.length > 0) {
      const best = roomiest(places);
      if (best === undefined) return;
      // A short queue is shared out, so that no thread idles while another has a full batch.
      const size = Math.min(limits.recoveryBatchMax, Math.ceil(queue.length / workers));
      best.give(queue.splice(0, size));
    }
  };

  const rejectAll = (jobs: readonly Job[], why: string): void => {
    for (const job of jobs) job.reject(unavailable(why));
  };

  const onOrphans = (jobs: readonly Job[]): void => {
    for (const job of jobs) job.deaths += 1;
    rejectAll(
      jobs.filter((job) => job.deaths >= DEATHS_MAX),
      'the crypto worker died',
    );
    queue = [...jobs.filter((job) => job.deaths < DEATHS_MAX), ...queue];
    const hopeless = closed || places.every((place) => place.failing());
    if (hopeless) rejectAll(queue.splice(0), closed ? 'stopping' : 'no crypto worker runs');
    pump();
  };

  const close = async (): Promise<void> => {
    closed = true;
    rejectAll(queue.splice(0), 'stopping');
    await Promise.all(places.map((place) => place.close()));
  };

  for (let i = 0; i < workers; i++) {
    places.push(makePlace({ ...parts, onRoom: pump, onOrphans }));
  }
  const opened = await Promise.allSettled(places.map((place) => place.opened));
  const failed = opened.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }

  return {
    engine: parts.engine,
    workers,
    close,
    recover: (digest, signature) => {
      if (closed) throw unavailable('stopping');
      if (places.every((place) => place.failing())) throw unavailable('no crypto worker runs');
      if (queue.length >= limits.recoveriesQueuedMax) throw unavailable('too many are waiting');
      return new Promise((resolve, reject) => {
        queue.push({ digest, signature, resolve, reject, deaths: 0 });
        pump();
      });
    },
  };
};
