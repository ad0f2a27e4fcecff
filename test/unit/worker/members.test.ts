// A worker that makes itself a member of its colony on a host, over a real node: once more where it
// is one already, after an answer that was lost, and against the will of the owner.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { ServerError } from '../../../src/cli/errors.ts';
import type { Call } from '../../../src/cli/rpc.ts';
import { type Members, makeMembers } from '../../../src/cli/worker/members.ts';
import { silentLog } from '../../../src/node/log.ts';
import { envelope, id, key, openWorld, WHO, type World } from '../../runtime-dialect/world.ts';

const WORKER = 20;
const SERVER = 'a'.repeat(64);

let world: World;
beforeEach(async () => {
  world = await openWorld();
  await world.settle();
});
afterEach(() => world.close());

const call: Call = async <T>(type: string, fields: object, prvkey: string | undefined) => {
  const answer = await world.post(envelope(prvkey ?? '', type, fields));
  if (answer.status !== 200) throw new ServerError(answer.status, answer.message);
  return answer.payload as T;
};

/** A worker process of that name; each has the same key. */
const worker = (name = 'w1', through = call): Members =>
  makeMembers({
    colonyid: id(WHO.colony),
    colonyprvkey: key(WHO.colony),
    runtimeid: id(WORKER),
    prvkey: key(WORKER),
    facts: { name, type: 'worker', cpu: '', cores: -1, mem: -1, gpu: '', gpus: -1 },
    callTo: () => through,
    attachment: { routes: () => [], hosts: { find: () => undefined } as never },
    states: { put: () => undefined, remove: () => undefined } as never,
    log: silentLog(),
    pid: 1,
  });

const stateOf = async (): Promise<number | undefined> => {
  const all: { runtimeid: string; state: number }[] = await world.ok(WHO.colony, 'getruntimesmsg', {
    colonyid: id(WHO.colony),
  });
  return all.find(({ runtimeid }) => runtimeid === id(WORKER))?.state;
};

test('a worker that comes back to a host of its colony is let in again', async () => {
  const members = worker();
  await members.join(SERVER);
  expect(await stateOf()).toBe(1);
  await members.join(SERVER);
  await worker().join(SERVER);
  expect(await stateOf()).toBe(1);
  expect(await members.leave(new AbortController().signal)).toEqual([]);
  expect(await stateOf()).toBeUndefined();
});

test('a registration whose approval was lost is completed', async () => {
  const cut: Call = async <T>(type: string, fields: Record<string, unknown>, prvkey?: string) => {
    if (type === 'approveruntimemsg') throw new ServerError(503, 'the host is away');
    return call<T>(type, fields, prvkey);
  };
  await expect(worker('w1', cut).join(SERVER)).rejects.toThrow('the host is away');
  expect(await stateOf()).toBe(0);
  await worker().join(SERVER);
  expect(await stateOf()).toBe(1);
});

test('a worker that the owner rejected does not approve itself', async () => {
  await worker().join(SERVER);
  await world.ok(WHO.colony, 'rejectruntimemsg', { runtimeid: id(WORKER) });
  await worker().join(SERVER);
  expect(await stateOf()).toBe(2);
  expect((await world.assign(WORKER)).status).toBe(403);
});
