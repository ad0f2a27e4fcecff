// The memory of ways that calls of a connection took a moment ago.

import { expect, test } from 'vitest';
import { makeRoads, type Road } from '../../src/compose/roads.ts';
import { newRoutableId } from '../../src/federation/ids.ts';
import type { Host } from '../../src/federation/resolve.ts';
import { nowhere } from '../support/world.ts';
import { clock } from './nodes.ts';

const COLONY = 'c'.repeat(64);
const OTHER = 'd'.repeat(64);
const HOME = 'a'.repeat(64);
const SECOND = 'b'.repeat(64);

const roadTo = (colonyid: string, serverid = HOME): Road => ({
  colonyid,
  host: { serverid, record: { signer: `node key of ${serverid}` } } as Host,
  via: 'https://home.example',
});

const setUp = (relayRoadsPerConnectionMax = 4) => {
  let now = 1_000;
  const limits = { relayRoadMs: 100, relayRoadsPerConnectionMax };
  const dead = new Set<string>();
  const isRevoked = (id: string): boolean => dead.has(id);
  const here = new Set<string>();
  const isHere = (colonyid: string): boolean => here.has(colonyid);
  const roads = makeRoads({ isHere, isRevoked, clock: { now: () => now }, limits });
  const origin = nowhere();
  const to = (colony: string, audience?: unknown) =>
    roads.from(origin)?.to({ colony }, audience)?.host.serverid;
  return {
    ...{ roads, origin, to, dead, here },
    pass: (ms: number) => {
      now += ms;
    },
  };
};

test('a road is there for its connection and its colony, and for a while', () => {
  const { roads, origin, to, pass } = setUp();
  expect(roads.from(origin)).toBeUndefined();
  roads.note(origin, roadTo(COLONY));
  expect(to(COLONY)).toBe(HOME);
  expect(to(OTHER)).toBeUndefined();
  // Not for one that begins with the same tag.
  expect(to(`${COLONY.slice(0, 63)}0`)).toBeUndefined();
  expect(roads.from(nowhere())).toBeUndefined();
  pass(99);
  expect(to(COLONY)).toBe(HOME);
  pass(1);
  expect(to(COLONY)).toBeUndefined();
  // Then nothing is read twice for it.
  expect(roads.from(origin)).toBeUndefined();
  // Where calls of this connection went is remembered longer than the way.
  roads.note(origin, roadTo(OTHER));
  expect(roads.colonies(origin)).toEqual([OTHER, COLONY]);
  expect(roads.colonies(nowhere())).toEqual([]);
});

test('a process goes the way of its colony to the server that made it', () => {
  const { roads, origin } = setUp();
  roads.note(origin, roadTo(COLONY));
  const to = (process: string) => roads.from(origin)?.to({ process }, undefined)?.host.serverid;
  expect(to(newRoutableId(clock, COLONY, HOME))).toBe(HOME);
  expect(to(newRoutableId(clock, COLONY, SECOND))).toBeUndefined();
  expect(to(newRoutableId(clock, OTHER, HOME))).toBeUndefined();
  expect(roads.from(origin)?.to({ other: newRoutableId(clock, COLONY, HOME) }, undefined)).toBe(
    undefined,
  );
});

test('what is meant for another server does not go that way', () => {
  const { roads, origin, to } = setUp();
  roads.note(origin, roadTo(COLONY));
  expect(to(COLONY, HOME)).toBe(HOME);
  for (const audience of [SECOND, '', null, 7]) expect(to(COLONY, audience)).toBeUndefined();
});

test('no road leads to a server whose key, or whose node key, is dead', () => {
  for (const id of [HOME, `node key of ${HOME}`]) {
    const { roads, origin, to, dead } = setUp();
    roads.note(origin, roadTo(COLONY));
    expect(to(COLONY)).toBe(HOME);
    dead.add(id);
    expect(to(COLONY)).toBeUndefined();
  }
});

test('calls for a colony that is here stay, those for a process of another host go', () => {
  const { roads, origin, to, here } = setUp();
  roads.note(origin, roadTo(COLONY, SECOND));
  here.add(COLONY);
  expect(to(COLONY)).toBeUndefined();
  const process = newRoutableId(clock, COLONY, SECOND);
  expect(roads.from(origin)?.to({ process }, undefined)?.host.serverid).toBe(SECOND);
});

test('a road that did not lead there is forgotten, the newest is taken, few are kept', () => {
  const { roads, origin, to } = setUp(2);
  roads.note(origin, roadTo(COLONY));
  roads.note(origin, roadTo(COLONY, SECOND));
  expect(to(COLONY)).toBe(SECOND);
  roads.from(origin)?.drop(roadTo(COLONY, SECOND));
  expect(to(COLONY)).toBeUndefined();
  for (const digit of ['1', '2', '3']) roads.note(origin, roadTo(digit.repeat(64)));
  expect(['1', '2', '3'].map((digit) => to(digit.repeat(64)) !== undefined)).toEqual([
    false,
    true,
    true,
  ]);
});
