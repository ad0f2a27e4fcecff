// What can be done to the data folder of a node that does not run: checking it, emptying it.

import { existsSync } from 'node:fs';
import { fault } from '../node/errors.ts';
import type { Log } from '../node/log.ts';
import { type CheckOptions, checkStore, type Problem, shownKey } from '../node/store/check.ts';
import { refuseOtherLayout } from '../node/store/migrate.ts';
import { destroyStore, openStore } from '../node/store/store.ts';

const storeOf = (dir: string): string => `${dir}/store`;

/** One thing that is wrong: the row, as people read it, and what about it. */
export interface FoundProblem {
  readonly row: string;
  readonly what: string;
  /** Whether a repair mends it; the others need a backup. */
  readonly mendable: boolean;
}

const shown = ({ key, what, mendable }: Problem): FoundProblem => ({
  row: key === '' ? '' : shownKey(key),
  what,
  mendable,
});

/**
 * Compares every index of the folder with the records, and with `repair` rebuilds what differs.
 * Throws not-found when there is no store, unavailable with `detail.reason` 'locked' while a node
 * uses it, 'older' or 'newer' when another release wrote it in another layout.
 */
export const checkData = async (
  dir: string,
  log: Log,
  options: CheckOptions = {},
): Promise<readonly FoundProblem[]> => {
  if (!existsSync(storeOf(dir))) throw fault('not-found', `There is no data folder ${dir}`);
  let failure: unknown;
  const store = await openStore(storeOf(dir), log, (error) => {
    failure = error;
  });
  try {
    refuseOtherLayout(store);
    const problems = await checkStore(store, options);
    if (failure !== undefined) throw failure;
    return problems.map(shown);
  } finally {
    await store.close();
  }
};

/**
 * Deletes everything that a node keeps in this folder; nothing happens when there is nothing.
 * Throws unavailable with `detail.reason` 'locked' while a node uses it.
 */
export const resetData = (dir: string): Promise<void> => destroyStore(storeOf(dir));
