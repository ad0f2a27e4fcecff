// A live process in memory: its row, its place in the colony's list by submission, and the heaps
// that hold it.

import type { ProcessRow } from '../model/process.ts';
import { STATE } from '../model/process.ts';
import type { Heap } from './heap.ts';

export interface Live {
  row: ProcessRow;
  /** Whether table a holds a row for it. */
  progressed: boolean;
  /** The queues that hold an entry of it; one, several, or none. */
  queued: Heap<Live> | Heap<Live>[] | undefined;
  /** Neighbours in the colony's list of live processes, by submission. */
  older: Live | undefined;
  newer: Live | undefined;
}

export const makeLive = (row: ProcessRow, progressed: boolean): Live => ({
  row,
  progressed,
  queued: undefined,
  older: undefined,
  newer: undefined,
});

export const isWaiting = (live: Live): boolean => live.row.state === STATE.waiting;

/** Queue order: priority time, then submission, then id, so that the order is total. */
export const goesFirst = (a: Live, b: Live): boolean => {
  const x = a.row;
  const y = b.row;
  if (x.orderUs !== y.orderUs) return x.orderUs < y.orderUs;
  if (x.submittedUs !== y.submittedUs) return x.submittedUs < y.submittedUs;
  return x.id < y.id;
};

/** Live processes of a colony by submission, oldest first; unlinking costs nothing. */
export interface Timeline {
  append(live: Live): void;
  unlink(live: Live): void;
  newestFirst(): Generator<Live, void>;
  size(): number;
}

export const makeTimeline = (): Timeline => {
  let newest: Live | undefined;
  let size = 0;
  return {
    append: (live) => {
      live.older = newest;
      if (newest) newest.newer = live;
      newest = live;
      size += 1;
    },
    unlink: (live) => {
      if (live.newer) live.newer.older = live.older;
      else newest = live.older;
      if (live.older) live.older.newer = live.newer;
      live.older = undefined;
      live.newer = undefined;
      size -= 1;
    },
    *newestFirst() {
      for (let live = newest; live; live = live.older) yield live;
    },
    size: () => size,
  };
};
