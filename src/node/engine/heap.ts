// A binary heap with lazy deletion. Entries that died elsewhere stay until they reach the top, are
// half of a larger heap, or all of any; then it is rebuilt, so that memory follows the living.

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

/** A heap by `less`; `isAlive` tells dead entries; `onDrop` is told of each entry that leaves. */
export const makeHeap = <T>(
  less: (a: T, b: T) => boolean,
  isAlive: (item: T) => boolean,
  onDrop: (item: T) => void = () => undefined,
): Heap<T> => {
  let items: T[] = [];
  let dead = 0;

  const removeTop = (): T => {
    const top = items[0] as T;
    const last = items.pop() as T;
    if (items.length > 0) {
      items[0] = last;
      siftDown(items, less, 0);
    }
    onDrop(top);
    return top;
  };

  const compact = (): void => {
    const living: T[] = [];
    for (const item of items) {
      if (isAlive(item)) living.push(item);
      else onDrop(item);
    }
    items = living;
    dead = 0;
    for (let at = (items.length >> 1) - 1; at >= 0; at--) siftDown(items, less, at);
  };

  const peek = (): T | undefined => {
    while (items.length > 0 && !isAlive(items[0] as T)) {
      removeTop();
      dead = Math.max(0, dead - 1);
    }
    return items[0];
  };

  function* inOrder(): Generator<T, void> {
    const front = makeHeap<number>(
      (a, b) => less(items[a] as T, items[b] as T),
      () => true,
    );
    if (items.length > 0) front.push(0);
    for (let at = front.pop(); at !== undefined; at = front.pop()) {
      const item = items[at] as T;
      if (isAlive(item)) yield item;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < items.length) front.push(child);
    }
  }

  return {
    push: (item) => {
      items.push(item);
      siftUp(items, less, items.length - 1);
    },
    peek,
    pop: () => {
      if (peek() === undefined) return undefined;
      const top = removeTop();
      if (dead > 0 && dead >= items.length) compact();
      return top;
    },
    died: () => {
      dead += 1;
      const many = dead > COMPACT_FROM && dead * 2 > items.length;
      if (many || dead >= items.length) compact();
    },
    size: () => items.length,
    inOrder,
  };
};
