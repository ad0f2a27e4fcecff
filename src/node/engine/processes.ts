// Commands and queries on processes. What may happen to a process is decided by the pure rules of
// the model; this file finds it, checks who asks, and lets the lifecycle apply the change.

import { fault } from '../errors.ts';
import {
  cancel,
  closeFailed,
  closeSuccessful,
  isFinal,
  newProcess,
  type ProcessRow,
  putBack,
  STATE,
} from '../model/process.ts';
import { specLength } from '../model/spec.ts';
import { SECOND_US } from '../model/time.ts';
import type { Writer } from '../store/commit.ts';
import { keys } from '../store/keys.ts';
import { processTable } from '../store/tables/processes.ts';
import { makeAssign, makeEndWaits } from './assign.ts';
import type { Member, Processes } from './engine.ts';
import { countedCall } from './functions.ts';
import { makeHistory } from './history.ts';
import type { Lifecycle } from './lifecycle.ts';
import { findProcess, liveOf } from './lookup.ts';
import { type ColonyState, type State, stateOf } from './state.ts';

const nameOf = (by: Member): { id: string; name: string } =>
  by.kind === 'executor'
    ? { id: by.executor.id, name: by.executor.name }
    : { id: by.user.id, name: by.user.name };

const refuse = (message: string, reason: string): never => {
  throw fault('forbidden', message, { reason });
};

const checkCloser = (p: ProcessRow, caller: string, how: 'successful' | 'failed'): void => {
  const prefix = `Failed to close process as ${how}`;
  if (p.executorid === '') refuse(`${prefix}, process is not assigned`, 'unassigned');
  if (p.executorid !== caller) {
    refuse(`${prefix}, not allowed to close process as ${how}`, 'caller');
  }
};

/** The present row: what the caller looked up may have changed since. */
const present = (state: State, p: ProcessRow): ProcessRow => findProcess(state, p.id) ?? p;

const close = async (
  state: State,
  lifecycle: Lifecycle,
  p: ProcessRow,
  caller: string,
  out?: string,
): Promise<void> => {
  const now = present(state, p);
  checkCloser(now, caller, 'successful');
  const change = closeSuccessful(now, out, state.clock.nowUs());
  if (!change) return state.store.settled();
  const found = liveOf(state, p.id);
  if (!found) throw fault('not-found', 'Failed to close process as successful, process is nil');
  const fun = found.colony.executorsById.get(caller)?.functions.get(now.spec.funcname);
  await lifecycle.change(found.colony, found.live, change, (w, next) => {
    if (!fun) return;
    const wait = (next.startedUs - next.submittedUs) / SECOND_US;
    countedCall(state, w, fun, wait, (next.endedUs - next.startedUs) / SECOND_US);
  });
};

const setOutput = async (
  state: State,
  lifecycle: Lifecycle,
  p: ProcessRow,
  caller: string,
  out: string,
): Promise<void> => {
  const now = present(state, p);
  if (now.executorid !== caller) {
    refuse(
      'Failed to close process as successful, not allowed to close process as successful',
      'caller',
    );
  }
  const found = liveOf(state, p.id);
  if (now.state !== STATE.running || !found) {
    return refuse('Failed to set output, process is not running', 'not-running');
  }
  if (out !== '[]') await lifecycle.tell(found.colony, found.live, { out });
};

const removeOne = async (
  state: State,
  lifecycle: Lifecycle,
  p: ProcessRow,
  force: boolean,
): Promise<void> => {
  const now = present(state, p);
  if (now.state === STATE.running && !force) {
    throw fault('conflict', 'Failed to remove process, cannot remove a running process', {
      reason: 'running',
    });
  }
  await state.store.write((w) => removeRows(state, lifecycle, w, now));
};

const removeRows = (state: State, lifecycle: Lifecycle, w: Writer, p: ProcessRow): void => {
  const found = liveOf(state, p.id);
  if (found) {
    lifecycle.drop(w, found.colony, found.live);
    return;
  }
  const colony = state.colonies.get(p.colony);
  if (colony && state.store.get(keys.done(p.id)) !== undefined)
    lifecycle.count(colony, p.state, -1);
  processTable.removed(w, p);
};

