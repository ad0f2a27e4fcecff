// What time does: deadlines, stale executors, signs of life to disk, retention. One call handles a
// bounded amount of what is due; one loop calls it when something is, and now and then.

import { EXECUTOR_STATE } from '../model/executor.ts';
import { execTimeout, waitTimeout } from '../model/process.ts';
import { SECOND_US } from '../model/time.ts';
import { executorTable } from '../store/tables/members.ts';
import type { Engine } from './engine.ts';
import { release, unregister } from './executors.ts';
import type { Lifecycle } from './lifecycle.ts';
import { forgetOnce } from './once.ts';
import { retain } from './removal.ts';
import type { ColonyState, ExecutorHold, State } from './state.ts';

/** Stale executors, signs of life and retention are looked at this often. */
const SLOW_US = 30 * SECOND_US;

const expire = (state: State, lifecycle: Lifecycle, nowUs: number): Promise<unknown>[] => {
  const changes: Promise<unknown>[] = [];
  const { deadlines, limits } = state;
  while (changes.length < limits.tickWorkMax) {
    const live = deadlines.overdueRunning(nowUs);
    const colony = live && state.colonies.get(live.row.colony);
    if (!live) break;
    if (colony) changes.push(lifecycle.change(colony, live, execTimeout(live.row, nowUs)));
  }
  while (changes.length < limits.tickWorkMax) {
    const live = deadlines.overdueWaiting(nowUs);
    const colony = live && state.colonies.get(live.row.colony);
    if (!live) break;
    if (colony) changes.push(lifecycle.change(colony, live, waitTimeout(nowUs)));
  }
  return changes;
};

/** How long it may be silent: for ever while a deadline watches what it runs. */
const silenceS = (state: State, hold: ExecutorHold): number => {
  const { staleExecutorS } = state.options;
  if (hold.running.size === 0) {
    return hold.row.lasting === true ? Number.POSITIVE_INFINITY : staleExecutorS;
  }
  const watched = [...hold.running].some(({ row }) => row.execDeadlineUs > 0);
  if (watched) return Number.POSITIVE_INFINITY;
  return Math.max(staleExecutorS, state.limits.silentHolderS);
};

const isStale = (state: State, colony: ColonyState, hold: ExecutorHold, nowUs: number): boolean =>
  hold.row.state !== EXECUTOR_STATE.unregistered &&
  hold.row.works === true &&
  hold.heardUs !== 0 &&
  hold.heardUs < nowUs - silenceS(state, hold) * SECOND_US &&
  colony.waiters.of(hold.row.id).length === 0;

const dropStale = async (state: State, lifecycle: Lifecycle, nowUs: number): Promise<void> => {
  if (state.options.staleExecutorS <= 0) return;
  const dropped: Promise<void>[] = [];
  for (const colony of state.colonies.values()) {
    for (const hold of colony.executorsByName.values()) {
      if (dropped.length >= state.limits.tickWorkMax) break;
      if (!isStale(state, colony, hold, nowUs)) continue;
      const stays = hold.row.lasting === true;
      state.log.info(`not heard from: ${stays ? 'its processes are put back' : 'unregistered'}`, {
        colony: colony.row.name,
        executor: hold.row.name,
      });
      dropped.push(
        stays ? release(state, lifecycle, colony, hold) : unregister(state, lifecycle, hold.row),
      );
    }
  }
  await Promise.all(dropped);
};

/** Writes signs of life since the last time. */
export const writeHeard = async (state: State): Promise<void> => {
  const heard = [...state.heard];
  if (heard.length === 0) return;
  state.heard.clear();
  await state.store.write((w) => {
    for (const hold of heard) {
      hold.row = { ...hold.row, heardUs: hold.heardUs };
      executorTable.put(w, hold.row);
    }
  });
};

/** Makes `Engine.tick` and what tells when the next one is due. */
export const makeTicks = (
  state: State,
  lifecycle: Lifecycle,
): Pick<Engine, 'tick' | 'untilTickMs'> => {
  const { clock, deadlines, limits } = state;
  let slowAtUs = 0;
  let more = false;
  return {
    tick: async () => {
      const nowUs = clock.nowUs();
      await Promise.all(expire(state, lifecycle, nowUs));
      const slow = nowUs >= slowAtUs;
      // History that is due goes at every tick until none is left.
      if (slow || more) more = await retain(state, lifecycle);
      if (!slow) return;
      slowAtUs = nowUs + SLOW_US;
      await writeHeard(state);
      await dropStale(state, lifecycle, nowUs);
      await forgetOnce(state, clock.now(), limits.onceForgottenMax);
    },
    untilTickMs: (sooner) => {
      const nowUs = clock.nowUs();
      const dueMs = more ? 0 : Math.ceil((deadlines.nextUs() - nowUs) / 1_000);
      const ms = Math.min(Math.max(dueMs, limits.tickMs), limits.tickRestMs);
      deadlines.alarm(nowUs + ms * 1_000, sooner);
      return ms;
    },
  };
};
