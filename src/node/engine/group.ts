// Waiting processes of one type, target and place. They differ by the resources they need: those of
// equal need share a heap, so that the first one that fits an offer is found among the heads.

import type { ProcessRow } from '../model/process.ts';
import { type Heap, makeHeap } from './heap.ts';
import { goesFirst, isWaiting, type Live } from './live.ts';
import { child } from './maps.ts';

export interface Resources {
  readonly cpuMilli: number;
  readonly memBytes: number;
}

interface Need extends Resources {
  readonly heap: Heap<Live>;
  /** Its entry among the fronts; entries that it had before are void. */
  front: Front | undefined;
}

/** The head of a heap when it was noted. */
interface Front {
  readonly need: Need;
  readonly live: Live;
}

export interface Found {
  readonly live: Live;
  readonly heap: Heap<Live>;
}

export interface Group {
  /** The heap for processes that need as much as this one. */
  heapFor(p: ProcessRow): Heap<Live>;
  /** Tells that a process was put into its heap. */
  added(p: ProcessRow): void;
  /** The first process that an offer is enough for. */
  first(offer: Resources): Found | undefined;
  /** Drops the heap for processes like this one when it is empty. */
  prune(p: ProcessRow): void;
  heaps(): Iterable<Heap<Live>>;
  isEmpty(): boolean;
}

/** So many heads are looked at one by one; with more their order is kept. */
const FEW = 16;

const keyOf = ({ spec }: ProcessRow): string => `${spec.cpuMilli} ${spec.memBytes}`;

const isEnough = (offer: Resources, need: Resources): boolean =>
  need.cpuMilli <= offer.cpuMilli && need.memBytes <= offer.memBytes;

const firstOfFew = (needs: Iterable<Need>, offer: Resources): Found | undefined => {
  let best: Found | undefined;
  for (const need of needs) {
    if (!isEnough(offer, need)) continue;
    const live = need.heap.peek();
    if (live && (!best || goesFirst(live, best.live))) best = { live, heap: need.heap };
  }
  return best;
};

interface Fronts {
  /** Notes the head of a heap that changed. */
  note(need: Need): void;
  first(offer: Resources): Found | undefined;
  /** Entries, void ones included. */
  size(): number;
}

/**
 * The heads of many heaps in order. A head that left is noticed when its entry comes up: what
 * follows it in its heap comes later, so nothing is ever found too late.
 */
const makeFronts = (needs: Iterable<Need>): Fronts => {
  const heap = makeHeap<Front>(
    (a, b) => goesFirst(a.live, b.live),
    () => true,
  );

  const note = (need: Need): void => {
    const live = need.heap.peek();
    if (live === need.front?.live) return;
    need.front = live && { need, live };
    if (need.front) heap.push(need.front);
  };

  /** Takes out the first entry that still says what it said. */
  const next = (): Front | undefined => {
    for (let front = heap.pop(); front; front = heap.pop()) {
      if (front.need.front !== front) continue;
      if (front.need.heap.peek() === front.live) return front;
      note(front.need);
    }
    return undefined;
  };

  for (const need of needs) {
    need.front = undefined;
    note(need);
  }
  return {
    note,
    first: (offer) => {
      const seen: Front[] = [];
      let front = next();
      while (front && !isEnough(offer, front.need)) {
        seen.push(front);
        front = next();
      }
      if (front) heap.push(front);
      for (const other of seen) heap.push(other);
      return front && { live: front.live, heap: front.need.heap };
    },
    size: heap.size,
  };
};

/** Makes an empty group; `onDrop` is told of each entry that leaves a heap. */
export const makeGroup = (onDrop: (live: Live, heap: Heap<Live>) => void): Group => {
  const needs = new Map<string, Need>();
  let fronts: Fronts | undefined;
  // Most that come one after another need the same.
  let last: Need | undefined;

  const makeNeed = ({ spec }: ProcessRow): Need => {
    const heap: Heap<Live> = makeHeap<Live>(goesFirst, isWaiting, (live) => onDrop(live, heap));
    return { cpuMilli: spec.cpuMilli, memBytes: spec.memBytes, heap, front: undefined };
  };

  const frontsNow = (): Fronts => {
    if (!fronts || fronts.size() > 2 * (needs.size + FEW)) fronts = makeFronts(needs.values());
    return fronts;
  };

  return {
    heapFor: (p) => {
      const { cpuMilli, memBytes } = p.spec;
      if (last?.cpuMilli !== cpuMilli || last.memBytes !== memBytes) {
        last = child(needs, keyOf(p), () => makeNeed(p));
      }
      return last.heap;
    },
    added: (p) => {
      const need = fronts && needs.get(keyOf(p));
      if (need) fronts?.note(need);
    },
    first: (offer) => {
      if (needs.size > FEW) return frontsNow().first(offer);
      fronts = undefined;
      return firstOfFew(needs.values(), offer);
    },
    prune: (p) => {
      const key = keyOf(p);
      const need = needs.get(key);
      if (need?.heap.size() !== 0) return;
      need.front = undefined;
      needs.delete(key);
      last = undefined;
    },
    heaps: function* () {
      for (const need of needs.values()) yield need.heap;
    },
    isEmpty: () => needs.size === 0,
  };
};
