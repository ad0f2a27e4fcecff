// Which hosts a worker serves, and when it looks for more work.

import { expect, test } from 'vitest';
import { changeOrPause, makeHostBoard } from '../../src/cli/worker/hosts.ts';
import { testClock } from '../federation/world.ts';

const NEVER = new AbortController().signal;

const board = () => {
  const b = makeHostBoard();
  b.setOrder(['one', 'two', 'three']);
  return b;
};

test('the home alone is served while it answers', () => {
  expect(board().wanted()).toEqual(['one']);
});

test('the next host is served while all before it are away', () => {
  const b = board();
  expect(b.away('one')).toBe(true);
  expect(b.away('one')).toBe(false);
  expect(b.wanted()).toEqual(['one', 'two']);
  b.away('two');
  expect(b.wanted()).toEqual(['one', 'two', 'three']);
  expect(b.back('one')).toBe(true);
  expect(b.wanted()).toEqual(['one']);
});

test('a host that was joined is served on when the home is back', () => {
  const b = board();
  b.joined('one');
  b.away('one');
  b.joined('two');
  b.back('one');
  expect(b.wanted()).toEqual(['one', 'two']);
});

test('a host that the record no longer names is served no more', () => {
  const b = board();
  b.joined('one');
  b.setOrder(['two']);
  expect(b.wanted()).toEqual(['two']);
});

test('there is room while nothing runs, or only what runs for a host that is away', async () => {
  const b = board();
  await b.room(NEVER);
  const end = b.begin('one');
  let hasRoom = false;
  const room = b.room(NEVER).then(() => {
    hasRoom = true;
  });
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  b.away('one');
  await room;
  const other = b.begin('two');
  const more = b.room(NEVER);
  end();
  other();
  await more;
});

test('waiting for room ends with the worker', async () => {
  const b = board();
  b.begin('one');
  const stop = new AbortController();
  const room = b.room(stop.signal);
  stop.abort();
  await room;
});

test('a pause ends with its time, with a change, or with the worker', async () => {
  const clock = testClock();
  const b = board();
  const slow = changeOrPause(b, clock, 1_000, NEVER);
  clock.advance(1_000);
  await slow;
  const changed = changeOrPause(b, clock, 1_000, NEVER);
  b.away('one');
  await changed;
  const stop = new AbortController();
  const stopped = changeOrPause(b, clock, 1_000, stop.signal);
  stop.abort();
  await stopped;
  await changeOrPause(b, clock, 1_000, stop.signal);
});
