// The one place where a live process changes: applies a change in memory, writes it, keeps queue,
// deadlines, counts and running sets in step, and tells listeners after the commit.

import { type Fault, fault } from '../errors.ts';
import { assign, type Change, isFinal, type ProcessRow, STATE } from '../model/process.ts';
import { specLength } from '../model/spec.ts';
import type { Writer } from '../store/commit.ts';
import { processTable } from '../store/tables/processes.ts';
import { type Live, makeLive } from './live.ts';
import type { ColonyState, ExecutorHold, State } from './state.ts';
import type { Waiter } from './waiters.ts';

/** Length of the texts that a live process holds in memory. */
const textOf = ({ spec, edge, in: input, out, errors, attributes }: ProcessRow): number => {
  let length = specLength(spec) + (edge?.length ?? 0) + input.length + out.length + errors.length;
  for (const { key, value } of attributes) length += key.length + value.length;
  return length;
};

const leave = (state: State, colony: ColonyState, live: Live): void => {
  const { row } = live;
  state.deadlines.left(row);
  if (row.state === STATE.running) {
    colony.running.delete(live);
    colony.executorsById.get(row.executorid)?.running.delete(live);
  }
};

const countFinished = (state: State, colony: ColonyState, at: number, by: 1 | -1): void => {
  const slot = (at - STATE.success) as 0 | 1 | 2;
  colony.finished[slot] += by;
  state.countsDirty.add(colony);
};

/** Gives a process to an executor. The returned promise is the durability of the assignment. */
const grant = (
  state: State,
  colony: ColonyState,
  live: Live,
  hold: ExecutorHold,
): Promise<void> => {
  const before = state.texts.rowOf(live);
  live.row = { ...before, ...assign(before, hold.row.id, state.clock.nowUs()) };
  state.deadlines.left(before);
  colony.queue.left(live);
  colony.running.add(live);
  hold.running.add(live);
  state.deadlines.running(live);
  live.progressed = true;
  return state.store.write((w) => {
    processTable.progressed(w, live.row);
    w.made(live.row.id);
  });
};

export interface Lifecycle {
  /** A new process enters: queued, or given to a waiter at once. */
  enter(colony: ColonyState, row: ProcessRow): Promise<void>;
  /** Takes a process out of the queue for an executor. */
  give(colony: ColonyState, live: Live, hold: ExecutorHold): Promise<ProcessRow>;
  /** Applies a change that is not an assignment. `also` adds rows to the same batch. */
  change(
    colony: ColonyState,
    live: Live,
    change: Change,
    also?: (w: Writer, next: ProcessRow) => void,
  ): Promise<ProcessRow>;
  /**
   * As change, for what is told of a running process while it goes on. Throws `unavailable` when
   * there is no room for more.
   */
  tell(
    colony: ColonyState,
    live: Live,
    change: Pick<Change, 'out' | 'attributes'>,
    also?: (w: Writer, next: ProcessRow) => void,
  ): Promise<ProcessRow>;
  /** Removes a live process with all its rows. */
  drop(w: Writer, colony: ColonyState, live: Live): void;
  /** Ends a live process of a colony that is gone, in memory only. */
  forget(live: Live): void;
  /** Brings back a process read from disk at start. */
  restore(colony: ColonyState, row: ProcessRow, progressed: boolean): void;
  /** Offers waiting work to waiting executors, after a pause or an approval. */
  match(colony: ColonyState): void;
  /** A finished process left or entered the history of its colony. */
  count(colony: ColonyState, at: number, by: 1 | -1): void;
}

const published = async (
  state: State,
  written: Promise<void>,
  row: ProcessRow,
): Promise<ProcessRow> => {
  await written;
  state.events.publish(row);
  return row;
};

const give = (
  state: State,
  colony: ColonyState,
  live: Live,
  hold: ExecutorHold,
): Promise<ProcessRow> => {
  const written = grant(state, colony, live, hold);
  return published(state, written, live.row);
};

const handTo = (colony: ColonyState, live: Live, waiter: Waiter): void => {
  colony.waiters.remove(waiter);
  waiter.give(live);
};

