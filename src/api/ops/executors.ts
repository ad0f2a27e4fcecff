// Operations on the executors of a colony.

import { z } from 'zod';
import { isId } from '../../node/crypto/ids.ts';
import type { Engine } from '../../node/engine/engine.ts';
import { fault } from '../../node/errors.ts';
import {
  AllocationsMsg,
  CapabilitiesMsg,
  Executor,
  ExecutorMsg,
  type ExecutorRow,
  executorWire,
} from '../../node/model/executor.ts';
import { pointer, struct, text } from '../../node/model/wire.ts';
import { type Found, given, type MemberCx, op } from '../op.ts';
import { DONE, Done, wrong } from './wrong.ts';

const NO_EXECUTOR = 'Failed to add executor, executor is nil';

interface Named {
  readonly colonyname: string;
  readonly executorname: string;
}

const Naming = struct({ colonyname: text(), executorname: text() });

// The executor is looked up before the permission check, so that an unknown colony reads the same
// as an unknown executor.
const findNamed = (m: Named, engine: Engine): Found<ExecutorRow> | undefined => {
  const colony = engine.colonies.find(m.colonyname);
  const it = colony && engine.executors.byName(colony, m.executorname);
  return it && { colony, it };
};

const named = (prefix: string) => ({
  at: (m: Named) => ({ colony: m.colonyname }),
  find: findNamed,
  named: (m: Named) => m.colonyname,
  missing: { text: () => `${prefix}, executor is nil` },
});

// The named executor, when the caller is it.
const ownExecutor = (cx: MemberCx, m: Named, refusal: string): ExecutorRow => {
  const row = cx.engine.executors.byName(cx.colony, m.executorname);
  if (row === undefined) {
    throw fault('bad-request', `Executor with name <${m.executorname}> does not exist`);
  }
  if (row.id !== cx.caller) throw fault('bad-request', refusal);
  return row;
};

export const addExecutor = op({
  type: 'addexecutormsg',
  doc: 'Registers an executor, which waits for approval. The name of an unregistered one is free again.',
  kind: 'write',
  wrong: wrong('Failed to add executor'),
  msg: struct({ executor: pointer(ExecutorMsg) }),
  needs: ['executor'],
  reply: Executor,
  allow: { who: 'colony-owner', colony: (m) => given(m.executor, NO_EXECUTOR).colonyname },
  says: {
    name: ({ executor }) =>
      `Executor with name <${executor?.executorname}> in Colony <${executor?.colonyname}> already exists`,
    id: ({ executor }) =>
      `Executor with id <${executor?.executorid}> in Colony <${executor?.colonyname}> already exists`,
  },
  run: async (cx, m) => {
    const executor = given(m.executor, NO_EXECUTOR);
    const row = await cx.engine.executors.add(cx.colony, {
      id: executor.executorid,
      type: executor.executortype,
      name: executor.executorname,
      requirefuncreg: executor.requirefuncreg,
      location: executor.locationname,
      capabilities: executor.capabilities,
      allocations: executor.allocations,
      blueprintid: executor.blueprintid,
      blueprintgen: executor.blueprintgen,
    });
    return executorWire(row, cx.name);
  },
});

export const getExecutors = op({
  type: 'getexecutorsmsg',
  doc: 'Lists the executors of a colony in every state, unregistered ones too.',
  kind: 'read',
  wrong: wrong('Failed to get executors'),
  msg: struct({ colonyname: text() }),
  needs: ['colonyname'],
  reply: z.array(Executor),
  allow: { who: 'member-any', colony: (m) => m.colonyname },
  run: (cx) => cx.engine.executors.list(cx.colony).map((row) => executorWire(row, cx.name)),
});

export const getExecutor = op({
  type: 'getexecutormsg',
  doc: 'Gives one executor of a colony by name.',
  kind: 'read',
  wrong: wrong('Failed to get executor'),
  msg: Naming,
  needs: ['colonyname', 'executorname'],
  reply: Executor,
  allow: { who: 'member', ...named('Failed to get executor') },
  run: (cx) => executorWire(cx.it, cx.name),
});

