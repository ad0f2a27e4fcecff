// The waiting processes of one colony. They are grouped by what makes an executor fit: type,
// target,
// location and resources. An assign looks at the heads of the few groups that fit the executor, so
// its cost
// does not grow with the backlog, however much of it is meant for others.

import type { ExecutorRow } from '../model/executor.ts';
import type { ProcessRow } from '../model/process.ts';
import { type Heap, makeHeap } from './heap.ts';
import { goesFirst, isWaiting, type Live } from './live.ts';
import { child } from './maps.ts';

/** What an executor offers in one call; Infinity is unlimited. */
export interface Offer {
  readonly executor: ExecutorRow;
  readonly cpuMilli: number;
  readonly memBytes: number;
}

interface Need {
  readonly cpuMilli: number;
  readonly memBytes: number;
  readonly heap: Heap<Live>;
}

/**
 * One target ('' is anyone, 'n' + name, 'i' + id) at one location ('' is anywhere): heaps by
 * resource need.
 */
type Group = Map<string, Need>;
type ByLocation = Map<string, Group>;
type ByTarget = Map<string, ByLocation>;

export interface Queue {
  /** Adds a waiting process to every group it belongs to and is not in already. */
  add(live: Live): void;
  /** Tells the heaps that hold it that it left without being taken from them. */
  left(live: Live, except?: Heap<Live>): void;
  /** Takes out the first waiting process that fits the offer. */
  take(offer: Offer): Live | undefined;
  /** Waiting processes of one executor type, or of all, in queue order. */
  inOrder(executortype?: string): Generator<Live, void>;
}

const ANYONE = '';
const forget = (live: Live, heap: Heap<Live>): void => {
  if (live.queued === heap) live.queued = undefined;
  else if (Array.isArray(live.queued)) {
    const rest = live.queued.filter((other) => other !== heap);
    live.queued = rest.length === 0 ? undefined : rest;
  }
};

const remember = (live: Live, heap: Heap<Live>): boolean => {
  if (live.queued === undefined) {
    live.queued = heap;
    return true;
  }
  if (live.queued === heap) return false;
  if (!Array.isArray(live.queued)) {
    live.queued = [live.queued, heap];
    return true;
  }
  if (live.queued.includes(heap)) return false;
  live.queued.push(heap);
  return true;
};

const targetsOf = (p: ProcessRow): string[] => {
  const { names, ids } = p.spec;
  if (names.length === 0 && ids.length === 0) return [ANYONE];
  return [...new Set([...names.map((name) => `n${name}`), ...ids.map((id) => `i${id}`)])];
};

const makeNeedHeap = (): Heap<Live> => {
  const heap: Heap<Live> = makeHeap<Live>(goesFirst, isWaiting, (live) => forget(live, heap));
  return heap;
};

/**
 * Whether this executor may take this process with what it offers. The rule the groups are built
 * from.
 */
export const fits = (p: ProcessRow, offer: Offer): boolean => {
  const { spec } = p;
  const { executor } = offer;
  if (spec.executortype !== executor.type) return false;
  if (spec.cpuMilli > offer.cpuMilli || spec.memBytes > offer.memBytes) return false;
  if (spec.location !== '' && spec.location !== executor.location.toLowerCase()) return false;
  if (spec.names.length === 0 && spec.ids.length === 0) return true;
  return spec.names.includes(executor.name) || spec.ids.includes(executor.id);
};

export const makeQueue = (): Queue => {
  const types = new Map<string, ByTarget>();

  const heapFor = (targets: ByTarget, target: string, p: ProcessRow): Heap<Live> => {
    const group = child(
      child(targets, target, () => new Map()),
      p.spec.location,
      () => new Map(),
    );
    const key = `${p.spec.cpuMilli} ${p.spec.memBytes}`;
    return child(group, key, () => ({
      cpuMilli: p.spec.cpuMilli,
      memBytes: p.spec.memBytes,
      heap: makeNeedHeap(),
    })).heap;
  };

  const headOf = (group: Group | undefined, offer: Offer, best: Best): void => {
    if (!group) return;
    for (const [key, need] of group) {
      if (need.cpuMilli > offer.cpuMilli || need.memBytes > offer.memBytes) continue;
      const head = need.heap.peek();
      if (!head) group.delete(key);
      else if (!best.live || goesFirst(head, best.live)) {
        best.live = head;
        best.heap = need.heap;
      }
    }
  };

  const headsOf = (targets: ByTarget, target: string, offer: Offer, best: Best): void => {
    const places = targets.get(target);
    if (!places) return;
    const here = offer.executor.location.toLowerCase();
    headOf(places.get(''), offer, best);
    if (here !== '') headOf(places.get(here), offer, best);
    for (const place of here === '' ? [''] : ['', here]) {
      if (places.get(place)?.size === 0) places.delete(place);
    }
    if (places.size === 0) targets.delete(target);
  };

  const left = (live: Live, except?: Heap<Live>): void => {
    const held = Array.isArray(live.queued) ? live.queued : live.queued ? [live.queued] : [];
    for (const heap of held) if (heap !== except) heap.died();
  };

  return {
    add: (live) => {
      const targets = child(types, live.row.spec.executortype, () => new Map());
      for (const target of targetsOf(live.row)) {
        const heap = heapFor(targets, target, live.row);
        if (remember(live, heap)) heap.push(live);
      }
    },
    left,
    take: (offer) => {
      const targets = types.get(offer.executor.type);
      if (!targets) return undefined;
      const best: Best = { live: undefined, heap: undefined };
      headsOf(targets, ANYONE, offer, best);
      headsOf(targets, `n${offer.executor.name}`, offer, best);
      headsOf(targets, `i${offer.executor.id}`, offer, best);
      if (targets.size === 0) types.delete(offer.executor.type);
      return best.heap?.pop();
    },
    *inOrder(executortype) {
      yield* mergeHeaps(executortype === undefined ? types.values() : pick(types, executortype));
    },
  };
};

interface Best {
  live: Live | undefined;
  heap: Heap<Live> | undefined;
}

const pick = <V>(map: Map<string, V>, key: string): V[] => {
  const value = map.get(key);
  return value === undefined ? [] : [value];
};

/** The living entries of all heaps in queue order, each once. */
function* mergeHeaps(all: Iterable<ByTarget>): Generator<Live, void> {
  const front = makeHeap<{ live: Live; rest: Generator<Live, void> }>(
    (a, b) => goesFirst(a.live, b.live),
    () => true,
  );
  const advance = (rest: Generator<Live, void>): void => {
    const next = rest.next();
    if (!next.done) front.push({ live: next.value, rest });
  };
  for (const targets of all) {
    for (const places of targets.values()) {
      for (const group of places.values()) {
        for (const need of group.values()) advance(need.heap.inOrder());
      }
    }
  }
  let last: Live | undefined;
  for (let head = front.pop(); head; head = front.pop()) {
    if (head.live !== last) yield head.live;
    last = head.live;
    advance(head.rest);
  }
}
