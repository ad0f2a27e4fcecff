// What the checks of all tables share: what they look at, and how they tell what is wrong.

import type { Writer } from '../commit.ts';
import type { Range } from '../keys.ts';
import type { Store } from '../store.ts';

export interface Problem {
  /** The row that is wrong, or that is missing. */
  readonly key: string;
  readonly what: string;
  /** Whether rebuilding the indices mends it; the others need a human and a backup. */
  readonly mendable: boolean;
}

export interface CheckedColony {
  readonly removing: boolean;
  /** Ids of its executors that are not unregistered. */
  readonly executors: Set<string>;
}

export interface Check {
  readonly store: Store;
  /** Colonies by number, those being removed too. Filled by the check of the members. */
  readonly colonies: Map<number, CheckedColony>;
  /** Reports a problem. `mend` makes an index row what the records say. */
  found(key: string, what: string, mend?: (w: Writer) => void): void;
  /**
   * Visits every row of a range in order; then what was found in it is mended, if that is wanted.
   */
  each(range: Range, visit: (key: string, value: string) => void): Promise<void>;
}

/** What `read` gives; undefined, and reported, when the row cannot be read. */
export const readable = <T>(check: Check, key: string, read: () => T): T | undefined => {
  try {
    return read();
  } catch (error) {
    // Expected of a damaged row; JSON and the decoders of the tables throw.
    check.found(key, `cannot be read: ${(error as Error).message}`);
    return undefined;
  }
};

/** The colony a row belongs to; undefined, and reported, when there is none. */
export const colonyOf = (check: Check, key: string, no: number): CheckedColony | undefined => {
  const colony = check.colonies.get(no);
  if (!colony) check.found(key, 'its colony does not exist');
  return colony;
};