export const getExecutorById = op({
  type: 'getexecutorbyidmsg',
  doc: 'Gives one executor by id.',
  kind: 'read',
  wrong: wrong('Failed to get executor by ID'),
  msg: struct({ colonyname: text(), executorid: text() }),
  needs: ['executorid'],
  reply: Executor,
  allow: {
    who: 'member',
    at: (m) => (isId(m.colonyname) ? { colony: m.colonyname } : { other: m.executorid }),
    // An id may be registered in several colonies: the one the message names is meant.
    find: (m, engine) => {
      const wanted = engine.colonies.find(m.colonyname);
      const rows = engine.executors.anywhere(m.executorid);
      const it = rows.find((row) => row.colony === wanted?.no) ?? rows[0];
      const colony = it && engine.colonies.byNo(it.colony);
      return colony && { colony, it };
    },
    named: (m) => m.colonyname,
    missing: { text: () => 'Failed to get executor by ID, executor is nil' },
  },
  run: (cx) => executorWire(cx.it, cx.name),
});

export const approveExecutor = op({
  type: 'approveexecutormsg',
  doc: 'Approves an executor, from any state: an unregistered one comes back.',
  kind: 'write',
  wrong: wrong('Failed to approve executor'),
  msg: Naming,
  needs: ['colonyname', 'executorname'],
  reply: Done,
  allow: { who: 'colony-owner', ...named('Failed to approve executor') },
  run: async (cx) => {
    await cx.engine.executors.approve(cx.it);
    return DONE;
  },
});

export const rejectExecutor = op({
  type: 'rejectexecutormsg',
  doc: 'Rejects an executor, from any state. What it runs goes on.',
  kind: 'write',
  wrong: wrong('Failed to reject executor'),
  msg: Naming,
  needs: ['colonyname', 'executorname'],
  reply: Done,
  allow: { who: 'colony-owner', ...named('Failed to reject executor') },
  run: async (cx) => {
    await cx.engine.executors.reject(cx.it);
    return DONE;
  },
});

export const removeExecutor = op({
  type: 'removeexecutormsg',
  doc: 'Unregisters an executor: its functions go, and what it runs returns to the queue.',
  kind: 'write',
  wrong: wrong('Failed to remove executor'),
  msg: Naming,
  needs: ['colonyname', 'executorname'],
  reply: Done,
  allow: { who: 'colony-owner', ...named('Failed to remove executor') },
  run: async (cx) => {
    await cx.engine.executors.remove(cx.it);
    return DONE;
  },
});

export const reportAllocations = op({
  type: 'reportallocationmsg',
  doc: 'Replaces an executor’s allocations. Only the executor itself may.',
  kind: 'write',
  wrong: wrong('Failed to report allocation'),
  msg: struct({ colonyname: text(), executorname: text(), allocations: AllocationsMsg }),
  needs: ['colonyname', 'executorname', 'allocations'],
  reply: Done,
  allow: { who: 'member-any', colony: (m) => m.colonyname },
  run: async (cx, m) => {
    const row = ownExecutor(cx, m, 'Only an executor can report allocations to itself');
    await cx.engine.executors.setAllocations(row, m.allocations);
    return DONE;
  },
});

export const updateExecutor = op({
  type: 'updateexecutormsg',
  doc: 'Replaces an executor’s capabilities. Only the executor itself may.',
  kind: 'write',
  wrong: wrong('Failed to update executor'),
  msg: struct({ colonyname: text(), executorname: text(), capabilities: CapabilitiesMsg }),
  needs: ['colonyname', 'executorname', 'capabilities'],
  reply: Done,
  allow: { who: 'member-any', colony: (m) => m.colonyname },
  run: async (cx, m) => {
    const row = ownExecutor(cx, m, 'Only an executor can update its own capabilities');
    await cx.engine.executors.setCapabilities(row, m.capabilities);
    return DONE;
  },
});
