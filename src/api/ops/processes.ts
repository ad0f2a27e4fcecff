// Operations on processes: submit, take, finish, look up, pause.

import { z } from 'zod';
import type { AssignRequest } from '../../node/engine/engine.ts';
import { fault } from '../../node/errors.ts';
import { LIMITS } from '../../node/limits.ts';
import { JsonText } from '../../node/model/json.ts';
import { Process, type ProcessRow, processJson, STATE } from '../../node/model/process.ts';
import { parseCpu, parseMemory } from '../../node/model/resources.ts';
import { FunctionSpecPointer, normaliseSpec, specRow } from '../../node/model/spec.ts';
import { anything, int, list, longText, struct, text } from '../../node/model/wire.ts';
import { type Cx, given, op } from '../op.ts';
import { DONE, Done, wrong } from './wrong.ts';

const NO_SPEC = 'Failed to submit process spec, msg.FunctionSpec is nil';
const ALL_STATES = -1;

const one = (row: ProcessRow, name: string): JsonText<Process> =>
  new JsonText(processJson(row, name));

const many = (rows: readonly ProcessRow[], name: string): JsonText<Process[]> =>
  new JsonText(`[${rows.map((row) => processJson(row, name)).join(',')}]`);

export const submit = op({
  type: 'submitfuncspecmsg',
  doc: 'Submits a function specification: makes a process that waits for an executor.',
  kind: 'write',
  wrong: wrong('Failed to submit process', {
    mismatch: 'Failed to submit process spec, msg.MsgType does not match payloadType',
  }),
  msg: struct({ spec: FunctionSpecPointer }),
  needs: ['spec'],
  reply: Process,
  allow: { who: 'member', colony: (m) => given(m.spec, NO_SPEC).conditions.colonyname },
  run: async (cx, m) => {
    const spec = specRow(normaliseSpec(given(m.spec, NO_SPEC)));
    return one(await cx.engine.processes.submit(cx.colony, cx.member, spec), cx.name);
  },
});

// The caller's signal is made only if the engine reads it, which it does when the call has to wait. A
// class, because a getter in an object literal costs every call a hidden class.
class Want implements AssignRequest {
  readonly waitMs: number | undefined;
  readonly cpuMilli: number | undefined;
  readonly memBytes: number | undefined;
  readonly #origin: Cx['origin'];

  constructor(origin: Cx['origin'], timeout: number, cpu: string, mem: string) {
    const seconds = Math.min(timeout, LIMITS.assignTimeoutMaxS);
    this.waitMs = seconds > 0 ? seconds * 1000 : undefined;
    this.cpuMilli = cpu === '' ? undefined : parseCpu(cpu);
    this.memBytes = mem === '' ? undefined : parseMemory(mem);
    this.#origin = origin;
  }

  get signal(): AbortSignal {
    return this.#origin.signal;
  }
}

export const assign = op({
  type: 'assignprocessmsg',
  doc: 'Takes the first waiting process that matches the calling executor; waits up to `timeout` seconds for one when positive, asks once when negative.',
  kind: 'wait',
  wrong: wrong('Failed to assign process', {
    mismatch: 'Failed to assign process, msg.msgType does not match payloadType',
  }),
  msg: struct({ colonyname: text(), timeout: int(), availablecpu: text(), availablemem: text() }),
  needs: ['colonyname', 'timeout'],
  reply: Process,
  allow: { who: 'member', colony: (m) => m.colonyname },
  run: async (cx, m) => {
    if (m.timeout === 0)
      throw fault('bad-request', 'Invalid timeout value, timeout cannot be zero');
    if (cx.member.kind !== 'executor') {
      throw fault('forbidden', 'Failed to assign process, executor not found');
    }
    const { processes } = cx.engine;
    const want = new Want(cx.origin, m.timeout, m.availablecpu, m.availablemem);
    const row = await processes.assign(cx.colony, cx.member.executor, want);
    if (row === undefined) throw fault('nothing-waiting', 'No process available for assignment');
    cx.onLost = () => processes.handBack(row.id, row.lease);
    return one(row, cx.name);
  },
});

export const getProcess = op({
  type: 'getprocessmsg',
  doc: 'Gives one process.',
  kind: 'read',
  wrong: wrong('Failed to get process'),
  msg: struct({ processid: text() }),
  needs: ['processid'],
  reply: Process,
  allow: {
    who: 'member',
    process: (m) => m.processid,
    missing: { text: () => 'Failed to get process, process not found' },
  },
  run: (cx) => one(cx.process, cx.name),
});

