// Executors that are not heard from.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NewExecutor } from '../../src/node/engine/engine.ts';
import { type OpenedEngine, openEngine } from '../../src/node/engine/open.ts';
import { silentLog } from '../../src/node/log.ts';
import type { ColonyRow } from '../../src/node/model/colony.ts';
import { EXECUTOR_STATE, type ExecutorRow } from '../../src/node/model/executor.ts';
import { STATE } from '../../src/node/model/process.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';
import { forType } from '../support/engine.ts';

const MINUTE_MS = 60_000;

let dir: string;
let clock: ManualClock;
let opened: OpenedEngine;
let colony: ColonyRow;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'colonies-'));
  clock = manualClock();
  opened = await openEngine({ dir, clock, log: silentLog() });
  colony = await opened.engine.colonies.add('c'.repeat(64), 'dev');
});
afterEach(async () => {
  await opened.close();
  await rm(dir, { recursive: true });
});

const executor = async (name: string, more: Partial<NewExecutor> = {}): Promise<ExecutorRow> => {
  const added = await opened.engine.executors.add(colony, {
    id: clock.newId(),
    type: 'w',
    name,
    requirefuncreg: false,
    location: '',
    capabilities: { hardware: null, software: null },
    allocations: { projects: null },
    blueprintid: '',
    blueprintgen: 0,
    ...more,
  });
  await opened.engine.executors.approve(added);
  return opened.engine.executors.byName(colony, name) as ExecutorRow;
};

const ask = (who: ExecutorRow): Promise<unknown> =>
  opened.engine.processes.assign(colony, who, { signal: new AbortController().signal });
const stateOf = (name: string) => opened.engine.executors.byName(colony, name)?.state;
const pass = async (ms: number): Promise<void> => {
  clock.advance(ms);
  await opened.engine.tick();
};

test('an executor that asked for work and fell silent is unregistered', async () => {
  const who = await executor('worker');
  opened.engine.roles.heard(who);
  await ask(who);
  await pass(9 * MINUTE_MS);
  expect(stateOf('worker')).toBe(EXECUTOR_STATE.approved);
  await pass(2 * MINUTE_MS);
  expect(stateOf('worker')).toBe(EXECUTOR_STATE.unregistered);
});

test('any call is a sign of life', async () => {
  const who = await executor('worker');
  opened.engine.roles.heard(who);
  await ask(who);
  for (let minute = 0; minute < 30; minute += 5) {
    await pass(5 * MINUTE_MS);
    opened.engine.roles.heard(who);
  }
  expect(stateOf('worker')).toBe(EXECUTOR_STATE.approved);
});

test('one that only submits may be silent for ever', async () => {
  const who = await executor('submitter');
  opened.engine.roles.heard(who);
  await pass(24 * 60 * MINUTE_MS);
  expect(stateOf('submitter')).toBe(EXECUTOR_STATE.approved);
});

test('that it asked for work outlives a restart, and down time is no silence', async () => {
  const who = await executor('worker');
  opened.engine.roles.heard(who);
  await ask(who);
  await pass(MINUTE_MS);
  await opened.close();
  clock.advance(60 * MINUTE_MS);
  opened = await openEngine({ dir, clock, log: silentLog() });
  await pass(MINUTE_MS);
  expect(stateOf('worker')).toBe(EXECUTOR_STATE.approved);
  await pass(11 * MINUTE_MS);
  expect(stateOf('worker')).toBe(EXECUTOR_STATE.unregistered);
});

const HOUR_MS = 60 * MINUTE_MS;

const submit = async (maxexectime: number): Promise<string> => {
  const user =
    opened.engine.users.byName(colony, 'u') ??
    (await opened.engine.users.add(colony, {
      id: 'f'.repeat(64),
      name: 'u',
      email: '',
      phone: '',
    }));
  const spec = forType('w', {}, { maxexectime, maxretries: -1 });
  return (await opened.engine.processes.submit(colony, { kind: 'user', user }, spec)).id;
};
const processState = (id: string) => opened.engine.processes.find(id)?.state;

test('a silent job of hours stays with its worker; a worker that died loses it after a day', async () => {
  const who = await executor('worker');
  const id = await submit(-1);
  opened.engine.roles.heard(who);
  await ask(who);
  await pass(23 * HOUR_MS);
  expect(processState(id)).toBe(STATE.running);
  await pass(2 * HOUR_MS);
  expect(processState(id)).toBe(STATE.waiting);
  expect(stateOf('worker')).toBe(EXECUTOR_STATE.unregistered);
});

test('a member that never expires loses its process, not its membership', async () => {
  const who = await executor('runtime', { lasting: true });
  const id = await submit(-1);
  opened.engine.roles.heard(who);
  await ask(who);
  await pass(25 * HOUR_MS);
  expect(processState(id)).toBe(STATE.waiting);
  expect(stateOf('runtime')).toBe(EXECUTOR_STATE.approved);
});

test("a process with a deadline is its deadline's alone", async () => {
  const who = await executor('worker');
  const id = await submit(48 * 3600);
  opened.engine.roles.heard(who);
  await ask(who);
  await pass(47 * HOUR_MS);
  expect(processState(id)).toBe(STATE.running);
  await pass(2 * HOUR_MS);
  expect(processState(id)).toBe(STATE.waiting);
});
