// The public face of the engine: commands and queries per domain. It knows colonies, members and
// processes; it must not know payload types, dialects, HTTP or peers.
//
// Commands decide on live state in memory at once and resolve after the batch that holds their
// effect is on disk. Queries are answered from live state; whoever replies with one first awaits
// `settled()`, so that no reply shows what a crash could still take back.

import type { AttributeRow } from '../model/attribute.ts';
import type { ColonyRow } from '../model/colony.ts';
import type { Allocations, Capabilities, ExecutorRow } from '../model/executor.ts';
import type { FunctionRecord, FunctionRow } from '../model/function.ts';
import type { LogRow } from '../model/log.ts';
import type { ProcessRow } from '../model/process.ts';
import type { SpecRow } from '../model/spec.ts';
import type { Statistics } from '../model/statistics.ts';
import type { UserRow } from '../model/user.ts';

/** Who an identity is in a colony. An id that is both acts as executor. */
export type Member =
  | { readonly kind: 'executor'; readonly executor: ExecutorRow }
  | { readonly kind: 'user'; readonly user: UserRow };

export interface Roles {
  isServerOwner(id: string): boolean;
  isColonyOwner(colony: ColonyRow, id: string): boolean;
  /** An approved executor, else a user of the colony; `any` also takes executors in any state. */
  member(colony: ColonyRow, id: string, any?: boolean): Member | undefined;
  /** Whether it is an owner of any colony here, or an executor (in any state) or user of one. */
  isKnown(id: string): boolean;
  /**
   * Notes a sign of life of an executor: every authenticated call of it counts. `spoke` is a word
   * of the caller's that is kept with the executor, on disk a little later.
   */
  heard(executor: ExecutorRow, spoke?: string): void;
}

export interface Colonies {
  /** By id, then by name. */
  find(ref: string): ColonyRow | undefined;
  byNo(no: number): ColonyRow | undefined;
  list(): readonly ColonyRow[];
  /** Throws bad-request on a bad id or name, conflict (detail.reason 'name' or 'id') when taken. */
  add(id: string, name: string): Promise<ColonyRow>;
  /** Removes the colony with everything in it. */
  remove(colony: ColonyRow): Promise<void>;
  pause(colony: ColonyRow, paused: boolean): Promise<void>;
  statistics(colony: ColonyRow): Statistics;
  /** Moves the colony to another owner id. Throws conflict when the id is taken. */
  changeId(colony: ColonyRow, id: string): Promise<void>;
}

export interface Users {
  list(colony: ColonyRow): readonly UserRow[];
  byName(colony: ColonyRow, name: string): UserRow | undefined;
  byId(colony: ColonyRow, id: string): UserRow | undefined;
  /** Throws conflict when the name, or the id, is taken in the colony. */
  add(colony: ColonyRow, user: Omit<UserRow, 'colony'>): Promise<UserRow>;
  remove(user: UserRow): Promise<void>;
  changeId(user: UserRow, id: string): Promise<void>;
}

export interface NewExecutor {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly requirefuncreg: boolean;
  readonly location: string;
  readonly capabilities: Capabilities;
  readonly allocations: Allocations;
  readonly blueprintid: string;
  readonly blueprintgen: number | bigint;
  /** Never unregistered for being silent. */
  readonly lasting?: boolean;
  readonly edge?: string;
}

