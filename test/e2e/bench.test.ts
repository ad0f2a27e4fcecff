// The benchmark as a program: it runs to its end and reports every part. Nothing is judged by time.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const BENCH = fileURLToPath(new URL('../../bench/bench.js', import.meta.url));

const bench = async (...args: string[]) => {
  const child = spawn(process.execPath, [BENCH, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (more) => {
    out += more;
  });
  child.stderr.on('data', (more) => {
    err += more;
  });
  const [code] = await once(child, 'close');
  return { code, out, err };
};

test('the benchmark measures lifecycles, the floor, waiting processes and idle polls', async () => {
  const { code, out, err } = await bench('--smoke');
  expect(err).not.toContain('Error');
  expect(code).toBe(0);
  expect(out).toMatch(/^native|^wasm/m);
  expect(out).toMatch(/^pure /m);
  expect(out).toContain('5 submitted, 5 woken');
  expect(out).toMatch(/^memory per idle poller/m);
}, 240_000);

test('the benchmark explains how it is used', async () => {
  const { code, err } = await bench('--rounds', 'many');
  expect(code).toBe(2);
  expect(err).toContain('usage: npm run bench');
});
