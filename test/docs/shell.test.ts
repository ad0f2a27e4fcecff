// Sessions of documents: what is told of one that never ends.

import { expect, test } from 'vitest';
import { runSession } from './shell.ts';

test('a session that hangs is killed, and says what ran', async ({ signal }) => {
  const commands = ['sleep 1000 &', 'until [ -e never ]; do sleep 600; done'];
  const { code, output } = await runSession(commands, signal, [], 5_000);
  expect(code).toBe(null);
  expect(output).toContain('$ until [ -e never ]; do sleep 600; done');
  expect(output).toMatch(/FAILED: nothing came for 5 s.*sleep 1000\n.*sleep 600\n/s);
});
