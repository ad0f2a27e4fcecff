// Operations on the logs of processes and executors.

import { z } from 'zod';
import type { Engine } from '../../node/engine/engine.ts';
import { fault } from '../../node/errors.ts';
import { LIMITS } from '../../node/limits.ts';
import { LogEntry, logWire } from '../../node/model/log.ts';
import type { ProcessRow } from '../../node/model/process.ts';
import { flag, int, int64, line, longText, struct, text } from '../../node/model/wire.ts';
import { type Found, op } from '../op.ts';
import { DONE, Done, wrong } from './wrong.ts';

export const addLog = op({
  type: 'addlogmsg',
  doc: 'Adds a line to the log of a running process. Only the assigned executor may.',
  kind: 'write',
  wrong: wrong('Failed to add log'),
  msg: struct({ processid: text(), message: longText() }),
  needs: ['processid', 'message'],
  reply: Done,
  allow: {
    who: 'member',
    process: (m) => m.processid,
    missing: { text: () => 'Failed to add log, process is nil' },
  },
  says: {
    'not-running': 'Failed to set output, process is not running',
    caller: 'Failed to add log, not allowed to add log, only the assigned Executor may att logs',
  },
  run: async (cx, m) => {
    await cx.engine.logs.add(cx.process, cx.caller, m.message);
    return DONE;
  },
});

export const addExecutorLog = op({
  type: 'addexecutorlogmsg',
  doc: 'Adds a line to the calling executor’s own log.',
  kind: 'write',
  wrong: wrong('Failed to add executor log'),
  msg: struct({ colonyname: text(), executorname: text(), message: longText() }),
  needs: ['colonyname', 'executorname', 'message'],
  reply: Done,
  allow: { who: 'member', colony: (m) => m.colonyname },
  run: async (cx, m) => {
    if (cx.member.kind !== 'executor') {
      throw fault('forbidden', 'Failed to add executor log, executor not found');
    }
    if (cx.member.executor.name !== m.executorname) {
      throw fault('forbidden', 'Failed to add executor log, executor name mismatch');
    }
    await cx.engine.logs.addForExecutor(cx.member.executor, m.message);
    return DONE;
  },
});

interface LogSource {
  readonly colonyname: string;
  readonly executorname: string;
  readonly processid: string;
}

// Logs of the named executor of the colony, else of the process.
const findSource = (m: LogSource, engine: Engine): Found<ProcessRow | undefined> | undefined => {
  if (m.executorname !== '') {
    const colony = engine.colonies.find(m.colonyname);
    const executor = colony && engine.executors.byName(colony, m.executorname);
    return executor && colony && { colony, it: undefined };
  }
  const it = engine.processes.find(m.processid);
  const colony = it && engine.colonies.byNo(it.colony);
  return colony && { colony, it };
};

export const getLogs = op({
  type: 'getlogsmsg',
  doc: 'Lists up to 500 log lines of an executor or of a process, oldest first: the newest ones (`latest`), those after `since` (Unix nanoseconds), or the first.',
  kind: 'read',
  wrong: wrong('Failed to get logs'),
  msg: struct({
    colonyname: text(),
    processid: text(),
    executorname: text(),
    count: int(),
    since: int64(),
    latest: flag(),
  }),
  needs: ['colonyname', 'count'],
  reply: z.array(LogEntry),
  allow: {
    who: 'member',
    at: (m) => (m.executorname === '' ? { process: m.processid } : { colony: m.colonyname }),
    find: findSource,
    named: (m) => m.colonyname,
    missing: {
      text: (m) =>
        `Failed to get logs, ${m.executorname === '' ? 'process' : 'executor'} does not exist`,
    },
  },
  run: async (cx, { count, since, latest, executorname }) => {
    if (count > LIMITS.logListMax) {
      throw fault('forbidden', `Count exceeds max log count (${LIMITS.logListMax})`);
    }
    if (count < 0) throw fault('bad-request', 'Failed to get logs, count must not be negative');
    const query = { count, sinceNs: since, latest };
    const rows =
      cx.it === undefined
        ? await cx.engine.logs.ofExecutor(cx.colony, executorname, query)
        : await cx.engine.logs.ofProcess(cx.it, query);
    return rows.map((row) => logWire(row, cx.name));
  },
});

export const searchLogs = op({
  type: 'searchlogsmsg',
  doc: 'Finds up to 100 log lines of a colony that contain a text, of the last `days` days (at most 30).',
  kind: 'read',
  wrong: wrong('Failed to search logs', {
    mismatch: 'Failed to get logs, msg.MsgType does not match payloadType',
  }),
  msg: struct({ colonyname: text(), text: line(), days: int(), count: int() }),
  needs: ['colonyname', 'text', 'days', 'count'],
  reply: z.array(LogEntry),
  allow: { who: 'member', colony: (m) => m.colonyname },
  run: async (cx, m) => {
    if (m.count > LIMITS.logSearchMax) {
      throw fault('bad-request', `Count exceeds max log count (${LIMITS.logSearchMax})`);
    }
    if (m.days > LIMITS.logSearchDaysMax) {
      throw fault('bad-request', `Count exceeds max day count (${LIMITS.logSearchDaysMax})`);
    }
    if (m.count < 0 || m.days < 0) {
      throw fault('bad-request', 'Failed to search logs, count and days must not be negative');
    }
    const rows = await cx.engine.logs.search(cx.colony, m.text, m.days, m.count);
    return rows.map((row) => logWire(row, cx.name));
  },
});
