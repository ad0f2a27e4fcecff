// Deadlines against a dumb scan of all processes.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeDeadlines } from '../../../src/node/engine/deadlines.ts';
import type { Live } from '../../../src/node/engine/live.ts';
import { STATE } from '../../../src/node/model/process.ts';
import { live } from './arbitraries.ts';

type Step = { readonly do: 'add' | 'assign' | 'back' | 'finish' | 'tick'; at: number; in: number };
const step = fc.record({
  do: fc.constantFrom('add', 'assign', 'back', 'finish', 'tick'),
  at: fc.nat(),
  in: fc.nat(20),
}) as fc.Arbitrary<Step>;

// How the lifecycle uses deadlines: told of every entry into a state, and of leaving early.
const enter = (deadlines: ReturnType<typeof makeDeadlines>, one: Live, change: object): void => {
  deadlines.left(one.row);
  one.row = { ...one.row, ...change };
  if (one.row.state === STATE.waiting) deadlines.waiting(one);
  if (one.row.state === STATE.running) deadlines.running(one);
};

test('every process is overdue at its deadline, once, in the state the deadline belongs to, and rings for a sleeper when it is the first', () => {
  const [make] = fc.sample(live, 1) as [(no: number) => Live];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (history) => {
      const deadlines = makeDeadlines();
      const all: Live[] = [];
      let now = 1000;
      const pick = (at: number, state: number): Live | undefined => {
        const some = all.filter(({ row }) => row.state === state);
        return some[at % Math.max(1, some.length)];
      };
      // A quarter has no deadline.
      const deadline = (n: number): number => (n > 15 ? 0 : now + n);
      const soonest = (): number =>
        all.reduce((least, { row }) => {
          const waits = row.state === STATE.waiting ? row.waitDeadlineUs : 0;
          const atUs = row.state === STATE.running ? row.execDeadlineUs : waits;
          return atUs > 0 ? Math.min(least, atUs) : least;
        }, Number.POSITIVE_INFINITY);
      let ringBefore = Number.NEGATIVE_INFINITY;
      let rung = 0;
      for (const [no, s] of history.entries()) {
        if (s.do === 'add') {
          const one = make(no);
          one.row = { ...one.row, waitDeadlineUs: deadline(s.in) };
          all.push(one);
          deadlines.waiting(one);
        } else if (s.do === 'assign') {
          const one = pick(s.at, STATE.waiting);
          const change = { state: STATE.running, execDeadlineUs: deadline(s.in) };
          if (one) enter(deadlines, one, { ...change, lease: one.row.lease + 1 });
        } else if (s.do === 'back') {
          const one = pick(s.at, STATE.running);
          if (one) enter(deadlines, one, { state: STATE.waiting, waitDeadlineUs: deadline(s.in) });
        } else if (s.do === 'finish') {
          const one = pick(s.at, s.in % 2);
          if (one) enter(deadlines, one, { state: STATE.failed });
        } else {
          now += s.in;
          const due = (state: number, field: 'waitDeadlineUs' | 'execDeadlineUs'): Set<Live> =>
            new Set(
              all.filter(({ row }) => row.state === state && row[field] > 0 && row[field] <= now),
            );
          const running = due(STATE.running, 'execDeadlineUs');
          const waiting = due(STATE.waiting, 'waitDeadlineUs');
          for (let one = deadlines.overdueRunning(now); one; one = deadlines.overdueRunning(now)) {
            expect(running.delete(one)).toBe(true);
            enter(deadlines, one, { state: STATE.failed });
          }
          for (let one = deadlines.overdueWaiting(now); one; one = deadlines.overdueWaiting(now)) {
            expect(waiting.delete(one)).toBe(true);
            enter(deadlines, one, { state: STATE.failed });
          }
          expect([running.size, waiting.size]).toEqual([0, 0]);
        }
        expect(deadlines.nextUs()).toBe(soonest());
        expect(rung).toBe(soonest() < ringBefore ? 1 : 0);
        // As a sleeper that wakes at the next deadline or before.
        ringBefore = Math.min(deadlines.nextUs(), now + 10);
        rung = 0;
        deadlines.alarm(ringBefore, () => {
          rung += 1;
        });
      }
    }),
    { numRuns: 300 },
  );
});
