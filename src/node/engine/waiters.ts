// Long polls of one colony, waiting for work. A process that becomes available is given to one
// waiter that fits it, the longest waiting first; finding it does not scan the waiters that do not
// fit.

import type { ProcessRow } from '../model/process.ts';
import type { Live } from './live.ts';
import { child } from './maps.ts';
import { fits, type Offer } from './queue.ts';

export interface Waiter {
  readonly offer: Offer;
  /** Its place in line: smaller waited longer. */
  readonly turn: number;
  /** Ends the wait with a process, which is assigned before this returns. Called at most once. */
  readonly give: (live: Live) => void;
  /** Ends the wait without a process. */
  readonly end: (why: 'dropped' | 'stopping' | 'revoked') => void;
}

interface Class {
  readonly sample: Waiter;
  readonly waiters: Set<Waiter>;
}

export interface Waiters {
  add(waiter: Waiter): void;
  remove(waiter: Waiter): void;
  /** The longest waiting one that fits. */
  findFor(p: ProcessRow): Waiter | undefined;
  /** All of one executor. */
  of(executorid: string): readonly Waiter[];
  all(): Iterable<Waiter>;
  size(): number;
}

const classKey = ({ executor, cpuMilli, memBytes }: Offer): string =>
  `${executor.type}\u0000${executor.location.toLowerCase()}\u0000${cpuMilli} ${memBytes}`;

const first = (waiters: Iterable<Waiter>): Waiter | undefined => {
  for (const waiter of waiters) return waiter;
  return undefined;
};

export const makeWaiters = (idOfName: (name: string) => string | undefined): Waiters => {
  const everyone = new Set<Waiter>();
  const byExecutor = new Map<string, Set<Waiter>>();
  const byType = new Map<string, Map<string, Class>>();

  const oldest = (candidates: Iterable<Waiter | undefined>): Waiter | undefined => {
    let best: Waiter | undefined;
    for (const waiter of candidates) {
      if (waiter && (!best || waiter.turn < best.turn)) best = waiter;
    }
    return best;
  };

  const targeted = function* (p: ProcessRow): Generator<Waiter | undefined> {
    const ids = [...p.spec.ids];
    for (const name of p.spec.names) {
      const id = idOfName(name);
      if (id !== undefined) ids.push(id);
    }
    for (const id of ids) {
      for (const waiter of byExecutor.get(id) ?? []) if (fits(p, waiter.offer)) yield waiter;
    }
  };

  const anyone = function* (p: ProcessRow): Generator<Waiter | undefined> {
    for (const { sample, waiters } of byType.get(p.spec.executortype)?.values() ?? []) {
      // Waiters of one class differ only by who they are, so an untargeted process fits all or
      // none.
      if (fits(p, sample.offer)) yield first(waiters);
    }
  };

  return {
    add: (waiter) => {
      const { executor } = waiter.offer;
      everyone.add(waiter);
      child(byExecutor, executor.id, () => new Set()).add(waiter);
      const classes = child(byType, executor.type, () => new Map());
      const make = (): Class => ({ sample: waiter, waiters: new Set() });
      child(classes, classKey(waiter.offer), make).waiters.add(waiter);
    },
    remove: (waiter) => {
      const { executor } = waiter.offer;
      if (!everyone.delete(waiter)) return;
      const own = byExecutor.get(executor.id);
      own?.delete(waiter);
      if (own?.size === 0) byExecutor.delete(executor.id);
      const classes = byType.get(executor.type);
      const key = classKey(waiter.offer);
      const same = classes?.get(key);
      same?.waiters.delete(waiter);
      if (same?.waiters.size === 0) classes?.delete(key);
      if (classes?.size === 0) byType.delete(executor.type);
    },
    findFor: (p) => oldest(p.spec.names.length + p.spec.ids.length === 0 ? anyone(p) : targeted(p)),
    of: (executorid) => [...(byExecutor.get(executorid) ?? [])],
    all: () => everyone,
    size: () => everyone.size,
  };
};
