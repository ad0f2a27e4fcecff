// Executors of a colony: registered by the colony owner, pending until approved. A removed one
// keeps its row, so that the history of the colony can be read, but gives its name free.

import { fault } from '../errors.ts';
import { checkName } from '../model/colony.ts';
import { EXECUTOR_STATE, type ExecutorRow } from '../model/executor.ts';
import { putBack } from '../model/process.ts';
import { executorTable, functionTable } from '../store/tables/members.ts';
import type { Executors, NewExecutor } from './engine.ts';
import { dropFunctions } from './functions.ts';
import type { Lifecycle } from './lifecycle.ts';
import { type ColonyState, type ExecutorHold, noteMember, type State, stateOf } from './state.ts';

const isLive = (hold: ExecutorHold | undefined): hold is ExecutorHold =>
  hold !== undefined && hold.row.state !== EXECUTOR_STATE.unregistered;

/** Puts an executor into the maps: a new one, or one read from disk. */
export const placeExecutor = (colony: ColonyState, row: ExecutorRow): ExecutorHold => {
  const hold: ExecutorHold = {
    row,
    heardUs: row.heardUs,
    functions: new Map(),
    running: new Set(),
  };
  colony.executorsByName.set(row.name, hold);
  claim(colony, hold);
  return hold;
};

/** Lets its id mean this executor, unless another one that has it prevails. */
const claim = (colony: ColonyState, hold: ExecutorHold): void => {
  const { executorsById, sharedIds } = colony;
  const { id } = hold.row;
  const known = executorsById.get(id);
  if (known && known !== hold) sharedIds.add(id);
  if (!known || prevails(hold, known)) executorsById.set(id, hold);
  noteMember(colony, id);
};

/** Which of two rows with one id is meant by the id: the registered one, else the newer. */
const prevails = (a: ExecutorHold, b: ExecutorHold): boolean =>
  isLive(a) === isLive(b) ? a.row.commissionedUs > b.row.commissionedUs : isLive(a);

/** Lets the id mean whoever of those that still have it. */
const reindex = (colony: ColonyState, id: string): void => {
  colony.executorsById.delete(id);
  for (const hold of colony.executorsByName.values()) {
    if (hold.row.id === id) claim(colony, hold);
  }
  noteMember(colony, id);
};

const holdOf = (
  state: State,
  executor: ExecutorRow,
): { colony: ColonyState; hold: ExecutorHold } => {
  const colony = state.colonies.get(executor.colony);
  const hold = colony?.executorsByName.get(executor.name);
  if (colony && hold?.row.id === executor.id) return { colony, hold };
  throw fault('not-found', `executor ${executor.name} is gone`);
};

const dropWaiters = (colony: ColonyState, hold: ExecutorHold): void => {
  for (const waiter of colony.waiters.of(hold.row.id)) {
    // An unregistered one may share its id with one that is registered.
    if (waiter.offer.executor.name === hold.row.name) waiter.end('dropped');
  }
};

const update = async (state: State, hold: ExecutorHold, change: Partial<ExecutorRow>) => {
  hold.row = { ...hold.row, ...change };
  await state.store.write((w) => executorTable.put(w, hold.row));
};

const freeName = (colony: ColonyState, executor: NewExecutor): string => {
  const short = `${executor.name}-${executor.id.slice(0, 8)}`;
  if (!isLive(colony.executorsByName.get(executor.name))) return executor.name;
  return isLive(colony.executorsByName.get(short)) ? `${executor.name}-${executor.id}` : short;
};

const checkFree = (colony: ColonyState, id: string, name: string): void => {
  if (isLive(colony.executorsByName.get(name))) {
    throw fault(
      'conflict',
      `Executor with name <${name}> in Colony <${colony.row.name}> already exists`,
      { reason: 'name' },
    );
  }
  if (isLive(colony.executorsById.get(id))) {
    throw fault(
      'conflict',
      `Executor with id <${id}> in Colony <${colony.row.name}> already exists`,
      {
        reason: 'id',
      },
    );
  }
};

const add = async (
  state: State,
  colony: ColonyState,
  executor: NewExecutor,
  rename: boolean,
): Promise<ExecutorRow> => {
  checkName('Executor name', executor.name);
  checkName('Executor type', executor.type);
  checkName('Executor id', executor.id);
  checkName('Location name', executor.location);
  const name = rename ? freeName(colony, executor) : executor.name;
  checkFree(colony, executor.id, name);
  const row: ExecutorRow = {
    ...executor,
    name,
    colony: colony.row.no,
    state: EXECUTOR_STATE.pending,
    commissionedUs: state.clock.nowUs(),
    heardUs: 0,
  };
  const old = colony.executorsByName.get(name);
  placeExecutor(colony, row);
  if (old) {
    state.heard.delete(old);
    if (old.row.id !== row.id) reindex(colony, old.row.id);
  }
  await state.store.write((w) => {
    executorTable.put(w, row);
    w.made(row.id);
  });
  return row;
};