export interface Executors {
  /** All states, unregistered ones too. */
  list(colony: ColonyRow): readonly ExecutorRow[];
  byName(colony: ColonyRow, name: string): ExecutorRow | undefined;
  byId(colony: ColonyRow, id: string): ExecutorRow | undefined;
  /** Every row with this id on the server, registered ones first. */
  anywhere(id: string): readonly ExecutorRow[];
  /**
   * Registers an executor as pending. The name of an unregistered one may be used again. Throws
   * conflict with detail.reason 'name' or 'id' when a live executor of the colony has it. With
   * `rename`, a taken name is made unique instead of refused.
   */
  add(colony: ColonyRow, executor: NewExecutor, rename?: boolean): Promise<ExecutorRow>;
  approve(executor: ExecutorRow): Promise<void>;
  reject(executor: ExecutorRow): Promise<void>;
  /**
   * Keeps the row as unregistered, deletes its functions, puts its running processes back in the
   * queue.
   */
  remove(executor: ExecutorRow): Promise<void>;
  setAllocations(executor: ExecutorRow, allocations: Allocations): Promise<void>;
  setCapabilities(executor: ExecutorRow, capabilities: Capabilities): Promise<void>;
  /**
   * Also rewrites the assignment of its running processes. Throws conflict when the id is taken.
   */
  changeId(executor: ExecutorRow, id: string): Promise<void>;
}

export interface Functions {
  get(functionid: string): FunctionRow | undefined;
  /** Of the whole colony, or of one executor by name. */
  list(colony: ColonyRow, executorname?: string): readonly FunctionRow[];
  /**
   * Registers, or replaces the executor's function of the same name. '' as functionid: a new id.
   */
  add(executor: ExecutorRow, fun: Omit<FunctionRecord, 'colonyname'>): Promise<FunctionRow>;
  remove(fun: FunctionRow): Promise<void>;
}

export interface AssignRequest {
  /** How long to wait for work, ms; undefined is one attempt. */
  readonly waitMs?: number | undefined;
  /** Unlimited when undefined. */
  readonly cpuMilli?: number | undefined;
  readonly memBytes?: number | undefined;
  /** Aborted when the caller went away: the waiter is dropped before anything is given to it. */
  readonly signal: AbortSignal;
}

export interface ListQuery {
  readonly state: number;
  readonly count: number;
  readonly executortype?: string;
  readonly label?: string;
  /** Initiator name. */
  readonly initiator?: string;
  /**
   * `queue`: waiting by queue order, running by start ascending, final by end descending. `newest`:
   * waiting by submission, running by start, final by end, all descending.
   */
  readonly order: 'queue' | 'newest';
}

export interface HistoryQuery {
  readonly state: number;
  readonly seconds: number;
  /** '' is every executor. */
  readonly executorid: string;
}

export interface Processes {
  find(id: string): ProcessRow | undefined;
  submit(colony: ColonyRow, by: Member, spec: SpecRow, edge?: string): Promise<ProcessRow>;
  /**
   * Gives the executor the first waiting process that matches it, or undefined when there is none
   * in time. Throws unavailable (paused, one attempt), paused-timeout, unavailable (too many
   * waiters, stopping).
   */
  assign(
    colony: ColonyRow,
    executor: ExecutorRow,
    want: AssignRequest,
  ): Promise<ProcessRow | undefined>;
  /**
   * Ends the waits of an executor, in every colony, because its key was declared dead: they throw
   * forbidden.
   */
  endWaits(executorid: string): void;
  /** Puts an assigned process back because its reply was not delivered. No retry is counted. */
  handBack(id: string, lease: number): Promise<void>;
  /** `out` is a JSON list. Throws forbidden with detail.reason 'caller' or 'not-running'. */
  setOutput(p: ProcessRow, caller: string, out: string): Promise<void>;
  /**
   * Throws forbidden (reason 'unassigned' or 'caller') and conflict (reason: the present state).
   * `repeat` (default) lets a successful process be closed again without changes.
   */
  closeSuccessful(p: ProcessRow, caller: string, out?: string): Promise<void>;
  closeFailed(p: ProcessRow, caller: string, errors: string): Promise<void>;
  cancel(p: ProcessRow): Promise<void>;
  /** Throws conflict (reason 'running') unless `force`. */
  remove(p: ProcessRow, force?: boolean): Promise<void>;
  /** Removes all processes of the colony in one state, or in every state. */
  removeAll(colony: ColonyRow, state: number | 'all'): Promise<void>;
  list(colony: ColonyRow, query: ListQuery): Promise<readonly ProcessRow[]>;
  /** Ascending by submission; at most LIMITS.historyListMax of the newest. */
  history(colony: ColonyRow, query: HistoryQuery): Promise<readonly ProcessRow[]>;
  /** Processes of the colony by state: [waiting, running, success, failed, cancelled]. */
  counts(colony: ColonyRow): readonly [number, number, number, number, number];
}

