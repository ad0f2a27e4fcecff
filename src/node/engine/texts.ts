// The texts of specifications that were left on disk at the start. Whoever needs one reads it; those
// that will be needed next are read ahead, aside from the work of this process.

import type { Limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { ProcessRow } from '../model/process.ts';
import type { Store } from '../store/store.ts';
import { decodeSpecText, liveKey } from '../store/tables/processes.ts';
import type { Live } from './live.ts';

export interface Texts {
  /**
   * The row of a live process with the text of its specification, which is kept from then on.
   * Throws when the store has no row of it.
   */
  rowOf(live: Live): ProcessRow;
  /** Begins to read the texts of the first ones. */
  ahead(lives: Iterable<Live>): void;
}

export interface TextsDeps {
  readonly store: Pick<Store, 'get' | 'many'>;
  readonly log: Log;
  readonly limits: Limits;
}

const keyOf = ({ row }: Live): string => liveKey(row);

/** Whether the text of a process is on disk only. */
export const isLeft = ({ row }: Live): boolean => typeof row.spec.json !== 'string';

/** The texts of one engine. */
export const makeTexts = ({ store, log, limits }: TextsDeps): Texts => {
  let isReading = false;

  const read = async (lives: readonly Live[]): Promise<void> => {
    const values = await store.many(lives.map(keyOf));
    lives.forEach((live, i) => {
      const value = values[i];
      // Read by somebody else meanwhile, or gone with its process.
      if (value !== undefined && isLeft(live)) live.row.spec.json = decodeSpecText(value);
    });
  };

  return {
    rowOf: (live) => {
      const { row } = live;
      if (!isLeft(live)) return row;
      const value = store.get(keyOf(live));
      if (value === undefined) {
        throw new Error(`corrupt store: no row of the live process ${row.id}`);
      }
      row.spec.json = decodeSpecText(value);
      return row;
    },
    ahead: (lives) => {
      if (isReading) return;
      const left: Live[] = [];
      let seen = 0;
      for (const live of lives) {
        if (isLeft(live)) left.push(live);
        seen += 1;
        if (seen >= limits.textsAheadMax) break;
      }
      if (left.length === 0) return;
      isReading = true;
      read(left)
        // Whoever needs one reads it again, and hears of it.
        .catch((error: unknown) => log.debug('texts could not be read ahead', { error }))
        .finally(() => {
          isReading = false;
        });
    },
  };
};