const REMOVE_BATCH = 1000;

const removeAll = async (
  state: State,
  lifecycle: Lifecycle,
  colony: ColonyState,
  which: number | 'all',
): Promise<void> => {
  const wanted = (p: ProcessRow): boolean => which === 'all' || p.state === which;
  const lives = [...colony.timeline.newestFirst()].filter((live) => wanted(live.row));
  for (let at = 0; at < lives.length; at += REMOVE_BATCH) {
    await state.store.write((w) => {
      for (const { row } of lives.slice(at, at + REMOVE_BATCH)) {
        const found = liveOf(state, row.id);
        if (found && wanted(found.live.row)) lifecycle.drop(w, found.colony, found.live);
      }
    });
  }
  const range =
    which === 'all'
      ? keys.endedOf(colony.row.no)
      : isFinal(which)
        ? keys.endedIn(colony.row.no, which)
        : undefined;
  if (range) await removeEnded(state, lifecycle, range);
  // What another call removed meanwhile was not there to be removed, but may not be on disk yet.
  await state.store.settled();
};

/** Removes the finished processes in a range of the index. Returns how many. */
export const removeEnded = async (
  state: State,
  lifecycle: Lifecycle,
  range: Parameters<State['store']['pages']>[0],
  limit?: number,
): Promise<number> => {
  let removed = 0;
  for await (const page of state.store.pages(range, limit === undefined ? {} : { limit })) {
    await state.store.write((w) => {
      for (const [key] of page) {
        const p = findProcess(state, key.split('\u0000').at(-1) ?? '');
        if (p && isFinal(p.state)) removeRows(state, lifecycle, w, p);
        else w.del(key);
      }
    });
    removed += page.length;
  }
  return removed;
};

/** Makes the processes part of the engine. */
export const makeProcesses = (state: State, lifecycle: Lifecycle): Processes => ({
  ...makeHistory(state),
  find: (id) => findProcess(state, id),
  assign: makeAssign(state, lifecycle),
  endWaits: makeEndWaits(state),
  submit: async (row, by, spec, edge) => {
    state.store.admit();
    if (state.liveText + specLength(spec) + (edge?.length ?? 0) > state.limits.liveTextMax)
      throw fault('unavailable', 'too much work is on this server; try again later');
    const colony = stateOf(state, row);
    const id = state.newProcessId(colony.row);
    const p = newProcess(id, row.no, nameOf(by), spec, state.clock.nowUs(), edge);
    await lifecycle.enter(colony, p);
    return p;
  },
  handBack: async (id, lease) => {
    const found = liveOf(state, id);
    if (found?.live.row.state !== STATE.running || found.live.row.lease !== lease) return;
    await lifecycle.change(found.colony, found.live, putBack(found.live.row, state.clock.nowUs()));
  },
  setOutput: (p, caller, out) => setOutput(state, lifecycle, p, caller, out),
  closeSuccessful: (p, caller, out) => close(state, lifecycle, p, caller, out),
  closeFailed: async (p, caller, errors) => {
    const now = present(state, p);
    checkCloser(now, caller, 'failed');
    const change = closeFailed(now, errors, state.clock.nowUs());
    const found = liveOf(state, p.id);
    if (!found) throw fault('not-found', 'Failed to close process as failed, process is nil');
    await lifecycle.change(found.colony, found.live, change);
  },
  cancel: async (p) => {
    const change = cancel(present(state, p), state.clock.nowUs());
    const found = liveOf(state, p.id);
    if (!found) throw fault('not-found', 'Failed to cancel process, process is nil');
    await lifecycle.change(found.colony, found.live, change);
  },
  remove: (p, force = false) => removeOne(state, lifecycle, p, force),
  removeAll: (row, which) => removeAll(state, lifecycle, stateOf(state, row), which),
  counts: (row) => {
    const colony = stateOf(state, row);
    const running = colony.running.size;
    return [colony.timeline.size() - running, running, ...colony.finished];
  },
});
