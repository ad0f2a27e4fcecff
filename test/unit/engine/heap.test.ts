// The heap with lazy deletion.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeHeap } from '../../../src/node/engine/heap.ts';

interface Item {
  readonly rank: number;
  readonly no: number;
  alive: boolean;
}

const before = (a: Item, b: Item): boolean => (a.rank !== b.rank ? a.rank < b.rank : a.no < b.no);
const bySort = (items: Iterable<Item>): Item[] =>
  [...items].sort((a, b) => (before(a, b) ? -1 : 1));

type Step =
  | { do: 'push'; rank: number }
  | { do: 'pop' | 'peek' | 'list' }
  | { do: 'kill'; at: number };
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('push' as const), rank: fc.nat(20) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom('pop' as const, 'peek' as const, 'list' as const),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('kill' as const), at: fc.nat() }) },
  ),
  { maxLength: 400, size: 'max' },
) as fc.Arbitrary<Step[]>;

/** A heap of numbers that counts what it compares. */
const counting = () => {
  const cost = { compared: 0 };
  const heap = makeHeap<number>(
    (a, b) => {
      cost.compared += 1;
      return a < b;
    },
    () => true,
  );
  return { heap, cost };
};

describe('against a sorted array', () => {
  test('gives the same smallest living entry after any history', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const living = new Set<Item>();
        const inside = new Set<Item>();
        const heap = makeHeap<Item>(
          before,
          (item) => item.alive,
          (item) => {
            expect(inside.delete(item)).toBe(true);
          },
        );
        for (const [no, step] of history.entries()) {
          if (step.do === 'push') {
            const item: Item = { rank: step.rank, no, alive: true };
            living.add(item);
            inside.add(item);
            heap.push(item);
          } else if (step.do === 'kill') {
            const item = [...living][step.at % Math.max(1, living.size)];
            if (!item) continue;
            living.delete(item);
            item.alive = false;
            heap.died();
          } else if (step.do === 'list') {
            expect([...heap.inOrder()]).toEqual(bySort(living));
          } else {
            const [expected] = bySort(living);
            expect(step.do === 'pop' ? heap.pop() : heap.peek()).toBe(expected);
            if (step.do === 'pop' && expected) living.delete(expected);
          }
          expect(heap.size()).toBe(inside.size);
        }
        for (const item of bySort(living)) expect(heap.pop()).toBe(item);
        expect(heap.pop()).toBeUndefined();
        expect(inside.size).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('listing the first few costs no more than they are', () => {
    const { heap, cost } = counting();
    for (let i = 0; i < 10_000; i++) heap.push((i * 7919) % 10_000);
    cost.compared = 0;
    const first: number[] = [];
    for (const n of heap.inOrder()) {
      first.push(n);
      if (first.length === 10) break;
    }
    expect(first).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(cost.compared).toBeLessThan(500);
  });
});

test('what arrives in order costs a few comparisons, however much waits', () => {
  const { heap, cost } = counting();
  heap.push(50_000);
  for (let i = 0; i < 10; i++) heap.push(i);
  for (let i = 0; i < 100_000; i++) heap.push(100_000 + i);
  expect(cost.compared).toBeLessThan(100_100);
  cost.compared = 0;
  for (let i = 0; i < 1_000; i++) {
    heap.pop();
    heap.push(300_000 + i);
  }
  expect(cost.compared).toBeLessThan(3 * 1_000 + 200);
  expect(heap.size()).toBe(100_011);
});

describe('the dead', () => {
  const filled = (count: number) => {
    const items: Item[] = Array.from({ length: count }, (_, no) => ({ rank: no, no, alive: true }));
    const heap = makeHeap<Item>(before, (item) => item.alive);
    for (const item of items) heap.push(item);
    const kill = (some: readonly Item[]): void => {
      for (const item of some) {
        item.alive = false;
        heap.died();
      }
    };
    return { items, heap, kill };
  };

  test('never are more than the living by more than a few', () => {
    const { items, heap, kill } = filled(10_000);
    kill(items.slice(1, 9_900));
    expect(heap.size()).toBeLessThan(2 * 101 + 100);
    expect(heap.pop()).toBe(items[0]);
    expect(heap.pop()).toBe(items[9_900]);
  });

  test('do not stay when nothing else is left', () => {
    for (const count of [1, 2, 40]) {
      const { items, heap, kill } = filled(count);
      kill(items);
      expect(heap.size()).toBe(0);
    }
  });

  test('are dropped at a cost that does not grow with the heap', () => {
    const { items, heap } = filled(20_000);
    let asked = 0;
    for (const item of items) {
      Object.defineProperty(item, 'alive', {
        get: () => {
          asked += 1;
          return item.no % 2 === 0;
        },
      });
    }
    for (const item of items) if (item.no % 2 === 1) heap.died();
    expect(asked).toBeLessThan(4 * 20_000);
  });
});
