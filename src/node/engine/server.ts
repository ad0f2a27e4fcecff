// The server itself: who owns it, and its counters.

import { isId } from '../crypto/ids.ts';
import { fault } from '../errors.ts';
import type { Statistics } from '../model/statistics.ts';
import { keys } from '../store/keys.ts';
import { colonyStatistics } from './colonies.ts';
import type { Server } from './engine.ts';
import type { State } from './state.ts';

const add = (a: Statistics, b: Statistics): Statistics => {
  const sums = Object.entries(a).map(([name, n]) => [name, n + b[name as keyof Statistics]]);
  return Object.fromEntries(sums) as Statistics;
};

const ZERO: Statistics = {
  colonies: 0,
  executors: 0,
  activeexecutors: 0,
  unregisteredexecutors: 0,
  waitingprocesses: 0,
  runningprocesses: 0,
  successfulprocesses: 0,
  failedprocesses: 0,
  cancelledprocesses: 0,
  waitingworkflows: 0,
  runningworkflows: 0,
  successfulworkflows: 0,
  failedworkflows: 0,
  cancelledworkflows: 0,
};

/** Stores and adopts the server owner's id. */
export const adoptServerId = async (state: State, id: string): Promise<void> => {
  if (!isId(id)) throw fault('bad-request', 'the server id is not 64 lower-case hex digits');
  state.serverId = id;
  await state.store.write((w) => w.put(keys.meta('serverid'), id));
};

/** Makes the server part of the engine. */
export const makeServer = (state: State): Server => ({
  id: () => state.serverId,
  changeId: (id) => adoptServerId(state, id),
  statistics: () => {
    const all = [...state.colonies.values()].map(colonyStatistics).reduce(add, ZERO);
    // As on the original servers, unregistered executors are not counted as executors of the
    // server.
    return { ...all, executors: all.executors - all.unregisteredexecutors };
  },
});
