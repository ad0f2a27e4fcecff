// Signals made of others, and garbage collections between their making and their end.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { callDeadline } from '../../../src/cli/transport.ts';
import { deadline } from '../../../src/dht/signals.ts';
import { LIMITS } from '../../../src/node/limits.ts';
import { anyOf } from '../../../src/node/signals.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Long enough for some collections before it ends. Milliseconds. */
const SOON_MS = 60;

let collecting: NodeJS.Timeout;
beforeEach(() => {
  collecting = setInterval(collect, SOON_MS / 6);
});
afterEach(() => clearInterval(collecting));

const never = (): AbortSignal => new AbortController().signal;

/** What the signal was aborted with, as a request in flight is told. Holds nothing but its listener. */
const reasonOf = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    const { signal: own } = { signal };
    signal.addEventListener('abort', () => resolve(own.reason), { once: true });
  });

it('a timeout among others fires although nobody else holds it', async () => {
  const reason = await reasonOf(anyOf(never(), AbortSignal.timeout(SOON_MS)));
  expect(reason).toMatchObject({ name: 'TimeoutError' });
});

it('a timeout within two of them fires, too', async () => {
  const inner = (): AbortSignal => anyOf(AbortSignal.timeout(SOON_MS), never());
  expect(await reasonOf(anyOf(inner(), never()))).toMatchObject({ name: 'TimeoutError' });
});

it('the first of them counts', async () => {
  const stop = new AbortController();
  const reason = reasonOf(anyOf(AbortSignal.timeout(60_000), stop.signal));
  stop.abort('stopped');
  expect(await reason).toBe('stopped');
});

it('a wait on the network has a deadline beside the signal of its caller', async () => {
  const { signal } = new AbortController();
  expect(await reasonOf(deadline(SOON_MS, signal))).toMatchObject({ name: 'TimeoutError' });
});

it('a call of the command line has one, too', async () => {
  const { signal } = new AbortController();
  // The usual time of a call, shortened to what a test may take.
  const reason = await reasonOf(callDeadline(signal, SOON_MS - LIMITS.cliCallMs));
  expect(reason).toMatchObject({ name: 'TimeoutError' });
});
