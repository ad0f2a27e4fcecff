// Which of many things lies farthest from a place: a heap that also gives up things out of turn, so
// that a full store finds who has to go without looking at all it holds.

import { compareDistance } from './record-keys.ts';

export interface Placed {
  readonly place: Uint8Array;
}

export interface Farthest<T extends Placed> {
  /** Takes it in under a name; one name is there once. */
  add(name: string, thing: T): void;
  remove(name: string): void;
  /** The farthest one, which stays. */
  peek(): T | undefined;
}

/** An empty heap of things by their distance from `here`. */
export const makeFarthest = <T extends Placed>(here: Uint8Array): Farthest<T> => {
  const heap: { readonly name: string; readonly thing: T }[] = [];
  const at = new Map<string, number>();
  type Node = (typeof heap)[number];

  const isFarther = (a: Node | undefined, b: Node | undefined): boolean =>
    a !== undefined && b !== undefined && compareDistance(here, a.thing.place, b.thing.place) > 0;
  const set = (index: number, node: Node): void => {
    heap[index] = node;
    at.set(node.name, index);
  };
  const rise = (start: number, node: Node): number => {
    let index = start;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Node;
      if (!isFarther(node, parent)) break;
      set(index, parent);
      index = above;
    }
    return index;
  };
  const sink = (start: number, node: Node): number => {
    let index = start;
    for (;;) {
      const left = 2 * index + 1;
      const below = isFarther(heap[left + 1], heap[left]) ? left + 1 : left;
      const child = heap[below];
      if (child === undefined || !isFarther(child, node)) return index;
      set(index, child);
      index = below;
    }
  };
  const settle = (index: number, node: Node): void => set(sink(rise(index, node), node), node);
  const remove = (name: string): void => {
    const index = at.get(name);
    if (index === undefined) return;
    at.delete(name);
    const last = heap.pop();
    // The last one takes the place that became free, unless it was the one itself.
    if (last !== undefined && index < heap.length) settle(index, last);
  };
  return {
    add: (name, thing) => {
      remove(name);
      settle(heap.length, { name, thing });
    },
    remove,
    peek: () => heap[0]?.thing,
  };
};
