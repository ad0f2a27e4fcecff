// The map that forgets what was not used for longest.

import { expect, test } from 'vitest';
import { makeRecent } from '../../../src/node/recent.ts';

test('beyond its bound the entry that was not used for longest is forgotten', () => {
  const recent = makeRecent<number>(2);
  recent.set('a', 1);
  recent.set('b', 2);
  expect(recent.get('a')).toBe(1);
  recent.set('c', 3);
  expect(recent.get('b')).toBeUndefined();
  recent.set('a', 4);
  recent.set('d', 5);
  expect([recent.get('a'), recent.get('c'), recent.get('d')]).toEqual([4, undefined, 5]);
  expect(recent.delete('a')).toBe(true);
  expect(recent.get('a')).toBeUndefined();
});
