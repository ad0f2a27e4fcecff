// Messages of 2022 that list processes. A cancelled process is listed as a failed one.

import { z } from 'zod';
import type { ListQuery } from '../../../node/engine/engine.ts';
import { fault } from '../../../node/errors.ts';
import { LIMITS } from '../../../node/limits.ts';
import type { ProcessRow } from '../../../node/model/process.ts';
import { int, struct, text } from '../../../node/model/wire.ts';
import { op } from '../../op.ts';
import { RuntimeProcess } from '../shapes.ts';
import { processesReply, statesOf2022 } from '../translate/process.ts';
import { WRONG } from '../wrong.ts';

const merge = async (
  states: readonly number[],
  list: (state: number) => Promise<readonly ProcessRow[]>,
  newestFirst: (a: ProcessRow, b: ProcessRow) => number,
  max: number,
): Promise<readonly ProcessRow[]> => {
  const lists = await Promise.all(states.map(list));
  return lists.flat().sort(newestFirst).slice(0, max);
};

// Sorting keeps the engine's order of processes that have the same time.
const byEnd = (a: ProcessRow, b: ProcessRow): number => b.endedUs - a.endedUs;
const bySubmission = (a: ProcessRow, b: ProcessRow): number => b.submittedUs - a.submittedUs;

export const getProcesses = op({
  type: 'getprocessesmsg',
  doc: 'Lists at most 100 processes of a colony in one state: waiting ones by submission, running ones by start, finished ones by end, newest first.',
  kind: 'read',
  wrong: WRONG,
  msg: struct({ colonyid: text(), count: int(), state: int() }),
  needs: ['colonyid', 'count', 'state'],
  reply: z.array(RuntimeProcess),
  allow: { who: 'member-or-owner', colony: (m) => m.colonyid },
  run: async ({ engine, colony }, m) => {
    const { count } = m;
    if (count > LIMITS.processListMax) {
      throw fault('bad-request', `Count is larger than MaxCount limit <${LIMITS.processListMax}>`);
    }
    const states = statesOf2022(m.state);
    if (states.length === 0) throw fault('bad-request', 'invalid msg.State');
    if (count < 0) throw fault('bad-request', 'pq: LIMIT must not be negative');
    const list = (state: number) => {
      const query: ListQuery = { state, count, order: 'newest' };
      return engine.processes.list(colony, query);
    };
    const [state] = states;
    const rows =
      states.length === 1 && state !== undefined
        ? await list(state)
        : await merge(states, list, byEnd, count);
    return processesReply(rows, colony, (name) => engine.executors.byName(colony, name)?.id);
  },
});

export const getProcessHist = op({
  type: 'getprocesshistmsg',
  doc: 'Lists the processes of a colony in one state, of one runtime or of all, that were submitted in the last seconds, newest first.',
  kind: 'read',
  wrong: WRONG,
  msg: struct({ colonyid: text(), runtimeid: text(), seconds: int(), state: int() }),
  needs: ['colonyid', 'seconds', 'state'],
  reply: z.array(RuntimeProcess),
  allow: { who: 'member-or-owner', colony: (m) => m.colonyid },
  run: async ({ engine, colony }, { runtimeid, seconds, state }) => {
    const list = (one: number) =>
      engine.processes.history(colony, { state: one, seconds, executorid: runtimeid });
    const states = seconds < 0 ? [] : statesOf2022(state);
    const rows = await merge(states, list, bySubmission, LIMITS.historyListMax);
    return processesReply(rows, colony, (name) => engine.executors.byName(colony, name)?.id);
  },
});
