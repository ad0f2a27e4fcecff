// Brings live processes back into memory when a folder is opened, in the order of their submission.
// A node may have a million of them, so nothing here is made for each of them and dropped again.

import { keys, lastPart } from '../store/keys.ts';
import { decodeProcess, type Intern } from '../store/tables/processes.ts';
import type { Lifecycle } from './lifecycle.ts';
import { child } from './maps.ts';
import type { ColonyState, State } from './state.ts';

const makeIntern = (): Intern => {
  const texts = new Map<string, string>();
  const lists = new Map<string, readonly string[]>();
  const text = (one: string): string => {
    const known = texts.get(one);
    if (known !== undefined) return known;
    texts.set(one, one);
    return one;
  };
  return {
    text,
    list: (many) => {
      const [only] = many;
      if (only === undefined) return many;
      // Most are meant for anyone or for one executor.
      return many.length > 1 ? many.map(text) : child(lists, only, () => [text(only)]);
    },
  };
};

/** Values of the progress table by process id. */
const readProgress = async ({ store }: State): Promise<Map<string, string>> => {
  const progress = new Map<string, string>();
  for await (const page of store.pages(keys.allProgress)) {
    for (const [key, value] of page) progress.set(lastPart(key), value);
  }
  return progress;
};

/** Running processes are kept in the order of their start; they come from disk in another one. */
const orderByStart = ({ running, executorsById }: ColonyState): void => {
  for (const live of [...running].sort((a, b) => a.row.startedUs - b.row.startedUs)) {
    for (const set of [running, executorsById.get(live.row.executorid)?.running]) {
      set?.delete(live);
      set?.add(live);
    }
  }
};

/** Reads all live processes of colonies that are there. */
export const loadLive = async (state: State, lifecycle: Lifecycle): Promise<void> => {
  const progress = await readProgress(state);
  const later = (id: string): string | undefined => progress.get(id);
  const options = { intern: makeIntern(), leaveText: true };
  // Key order is that of submission.
  for await (const page of state.store.values(keys.allLive)) {
    for (const value of page) {
      const row = decodeProcess(value, later, options);
      const colony = state.colonies.get(row.colony);
      if (colony) lifecycle.restore(colony, row, progress.has(row.id));
    }
  }
  for (const colony of state.colonies.values()) orderByStart(colony);
};
