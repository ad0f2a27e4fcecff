// A relayed subscription whose host says in its first frame that it is not home.

import { expect, test } from 'vitest';
import { makeOutward, type OutwardDeps } from '../../src/compose/elsewhere.ts';
import { type Followed, openFollowing } from '../../src/compose/following.ts';
import { firstWay } from '../../src/compose/relay-out.ts';
import { fault } from '../../src/node/errors.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { errorBody, replyBody } from '../../src/node/model/envelope.ts';
import { collectingLog } from '../support/engine.ts';
import { nowhere } from '../support/world.ts';

const REFUSED = errorBody(421, 'not home of colony x');
const EVENT = replyBody('subscribeprocessmsg', '{"state":1}', false);

/** A subscription at hosts that are opened one after the other. */
const start = async (second: 'opens' | 'fails' | 'is not there') => {
  const lines: Followed[] = [];
  const told: string[] = [];
  const failures: unknown[] = [];
  let closed = 0;
  const end = await openFollowing(
    async (denied, to) => {
      lines.push(to);
      if (denied && second === 'fails') throw fault('unavailable', 'no host could be reached');
      if (denied && second === 'is not there') return undefined;
      return () => {
        closed += 1;
      };
    },
    { frame: (text) => told.push(text), ended: () => told.push('ended') },
    (error) => failures.push(error),
  );
  return { lines, told, failures, end, closed: () => closed };
};

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('it is opened once more, and the client hears nothing of it', async () => {
  const { lines, told, closed, end } = await start('opens');
  lines[0]?.frame(REFUSED);
  lines[0]?.ended();
  await settled();
  expect([lines.length, closed()]).toEqual([2, 1]);
  lines[1]?.frame(EVENT);
  expect(told).toEqual([EVENT]);
  end?.();
  expect(closed()).toBe(2);
  lines[1]?.frame(EVENT);
  lines[1]?.ended();
  expect(told).toEqual([EVENT]);
});

test('a second host that is not home either is the last: nothing loops', async () => {
  const { lines, told } = await start('opens');
  lines[0]?.frame(REFUSED);
  await settled();
  lines[1]?.frame(REFUSED);
  await settled();
  expect(lines).toHaveLength(2);
  expect(told).toEqual([REFUSED]);
});

test('when there is no other host the client gets the refusal', async () => {
  for (const second of ['fails', 'is not there'] as const) {
    const { lines, told, failures } = await start(second);
    lines[0]?.frame(REFUSED);
    await settled();
    expect(told).toEqual([REFUSED]);
    expect(failures).toEqual([second === 'fails' ? expect.any(Error) : undefined]);
  }
});

test('a refusal that is no first frame, and any other, goes to the client as it is', async () => {
  const { lines, told } = await start('opens');
  const forbidden = errorBody(403, 'no member');
  for (const text of [forbidden, REFUSED, EVENT]) lines[0]?.frame(text);
  lines[0]?.ended();
  await settled();
  expect(lines).toHaveLength(1);
  expect(told).toEqual([forbidden, REFUSED, EVENT, 'ended']);
});

test('a client that left meanwhile leaves nothing open', async () => {
  const { lines, told, closed, end } = await start('opens');
  lines[0]?.frame(REFUSED);
  end?.();
  await settled();
  expect([lines.length, closed()]).toEqual([2, 2]);
  expect(told).toEqual([]);
});

test('a host that takes no more was reached: no other one is asked in its place', async () => {
  const never = new AbortController().signal;
  const busy = async () => {
    throw fault('too-many', 'the other node is busy', { sent: 0 });
  };
  const down = async () => {
    throw fault('unavailable', 'refused', { sent: 0 });
  };
  await expect(firstWay([down, busy], never)).rejects.toMatchObject({ code: 'too-many' });
  await expect(firstWay([busy, down], never)).rejects.toMatchObject({ code: 'too-many' });
  expect(await firstWay([down, down], never)).toMatchObject({ kind: 'unreachable' });
});

test('one that could not follow gives its place back, though its client stays', async () => {
  const lines: Followed[] = [];
  const { log, lines: logged } = collectingLog();
  const outward = makeOutward({
    relay: {
      route: async (call: { readonly denied?: boolean }) => {
        if (call.denied === true) throw fault('unavailable', 'no host could be reached');
        return () => undefined;
      },
    } as unknown as OutwardDeps['relay'],
    guesses: {
      for: async () => [{ colonyid: 'c'.repeat(64) }],
      met: () => undefined,
    } as unknown as OutwardDeps['guesses'],
    roads: { note: () => undefined, colonies: () => [], from: () => undefined },
    sendCall: () => async () => ({ kind: 'unreachable', reason: '' }),
    sendWatch: (call) => {
      lines.push(call);
      return async () => ({ kind: 'unreachable', reason: '' });
    },
    isMemberHere: () => false,
    count: () => undefined,
    log,
    limits: LIMITS,
  });
  const told: string[] = [];
  const end = await outward.watches(
    { colony: 'c'.repeat(64) },
    {
      envelope: { signature: '', payloadtype: 'subscribeprocessesmsg', payload: '' },
      body: new Uint8Array(0),
      caller: 'a'.repeat(64),
      origin: nowhere(),
      frame: (text) => told.push(text),
      ended: () => told.push('ended'),
    },
  );
  expect(outward.counts().waiting).toBe(1);
  lines[0]?.frame(REFUSED);
  await settled();
  expect([told, outward.counts().waiting]).toEqual([[REFUSED], 0]);
  end?.();
  expect(outward.counts().waiting).toBe(0);
  expect(logged).toEqual([]);
});
