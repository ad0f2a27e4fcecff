// The functions that executors offer.

import { fault } from '../errors.ts';
import { checkName } from '../model/colony.ts';
import { EXECUTOR_STATE, type ExecutorRow } from '../model/executor.ts';
import type { FunctionRow } from '../model/function.ts';
import { countCall } from '../model/function.ts';
import type { Writer } from '../store/commit.ts';
import { functionTable } from '../store/tables/members.ts';
import type { Functions } from './engine.ts';
import { type ExecutorHold, type State, stateOf } from './state.ts';

const place = (state: State, hold: ExecutorHold | undefined, row: FunctionRow): void => {
  state.functions.set(row.wire.functionid, row);
  hold?.functions.set(row.wire.funcname, row);
};

/** Counts one more successful call of a function, in the batch of its close. */
export const countedCall = (
  state: State,
  w: Writer,
  row: FunctionRow,
  wait: number,
  exec: number,
): void => {
  const next = countCall(row, wait, exec);
  place(state, state.colonies.get(row.colony)?.executorsById.get(row.executorid), next);
  functionTable.put(w, next);
};

/** Removes all functions of an executor, in the batch of its removal. */
export const dropFunctions = (state: State, w: Writer, hold: ExecutorHold): void => {
  for (const row of hold.functions.values()) {
    state.functions.delete(row.wire.functionid);
    functionTable.del(w, row);
  }
  hold.functions.clear();
};

/** Brings back a function read from disk at start. */
export const restoreFunction = (state: State, row: FunctionRow): void =>
  place(state, state.colonies.get(row.colony)?.executorsById.get(row.executorid), row);

/** The executor as it is now. Throws not-found when it was removed meanwhile. */
const registered = (state: State, executor: ExecutorRow): ExecutorHold => {
  const hold = state.colonies.get(executor.colony)?.executorsByName.get(executor.name);
  if (hold?.row.id === executor.id && hold.row.state !== EXECUTOR_STATE.unregistered) return hold;
  throw fault('not-found', `executor ${executor.name} is gone`);
};

/** Makes the functions part of the engine. */
export const makeFunctions = (state: State): Functions => ({
  get: (functionid) => state.functions.get(functionid),
  list: (colony, executorname) => {
    const { executorsByName } = stateOf(state, colony);
    const holds =
      executorname === undefined
        ? [...executorsByName.values()]
        : [executorsByName.get(executorname)].filter((hold) => hold !== undefined);
    return holds.flatMap((hold) => [...hold.functions.values()]);
  },
  add: async (executor, fun) => {
    checkName('Function name', fun.funcname);
    checkName('Function id', fun.functionid);
    const hold = registered(state, executor);
    const old = hold.functions.get(fun.funcname);
    const taken = fun.functionid !== '' && state.functions.has(fun.functionid);
    const id =
      old?.wire.functionid ??
      (fun.functionid === '' || taken ? state.clock.newId() : fun.functionid);
    const { locationname: _sent, ...rest } = fun;
    const row: FunctionRow = {
      colony: executor.colony,
      executorid: executor.id,
      wire: {
        ...rest,
        functionid: id,
        executorname: executor.name,
        ...(executor.location === '' ? {} : { locationname: executor.location }),
      },
    };
    place(state, hold, row);
    await state.store.write((w) => {
      functionTable.put(w, row);
      w.made(id);
    });
    return row;
  },
  remove: async (fun) => {
    const hold = state.colonies.get(fun.colony)?.executorsById.get(fun.executorid);
    state.functions.delete(fun.wire.functionid);
    hold?.functions.delete(fun.wire.funcname);
    await state.store.write((w) => functionTable.del(w, fun));
  },
});
