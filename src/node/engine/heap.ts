// A priority queue with lazy deletion: a line for what arrives in order, and a binary heap for the
// rest. Most of a backlog arrives in order, and costs one comparison when it comes and one when it
// goes, however long the line. Entries that died elsewhere stay until they come first, are half of
// a larger queue, or all of any; then it is rebuilt, so that memory follows the living.

export interface Heap<T> {
  push(item: T): void;
  /** The smallest living entry, not removed. */
  peek(): T | undefined;
  /** Removes and returns the smallest living entry. */
  pop(): T | undefined;
  /** Says that one entry died without being popped. */
  died(): void;
  /** Entries, dead ones included. */
  size(): number;
  /** Living entries in order, at the cost of those taken. Do not change the heap meanwhile. */
  inOrder(): Generator<T, void>;
}

const COMPACT_FROM = 64;

const siftUp = <T>(items: T[], less: (a: T, b: T) => boolean, from: number): void => {
  let at = from;
  const item = items[at] as T;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = items[parent] as T;
    if (!less(item, above)) break;
    items[at] = above;
    at = parent;
  }
  items[at] = item;
};

const siftDown = <T>(items: T[], less: (a: T, b: T) => boolean, from: number): void => {
  let at = from;
  const item = items[at] as T;
  const size = items.length;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && less(items[child + 1] as T, items[child] as T)) child += 1;
    const below = items[child] as T;
    if (!less(below, item)) break;
    items[at] = below;
    at = child;
  }
  items[at] = item;
};

/** Items in the order of their arrival, which is also that of `less`. */
interface Line<T> {
  /** Whether the item was taken: it does not come before the last one. */
  take(item: T): boolean;
  first(): T | undefined;
  removeFirst(): void;
  size(): number;
  keep(isKept: (item: T) => boolean): void;
  all(): Generator<T, void>;
}

const makeLine = <T>(less: (a: T, b: T) => boolean): Line<T> => {
  let items: (T | undefined)[] = [];
  let from = 0;

  const shorten = (): void => {
    items = items.slice(from);
    from = 0;
  };

  return {
    take: (item) => {
      const isFree = from === items.length;
      if (!isFree && less(item, items[items.length - 1] as T)) return false;
      if (isFree && from > 0) shorten();
      items.push(item);
      return true;
    },
    first: () => items[from],
    removeFirst: () => {
      items[from] = undefined;
      from += 1;
      if (from > COMPACT_FROM && from * 2 > items.length) shorten();
    },
    size: () => items.length - from,
    keep: (isKept) => {
      items = items.filter((item, i) => i >= from && isKept(item as T));
      from = 0;
    },
    *all() {
      for (let i = from; i < items.length; i++) yield items[i] as T;
    },
  };
};

/** The items of a binary heap in order, at the cost of those taken. */
function* inHeapOrder<T>(items: readonly T[], less: (a: T, b: T) => boolean): Generator<T, void> {
  const front: number[] = [];
  const before = (a: number, b: number): boolean => less(items[a] as T, items[b] as T);
  const add = (at: number): void => {
    if (at >= items.length) return;
    front.push(at);
    siftUp(front, before, front.length - 1);
  };
  add(0);
  for (let at = popTop(front, before); at !== undefined; at = popTop(front, before)) {
    yield items[at] as T;
    add(2 * at + 1);
    add(2 * at + 2);
  }
}

const popTop = <T>(items: T[], less: (a: T, b: T) => boolean): T | undefined => {
  const top = items[0];
  const last = items.pop();
  if (items.length > 0) {
    items[0] = last as T;
    siftDown(items, less, 0);
  }
  return top;
};

/** A heap by `less`; `isAlive` tells dead entries; `onDrop` is told of each entry that leaves. */
export const makeHeap = <T>(
  less: (a: T, b: T) => boolean,
  isAlive: (item: T) => boolean,
  onDrop: (item: T) => void = () => undefined,
): Heap<T> => {
  const line = makeLine(less);
  let items: T[] = [];
  let dead = 0;

  const size = (): number => line.size() + items.length;

  const isInLine = (): boolean => {
    const first = line.first();
    return first !== undefined && (items.length === 0 || !less(items[0] as T, first));
  };

  const removeFirst = (): T => {
    const inLine = isInLine();
    const first = (inLine ? line.first() : popTop(items, less)) as T;
    if (inLine) line.removeFirst();
    onDrop(first);
    return first;
  };

  const keep = (item: T): boolean => {
    const isKept = isAlive(item);
    if (!isKept) onDrop(item);
    return isKept;
  };

  const compact = (): void => {
    line.keep(keep);
    items = items.filter(keep);
    dead = 0;
    for (let at = (items.length >> 1) - 1; at >= 0; at--) siftDown(items, less, at);
  };

  const peek = (): T | undefined => {
    while (size() > 0) {
      const first = (isInLine() ? line.first() : items[0]) as T;
      if (isAlive(first)) return first;
      removeFirst();
      dead = Math.max(0, dead - 1);
    }
    return undefined;
  };

  function* everything(): Generator<T, void> {
    const rest = inHeapOrder(items, less);
    let next = rest.next();
    for (const item of line.all()) {
      for (; !next.done && less(next.value, item); next = rest.next()) yield next.value;
      yield item;
    }
    for (; !next.done; next = rest.next()) yield next.value;
  }

  return {
    push: (item) => {
      if (line.take(item)) return;
      items.push(item);
      siftUp(items, less, items.length - 1);
    },
    peek,
    pop: () => {
      if (peek() === undefined) return undefined;
      const top = removeFirst();
      if (dead > 0 && dead >= size()) compact();
      return top;
    },
    died: () => {
      dead += 1;
      const many = dead > COMPACT_FROM && dead * 2 > size();
      if (many || dead >= size()) compact();
    },
    size,
    *inOrder() {
      for (const item of everything()) if (isAlive(item)) yield item;
    },
  };
};