/** Hands a waiting process to a waiter that fits, or queues it. */
const offer = (state: State, colony: ColonyState, live: Live): void => {
  const waiter = colony.row.paused ? undefined : colony.waiters.findFor(live.row);
  if (waiter) {
    handTo(colony, live, waiter);
    return;
  }
  colony.queue.add(live);
  state.deadlines.waiting(live);
};

const toldTooMuch = (): Fault =>
  fault(
    'unavailable',
    'running processes have told this server too much; close them, or try again later',
  );

const change = (
  state: State,
  colony: ColonyState,
  live: Live,
  by: Change,
  also?: (w: Writer, next: ProcessRow) => void,
  textMax = Number.POSITIVE_INFINITY,
): Promise<ProcessRow> => {
  const before = state.texts.rowOf(live);
  const next = { ...before, ...by };
  const growth = textOf(next) - textOf(before);
  if (growth > 0 && state.liveText + growth > textMax) throw toldTooMuch();
  const moved = next.state !== before.state;
  const written = state.store.write((w) => {
    if (isFinal(next.state)) processTable.finished(w, next, live.progressed);
    else processTable.progressed(w, next);
    also?.(w, next);
  });
  if (moved) leave(state, colony, live);
  live.row = next;
  live.progressed = true;
  state.liveText += growth;
  if (!moved) return written.then(() => next);
  if (before.state === STATE.waiting) colony.queue.left(live);
  // Listeners hear of this change before they hear of an assignment that follows from it.
  const told = published(state, written, next);
  if (next.state === STATE.waiting) offer(state, colony, live);
  if (isFinal(next.state)) {
    state.live.delete(next.id);
    state.liveText -= textOf(next);
    colony.timeline.unlink(live);
    countFinished(state, colony, next.state, 1);
  }
  return told;
};

const restore = (state: State, colony: ColonyState, row: ProcessRow, progressed: boolean): void => {
  const live = makeLive(row, progressed);
  state.live.set(row.id, live);
  state.liveText += textOf(row);
  colony.timeline.append(live);
  if (row.state === STATE.waiting) {
    colony.queue.add(live);
    state.deadlines.waiting(live);
    return;
  }
  colony.running.add(live);
  colony.executorsById.get(row.executorid)?.running.add(live);
  state.deadlines.running(live);
};

/** Ends a process in memory, wherever an entry of it may be left. */
const forget = (state: State, live: Live): void => {
  const { row } = live;
  state.live.delete(row.id);
  state.liveText -= textOf(row);
  // A state that no queue holds: entries of it that are left in heaps are dead.
  live.row = { ...row, state: STATE.cancelled };
};

const drop = (state: State, w: Writer, colony: ColonyState, live: Live): void => {
  const { row } = live;
  processTable.removed(w, row);
  leave(state, colony, live);
  colony.timeline.unlink(live);
  forget(state, live);
  if (row.state === STATE.waiting) colony.queue.left(live);
};

/** Makes the lifecycle over the shared state. */
export const makeLifecycle = (state: State): Lifecycle => ({
  enter: (colony, row) => {
    const live = makeLive(row, false);
    state.live.set(row.id, live);
    state.liveText += textOf(row);
    colony.timeline.append(live);
    const written = state.store.write((w) => {
      processTable.submitted(w, row);
      w.made(row.id);
    });
    const told = published(state, written, row);
    offer(state, colony, live);
    return told.then(() => undefined);
  },
  give: (colony, live, hold) => give(state, colony, live, hold),
  change: (colony, live, by, also) => change(state, colony, live, by, also),
  // What ends a process never comes by here: it leaves the memory and makes room.
  tell: async (colony, live, told, also) => {
    const { liveTextMax, progressTextMax } = state.limits;
    return change(state, colony, live, told, also, liveTextMax + progressTextMax);
  },
  drop: (w, colony, live) => drop(state, w, colony, live),
  forget: (live) => {
    state.deadlines.left(live.row);
    forget(state, live);
  },
  restore: (colony, row, progressed) => restore(state, colony, row, progressed),
  match: (colony) => {
    if (colony.row.paused) return;
    for (const waiter of [...colony.waiters.all()]) {
      const live = colony.queue.take(waiter.offer);
      if (live) handTo(colony, live, waiter);
    }
  },
  count: (colony, at, by) => countFinished(state, colony, at, by),
});
