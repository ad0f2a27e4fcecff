import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeWhereabouts } from '../../../src/node/engine/whereabouts.ts';

test('tells for each id the colonies it entered and did not leave', () => {
  const step = fc.record({
    enters: fc.boolean(),
    id: fc.constantFrom('a', 'b', 'c'),
    at: fc.nat(4),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const colonies = Array.from({ length: 5 }, (_, no) => ({ no }));
      const whereabouts = makeWhereabouts<{ readonly no: number }>();
      const inside = new Set<string>();
      for (const { enters, id, at } of steps) {
        const colony = colonies[at] as { no: number };
        if (enters) whereabouts.enter(id, colony);
        else whereabouts.leave(id, colony);
        if (enters) inside.add(`${id}${at}`);
        else inside.delete(`${id}${at}`);
      }
      const told = ['a', 'b', 'c'].flatMap((id) => whereabouts.of(id).map(({ no }) => id + no));
      expect(told.sort()).toEqual([...inside].sort());
    }),
  );
});
