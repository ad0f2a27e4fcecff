// What the node keeps in memory: colonies with their members and live processes, and the shared
// parts every domain of the engine works with. Memory decides; the store makes durable.

import type { Clock } from '../clock.ts';
import { fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { ColonyRow } from '../model/colony.ts';
import type { ExecutorRow } from '../model/executor.ts';
import type { FunctionRow } from '../model/function.ts';
import type { UserRow } from '../model/user.ts';
import type { Store } from '../store/store.ts';
import { type Deadlines, makeDeadlines } from './deadlines.ts';
import { type EventHub, makeEventHub } from './events.ts';
import { type Live, makeTimeline, type Timeline } from './live.ts';
import { makeQueue, type Queue } from './queue.ts';
import { makeTexts, type Texts } from './texts.ts';
import { makeWaiters, type Waiters } from './waiters.ts';
import { makeWhereabouts, type Whereabouts } from './whereabouts.ts';

/** Finished processes by state: [success, failed, cancelled]. */
export type Finished = [number, number, number];

/** An executor as the node knows it now: the row is replaced on change, this holder stays. */
export interface ExecutorHold {
  row: ExecutorRow;
  /** Last sign of life, µs; written to disk lazily. */
  heardUs: number;
  /** Its functions by name. */
  readonly functions: Map<string, FunctionRow>;
  /** Its running processes. */
  readonly running: Set<Live>;
}

export interface ColonyState {
  row: ColonyRow;
  removed: boolean;
  readonly usersByName: Map<string, UserRow>;
  readonly usersById: Map<string, UserRow>;
  readonly executorsByName: Map<string, ExecutorHold>;
  /** The newest row with an id; a registered one wins over an unregistered one. */
  readonly executorsById: Map<string, ExecutorHold>;
  /** Ids that more than one row has or had. */
  readonly sharedIds: Set<string>;
  /** Of the members of all colonies: whoever changes an index by id above tells it. */
  readonly whereabouts: Whereabouts<ColonyState>;
  readonly queue: Queue;
  readonly waiters: Waiters;
  readonly timeline: Timeline;
  /** In the order of their start. */
  readonly running: Set<Live>;
  readonly finished: Finished;
}

export interface EngineOptions {
  /** An executor not heard from for this long is unregistered; 0 never. Seconds. */
  readonly staleExecutorS: number;
  /** Finished processes and logs older than this are deleted; 0 keeps them. Seconds. */
  readonly retentionS: number;
}

/** What the engine is given. */
export interface StateParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
  readonly options: EngineOptions;
  /** Makes the id of a new process of a colony. */
  readonly newProcessId: (colony: ColonyRow) => string;
}

export interface State extends StateParts {
  readonly colonies: Map<number, ColonyState>;
  readonly byId: Map<string, ColonyState>;
  readonly byName: Map<string, ColonyState>;
  readonly whereabouts: Whereabouts<ColonyState>;
  readonly functions: Map<string, FunctionRow>;
  readonly live: Map<string, Live>;
  /** Length of the texts of all live processes. */
  liveText: number;
  readonly texts: Texts;
  readonly deadlines: Deadlines;
  readonly events: EventHub;
  /** Colonies whose finished counts differ from what is on disk. */
  readonly countsDirty: Set<ColonyState>;
  /** Executors heard of since the last write of their rows. */
  readonly heard: Set<ExecutorHold>;
  serverId: string;
  nextColony: number;
  /** Turns of waiters: grows by one each. */
  nextTurn: number;
  /** Time of the newest log line. */
  lastLogNs: number;
  draining: boolean;
}

export const makeColonyState = (
  row: ColonyRow,
  whereabouts: Whereabouts<ColonyState>,
): ColonyState => {
  const executorsByName = new Map<string, ExecutorHold>();
  return {
    row,
    removed: false,
    usersByName: new Map(),
    usersById: new Map(),
    executorsByName,
    executorsById: new Map(),
    sharedIds: new Set(),
    whereabouts,
    queue: makeQueue(),
    waiters: makeWaiters((name) => executorsByName.get(name)?.row.id),
    timeline: makeTimeline(),
    running: new Set(),
    finished: [0, 0, 0],
  };
};

/** Tells the whereabouts whether an id is a member's, after an index by id has changed. */
export const noteMember = (colony: ColonyState, id: string): void => {
  const isMember = colony.executorsById.has(id) || colony.usersById.has(id);
  if (isMember) colony.whereabouts.enter(id, colony);
  else colony.whereabouts.leave(id, colony);
};

export const makeState = (parts: StateParts): State => ({
  ...parts,
  colonies: new Map(),
  byId: new Map(),
  byName: new Map(),
  whereabouts: makeWhereabouts(),
  functions: new Map(),
  live: new Map(),
  liveText: 0,
  texts: makeTexts(parts),
  deadlines: makeDeadlines(),
  events: makeEventHub(),
  countsDirty: new Set(),
  heard: new Set(),
  serverId: '',
  nextColony: 1,
  nextTurn: 1,
  lastLogNs: 0,
  draining: false,
});

/** The state behind a colony row. Throws not-found when it was removed meanwhile. */
export const stateOf = (state: State, colony: ColonyRow): ColonyState => {
  const found = state.colonies.get(colony.no);
  if (!found || found.removed)
    throw fault('not-found', `Colony with name <${colony.name}> does not exists`);
  return found;
};
