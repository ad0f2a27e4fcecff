// The one writer of a call stream: what leaves together.

import { expect, test } from 'vitest';
import { makeWriter } from '../../src/dht/call-writer.ts';
import { manualClock } from '../support/clock.ts';

const frame = (text: string): Buffer => Buffer.from(text);

const open = () => {
  const written: string[] = [];
  const send = async (bytes: Uint8Array): Promise<void> => {
    written.push(Buffer.from(bytes).toString());
  };
  const clock = manualClock();
  const deps = { clock, limits: { callReceiptMs: 5, callFramesQueuedMax: 100 } };
  return { written, clock, writer: makeWriter({ send }, deps, () => expect.unreachable()) };
};

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

test('frames of one turn leave in one write, controls first, however deep they were queued', async () => {
  const { written, writer } = open();
  const first = writer.send(frame('a'));
  await Promise.resolve();
  writer.send(frame('b'));
  writer.control(frame('!'));
  expect(written).toEqual([]);
  await turn();
  expect(written).toEqual(['!ab']);
  expect(await first.sent).toBe(true);
});

test('frames that were gathered already leave at once, and only once', async () => {
  const { written, writer } = open();
  writer.send(frame('a'));
  writer.send(frame('b'));
  writer.flush();
  expect(written).toEqual(['ab']);
  writer.send(frame('c'));
  await turn();
  await turn();
  expect(written).toEqual(['ab', 'c']);
  writer.flush();
  expect(written).toEqual(['ab', 'c']);
});

test('what may wait leaves with the next frames, or after a moment by itself', async () => {
  const { written, clock, writer } = open();
  writer.lazily(frame('1'));
  await turn();
  expect(written).toEqual([]);
  writer.send(frame('a'));
  await turn();
  expect(written).toEqual(['1a']);
  expect(clock.timers()).toBe(0);
  writer.lazily(frame('2'));
  writer.lazily(frame('3'));
  clock.advance(4);
  await turn();
  expect(written).toEqual(['1a']);
  clock.advance(1);
  await turn();
  expect(written).toEqual(['1a', '23']);
});

test('a peer that takes nothing and makes us answer all the time loses the stream', async () => {
  const limits = { callReceiptMs: 5, callFramesQueuedMax: 100 };
  const broken: string[] = [];
  const never = (): Promise<void> => new Promise(() => undefined);
  const deps = { clock: manualClock(), limits };
  const writer = makeWriter({ send: never }, deps, (error) => broken.push(error.message));
  const first = writer.send(frame('a'));
  await turn();
  for (let i = 0; i < 100; i += 1) writer.control(frame('pong'));
  expect(broken).toEqual([]);
  writer.control(frame('pong'));
  for (let i = 0; i < 10; i += 1) writer.send(frame('x'));
  expect(broken).toEqual(['too many frames wait for a peer that does not read']);
  expect(await first.sent).toBe(false);
});
