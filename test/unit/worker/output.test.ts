// Where the output of a child goes, and what happens when a sink is slow, full or gone.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeLogStream } from '../../../src/cli/worker/log-stream.ts';
import { makeOutput } from '../../../src/cli/worker/output.ts';
import { LIMITS } from '../../../src/node/limits.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'colonies-'));
});
afterEach(() => rm(dir, { recursive: true }));

const nowhere = { echo: async () => undefined, file: undefined, send: async () => undefined };

test('bytes are echoed and appended as they are, the text has no NUL', async () => {
  const echoed: Buffer[] = [];
  const file = join(dir, 'a.log');
  const output = makeOutput({
    ...nowhere,
    file,
    echo: async (piece) => void echoed.push(Buffer.from(piece)),
  });
  const bytes = Buffer.from([0x61, 0, 0xff, 0x62]);
  await output.write(bytes);
  const { text } = await output.end();
  expect(Buffer.concat(echoed)).toEqual(bytes);
  expect(await readFile(file)).toEqual(bytes);
  expect(text).toBe('a\ufffdb');
});

test('a character that is cut between two pieces stays whole', async () => {
  const sent: string[] = [];
  const output = makeOutput({ ...nowhere, send: async (text) => void sent.push(text) });
  const bytes = Buffer.from('häß€😀');
  for (const byte of bytes) await output.write(Buffer.from([byte]));
  expect((await output.end()).text).toBe('häß€😀');
  expect(sent.join('')).toBe('häß€😀');
});

test('the log file is made with the first output only', async () => {
  const output = makeOutput({ ...nowhere, file: join(dir, 'none.log') });
  await output.end();
  await expect(readFile(join(dir, 'none.log'))).rejects.toThrow(/ENOENT/);
});

test('a long output keeps its end, and tells how much is missing', async () => {
  const output = makeOutput(nowhere, 10);
  for (const piece of ['0123456', '789', 'abcd', 'efghij']) await output.write(Buffer.from(piece));
  expect(await output.end()).toEqual({ text: 'abcdefghij', cut: 10 });
});

test('a log file that cannot be written loses the file, not the output', async () => {
  const output = makeOutput({ ...nowhere, file: join(dir, 'no', 'such', 'folder.log') });
  await output.write(Buffer.from('kept'));
  await output.write(Buffer.from(' all'));
  expect(await output.end()).toMatchObject({
    text: 'kept all',
    problem: { code: 'ENOENT' },
  });
});

const manual = () => {
  const due: (() => void)[] = [];
  return {
    after: (_ms: number, run: () => void) => {
      due.push(run);
      return () => void due.splice(due.indexOf(run), 1);
    },
    fire: () => {
      for (const run of due.splice(0)) run();
    },
  };
};

test('output is gathered for a moment and posted in order', async () => {
  const clock = manual();
  const posted: string[] = [];
  const stream = makeLogStream(clock, async (text) => void posted.push(text));
  await stream.send('a\n');
  await stream.send('b\n');
  expect(posted).toEqual([]);
  clock.fire();
  await stream.send('c\n');
  expect(await stream.end()).toBeUndefined();
  expect(posted).toEqual(['a\nb\n', 'c\n']);
});

test('long output is cut into lines of the log at line breaks', async () => {
  const posted: string[] = [];
  const stream = makeLogStream(manual(), async (text) => void posted.push(text));
  const line = `${'x'.repeat(1_000)}\n`;
  await stream.send(line.repeat(100));
  await stream.end();
  expect(posted.join('')).toBe(line.repeat(100));
  expect(posted.every((text) => text.endsWith('\n'))).toBe(true);
  expect(Math.max(...posted.map((text) => text.length))).toBeLessThanOrEqual(
    LIMITS.workerLogLineMax,
  );
});

test('a cut never splits a character', async () => {
  const posted: string[] = [];
  const stream = makeLogStream(manual(), async (text) => void posted.push(text));
  const text = `x${'😀'.repeat(LIMITS.workerLogLineMax)}`;
  await stream.send(text);
  await stream.end();
  expect(posted.join('')).toBe(text);
  expect(posted.slice(1).every((piece) => piece.startsWith('😀'))).toBe(true);
});

test('whoever writes faster than the server takes is slowed down', async () => {
  let take = (): void => undefined;
  const stream = makeLogStream(manual(), () => new Promise((resolve) => (take = resolve)));
  let accepted = false;
  const sending = stream.send('x'.repeat(LIMITS.workerUnsentMax)).then(() => {
    accepted = true;
  });
  await new Promise(setImmediate);
  expect(accepted).toBe(false);
  for (let i = 0; i < LIMITS.workerUnsentMax / LIMITS.workerLogLineMax; i += 1) {
    take();
    await new Promise(setImmediate);
  }
  await sending;
  expect(accepted).toBe(true);
});

test('a server that does not take output ends the stream, and the end says why', async () => {
  let calls = 0;
  const stream = makeLogStream(manual(), () => {
    calls += 1;
    return Promise.reject(new Error('gone'));
  });
  await stream.send('a'.repeat(LIMITS.workerUnsentMax));
  await stream.send('b'.repeat(LIMITS.workerUnsentMax));
  expect(await stream.end()).toMatchObject({ message: 'gone' });
  expect(calls).toBe(1);
});
