// Log lines of processes and executors.

import { fault } from '../errors.ts';
import type { ColonyRow } from '../model/colony.ts';
import { type LogRow, logTimestamp } from '../model/log.ts';
import { STATE } from '../model/process.ts';
import { keys, partsOf, type Range } from '../store/keys.ts';
import { decodeLog, logTable } from '../store/tables/logs.ts';
import type { LogQuery, Logs } from './engine.ts';
import { findProcess } from './lookup.ts';
import { type State, stateOf } from './state.ts';

const DAY_NS = 86_400n * 1_000_000_000n;

/** The lines behind a range of an index, in key order. */
const readLines = async (
  state: State,
  colony: number,
  range: Range,
  query: LogQuery,
): Promise<LogRow[]> => {
  const rows: LogRow[] = [];
  for await (const page of state.store.pages(range, {
    reverse: query.latest,
    limit: query.count,
  })) {
    for (const [key] of page) {
      const timestampNs = Number(partsOf(key).at(-1));
      const value = state.store.get(keys.log(colony, timestampNs));
      if (value !== undefined) rows.push(decodeLog(timestampNs, value));
    }
  }
  return query.latest ? rows.reverse() : rows;
};

const after = (range: Range, key: (timeNs: bigint) => string, query: LogQuery): Range => {
  const since = BigInt(query.sinceNs);
  return query.latest || since <= 0n ? range : { ...range, gte: key(since + 1n) };
};

const put = (state: State, colony: number, row: Omit<LogRow, 'timestampNs'>): Promise<void> => {
  state.store.admit();
  state.lastLogNs = logTimestamp(state.clock.nowUs(), state.lastLogNs);
  const line = { ...row, timestampNs: state.lastLogNs };
  return state.store.write((w) => logTable.put(w, colony, line));
};

/**
 * Notes the time of the newest line on disk: when the machine's clock was set back while the node
 * was down, new lines must neither replace old ones nor come before what was read already.
 */
export const noteLastLog = async (state: State): Promise<void> => {
  for (const no of state.colonies.keys()) {
    const newest = state.store.pages(keys.logsOf(no), { reverse: true, limit: 1 });
    for await (const [row] of newest) {
      state.lastLogNs = Math.max(state.lastLogNs, Number(partsOf(row?.[0] ?? '')[1] ?? 0));
    }
  }
};

const search = async (
  state: State,
  colony: ColonyRow,
  text: string,
  days: number,
  count: number,
): Promise<LogRow[]> => {
  const fromNs = BigInt(state.clock.nowUs()) * 1000n - BigInt(days) * DAY_NS;
  const found: LogRow[] = [];
  const range = keys.logsSince(colony.no, fromNs);
  for await (const page of state.store.pages(range, { reverse: true })) {
    for (const [key, value] of page) {
      const row = decodeLog(Number(partsOf(key)[1]), value);
      if (row.message.includes(text)) found.push(row);
      if (found.length >= count) return found.reverse();
    }
  }
  return found.reverse();
};

/** Makes the logs part of the engine. */
export const makeLogs = (state: State): Logs => ({
  add: async (asked, caller, message) => {
    const p = findProcess(state, asked.id);
    if (p?.state !== STATE.running) {
      throw fault('forbidden', 'Failed to set output, process is not running', {
        reason: 'not-running',
      });
    }
    if (p.executorid !== caller) {
      throw fault(
        'forbidden',
        'Failed to add log, not allowed to add log, only the assigned Executor may att logs',
        { reason: 'caller' },
      );
    }
    const executorname = state.colonies.get(p.colony)?.executorsById.get(caller)?.row.name ?? '';
    await put(state, p.colony, { processid: p.id, executorname, message });
  },
  addForExecutor: async (executor, message) => {
    if (!state.colonies.has(executor.colony)) throw fault('not-found', 'the colony is gone');
    await put(state, executor.colony, { processid: '', executorname: executor.name, message });
  },
  ofProcess: async (p, query) => {
    if (query.count <= 0) return [];
    const range = keys.processLogs(p.colony, p.id);
    const key = (timeNs: bigint) => keys.processLog(p.colony, p.id, timeNs);
    return readLines(state, p.colony, after(range, key, query), query);
  },
  ofExecutor: async (row, name, query) => {
    const { no } = stateOf(state, row).row;
    if (query.count <= 0) return [];
    const key = (timeNs: bigint) => keys.executorLog(no, name, timeNs);
    return readLines(state, no, after(keys.executorLogs(no, name), key, query), query);
  },
  search: async (row, text, days, count) => {
    stateOf(state, row);
    return count <= 0 || days <= 0 ? [] : search(state, row, text, days, count);
  },
});