const putBackAll = (state: State, lifecycle: Lifecycle, colony: ColonyState, hold: ExecutorHold) =>
  [...hold.running].map((live) =>
    lifecycle.change(colony, live, putBack(live.row, state.clock.nowUs())),
  );

/** Puts everything that an executor runs back in the queue. */
export const release = async (
  state: State,
  lifecycle: Lifecycle,
  colony: ColonyState,
  hold: ExecutorHold,
): Promise<void> => {
  await Promise.all(putBackAll(state, lifecycle, colony, hold));
};

/** Unregisters an executor: functions deleted, running processes back in the queue, polls ended. */
export const unregister = async (
  state: State,
  lifecycle: Lifecycle,
  executor: ExecutorRow,
): Promise<void> => {
  const { colony, hold } = holdOf(state, executor);
  hold.row = { ...hold.row, state: EXECUTOR_STATE.unregistered, heardUs: hold.heardUs };
  state.heard.delete(hold);
  dropWaiters(colony, hold);
  const written = state.store.write((w) => {
    executorTable.put(w, hold.row);
    dropFunctions(state, w, hold);
  });
  const back = putBackAll(state, lifecycle, colony, hold);
  // Its id may now mean another row; only after what ran under it was put back.
  if (colony.sharedIds.has(hold.row.id)) reindex(colony, hold.row.id);
  await Promise.all([written, ...back]);
};

const changeId = async (
  state: State,
  lifecycle: Lifecycle,
  executor: ExecutorRow,
  id: string,
): Promise<void> => {
  const { colony, hold } = holdOf(state, executor);
  checkName('Executor id', id);
  if (id !== executor.id && isLive(colony.executorsById.get(id))) {
    throw fault(
      'conflict',
      `Executor with id <${id}> in Colony <${colony.row.name}> already exists`,
      {
        reason: 'id',
      },
    );
  }
  dropWaiters(colony, hold);
  hold.row = { ...hold.row, id };
  reindex(colony, executor.id);
  reindex(colony, id);
  const written = state.store.write((w) => {
    executorTable.put(w, hold.row);
    for (const [name, fun] of hold.functions) {
      const moved = { ...fun, executorid: id };
      hold.functions.set(name, moved);
      state.functions.set(fun.wire.functionid, moved);
      functionTable.put(w, moved);
    }
  });
  const running = [...hold.running].map((live) =>
    lifecycle.change(colony, live, { executorid: id }),
  );
  await Promise.all([written, ...running]);
};

/** An unregistered executor may come back only while nobody else has its id. */
const checkRevival = (colony: ColonyState, hold: ExecutorHold): void => {
  const { id } = hold.row;
  const other = colony.executorsById.get(id);
  if (other !== hold && isLive(other)) {
    throw fault('conflict', `Executor with id <${id}> already exists under another name`, {
      reason: 'id',
    });
  }
  colony.executorsById.set(id, hold);
  noteMember(colony, id);
};

/** Makes the executors part of the engine. */
export const makeExecutors = (state: State, lifecycle: Lifecycle): Executors => ({
  list: (row) => [...stateOf(state, row).executorsByName.values()].map(shown),
  byName: (row, name) => shownMaybe(stateOf(state, row).executorsByName.get(name)),
  byId: (row, id) => shownMaybe(stateOf(state, row).executorsById.get(id)),
  anywhere: (id) =>
    state.whereabouts
      .of(id)
      .map((colony) => colony.executorsById.get(id))
      .filter((hold) => hold !== undefined)
      .sort((a, b) => Number(isLive(b)) - Number(isLive(a)) || a.row.colony - b.row.colony)
      .map(shown),
  add: (row, executor, rename = false) => add(state, stateOf(state, row), executor, rename),
  approve: async (executor) => {
    const { colony, hold } = holdOf(state, executor);
    checkRevival(colony, hold);
    hold.heardUs = 0;
    await update(state, hold, { state: EXECUTOR_STATE.approved, heardUs: 0 });
  },
  reject: async (executor) => {
    const { colony, hold } = holdOf(state, executor);
    checkRevival(colony, hold);
    dropWaiters(colony, hold);
    await update(state, hold, { state: EXECUTOR_STATE.rejected });
  },
  remove: (executor) => unregister(state, lifecycle, executor),
  setAllocations: (executor, allocations) =>
    update(state, holdOf(state, executor).hold, { allocations }),
  setCapabilities: (executor, capabilities) =>
    update(state, holdOf(state, executor).hold, { capabilities }),
  changeId: (executor, id) => changeId(state, lifecycle, executor, id),
});

/** The row as it is shown: with the last sign of life, which is on disk only later. */
const shown = (hold: ExecutorHold): ExecutorRow =>
  hold.heardUs === hold.row.heardUs ? hold.row : { ...hold.row, heardUs: hold.heardUs };

const shownMaybe = (hold: ExecutorHold | undefined): ExecutorRow | undefined =>
  hold ? shown(hold) : undefined;
