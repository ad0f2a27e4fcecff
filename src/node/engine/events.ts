// Who wants to hear of processes entering a state. Told after the commit, never before.

import type { ColonyRow } from '../model/colony.ts';
import type { ProcessRow } from '../model/process.ts';
import type { Events, Listener } from './engine.ts';
import { child } from './maps.ts';

export interface EventHub {
  on(key: string, listener: Listener): () => void;
  /** Tells every listener of the process and of its colony and type. */
  publish(p: ProcessRow): void;
}

const colonyKey = (colony: number, executortype: string, state: number): string =>
  `${colony} ${state} ${executortype}`;
const processKey = (id: string, state: number): string => `${id} ${state}`;

export const makeEventHub = (): EventHub => {
  const listeners = new Map<string, Set<Listener>>();
  const tell = (key: string, p: ProcessRow): void => {
    for (const listener of listeners.get(key) ?? []) listener(p);
  };
  return {
    on: (key, listener) => {
      const all = child(listeners, key, () => new Set());
      all.add(listener);
      return () => {
        all.delete(listener);
        if (all.size === 0 && listeners.get(key) === all) listeners.delete(key);
      };
    },
    publish: (p) => {
      if (listeners.size === 0) return;
      tell(processKey(p.id, p.state), p);
      tell(colonyKey(p.colony, p.spec.executortype, p.state), p);
    },
  };
};

/**
 * The events part of the engine; `find` gives the process as decided now, `settled` tells when that
 * is on disk.
 */
export const makeEvents = (
  hub: EventHub,
  find: (id: string) => ProcessRow | undefined,
  settled: () => Promise<void> | undefined,
): Events => ({
  ofColony: (colony: ColonyRow, executortype, state, listener) =>
    hub.on(colonyKey(colony.no, executortype, state), listener),
  ofProcess: (p, state, listener) => {
    let over = false;
    const off = hub.on(processKey(p.id, state), (row) => {
      over = true;
      listener(row);
    });
    const now = find(p.id);
    const tell = (): void => {
      if (!over && now?.state === state) listener(now);
    };
    const pending = settled();
    if (pending === undefined) tell();
    // A change that is on its way to the disk is told by its own command; else this one was there
    // before.
    else
      pending.then(tell, () => {
        // The store failed: nothing is told any more.
      });
    return () => {
      over = true;
      off();
    };
  },
});