export interface FoundAttribute {
  readonly attribute: AttributeRow;
  readonly process: ProcessRow;
}

export interface Attributes {
  /** By id; ENV attributes are found too. 'orphan' when its process is gone. */
  find(attributeid: string): FoundAttribute | undefined;
  /**
   * Sets an attribute of a running process. Throws forbidden (reason 'not-running', 'caller'),
   * conflict (reason 'duplicate') when target, key and type exist. With `upsert` the value is
   * replaced instead, and a process that `caller` finished may still get one.
   */
  add(
    p: ProcessRow,
    caller: string,
    attribute: Omit<AttributeRow, 'id'>,
    upsert?: boolean,
  ): Promise<FoundAttribute>;
}

export interface LogQuery {
  readonly count: number;
  /** Strictly after this time, ns; 0 is from the start. */
  readonly sinceNs: number | bigint;
  readonly latest: boolean;
}

export interface Logs {
  /** Throws forbidden with detail.reason 'not-running' or 'caller'. */
  add(p: ProcessRow, caller: string, message: string): Promise<void>;
  addForExecutor(executor: ExecutorRow, message: string): Promise<void>;
  ofProcess(p: ProcessRow, query: LogQuery): Promise<readonly LogRow[]>;
  ofExecutor(colony: ColonyRow, executorname: string, query: LogQuery): Promise<readonly LogRow[]>;
  /** Case-sensitive substring of the message, the last `days` days, newest last. */
  search(colony: ColonyRow, text: string, days: number, count: number): Promise<readonly LogRow[]>;
}

export interface Server {
  id(): string;
  changeId(id: string): Promise<void>;
  statistics(): Statistics;
}

/** One process entered a state. `process` is the stored process as of this change. */
export type Listener = (process: ProcessRow) => void;

export interface Events {
  /**
   * Every process of the colony with this executor type that enters `state`. Returns the
   * unsubscriber.
   */
  ofColony(colony: ColonyRow, executortype: string, state: number, listener: Listener): () => void;
  /** This process entering `state`; called as soon as that is on disk when it already is in it. */
  ofProcess(p: ProcessRow, state: number, listener: Listener): () => void;
}

/** The name of a call that may take effect once. */
export interface OnceName {
  readonly caller: string;
  readonly nonce: string;
  /** When the name may be forgotten, epoch milliseconds. */
  readonly forgetAt: number;
}

export interface Once {
  /**
   * Throws replayed (detail.made: what the first one made) when a call of this name took effect.
   */
  refuseRepeat(caller: string, nonce: string): void;
  /**
   * Runs a call; its name is written in the batch of its first effect. A repeat while the first one
   * is at work waits for it, unless it `waits` itself. Throws replayed as above.
   */
  run<T>(name: OnceName, waits: boolean, work: () => T | Promise<T>): Promise<T>;
}

export interface Engine {
  readonly roles: Roles;
  readonly colonies: Colonies;
  readonly users: Users;
  readonly executors: Executors;
  readonly functions: Functions;
  readonly processes: Processes;
  readonly attributes: Attributes;
  readonly logs: Logs;
  readonly server: Server;
  readonly events: Events;
  readonly once: Once;
  /** Undefined when all effects so far are on disk, else a promise of when they are. */
  settled(): Promise<void> | undefined;
  /**
   * Handles what is due: deadlines, stale executors, retention. Called by one loop, or by tests.
   */
  tick(): Promise<void>;
  /**
   * How long the next tick may wait as things stand, between `tickMs` and `tickRestMs`; `sooner` is
   * called, at most once, when a deadline comes in that falls before that. Milliseconds.
   */
  untilTickMs(sooner: () => void): number;
  /** Ends every waiter (they answer 503) and refuses new ones. */
  drain(): void;
}
