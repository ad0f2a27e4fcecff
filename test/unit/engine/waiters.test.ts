// Long polls in line against a dumb scan of all of them.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Live } from '../../../src/node/engine/live.ts';
import { fits, type Offer } from '../../../src/node/engine/queue.ts';
import { makeWaiters, type Waiter } from '../../../src/node/engine/waiters.ts';
import { live, offer } from './arbitraries.ts';

const makeWaiter = (what: Offer, turn: number): Waiter => ({
  offer: what,
  turn,
  give: () => undefined,
  end: () => undefined,
});

// The executors of the generator are called `<name>-<type>` and have an id made of that.
const idOfName = (name: string): string | undefined =>
  /^(ann|bob|cid)-(cli|ml)$/.test(name) ? name.padEnd(64, '0') : undefined;

type Step =
  | { do: 'add'; offer: Offer }
  | { do: 'remove'; at: number }
  | { do: 'find'; make: (no: number) => Live };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: offer.map((what) => ({ do: 'add' as const, offer: what })) },
  { weight: 2, arbitrary: fc.nat().map((at) => ({ do: 'remove' as const, at })) },
  { weight: 5, arbitrary: live.map((make) => ({ do: 'find' as const, make })) },
);

test('a process goes to the longest waiting executor that fits it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (history) => {
      const waiters = makeWaiters(idOfName);
      const line: Waiter[] = [];
      for (const [turn, now] of history.entries()) {
        if (now.do === 'add') {
          const waiter = makeWaiter(now.offer, turn);
          line.push(waiter);
          waiters.add(waiter);
        } else if (now.do === 'remove') {
          const [gone] = line.splice(now.at % Math.max(1, line.length), 1);
          if (gone) waiters.remove(gone);
          if (gone) waiters.remove(gone);
        } else {
          const { row } = now.make(turn);
          expect(waiters.findFor(row)).toBe(line.find((waiter) => fits(row, waiter.offer)));
        }
        expect(waiters.size()).toBe(line.length);
        expect([...waiters.all()]).toEqual(line);
        const [someone] = line;
        if (!someone) continue;
        const { id } = someone.offer.executor;
        expect(waiters.of(id)).toEqual(line.filter((w) => w.offer.executor.id === id));
      }
      for (const waiter of line) waiters.remove(waiter);
      expect(waiters.size()).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('finding one does not look at those of other types, and at one of each kind of offer', () => {
  const waiters = makeWaiters(idOfName);
  const [sample] = fc.sample(offer, 1) as [Offer];
  let looked = 0;
  const counting = (type: string, turn: number): Waiter => {
    const executor = { ...sample.executor, id: `${turn}`.padStart(64, '0'), type, location: '' };
    const waiter = makeWaiter({ executor, cpuMilli: 1000, memBytes: 1000 }, turn);
    Object.defineProperty(waiter, 'offer', {
      get: () => {
        looked += 1;
        return { executor, cpuMilli: 1000, memBytes: 1000 };
      },
    });
    return waiter;
  };
  for (let turn = 0; turn < 2000; turn++) waiters.add(counting(turn % 2 === 0 ? 'a' : 'b', turn));
  const [make] = fc.sample(live, 1) as [(no: number) => Live];
  const { row } = make(1);
  const none = { names: [], ids: [], location: '', cpuMilli: 0, memBytes: 0 };
  looked = 0;
  expect(waiters.findFor({ ...row, spec: { ...row.spec, ...none, executortype: 'b' } })?.turn).toBe(
    1,
  );
  expect(looked).toBeLessThan(5);
});
