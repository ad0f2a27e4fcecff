import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeFarthest } from '../../src/dht/farthest.ts';
import { compareDistance, placeInKeySpace } from '../../src/dht/record-keys.ts';

const placeOf = (name: string): Uint8Array => placeInKeySpace(Buffer.from(name));
const HERE = placeOf('here');

const step = fc.record({ what: fc.constantFrom('add', 'remove'), name: fc.nat({ max: 40 }) });

describe('the farthest of many', () => {
  it('is found whatever was added, added again and removed before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const farthest = makeFarthest<{ name: string; place: Uint8Array }>(HERE);
        const held = new Set<string>();
        for (const { what, name: number } of steps) {
          const name = `n${number}`;
          if (what === 'add') farthest.add(name, { name, place: placeOf(name) });
          else farthest.remove(name);
          if (what === 'add') held.add(name);
          else held.delete(name);
          const order = [...held].sort((a, b) => compareDistance(HERE, placeOf(b), placeOf(a)));
          expect(farthest.peek()?.name).toBe(order[0]);
        }
      }),
    );
  });

  it('is found with few comparisons among fifty thousand', () => {
    let looks = 0;
    const thing = (name: string) => {
      const place = placeOf(name);
      return {
        name,
        get place() {
          looks += 1;
          return place;
        },
      };
    };
    const farthest = makeFarthest<ReturnType<typeof thing>>(HERE);
    for (let i = 0; i < 50_000; i += 1) farthest.add(`n${i}`, thing(`n${i}`));
    for (let i = 0; i < 100; i += 1) {
      looks = 0;
      farthest.remove(farthest.peek()?.name ?? '');
      farthest.add(`more${i}`, thing(`more${i}`));
      // Twice the depth of a heap of this size, two comparisons on each level, two places in each.
      expect(looks).toBeLessThan(150);
    }
  });
});
