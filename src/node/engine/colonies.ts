// Colonies: added and removed by the server owner, paused by their owner.

import { isId } from '../crypto/ids.ts';
import { fault } from '../errors.ts';
import { type ColonyRow, checkColonyName } from '../model/colony.ts';
import { EXECUTOR_STATE } from '../model/executor.ts';
import type { Statistics } from '../model/statistics.ts';
import type { Writer } from '../store/commit.ts';
import { keys } from '../store/keys.ts';
import {
  colonyTable,
  executorTable,
  functionTable,
  removingTable,
  userTable,
} from '../store/tables/members.ts';
import type { Colonies } from './engine.ts';
import type { Lifecycle } from './lifecycle.ts';
import { type ColonyState, makeColonyState, type State, stateOf } from './state.ts';

const replace = async (state: State, colony: ColonyState, row: ColonyRow): Promise<void> => {
  colony.row = row;
  await state.store.write((w) => colonyTable.put(w, row));
};

/** Puts a colony into the maps: a new one, or one read from disk. */
export const placeColony = (state: State, row: ColonyRow): ColonyState => {
  const colony = makeColonyState(row, state.whereabouts);
  state.colonies.set(row.no, colony);
  state.byId.set(row.id, colony);
  state.byName.set(row.name, colony);
  return colony;
};

const checkId = (id: string): void => {
  if (!isId(id)) throw fault('bad-request', 'colony id is not 64 lower-case hex digits');
};

const add = async (state: State, id: string, name: string): Promise<ColonyRow> => {
  checkId(id);
  checkColonyName(name);
  if (state.byName.has(name)) {
    throw fault('conflict', `A Colony with name <${name}> already exists`, { reason: 'name' });
  }
  if (state.byId.has(id)) {
    throw fault('conflict', `A Colony with id <${id}> already exists`, { reason: 'id' });
  }
  const row: ColonyRow = { no: state.nextColony++, id, name, paused: false };
  placeColony(state, row);
  await state.store.write((w) => {
    w.put(keys.meta('nextcolony'), String(state.nextColony));
    colonyTable.put(w, row);
    w.made(id);
  });
  return row;
};

const forgetMembers = (colony: ColonyState): void => {
  const { executorsById, usersById, whereabouts } = colony;
  for (const id of executorsById.keys()) whereabouts.leave(id, colony);
  for (const id of usersById.keys()) whereabouts.leave(id, colony);
};

const dropMembers = (state: State, w: Writer, colony: ColonyState): void => {
  for (const user of colony.usersByName.values()) userTable.del(w, user);
  for (const hold of colony.executorsByName.values()) {
    executorTable.del(w, hold.row);
    state.heard.delete(hold);
    for (const fun of hold.functions.values()) {
      functionTable.del(w, fun);
      state.functions.delete(fun.wire.functionid);
    }
  }
};

/** Removes the colony and its members at once; its processes and logs go in pieces (removal.ts). */
const remove = async (
  state: State,
  colony: ColonyState,
  purge: (row: ColonyRow) => Promise<void>,
): Promise<void> => {
  const { row } = colony;
  colony.removed = true;
  state.colonies.delete(row.no);
  state.byId.delete(row.id);
  state.byName.delete(row.name);
  state.countsDirty.delete(colony);
  forgetMembers(colony);
  for (const waiter of [...colony.waiters.all()]) waiter.end('dropped');
  await state.store.write((w) => {
    colonyTable.del(w, row);
    removingTable.put(w, row);
    w.del(keys.counts(row.no));
    dropMembers(state, w, colony);
  });
  await purge(row);
};

/** Counters of one colony. */
export const colonyStatistics = (colony: ColonyState): Statistics => {
  const states = [...colony.executorsByName.values()].map((hold) => hold.row.state);
  const [success, failed, cancelled] = colony.finished;
  return {
    colonies: 1,
    executors: states.length,
    activeexecutors: states.filter((s) => s === EXECUTOR_STATE.approved).length,
    unregisteredexecutors: states.filter((s) => s === EXECUTOR_STATE.unregistered).length,
    waitingprocesses: colony.timeline.size() - colony.running.size,
    runningprocesses: colony.running.size,
    successfulprocesses: success,
    failedprocesses: failed,
    cancelledprocesses: cancelled,
    waitingworkflows: 0,
    runningworkflows: 0,
    successfulworkflows: 0,
    failedworkflows: 0,
    cancelledworkflows: 0,
  };
};

/** Makes the colonies part of the engine; `purge` deletes the history of a removed colony. */
export const makeColonies = (
  state: State,
  lifecycle: Lifecycle,
  purge: (row: ColonyRow) => Promise<void>,
): Colonies => ({
  find: (ref) => (state.byId.get(ref) ?? state.byName.get(ref))?.row,
  byNo: (no) => state.colonies.get(no)?.row,
  list: () => [...state.colonies.values()].map((colony) => colony.row),
  add: (id, name) => add(state, id, name),
  remove: (row) => remove(state, stateOf(state, row), purge),
  pause: async (row, paused) => {
    const colony = stateOf(state, row);
    const written = replace(state, colony, { ...colony.row, paused });
    // At once: work submitted from now on must not overtake what waited.
    if (!paused) lifecycle.match(colony);
    await written;
  },
  statistics: (row) => colonyStatistics(stateOf(state, row)),
  changeId: async (row, id) => {
    checkId(id);
    const colony = stateOf(state, row);
    const other = state.byId.get(id);
    if (other && other !== colony) {
      throw fault('conflict', `A Colony with id <${id}> already exists`, { reason: 'id' });
    }
    state.byId.delete(colony.row.id);
    state.byId.set(id, colony);
    await replace(state, colony, { ...colony.row, id });
  },
});