export const getProcesses = op({
  type: 'getprocessesmsg',
  doc: 'Lists up to 100 processes of a colony in one state: waiting by queue order, running by start, finished ones newest first. Filters combine.',
  kind: 'read',
  wrong: wrong('Failed to get processes'),
  msg: struct({
    colonyname: text(),
    count: int(),
    state: int(),
    executortype: text(),
    label: text(),
    initiator: text(),
  }),
  needs: ['colonyname', 'count', 'state'],
  reply: z.array(Process),
  allow: { who: 'member', colony: (m) => m.colonyname },
  run: async (cx, { count, state, executortype, label, initiator }) => {
    if (count > LIMITS.processListMax) {
      throw fault('bad-request', `Count is larger than MaxCount limit <${LIMITS.processListMax}>`);
    }
    if (state < STATE.waiting || state > STATE.cancelled) {
      throw fault('bad-request', 'Failed to get processes, invalid msg.State');
    }
    if (count < 0) {
      throw fault('bad-request', 'Failed to get processes, count must not be negative');
    }
    const rows = await cx.engine.processes.list(cx.colony, {
      state,
      count,
      order: 'queue',
      ...(executortype === '' ? {} : { executortype }),
      ...(label === '' ? {} : { label }),
      ...(initiator === '' ? {} : { initiator }),
    });
    return many(rows, cx.name);
  },
});

export const getProcessHistory = op({
  type: 'getprocesshistmsg',
  doc: 'Lists the processes of a colony, or of one executor, in one state that were submitted in the last `seconds` seconds, oldest first.',
  kind: 'read',
  wrong: wrong('Failed to get process hist', {
    mismatch: 'Failed to get process history, msg.MsgType does not match payloadType',
  }),
  msg: struct({ colonyname: text(), executorid: text(), seconds: int(), state: int() }),
  needs: ['colonyname', 'seconds', 'state'],
  reply: z.array(Process),
  allow: { who: 'member', colony: (m) => m.colonyname },
  run: async (cx, { state, seconds, executorid }) =>
    many(await cx.engine.processes.history(cx.colony, { state, seconds, executorid }), cx.name),
});

const NOT_CLOSER =
  'Failed to close process as successful, not allowed to close process as successful';

export const setOutput = op({
  type: 'setoutputmsg',
  doc: 'Replaces the output of a running process; an empty one changes nothing. Only the assigned executor may.',
  kind: 'write',
  wrong: wrong('Failed to set output'),
  msg: struct({ processid: text(), out: list(anything()) }),
  needs: ['processid', 'out'],
  reply: Done,
  allow: {
    who: 'member',
    process: (m) => m.processid,
    missing: { text: () => 'Failed to set output, process is nil' },
  },
  says: {
    caller: NOT_CLOSER,
    unassigned: NOT_CLOSER,
    'not-running': 'Failed to set output, process is not running',
  },
  run: async (cx, m) => {
    const out = m.out.length === 0 ? cx.process.out : JSON.stringify(m.out);
    await cx.engine.processes.setOutput(cx.process, cx.caller, out);
    return DONE;
  },
});

export const close = op({
  type: 'closesuccessfulmsg',
  doc: 'Finishes a running process with its output; an empty one keeps what was set. Only the assigned executor may; doing it again changes nothing.',
  kind: 'write',
  wrong: wrong('Failed to close successful', {
    mismatch: 'Failed to close process as successful, msg.MsgType does not match payloadType',
  }),
  msg: struct({ processid: text(), out: list(anything()) }),
  needs: ['processid'],
  reply: Done,
  allow: {
    who: 'member',
    process: (m) => m.processid,
    missing: { text: () => 'Failed to close process as successful, process is nil' },
  },
  says: {
    unassigned: 'Failed to close process as successful, process is not assigned',
    caller: NOT_CLOSER,
  },
  run: async (cx, m) => {
    const out = m.out.length === 0 ? undefined : JSON.stringify(m.out);
    await cx.engine.processes.closeSuccessful(cx.process, cx.caller, out);
    return DONE;
  },
});

