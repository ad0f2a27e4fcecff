// What a worker takes from an assign reply, and what it keeps on disk.

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openKeychain } from '../../../src/cli/keychain.ts';
import { childEnvironment, jobOf } from '../../../src/cli/worker/job.ts';
import { isLeftBehind } from '../../../src/cli/worker/membership.ts';
import { openWorkerStates, type WorkerState } from '../../../src/cli/worker/states.ts';

const ID = 'a'.repeat(64);
const reply = {
  processid: ID,
  state: 1,
  attributes: [{ key: 'A', value: '1' }],
  spec: { cmd: 'ls', args: ['-l'], maxexectime: 5, conditions: {} },
};
const who = {
  colonyid: 'c'.repeat(64),
  runtimeid: 'd'.repeat(64),
  prvkey: 'e'.repeat(64),
  name: 'w',
  host: 'h',
  port: 1,
  tls: true,
};

test('lists that are null are empty', () => {
  const nulls = { ...reply, attributes: null, spec: { ...reply.spec, args: null } };
  expect(jobOf(nulls)).toEqual({ processid: ID, cmd: 'ls', args: [], maxexectime: 5, env: {} });
});

test('a reply that is no process is refused, also one whose id could be a path', () => {
  expect(() => jobOf({})).toThrow();
  expect(() => jobOf({ ...reply, processid: '../../etc/passwd' })).toThrow(/processid/);
  expect(() => jobOf({ ...reply, spec: { ...reply.spec, cmd: 1 } })).toThrow(/cmd/);
});

test('secrets of this program are taken out of the environment of a child, whoever they belong to', () => {
  const base = {
    PATH: '/bin',
    COLONIES_COLONYPRVKEY: 's1',
    COLONIES_COLONY_PRVKEY: 's2',
    COLONIES_SERVERPRVKEY: 's3',
    COLONIES_SERVER_PRVKEY: 's4',
    COLONIES_RUNTIMEPRVKEY: 's5',
    COLONIES_PRVKEY: 's6',
    COLONIES_DB_PASSWORD: 's7',
    COLONIES_DBPASSWORD: 's8',
    COLONIES_SERVER_HOST: 'other',
    UNSET: undefined,
  };
  const env = childEnvironment(base, jobOf(reply), who);
  expect(Object.values(env).filter((value) => /^s\d$/.test(value))).toEqual([]);
  expect(env).toMatchObject({
    PATH: '/bin',
    A: '1',
    COLONIES_PROCESSID: ID,
    COLONIES_SERVER_HOST: 'h',
    COLONIES_SERVER_PORT: '1',
    COLONIES_TLS: 'true',
    COLONIES_RUNTIMEPRVKEY: who.prvkey,
  });
  expect(Object.keys(env)).not.toContain('UNSET');
});

test('copies of such keys under other names are taken out, too', () => {
  const key = 'a1'.repeat(32);
  const base = {
    COLONIES_COLONY_PRVKEY: key,
    COPY: key,
    SETTINGS: `{"key":"${key}"}`,
    OTHER: 'b2'.repeat(32),
    COLONIES_DB_PASSWORD: 'o',
  };
  const env = childEnvironment(base, jobOf(reply), who);
  expect(Object.values(env).filter((value) => value.includes(key))).toEqual([]);
  expect(env['OTHER']).toBe(base.OTHER);
});

test('attributes go before the environment, the identity of the worker before attributes', () => {
  const attributes = [
    { key: 'PATH', value: '/mine' },
    { key: 'COLONIES_RUNTIMEID', value: 'forged' },
  ];
  const env = childEnvironment({ PATH: '/bin' }, jobOf({ ...reply, attributes }), who);
  expect(env['PATH']).toBe('/mine');
  expect(env['COLONIES_RUNTIMEID']).toBe(who.runtimeid);
});

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'colonies-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const state = (more: Partial<WorkerState> = {}): WorkerState => ({
  runtimeid: who.runtimeid,
  name: 'w',
  type: 't',
  colonyid: who.colonyid,
  host: 'h',
  port: 1,
  tls: false,
  ...more,
});

test('states are kept per worker, for their owner only, and removed with the key', () => {
  const keychain = openKeychain(home);
  const states = openWorkerStates(keychain);
  expect(states.list(who.colonyid)).toEqual([]);
  states.put(state(), who.prvkey);
  states.put(state({ runtimeid: 'f'.repeat(64), name: 'a', pid: 7 }), 'k');
  states.put(state({ runtimeid: '1'.repeat(64), colonyid: 'other' }), 'k');
  expect(states.list(who.colonyid).map(({ name }) => name)).toEqual(['a', 'w']);
  expect(statSync(states.fileOf(who.runtimeid)).mode & 0o777).toBe(0o600);
  expect(statSync(states.keyFileOf(who.runtimeid)).mode & 0o777).toBe(0o600);
  expect(keychain.find(who.runtimeid)).toBe(who.prvkey);
  states.remove(who.runtimeid);
  states.remove(who.runtimeid);
  expect(states.list(who.colonyid).map(({ name }) => name)).toEqual(['a']);
  expect(keychain.find(who.runtimeid)).toBeUndefined();
});

test('a damaged state is named', () => {
  const states = openWorkerStates(openKeychain(home));
  states.put(state(), who.prvkey);
  writeFileSync(states.fileOf(who.runtimeid), '{');
  expect(() => states.list(who.colonyid)).toThrow(/d{64}\.json is damaged; remove it/);
});

test('only a dead worker of the same name and server counts as left behind', () => {
  const at = { host: 'h', port: 1 };
  const running = (pid: number) => pid === 1;
  expect(isLeftBehind(state({ pid: 2 }), 'w', at, running)).toBe(true);
  expect(isLeftBehind(state({ pid: 1 }), 'w', at, running)).toBe(false);
  expect(isLeftBehind(state(), 'w', at, running)).toBe(false);
  expect(isLeftBehind(state({ pid: 2 }), 'x', at, running)).toBe(false);
  expect(isLeftBehind(state({ pid: 2, port: 3 }), 'w', at, running)).toBe(false);
});
