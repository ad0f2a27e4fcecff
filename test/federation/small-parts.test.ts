// Budgets, routable ids, routes and the shape that the overlay has to have.

import { describe, expect, expectTypeOf, it } from 'vitest';
import type {
  Overlay as DhtOverlay,
  Pushes as DhtPushes,
  RecordRules,
} from '../../src/dht/overlay.ts';
import { makeBuckets, makeLookupBudget } from '../../src/federation/budget.ts';
import {
  colonyTag,
  makeTagBook,
  newRoutableId,
  serverTag,
  tagsOf,
} from '../../src/federation/ids.ts';
import { memoryStore } from '../../src/federation/memory-store.ts';
import type { Overlay, Pushes } from '../../src/federation/ports.ts';
import { makeRoutes } from '../../src/federation/routes.ts';
import type { Rules } from '../../src/federation/rules.ts';
import { hashHex } from '../../src/federation/signature.ts';
import { isId } from '../../src/node/crypto/ids.ts';
import { keyOf, testClock } from './world.ts';

describe('ports', () => {
  it('are fulfilled by the overlay as it is', () => {
    expectTypeOf<DhtOverlay>().toExtend<Overlay>();
    expectTypeOf<DhtPushes>().toExtend<Pushes>();
    expectTypeOf<Rules>().toExtend<RecordRules>();
  });
});

describe('budgets', () => {
  it('refill with time, up to their burst, per name', () => {
    const clock = testClock();
    const buckets = makeBuckets({ perSecond: 2, burst: 3, namesMax: 10 }, clock);
    const taken = (name: string) => [1, 2, 3, 4, 5].filter(() => buckets.take(name)).length;
    expect([taken('a'), taken('a'), taken('b')]).toEqual([3, 0, 3]);
    clock.advance(1_000);
    expect(taken('a')).toBe(2);
    clock.advance(60_000);
    expect(taken('a')).toBe(3);
  });

  it('remember a bounded number of names', () => {
    const buckets = makeBuckets({ perSecond: 1, burst: 1, namesMax: 100 }, testClock());
    for (let i = 0; i < 1_000; i += 1) buckets.take(`name ${i}`);
    expect(buckets.size()).toBe(100);
  });

  it('of lookups bound one address, one caller and the whole node', () => {
    const budget = makeLookupBudget(testClock());
    const spendAll = (payer: (i: number) => object): number => {
      for (let i = 0; i < 5_000; i += 1) {
        try {
          budget.spend(payer(i));
        } catch (error) {
          expect(error).toMatchObject({ code: 'too-many', status: 429 });
          return i;
        }
      }
      return 5_000;
    };
    expect(spendAll((i) => ({ address: '192.0.2.1', caller: `c${i}` }))).toBe(60);
    expect(spendAll((i) => ({ address: `a${i}`, caller: 'same' }))).toBe(60);
    expect(spendAll((i) => ({ address: `b${i}`, caller: `d${i}` }))).toBe(380);
  });
});

describe('routable ids', () => {
  const [colony, server] = [keyOf('colony').id, keyOf('server').id];

  it('carry the tags of colony and server and are unique', () => {
    const clock = testClock();
    const made = Array.from({ length: 100 }, () => newRoutableId(clock, colony, server));
    expect(made.every(isId)).toBe(true);
    expect(new Set(made).size).toBe(100);
    const tags = { colony: colonyTag(colony), server: serverTag(server) };
    expect(made.map(tagsOf)).toEqual(Array(100).fill(tags));
    expect(tagsOf('short')).toBeUndefined();
  });

  it('lead to the colonies known under their tag, also after a restart', async () => {
    const store = memoryStore();
    const book = makeTagBook(store);
    await Promise.all([book.remember(colony), book.remember(colony), book.remember('name')]);
    const twin = colonyTag(colony) + hashHex('twin').slice(10);
    await book.remember(twin);
    const id = newRoutableId(testClock(), colony, server);
    expect(await makeTagBook(store).coloniesOf(id)).toEqual([colony, twin]);
    expect(await book.coloniesOf(hashHex('random'))).toEqual([]);
    expect(await book.coloniesOf('no id')).toEqual([]);
  });
});

describe('routes', () => {
  it('go by the tag alone, or by the colonies of the caller, then by what was relayed', async () => {
    const tags = makeTagBook(memoryStore());
    const routes = makeRoutes(tags);
    const [x, y, z] = ['x', 'y', 'z'].map((name) => keyOf(name).id) as [string, string, string];
    const process = newRoutableId(testClock(), y, keyOf('server').id);
    await tags.remember(y);
    routes.rememberCaller('caller', z);
    routes.rememberThing(process, x);
    expect(await routes.coloniesFor(process, 'caller')).toEqual([y]);
    routes.rememberThing(hashHex('untagged'), x);
    expect(await routes.coloniesFor(hashHex('untagged'), 'caller')).toEqual([z, x]);
    expect(await routes.coloniesFor(undefined, 'caller')).toEqual([z]);
    expect(await routes.coloniesFor(hashHex('other'), 'stranger')).toEqual([]);
  });

  it('among the colonies of the caller begin with the one where the thing was seen', async () => {
    const routes = makeRoutes(makeTagBook(memoryStore()));
    const [x, y, z] = ['x', 'y', 'z'].map((name) => keyOf(name).id) as [string, string, string];
    const thing = hashHex('attribute');
    for (const colonyid of [x, y, z]) routes.rememberCaller('caller', colonyid);
    routes.rememberThing(thing, x);
    expect(await routes.coloniesFor(thing, 'caller')).toEqual([x, z, y]);
  });

  it('of a stranger are what was relayed: a foreign home leads no member astray', async () => {
    const routes = makeRoutes(makeTagBook(memoryStore()));
    const [own, foreign] = [keyOf('own').id, keyOf('foreign').id];
    const thing = hashHex('attribute');
    routes.rememberCaller('member', own);
    routes.rememberThing(thing, foreign);
    expect(await routes.coloniesFor(thing, 'member')).toEqual([own, foreign]);
    expect(await routes.coloniesFor(thing, 'stranger')).toEqual([foreign]);
  });

  it('put the colony a caller used last first, and keep a few', async () => {
    const routes = makeRoutes(makeTagBook(memoryStore()));
    for (let i = 0; i < 12; i += 1) routes.rememberCaller('caller', `colony ${i}`);
    const known = await routes.coloniesFor(undefined, 'caller');
    expect(known).toHaveLength(8);
    expect(known[0]).toBe('colony 11');
    routes.rememberCaller('caller', 'colony 9');
    expect((await routes.coloniesFor(undefined, 'caller'))[0]).toBe('colony 9');
  });
});
