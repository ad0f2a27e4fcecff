// The pipe for the output of a child, with and without the program that makes one.

import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { openOutputPipe } from '../../../src/cli/worker/output-pipe.ts';

const outputOf = async (script: string, program?: string): Promise<string> => {
  const { read, write, closeWrite } = await openOutputPipe(program);
  spawn('sh', ['-c', script], { stdio: ['ignore', write, write] });
  closeWrite();
  closeWrite();
  const pieces: Buffer[] = [];
  for await (const piece of read) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
};

test('what is written to both streams arrives in order, up to the end', async () => {
  expect(await outputOf('echo a; echo b >&2; echo c > /dev/stdout')).toBe('a\nb\nc\n');
});

test('it does so without that program, too', async () => {
  expect(await outputOf('echo a; echo b >&2; echo c', 'no-such-program')).toBe('a\nb\nc\n');
});

test('a child that writes nothing ends it as well', async () => {
  expect(await outputOf('exit 0')).toBe('');
  expect(await outputOf('exit 0', 'no-such-program')).toBe('');
});