export const fail = op({
  type: 'closefailedmsg',
  doc: 'Finishes a running process as failed. Only the assigned executor may.',
  kind: 'write',
  wrong: wrong('Failed to close failed', {
    mismatch: 'Failed to close process as failed, msg.MsgType does not match payloadType',
  }),
  msg: struct({ processid: text(), errors: list(longText()) }),
  needs: ['processid', 'errors'],
  reply: Done,
  allow: {
    who: 'member',
    process: (m) => m.processid,
    missing: { text: () => 'Failed to close process as failed, process is nil' },
  },
  says: {
    unassigned: 'Failed to close process as failed, process is not assigned',
    caller: 'Failed to close process as failed, not allowed to close process as failed',
  },
  run: async (cx, m) => {
    await cx.engine.processes.closeFailed(cx.process, cx.caller, JSON.stringify(m.errors));
    return DONE;
  },
});

export const cancelProcess = op({
  type: 'cancelprocessmsg',
  doc: 'Cancels a waiting or running process. Its executor learns of it at its next call.',
  kind: 'write',
  wrong: wrong('Failed to cancel process'),
  msg: struct({ processid: text() }),
  needs: ['processid'],
  reply: Done,
  allow: {
    who: 'member',
    process: (m) => m.processid,
    missing: { text: () => 'Failed to cancel process, process is nil' },
  },
  run: async (cx) => {
    await cx.engine.processes.cancel(cx.process);
    return DONE;
  },
});

export const removeProcess = op({
  type: 'removeprocessmsg',
  doc: 'Removes a process that is not running, with its attributes.',
  kind: 'write',
  wrong: wrong('Failed to remove process'),
  msg: struct({ processid: text() }),
  needs: ['processid'],
  reply: Done,
  allow: {
    who: 'member',
    process: (m) => m.processid,
    missing: { text: () => 'Failed to remove process, process is nil' },
  },
  says: { running: 'Failed to remove process, cannot remove a running process' },
  run: async (cx) => {
    await cx.engine.processes.remove(cx.process);
    return DONE;
  },
});

export const removeAllProcesses = op({
  type: 'removeallprocessesmsg',
  doc: 'Removes all processes of a colony in one state (0, 2, 3 or 4), or in every state (-1).',
  kind: 'write',
  wrong: wrong('Failed to remove all processes'),
  msg: struct({ colonyname: text(), state: int() }),
  needs: ['colonyname', 'state'],
  reply: Done,
  allow: { who: 'colony-owner', colony: (m) => m.colonyname },
  run: async (cx, { state }) => {
    if (state === STATE.running) {
      throw fault('bad-request', 'Not possible to remove running processes');
    }
    if (state < ALL_STATES || state > STATE.cancelled) {
      throw fault('bad-request', 'Invalid state when deleting all processes');
    }
    await cx.engine.processes.removeAll(cx.colony, state === ALL_STATES ? 'all' : state);
    return DONE;
  },
});

export const pauseAssignments = op({
  type: 'pauseassignmentsmsg',
  doc: 'Stops handing out work in a colony; all else goes on.',
  kind: 'write',
  wrong: wrong('Failed to pause assignments'),
  msg: struct({ colonyname: text() }),
  needs: ['colonyname'],
  reply: Done,
  allow: { who: 'colony-owner', colony: (m) => m.colonyname },
  run: async (cx) => {
    await cx.engine.colonies.pause(cx.colony, true);
    return DONE;
  },
});

export const resumeAssignments = op({
  type: 'resumeassignmentsmsg',
  doc: 'Hands out work in a colony again, at once to whoever waits.',
  kind: 'write',
  wrong: wrong('Failed to resume assignments'),
  msg: struct({ colonyname: text() }),
  needs: ['colonyname'],
  reply: Done,
  allow: { who: 'colony-owner', colony: (m) => m.colonyname },
  run: async (cx) => {
    await cx.engine.colonies.pause(cx.colony, false);
    return DONE;
  },
});

export const getPauseStatus = op({
  type: 'getpausestatusmsg',
  doc: 'Tells whether handing out work is paused.',
  kind: 'read',
  wrong: wrong('Failed to get pause status'),
  msg: struct({ colonyname: text() }),
  needs: ['colonyname'],
  reply: z.object({ msgtype: z.string(), colonyname: z.string(), ispaused: z.boolean() }),
  replyType: 'pausestatusreplymsg',
  allow: { who: 'member-any', colony: (m) => m.colonyname },
  run: (cx) => ({
    msgtype: 'pausestatusreplymsg',
    colonyname: cx.name,
    ispaused: cx.colony.paused,
  }),
});
