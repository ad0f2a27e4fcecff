// Children of a worker, with real processes.

import { expect, test } from 'vitest';
import { type Command, startChild } from '../../../src/cli/worker/child.ts';
import { systemClock } from '../../../src/node/clock.ts';

const clock = systemClock();
const ENV = { PATH: process.env['PATH'] ?? '' };

const command = (cmd: string, ...args: string[]): Command => ({ cmd, args, env: ENV });

const collect = (what: Command) => {
  const pieces: Buffer[] = [];
  const child = startChild(clock, what, async (piece) => void pieces.push(piece));
  return { child, output: () => Buffer.concat(pieces).toString() };
};

test('a child that exits with 0 succeeded, and its output is complete', async () => {
  const { child, output } = collect(command('sh', '-c', 'echo "$0 $1"', 'a b', 'c'));
  expect(await child.done).toEqual({ success: true, errors: [] });
  expect(output()).toBe('a b c\n');
});

test('both output streams arrive in the order in which they were written', async () => {
  const script = 'for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done';
  const { child, output } = collect(command('sh', '-c', script));
  await child.done;
  const lines = [1, 2, 3, 4, 5].flatMap((i) => [`out ${i}`, `err ${i}`]);
  expect(output()).toBe(`${lines.join('\n')}\n`);
});

test('what is written to /dev/stdout and /dev/stderr is output, too', async () => {
  const script = 'echo a > /dev/stdout; echo b > /dev/stderr; echo c | tee /dev/stderr';
  const { child, output } = collect(command('sh', '-c', script));
  expect(await child.done).toEqual({ success: true, errors: [] });
  expect(output()).toBe('a\nb\nc\nc\n');
});

test('a large output is complete', async () => {
  const { child, output } = collect(command('sh', '-c', 'yes 0123456789 | head -c 5000000'));
  expect(await child.done).toEqual({ success: true, errors: [] });
  expect(output()).toHaveLength(5_000_000);
});

test('an exit status and a signal are told in the documented words', async () => {
  expect(await collect(command('sh', '-c', 'exit 3')).child.done).toEqual({
    success: false,
    errors: ['exit status 3'],
  });
  expect((await collect(command('sh', '-c', 'kill -9 $$')).child.done).errors).toEqual([
    'signal: killed',
  ]);
});

test('commands that cannot be started say why', async () => {
  const why = async (cmd: string) => (await collect(command(cmd)).child.done).errors;
  expect(await why('nosuchcmd')).toEqual([
    'exec: "nosuchcmd": executable file not found in $PATH',
    'exec: not started',
  ]);
  expect(await why('/no/such/cmd')).toEqual([
    'exec: "/no/such/cmd": no such file or directory',
    'exec: not started',
  ]);
  expect(await why('/')).toEqual(['exec: "/": permission denied', 'exec: not started']);
  expect(await why('')).toEqual(['exec: no command', 'exec: not started']);
  expect((await why('a\0b'))[1]).toBe('exec: not started');
});

test('the child has no input and exactly the given environment', async () => {
  const { child, output } = collect({
    cmd: 'sh',
    args: ['-c', 'cat; env | sort | grep -v -e ^PWD= -e ^SHLVL= -e ^_='],
    env: { ...ENV, ONLY: 'this' },
  });
  await child.done;
  expect(output()).toBe(`ONLY=this\nPATH=${ENV.PATH}\n`);
});

test('stopping ends the child and what it started', async () => {
  // The inner sleep holds the output open: as long as it lives, `done` cannot settle within the
  // grace.
  const { child, output } = collect(command('sh', '-c', 'sleep 100 & echo ready; wait'));
  while (!output().includes('ready')) await new Promise((resolve) => setTimeout(resolve, 5));
  child.stop(3_600_000);
  expect(await child.done).toEqual({ success: false, errors: ['signal: terminated'] });
});

test('a child that ignores the polite signal is killed after the grace', async () => {
  const { child, output } = collect(
    command('sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'),
  );
  while (!output().includes('ready')) await new Promise((resolve) => setTimeout(resolve, 5));
  child.stop(50);
  expect(await child.done).toEqual({ success: false, errors: ['signal: killed'] });
});

test('a stop before the child exists is not lost', async () => {
  const { child } = collect(command('sleep', '100'));
  child.stop(5_000);
  expect(await child.done).toEqual({ success: false, errors: ['signal: terminated'] });
});

test('what leaves the process group cannot keep a stopped child open', async () => {
  const { child, output } = collect(command('sh', '-c', 'setsid sleep 3 & echo ready; sleep 100'));
  while (!output().includes('ready')) await new Promise((resolve) => setTimeout(resolve, 5));
  child.stop(50);
  expect((await child.done).success).toBe(false);
});
