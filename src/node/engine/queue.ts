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
/** By target: '' is anyone, else 'n' and a name, or 'i' and an id. */
type ByTarget = Map<string, ByLocation>;

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

const ANYONE = '';
const FOR_ANYONE: readonly string[] = Object.freeze([ANYONE]);

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

const targetsOf = (p: ProcessRow): readonly string[] => {
  const { names, ids } = p.spec;
  if (names.length === 0 && ids.length === 0) return FOR_ANYONE;
  if (names.length === 1 && ids.length === 0) return [`n${names[0]}`];
  return [...new Set([...names.map((name) => `n${name}`), ...ids.map((id) => `i${id}`)])];
};

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
  const { executortype, location } = p.spec;
  const targets = types.get(executortype);
  for (const target of targets ? targetsOf(p) : []) {
    const places = targets?.get(target);
    const group = places?.get(location);
    group?.prune(p);
    if (group?.isEmpty()) places?.delete(location);
    if (places?.size === 0) targets?.delete(target);
  }
  if (targets?.size === 0) types.delete(executortype);
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
  const anyone = firstAt(targets.get(ANYONE), offer);
  const named = firstAt(targets.get(`n${name}`), offer);
  return better(better(anyone, named), firstAt(targets.get(`i${id}`), offer));
};

export const makeQueue = (): Queue => {
  const types = new Map<string, ByTarget>();

  const groupFor = (targets: ByTarget, target: string, location: string): Group =>
    child(
      child(targets, target, () => new Map()),
      location,
      () => makeGroup(forget),
    );

  return {
    add: (live) => {
      const targets = child(types, live.row.spec.executortype, () => new Map());
      for (const target of targetsOf(live.row)) {
        const group = groupFor(targets, target, live.row.spec.location);
        const heap = group.heapFor(live.row);
        if (remember(live, heap)) heap.push(live);
        group.added(live.row);
      }
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
    for (const places of targets.values()) {
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
