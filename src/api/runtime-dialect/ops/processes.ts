// Messages of 2022 about processes: submit, assign, close, delete. Lists of them are in
// listings.ts.

import { LIMITS } from '../../../node/limits.ts';
import { JsonText } from '../../../node/model/json.ts';
import { STATE } from '../../../node/model/process.ts';
import { int, struct, text } from '../../../node/model/wire.ts';
import { type ColonyCx, given, op } from '../../op.ts';
import {
  ColonyRef,
  DeleteProcess,
  Empty,
  ProcessRef,
  ProcessSpecPointer,
  RuntimeProcess,
} from '../shapes.ts';
import { errorsOf, outOf, processReply, state2022 } from '../translate/process.ts';
import { type IdOf, submission } from '../translate/spec.ts';
import { DONE, NIL, WRONG } from '../wrong.ts';

const SECOND_MS = 1000;
const NO_SPEC = 'msg.ProcessSpec is nil';
const NOTHING = new JsonText<RuntimeProcess>('');

const namesProcess = {
  process: (m: { readonly processid: string }) => m.processid,
  missing: NIL.process,
};

const idOf =
  ({ engine, colony }: ColonyCx): IdOf =>
  (name) =>
    engine.executors.byName(colony, name)?.id;

export const submitProcessSpec = op({
  type: 'submitprocessespecmsg',
  doc: 'Submits a process to a colony.',
  kind: 'write',
  wrong: WRONG,
  msg: struct({ spec: ProcessSpecPointer }),
  needs: ['spec'],
  reply: RuntimeProcess,
  allow: { who: 'member', colony: (m) => given(m.spec, NO_SPEC).conditions.colonyid },
  run: async (cx, m) => {
    const { spec, edge } = submission(given(m.spec, NO_SPEC));
    const process = await cx.engine.processes.submit(cx.colony, cx.member, spec, edge);
    return processReply(process, cx.colony, idOf(cx));
  },
});

export const assignProcess = op({
  type: 'assignprocessmsg',
  doc: 'Gives the caller the oldest waiting process that it may run; an empty reply when there is none. With a timeout (seconds) it waits that long for one.',
  kind: 'wait',
  wrong: { ...WRONG, mismatch: 'msg.msgType does not match payloadType' },
  msg: struct({ colonyid: text(), timeout: int() }),
  needs: ['colonyid'],
  reply: RuntimeProcess,
  allow: { who: 'member', colony: (m) => m.colonyid },
  run: async (cx, m) => {
    const { engine, colony, member } = cx;
    if (member.kind !== 'executor') return NOTHING;
    const waits = m.timeout > 0;
    if (colony.paused && !waits) return NOTHING;
    const waitMs = Math.min(m.timeout, LIMITS.assignTimeoutMaxS) * SECOND_MS;
    const want = { signal: cx.origin.signal, ...(waits ? { waitMs } : {}) };
    const process = await engine.processes.assign(colony, member.executor, want);
    if (process === undefined) return NOTHING;
    cx.onLost = () => engine.processes.handBack(process.id, process.lease);
    return processReply(process, colony, idOf(cx));
  },
});

export const getProcess = op({
  type: 'getprocessmsg',
  doc: 'Gives one process.',
  kind: 'read',
  wrong: WRONG,
  msg: ProcessRef,
  needs: ['processid'],
  reply: RuntimeProcess,
  allow: { who: 'member', ...namesProcess },
  run: (cx) => processReply(cx.process, cx.colony, idOf(cx)),
});

export const deleteProcess = op({
  type: 'deleteprocessmsg',
  doc: 'Deletes a process in any state, with its attributes.',
  kind: 'write',
  wrong: WRONG,
  msg: DeleteProcess,
  needs: ['processid'],
  reply: Empty,
  allow: { who: 'member', ...namesProcess },
  run: async (cx) => {
    await cx.engine.processes.remove(cx.process, true);
    return DONE;
  },
});

export const deleteAllProcesses = op({
  type: 'deleteallprocessesmsg',
  doc: 'Deletes all processes of a colony, in every state.',
  kind: 'write',
  wrong: WRONG,
  msg: ColonyRef,
  needs: ['colonyid'],
  reply: Empty,
  allow: { who: 'colony-owner', colony: (m) => m.colonyid },
  run: async (cx) => {
    await cx.engine.processes.removeAll(cx.colony, 'all');
    return DONE;
  },
});

const NOT_SUCCESSFUL = 'not allowed to close process as successful';
const ALREADY_FAILED = 'Tried to set failed process as completed';

export const closeSuccessful = op({
  type: 'closesuccessfulmsg',
  doc: 'Closes a process as successful. Only the assigned runtime may; once more is no error.',
  kind: 'write',
  wrong: WRONG,
  msg: ProcessRef,
  needs: ['processid'],
  reply: Empty,
  allow: { who: 'member', ...namesProcess },
  says: {
    unassigned: NOT_SUCCESSFUL,
    caller: NOT_SUCCESSFUL,
    waiting: 'Tried to set waiting process as completed without being running',
    failed: ALREADY_FAILED,
    cancelled: ALREADY_FAILED,
  },
  run: async (cx) => {
    await cx.engine.processes.closeSuccessful(cx.process, cx.caller, outOf(cx.process));
    return DONE;
  },
});

const NOT_FAILED = 'not allowed to close process as failed';

export const closeFailed = op({
  type: 'closefailedmsg',
  doc: 'Closes a process as failed. Only the assigned runtime may; once more is no error.',
  kind: 'write',
  wrong: WRONG,
  msg: ProcessRef,
  needs: ['processid'],
  reply: Empty,
  allow: { who: 'member', ...namesProcess },
  says: {
    unassigned: NOT_FAILED,
    caller: NOT_FAILED,
    waiting: 'Tried to set waiting process as failed without being running',
    success: 'Tried to set successful process as failed',
  },
  run: async (cx) => {
    const { engine, process, caller } = cx;
    const again = process.executorid === caller && state2022(process.state) === STATE.failed;
    if (again) await engine.settled();
    else await engine.processes.closeFailed(process, caller, errorsOf(process));
    return DONE;
  },
});
