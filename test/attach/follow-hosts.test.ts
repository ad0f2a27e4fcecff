// An attached worker keeps looking at the hosts of its colony, and stops with the worker.

import { expect, test } from 'vitest';
import { LIMITS as ATTACH_LIMITS } from '../../src/attach/limits.ts';
import { followHosts } from '../../src/cli/worker/follow-hosts.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';

type Source = Parameters<typeof followHosts>[1];
type Found = Awaited<ReturnType<Source['current']>>;

const of = (...serverids: readonly string[]): Found => ({
  hosts: serverids.map((serverid) => ({ serverid, usable: true, reason: '' })),
});

interface Look {
  readonly resolve: (found: Found) => void;
  readonly reject: (error: Error) => void;
}

/** Hosts of which the test says when a look at them ends. */
const makeWorld = (first: Found) => {
  const clock: ManualClock = manualClock();
  const orders: (readonly string[])[] = [];
  const looks: Look[] = [];
  let tell: (found: Found) => void = () => undefined;
  const hosts: Source = {
    current: async () => first,
    refresh: () =>
      new Promise((resolve, reject) => {
        looks.push({ resolve, reject });
      }),
    onChange: (listener) => {
      tell = listener;
      return () => {
        tell = () => undefined;
      };
    },
  };
  const setOrder = (ids: readonly string[]): void => void orders.push(ids);
  return {
    clock,
    orders,
    looks,
    tell: (found: Found) => tell(found),
    follow: () => followHosts({ clock, log: silentLog() }, hosts, { setOrder }),
  };
};

/** Everything that follows from what has settled. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('looks again after a while, also after a look that failed', async () => {
  const { clock, looks, follow } = makeWorld(of('one'));
  await follow();
  clock.advance(ATTACH_LIMITS.attachRefreshMs);
  expect(looks.length).toBe(1);
  looks[0]?.reject(new Error('revoked'));
  await turn();
  clock.advance(ATTACH_LIMITS.attachRefreshMs);
  expect(looks.length).toBe(2);
});

test('looks often while there is no host, and tells of one that comes', async () => {
  const { clock, looks, orders, tell, follow } = makeWorld(of());
  await follow();
  clock.advance(LIMITS.workerWatchMs);
  expect(looks.length).toBe(1);
  tell(of('one'));
  expect(orders).toEqual([[], ['one']]);
});

test('looks no more once it was ended', async () => {
  const { clock, orders, tell, follow } = makeWorld(of('one'));
  (await follow())();
  tell(of('two'));
  expect([orders, clock.timers()]).toEqual([[['one']], 0]);
});

test('a look that was under way when it was ended is followed by none', async () => {
  const { clock, looks, follow } = makeWorld(of('one'));
  const end = await follow();
  clock.advance(ATTACH_LIMITS.attachRefreshMs);
  end();
  looks[0]?.resolve(of());
  await turn();
  expect(clock.timers()).toBe(0);
});
