// Deadlines of live processes, in order. An entry whose process moved on is dead and drops out.

import { STATE } from '../model/process.ts';
import { type Heap, makeHeap } from './heap.ts';
import { isWaiting, type Live } from './live.ts';

interface Entry {
  readonly atUs: number;
  readonly live: Live;
  /** The assignment an exec deadline belongs to. */
  readonly lease: number;
}

export interface Deadlines {
  /** Follows the waiting deadline of a process that just became waiting. */
  waiting(live: Live): void;
  /** Follows the exec deadline of a process that was just assigned. */
  running(live: Live): void;
  /** Tells that a process that had one of the two left that state early. */
  left(had: {
    readonly waitDeadlineUs: number;
    readonly execDeadlineUs: number;
    readonly state: number;
  }): void;
  /** The next process whose waiting time is over. */
  overdueWaiting(nowUs: number): Live | undefined;
  /** The next process whose running time is over. */
  overdueRunning(nowUs: number): Live | undefined;
  /** The soonest deadline; infinite when there is none. */
  nextUs(): number;
  /** Calls `ring`, once, when a deadline before `atUs` comes in. Replaces what was set before. */
  alarm(atUs: number, ring: () => void): void;
}

// Ties are broken by id, so that one history always goes on in one way.
const sooner = (a: Entry, b: Entry): boolean =>
  a.atUs !== b.atUs ? a.atUs < b.atUs : a.live.row.id < b.live.row.id;

const due = (heap: Heap<Entry>, nowUs: number): Live | undefined => {
  const head = heap.peek();
  return head && head.atUs <= nowUs ? heap.pop()?.live : undefined;
};

export const makeDeadlines = (): Deadlines => {
  const waits = makeHeap<Entry>(
    sooner,
    ({ live, atUs }) => isWaiting(live) && live.row.waitDeadlineUs === atUs,
  );
  const execs = makeHeap<Entry>(
    sooner,
    ({ live, lease }) => live.row.state === STATE.running && live.row.lease === lease,
  );
  let ringBeforeUs = 0;
  let ring = (): void => undefined;
  const follow = (heap: Heap<Entry>, entry: Entry): void => {
    heap.push(entry);
    if (entry.atUs >= ringBeforeUs) return;
    ringBeforeUs = 0;
    ring();
  };
  return {
    waiting: (live) => {
      const { waitDeadlineUs: atUs, lease } = live.row;
      if (atUs > 0) follow(waits, { atUs, live, lease });
    },
    running: (live) => {
      const { execDeadlineUs: atUs, lease } = live.row;
      if (atUs > 0) follow(execs, { atUs, live, lease });
    },
    left: (had) => {
      if (had.state === STATE.waiting && had.waitDeadlineUs > 0) waits.died();
      if (had.state === STATE.running && had.execDeadlineUs > 0) execs.died();
    },
    overdueWaiting: (nowUs) => due(waits, nowUs),
    overdueRunning: (nowUs) => due(execs, nowUs),
    nextUs: () =>
      Math.min(...[waits, execs].map((heap) => heap.peek()?.atUs ?? Number.POSITIVE_INFINITY)),
    alarm: (atUs, run) => {
      ringBeforeUs = atUs;
      ring = run;
    },
  };
};
