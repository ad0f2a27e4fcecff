// Lists of processes: waiting and running ones from memory, finished ones from the index on disk.

import type { ColonyRow } from '../model/colony.ts';
import { isFinal, type ProcessRow, STATE } from '../model/process.ts';
import { SECOND_US } from '../model/time.ts';
import { keys, partsOf } from '../store/keys.ts';
import { decodeEnded, type Ended } from '../store/tables/processes.ts';
import type { HistoryQuery, ListQuery, Processes } from './engine.ts';
import { makeHeap } from './heap.ts';
import { goesFirst, type Live } from './live.ts';
import { findProcess } from './lookup.ts';
import { type ColonyState, type State, stateOf } from './state.ts';

interface Facts {
  readonly executortype: string;
  readonly label: string;
  readonly initiatorname: string;
}

const factsOf = (p: ProcessRow): Facts => ({
  executortype: p.spec.executortype,
  label: p.spec.label,
  initiatorname: p.initiatorname,
});

/** Whether more than the state and the executor type is asked for. */
const isNarrow = (query: ListQuery): boolean =>
  query.label !== undefined || query.initiator !== undefined;

const matches = (query: ListQuery, facts: Facts): boolean =>
  (query.executortype === undefined || facts.executortype === query.executortype) &&
  (query.label === undefined || facts.label === query.label) &&
  (query.initiator === undefined || facts.initiatorname === query.initiator);

const takeRows = (state: State, lives: Iterable<Live>, query: ListQuery): ProcessRow[] => {
  const rows: ProcessRow[] = [];
  for (const live of lives) {
    if (rows.length >= query.count) break;
    const { row } = live;
    if (row.state === query.state && matches(query, factsOf(row)))
      rows.push(state.texts.rowOf(live));
  }
  return rows;
};

/** The first `query.count` that match, in queue order, at the cost of one look at each. */
const firstInQueue = (state: State, lives: Iterable<Live>, query: ListQuery): ProcessRow[] => {
  const kept = makeHeap<Live>(
    (a, b) => goesFirst(b, a),
    () => true,
  );
  for (const live of lives) {
    if (live.row.state !== query.state || !matches(query, factsOf(live.row))) continue;
    kept.push(live);
    if (kept.size() > query.count) kept.pop();
  }
  const rows: ProcessRow[] = [];
  for (let live = kept.pop(); live; live = kept.pop()) rows.push(state.texts.rowOf(live));
  return rows.reverse();
};

const liveRows = (state: State, colony: ColonyState, query: ListQuery): ProcessRow[] => {
  if (query.state === STATE.running) {
    const running = [...colony.running];
    return takeRows(state, query.order === 'newest' ? running.reverse() : running, query);
  }
  if (query.order === 'newest') return takeRows(state, colony.timeline.newestFirst(), query);
  // Ordering a whole backlog to find the few that match would cost far more than looking through
  // it.
  return isNarrow(query)
    ? firstInQueue(state, colony.timeline.newestFirst(), query)
    : takeRows(state, colony.queue.inOrder(query.executortype), query);
};

const endedRows = async (
  state: State,
  colony: ColonyRow,
  query: ListQuery,
): Promise<ProcessRow[]> => {
  const rows: ProcessRow[] = [];
  const filtered = query.executortype ?? query.label ?? query.initiator;
  const range = keys.endedIn(colony.no, query.state);
  const options = { reverse: true, ...(filtered === undefined ? { limit: query.count } : {}) };
  for await (const page of state.store.pages(range, options)) {
    for (const [key, value] of page) {
      const ended = decodeEnded(partsOf(key), value);
      const p = matches(query, ended) ? findProcess(state, ended.id) : undefined;
      if (p) rows.push(p);
      if (rows.length >= query.count) return rows;
    }
  }
  return rows;
};

const bySubmission = (a: ProcessRow, b: ProcessRow): number => a.submittedUs - b.submittedUs;

const liveSince = (
  state: State,
  colony: ColonyState,
  query: HistoryQuery,
  fromUs: number,
): ProcessRow[] => {
  const rows: ProcessRow[] = [];
  for (const live of colony.timeline.newestFirst()) {
    const { row } = live;
    if (row.submittedUs < fromUs || rows.length >= state.limits.historyListMax) break;
    const wanted = query.executorid === '' || row.executorid === query.executorid;
    if (row.state === query.state && wanted) rows.push(state.texts.rowOf(live));
  }
  return rows;
};

const endedSince = async (
  state: State,
  colony: ColonyRow,
  query: HistoryQuery,
  fromUs: number,
): Promise<ProcessRow[]> => {
  // A process ends after it was submitted, so everything submitted in the window also ended in it.
  const found: Ended[] = [];
  const range = keys.endedSince(colony.no, query.state, fromUs);
  for await (const page of state.store.pages(range, { reverse: true })) {
    for (const [key, value] of page) {
      const ended = decodeEnded(partsOf(key), value);
      const wanted = query.executorid === '' || ended.executorid === query.executorid;
      if (ended.submittedUs >= fromUs && wanted) found.push(ended);
    }
    if (found.length >= state.limits.historyListMax) break;
  }
  return found
    .slice(0, state.limits.historyListMax)
    .map(({ id }) => findProcess(state, id))
    .filter((p) => p !== undefined);
};

/** Makes the list queries of the processes part. */
export const makeHistory = (state: State): Pick<Processes, 'list' | 'history'> => ({
  list: async (row, query) => {
    const colony = stateOf(state, row);
    if (query.count <= 0) return [];
    return isFinal(query.state) ? endedRows(state, row, query) : liveRows(state, colony, query);
  },
  history: async (row, query) => {
    const colony = stateOf(state, row);
    const fromUs = state.clock.nowUs() - query.seconds * SECOND_US;
    const rows = isFinal(query.state)
      ? await endedSince(state, row, query, fromUs)
      : liveSince(state, colony, query, fromUs);
    return rows.sort(bySubmission);
  },
});
