// The waiting processes of one colony. They are grouped by what makes an executor fit: type,
// target, location and resources. An assign looks at the heads of the few groups that fit the
// executor, so its cost does not grow with the backlog, however much of it is meant for others.

import type { ExecutorRow } from '../model/executor.ts';
import type { ProcessRow } from '../model/process.ts';
import { type Found, type Group, makeGroup, type Resources } from './group.ts';
import { type Heap, makeHeap } from './heap.ts';
import { goesFirst, type Live } from './live.ts';
import { child } from './maps.ts';

/** What an executor offers in one call; Infinity is unlimited. */
export interface Offer extends Resources {
  readonly executor: ExecutorRow;
}

/** By location; '' is anywhere. */
type ByLocation = Map<string, Group>;
/** By who may take it: anyone, executors of a name, or one executor by its id. */
interface ByTarget {
  readonly anyone: ByLocation;
  readonly names: Map<string, ByLocation>;
  readonly ids: Map<string, ByLocation>;
}

export interface Queue {
  /** Adds a waiting process to every group it belongs to and is not in already. */
  add(live: Live): void;
  /** Tells the heaps that hold it that it waits no longer. */
  left(live: Live): void;
  /** Takes out the first waiting process that fits the offer. */
  take(offer: Offer): Live | undefined;
  /** What the same offer would be given next, in order, as far as it is alike. */
  upcoming(offer: Offer): Iterable<Live>;
  /** Waiting processes of one executor type, or of all, in queue order. */
  inOrder(executortype?: string): Generator<Live, void>;
  /** Whether nothing is kept, not even for processes of the past. */
  isEmpty(): boolean;
}

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

const makeTargets = (): ByTarget => ({ anyone: new Map(), names: new Map(), ids: new Map() });

const isUnused = ({ anyone, names, ids }: ByTarget): boolean =>
  anyone.size + names.size + ids.size === 0;

function* allPlaces({ anyone, names, ids }: ByTarget): Generator<ByLocation, void> {
  yield anyone;
  yield* names.values();
  yield* ids.values();
}

/** Whether this executor may take this process. The rule that the groups are built from. */
export const fits = (p: ProcessRow, offer: Offer): boolean => {
  const { spec } = p;
  const { executor } = offer;
  if (spec.executortype !== executor.type) return false;
  if (spec.cpuMilli > offer.cpuMilli || spec.memBytes > offer.memBytes) return false;
  if (spec.location !== '' && spec.location !== executor.location.toLowerCase()) return false;
  if (spec.names.length === 0 && spec.ids.length === 0) return true;
  return spec.names.includes(executor.name) || spec.ids.includes(executor.id);
};

/**
 * Drops what is empty on the way to the heaps of a process, so that nothing stays of past targets.
 */
const prune = (types: Map<string, ByTarget>, p: ProcessRow): void => {
  const { executortype, location, names, ids } = p.spec;
  const targets = types.get(executortype);
  if (!targets) return;
  const pruneAt = (places: ByLocation | undefined): boolean => {
    const group = places?.get(location);
    group?.prune(p);
    if (group?.isEmpty()) places?.delete(location);
    return places?.size === 0;
  };
  pruneAt(targets.anyone);
  for (const name of names) if (pruneAt(targets.names.get(name))) targets.names.delete(name);
  for (const id of ids) if (pruneAt(targets.ids.get(id))) targets.ids.delete(id);
  if (isUnused(targets)) types.delete(executortype);
};

const better = (a: Found | undefined, b: Found | undefined): Found | undefined =>
  a && b ? (goesFirst(b.live, a.live) ? b : a) : (a ?? b);

const firstAt = (places: ByLocation | undefined, offer: Offer): Found | undefined => {
  if (!places) return undefined;
  const here = offer.executor.location.toLowerCase();
  const anywhere = places.get('')?.first(offer);
  return here === '' ? anywhere : better(anywhere, places.get(here)?.first(offer));
};

const bestOf = (targets: ByTarget | undefined, offer: Offer): Found | undefined => {
  if (!targets) return undefined;
  const { name, id } = offer.executor;
  const anyone = firstAt(targets.anyone, offer);
  const named = firstAt(targets.names.get(name), offer);
  return better(better(anyone, named), firstAt(targets.ids.get(id), offer));
};

const newPlaces = (): ByLocation => new Map();
const newGroup = (): Group => makeGroup(forget);

export const makeQueue = (): Queue => {
  const types = new Map<string, ByTarget>();

  const put = (places: ByLocation, live: Live): void => {
    const group = child(places, live.row.spec.location, newGroup);
    const heap = group.heapFor(live.row);
    if (remember(live, heap)) heap.push(live);
    group.added(live.row);
  };

  return {
    add: (live) => {
      const { executortype, names, ids } = live.row.spec;
      const targets = child(types, executortype, makeTargets);
      if (names.length === 0 && ids.length === 0) put(targets.anyone, live);
      for (const name of names) put(child(targets.names, name, newPlaces), live);
      for (const id of ids) put(child(targets.ids, id, newPlaces), live);
    },
    left: (live) => {
      const held = Array.isArray(live.queued) ? live.queued : live.queued ? [live.queued] : [];
      for (const heap of held) heap.died();
      if (held.some((heap) => heap.size() === 0)) prune(types, live.row);
    },
    take: (offer) => {
      const best = bestOf(types.get(offer.executor.type), offer);
      const taken = best?.heap.pop();
      if (taken && best?.heap.size() === 0) prune(types, taken.row);
      return taken;
    },
    upcoming: (offer) => bestOf(types.get(offer.executor.type), offer)?.heap.inOrder() ?? [],
    *inOrder(executortype) {
      yield* mergeHeaps(executortype === undefined ? types.values() : pick(types, executortype));
    },
    isEmpty: () => types.size === 0,
  };
};

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
    for (const places of allPlaces(targets)) {
      for (const group of places.values()) {
        for (const heap of group.heaps()) advance(heap.inOrder());
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
