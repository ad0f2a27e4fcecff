// Deleting in pieces: what a removed colony leaves, and what retention lets go. A crash in between
// is finished at the next start.

import type { ColonyRow } from '../model/colony.ts';
import { STATE } from '../model/process.ts';
import { SECOND_US } from '../model/time.ts';
import { keys, lastPart, partsOf, type Range } from '../store/keys.ts';
import { decodeLog, logTable } from '../store/tables/logs.ts';
import { removingTable } from '../store/tables/members.ts';
import { decodeProcess, processTable } from '../store/tables/processes.ts';
import type { Lifecycle } from './lifecycle.ts';
import { removeEnded } from './processes.ts';
import type { State } from './state.ts';

const removeLogs = async (
  state: State,
  colony: number,
  range: Range,
  limit?: number,
): Promise<number> => {
  let removed = 0;
  for await (const page of state.store.pages(range, limit === undefined ? {} : { limit })) {
    await state.store.write((w) => {
      for (const [key, value] of page) {
        logTable.del(w, colony, decodeLog(Number(partsOf(key)[1]), value));
      }
    });
    removed += page.length;
  }
  return removed;
};

/** Live processes of a removed colony: those in memory, or after a restart those on disk only. */
const removeLive = async (state: State, lifecycle: Lifecycle, colony: number): Promise<void> => {
  const { store } = state;
  for await (const page of store.pages(keys.liveOf(colony))) {
    await store.write((w) => {
      for (const [key, value] of page) {
        const id = lastPart(key);
        const live = state.live.get(id);
        const p = live?.row ?? decodeProcess(value, store.get(keys.progressBeside(key)));
        processTable.removed(w, p);
        if (live) lifecycle.forget(live);
      }
    });
  }
};

/** Deletes what a removed colony left; afterwards nothing of it is there. */
export const purgeColony = async (
  state: State,
  lifecycle: Lifecycle,
  row: ColonyRow,
): Promise<void> => {
  await removeLive(state, lifecycle, row.no);
  await removeEnded(state, lifecycle, keys.endedOf(row.no));
  await removeLogs(state, row.no, keys.logsOf(row.no));
  await state.store.write((w) => removingTable.del(w, row));
};

/**
 * Deletes what is older than the retention time, at most LIMITS.tickWorkMax rows of a kind, colony
 * and call. Tells whether some may be left.
 */
export const retain = async (state: State, lifecycle: Lifecycle): Promise<boolean> => {
  const { retentionS } = state.options;
  const { tickWorkMax } = state.limits;
  if (retentionS <= 0) return false;
  let more = false;
  const untilUs = state.clock.nowUs() - retentionS * SECOND_US;
  for (const { row } of state.colonies.values()) {
    for (const final of [STATE.success, STATE.failed, STATE.cancelled]) {
      const range = keys.endedBefore(row.no, final, untilUs);
      const removed = await removeEnded(state, lifecycle, range, tickWorkMax);
      more ||= removed >= tickWorkMax;
    }
    const logs = keys.logsBefore(row.no, BigInt(untilUs) * 1000n);
    const removed = await removeLogs(state, row.no, logs, tickWorkMax);
    more ||= removed >= tickWorkMax;
  }
  return more;
};
