// The queue against a dumb scan of everything that waits.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goesFirst, type Live } from '../../../src/node/engine/live.ts';
import { fits, makeQueue, type Offer } from '../../../src/node/engine/queue.ts';
import { STATE } from '../../../src/node/model/process.ts';
import { executorRow, live, offer } from './arbitraries.ts';

const inQueueOrder = (waiting: Iterable<Live>): Live[] =>
  [...waiting].sort((a, b) => (goesFirst(a, b) ? -1 : 1));

const firstFor = (waiting: Iterable<Live>, what: Offer): Live | undefined =>
  inQueueOrder(waiting).find(({ row }) => fits(row, what));

const setState = (one: Live, state: 0 | 1 | 4): void => {
  one.row = { ...one.row, state };
};

type Step =
  | { do: 'add'; make: (no: number) => Live }
  | { do: 'take'; offer: Offer }
  | { do: 'drop' | 'back'; at: number }
  | { do: 'list'; type: string | undefined };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: live.map((make) => ({ do: 'add' as const, make })) },
  { weight: 5, arbitrary: offer.map((what) => ({ do: 'take' as const, offer: what })) },
  { weight: 2, arbitrary: fc.nat().map((at) => ({ do: 'drop' as const, at })) },
  { weight: 3, arbitrary: fc.nat().map((at) => ({ do: 'back' as const, at })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('cli', 'ml', 'nobody', undefined)
      .map((type) => ({ do: 'list' as const, type })),
  },
);

describe('any history', () => {
  test('gives each executor what a scan with the matching rule would give it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (history) => {
        const queue = makeQueue();
        const waiting = new Set<Live>();
        const running = new Set<Live>();
        let no = 0;
        for (const now of history) {
          if (now.do === 'add') {
            const one = now.make(no++);
            waiting.add(one);
            queue.add(one);
          } else if (now.do === 'take') {
            const expected = firstFor(waiting, now.offer);
            expect(queue.take(now.offer)).toBe(expected);
            if (!expected) continue;
            waiting.delete(expected);
            running.add(expected);
            setState(expected, STATE.running);
            queue.left(expected);
          } else if (now.do === 'list') {
            const wanted = [...waiting].filter(
              ({ row }) => now.type === undefined || row.spec.executortype === now.type,
            );
            expect([...queue.inOrder(now.type)]).toEqual(inQueueOrder(wanted));
          } else {
            const from = now.do === 'drop' ? waiting : running;
            const one = [...from][now.at % Math.max(1, from.size)];
            if (!one) continue;
            from.delete(one);
            setState(one, now.do === 'drop' ? STATE.cancelled : STATE.waiting);
            if (now.do === 'drop') queue.left(one);
            else {
              waiting.add(one);
              queue.add(one);
            }
          }
        }
        for (const one of waiting) {
          setState(one, STATE.cancelled);
          queue.left(one);
        }
        expect(queue.isEmpty()).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what is left behind', () => {
  const ANN = executorRow('ann', 'cli', '');
  const unlimited = { cpuMilli: Number.POSITIVE_INFINITY, memBytes: Number.POSITIVE_INFINITY };
  const [make] = fc.sample(live, 1) as [(no: number) => Live];
  const plain = (no: number, names: readonly string[]): Live => {
    const one = make(no);
    const spec = { ...one.row.spec, executortype: 'cli', names, ids: [], location: '' };
    one.row = { ...one.row, spec };
    return one;
  };

  test('nothing of processes that were taken by one of several targets', () => {
    const queue = makeQueue();
    for (let no = 0; no < 1000; no++) {
      const one = plain(no, [ANN.name, `other-${no}`]);
      queue.add(one);
      expect(queue.take({ executor: ANN, ...unlimited })).toBe(one);
      setState(one, STATE.running);
      queue.left(one);
      expect(one.queued).toBeUndefined();
    }
    expect(queue.isEmpty()).toBe(true);
  });

  test('nothing of targets that nobody ever asked for', () => {
    const queue = makeQueue();
    const all = Array.from({ length: 100 }, (_, no) => plain(no, [`only-${no}`]));
    for (const one of all) queue.add(one);
    for (const one of all) {
      setState(one, STATE.cancelled);
      queue.left(one);
    }
    expect(queue.isEmpty()).toBe(true);
  });
});

test('what is upcoming is what the same offer is given next', () => {
  const queue = makeQueue();
  const limitless = Number.POSITIVE_INFINITY;
  const ann = executorRow('ann', 'cli', '');
  const offer = { executor: ann, cpuMilli: limitless, memBytes: limitless };
  expect([...queue.upcoming(offer)]).toEqual([]);
  const [make] = fc.sample(live, 1) as [(no: number) => Live];
  for (const no of [3, 1, 4, 0, 2]) {
    const one = make(no);
    const spec = { ...one.row.spec, executortype: 'cli', names: [], ids: [], location: '' };
    one.row = { ...one.row, orderUs: no, spec: { ...spec, cpuMilli: 0, memBytes: 0 } };
    queue.add(one);
  }
  queue.take(offer);
  const upcoming = [...queue.upcoming(offer)];
  expect(upcoming.map(({ row }) => row.orderUs)).toEqual([1, 2, 3, 4]);
  expect(upcoming.map(() => queue.take(offer))).toEqual(upcoming);
});

describe('many kinds of need', () => {
  const ANN = executorRow('ann', 'cli', '');
  const [make] = fc.sample(live, 1) as [(no: number) => Live];
  const needing = (no: number, cpuMilli: number): Live => {
    const one = make(no);
    const of = { executortype: 'cli', names: [], ids: [], location: '', cpuMilli, memBytes: 0 };
    one.row = { ...one.row, orderUs: no, submittedUs: no, spec: { ...one.row.spec, ...of } };
    return one;
  };

  test('cost an assign no more than few', () => {
    const queue = makeQueue();
    let looks = 0;
    for (let no = 0; no < 20_000; no++) {
      const one = needing(no, no);
      const { row } = one;
      Object.defineProperty(one, 'row', {
        get: () => {
          looks += 1;
          return row;
        },
      });
      queue.add(one);
    }
    const everything = { executor: ANN, cpuMilli: Number.POSITIVE_INFINITY, memBytes: 0 };
    queue.take(everything);
    looks = 0;
    for (let no = 1; no <= 100; no++) expect(queue.take(everything)?.row.id).toBe(make(no).row.id);
    expect(looks / 100).toBeLessThan(400);
  });

  test('an offer that is too small for the first ones gets the first one it is enough for', () => {
    const queue = makeQueue();
    const all = Array.from({ length: 300 }, (_, no) => needing(no, (no * 7919) % 300));
    for (const one of all) queue.add(one);
    for (const cpuMilli of [10, 100, 250, 10, 100, 0, 299, 5, 150]) {
      const offer = { executor: ANN, cpuMilli, memBytes: 0 };
      const expected = all.find(
        ({ row }) => row.state === STATE.waiting && row.spec.cpuMilli <= cpuMilli,
      );
      const taken = queue.take(offer);
      expect(taken).toBe(expected);
      if (!taken) continue;
      setState(taken, STATE.running);
      queue.left(taken);
    }
  });
});
