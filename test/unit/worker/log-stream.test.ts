// Output on its way to the server's log while it is written.

import { expect, test } from 'vitest';
import { makeLogStream } from '../../../src/cli/worker/log-stream.ts';
import { LIMITS } from '../../../src/node/limits.ts';
import { manualClock } from '../../support/clock.ts';

/** Everything that follows from what has settled. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

const makeWorld = () => {
  const clock = manualClock();
  const posted: string[] = [];
  const answers: (() => void)[] = [];
  const stream = makeLogStream(clock, (text) => {
    posted.push(text);
    return new Promise((resolve) => void answers.push(resolve));
  });
  return {
    stream,
    posted,
    pace: () => clock.advance(LIMITS.workerLogPaceMs),
    answer: async () => {
      answers.shift()?.();
      await turn();
    },
  };
};

test('what is written within a moment goes in one line', async () => {
  const { stream, posted, pace } = makeWorld();
  await stream.send('a\n');
  await stream.send('b\n');
  expect(posted).toEqual([]);
  pace();
  expect(posted).toEqual(['a\nb\n']);
});

test('what comes while a line is under way follows it, and so does what comes later', async () => {
  const { stream, posted, pace, answer } = makeWorld();
  await stream.send('a\n');
  pace();
  await stream.send('b\n');
  await answer();
  await answer();
  expect(posted).toEqual(['a\n', 'b\n']);
  // The pace of what has left meanwhile.
  pace();
  await stream.send('c\n');
  pace();
  expect(posted).toEqual(['a\n', 'b\n', 'c\n']);
});

test('the end waits for what is left', async () => {
  const { stream, posted, pace, answer } = makeWorld();
  await stream.send('a\n');
  pace();
  await stream.send('b\n');
  const end = stream.end();
  await answer();
  await answer();
  expect([await end, posted]).toEqual([undefined, ['a\n', 'b\n']]);
});

test('the end says what kept a line from being sent', async () => {
  const failure = new Error('away');
  const stream = makeLogStream(manualClock(), () => Promise.reject(failure));
  await stream.send('a\n');
  expect(await stream.end()).toBe(failure);
});
