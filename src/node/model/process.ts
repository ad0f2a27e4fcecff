// A process: one unit of work, its state machine, and how it travels. Rules here are pure: they
// take the process and the time, and return what changes.

import { z } from 'zod';
import { attributeId } from '../crypto/ids.ts';
import { fault } from '../errors.ts';
import { ATTRIBUTE_TYPE, Attribute, type AttributeRow } from './attribute.ts';
import { FunctionSpec, type SpecRow, specJson } from './spec.ts';
import { DAY_US, deadlineUs, timeText } from './time.ts';

export const STATE = { waiting: 0, running: 1, success: 2, failed: 3, cancelled: 4 } as const;
export type State = (typeof STATE)[keyof typeof STATE];

export const isFinal = (state: number): boolean => state >= STATE.success;

export const Process = z.object({
  processid: z.string(),
  initiatorid: z.string(),
  initiatorname: z.string(),
  assignedexecutorid: z.string(),
  isassigned: z.boolean(),
  state: z.number(),
  prioritytime: z.union([z.number(), z.bigint()]),
  submissiontime: z.string(),
  starttime: z.string(),
  endtime: z.string(),
  waitdeadline: z.string(),
  execdeadline: z.string(),
  retries: z.number(),
  attributes: z.array(Attribute),
  spec: FunctionSpec,
  waitforparents: z.boolean(),
  parents: z.array(z.string()),
  children: z.array(z.string()),
  processgraphid: z.string(),
  in: z.array(z.unknown()),
  out: z.array(z.unknown()),
  errors: z.array(z.string()),
});
export type Process = z.output<typeof Process>;

/**
 * What changes in a process's life. Times are µs, 0 is "not set"; lists are JSON text, spliced as
 * they are.
 */
export interface ProcessProgress {
  readonly state: State;
  readonly executorid: string;
  readonly assigned: boolean;
  readonly startedUs: number;
  readonly endedUs: number;
  readonly waitDeadlineUs: number;
  readonly execDeadlineUs: number;
  readonly retries: number;
  /**
   * How often it was assigned: names one lease, so that a late answer cannot act on a newer one.
   */
  readonly lease: number;
  readonly out: string;
  readonly errors: string;
  /** Attributes beside the ENV ones, which follow from the specification. */
  readonly attributes: readonly AttributeRow[];
}

/**
 * The stored process. `orderUs` is its place in the queue: submission time less a day per priority
 * step.
 */
export interface ProcessRow extends ProcessProgress {
  readonly id: string;
  /** The colony's number. */
  readonly colony: number;
  readonly initiatorid: string;
  readonly initiatorname: string;
  readonly submittedUs: number;
  readonly orderUs: number;
  readonly spec: SpecRow;
  readonly in: string;
  /**
   * Opaque to everything below the API: the dialect that took the submission keeps its own view
   * here.
   */
  readonly edge?: string | undefined;
}

/** A change: the fields that differ afterwards. */
export type Change = Partial<ProcessProgress>;

/** Queue order in µs. A step of priority is worth a day of waiting. Exact: stays below 2^53. */
export const queueOrder = (submittedUs: number, priority: number): number =>
  submittedUs - priority * DAY_US;

const NO_ATTRIBUTES: readonly AttributeRow[] = Object.freeze([]);

/** A freshly submitted process. */
export const newProcess = (
  id: string,
  colony: number,
  by: { readonly id: string; readonly name: string },
  spec: SpecRow,
  nowUs: number,
  edge?: string,
): ProcessRow => ({
  id,
  colony,
  initiatorid: by.id,
  initiatorname: by.name,
  submittedUs: nowUs,
  orderUs: queueOrder(nowUs, spec.priority),
  spec,
  in: '[]',
  edge,
  state: STATE.waiting,
  executorid: '',
  assigned: false,
  startedUs: 0,
  endedUs: 0,
  waitDeadlineUs: deadlineUs(nowUs, spec.maxwaittime),
  execDeadlineUs: 0,
  retries: 0,
  lease: 0,
  out: '[]',
  errors: '[]',
  attributes: NO_ATTRIBUTES,
});

/** Waiting to running, on `executorid`. Times of an earlier attempt are reset. */
export const assign = (p: ProcessRow, executorid: string, nowUs: number): Change => ({
  state: STATE.running,
  executorid,
  assigned: true,
  startedUs: nowUs,
  endedUs: 0,
  execDeadlineUs: deadlineUs(nowUs, p.spec.maxexectime),
  lease: p.lease + 1,
});

const unassigned = (p: ProcessRow, nowUs: number): Change => ({
  state: STATE.waiting,
  executorid: '',
  assigned: false,
  startedUs: 0,
  endedUs: 0,
  waitDeadlineUs: deadlineUs(nowUs, p.spec.maxwaittime),
  execDeadlineUs: 0,
});

/**
 * Running back to waiting without counting a retry: the executor was removed, or never got the
 * reply.
 */
export const putBack = (p: ProcessRow, nowUs: number): Change => unassigned(p, nowUs);

/**
 * What an exec timeout does: put back while retries are left (a negative maximum is unlimited),
 * else fail.
 */
export const execTimeout = (p: ProcessRow, nowUs: number): Change =>
  p.spec.maxretries >= 0 && p.retries >= p.spec.maxretries
    ? finish(STATE.failed, nowUs, { errors: '["Maximum execution time limit exceeded"]' })
    : { ...unassigned(p, nowUs), retries: p.retries + 1 };

/** What a wait timeout does. */
export const waitTimeout = (nowUs: number): Change =>
  finish(STATE.failed, nowUs, { errors: '["Maximum waiting time limit exceeded"]' });

const finish = (state: State, nowUs: number, more: Change = {}): Change => ({
  state,
  endedUs: nowUs,
  ...more,
});

const refuse = (message: string, reason: string): never => {
  throw fault('conflict', message, { reason });
};

/**
 * Running to success with `out` (JSON list; undefined keeps what is stored). Undefined when it
 * already succeeded: executors retry after network errors. Throws conflict in any other state.
 */
export const closeSuccessful = (
  p: ProcessRow,
  out: string | undefined,
  nowUs: number,
): Change | undefined => {
  if (p.state === STATE.success) return undefined;
  if (p.state === STATE.failed) refuse('Tried to set failed process as successful', 'failed');
  if (p.state === STATE.cancelled) {
    refuse('Tried to set cancelled process as successful', 'cancelled');
  }
  if (p.state === STATE.waiting) {
    refuse('Tried to set waiting process as successful without being running', 'waiting');
  }
  return finish(STATE.success, nowUs, out === undefined ? {} : { out });
};

/** Running to failed with `errors` (JSON list). Throws conflict in any other state. */
export const closeFailed = (p: ProcessRow, errors: string, nowUs: number): Change => {
  if (p.state === STATE.success) refuse('Tried to set successful process as failed', 'success');
  if (p.state === STATE.failed) refuse('Tried to set failed process as failed', 'failed');
  if (p.state === STATE.cancelled) {
    refuse('Tried to set cancelled process as failed', 'cancelled');
  }
  if (p.state === STATE.waiting) {
    refuse('Tried to set waiting process as failed without being running', 'waiting');
  }
  return finish(STATE.failed, nowUs, { errors });
};

/** Waiting or running to cancelled. Throws conflict in any final state. */
export const cancel = (p: ProcessRow, nowUs: number): Change => {
  if (p.state === STATE.success) refuse('Tried to cancel successful process', 'success');
  if (p.state === STATE.failed) refuse('Tried to cancel failed process', 'failed');
  if (p.state === STATE.cancelled) refuse('Tried to cancel already cancelled process', 'cancelled');
  return finish(STATE.cancelled, nowUs);
};

/** Every attribute of the process as it travels: the ENV ones first, unless they were replaced. */
export const attributesOf = (p: ProcessRow, colonyname: string): Attribute[] => {
  const env = Object.entries(p.spec.env).map(([key, value]) => ({
    id: attributeId(p.id, key, ATTRIBUTE_TYPE.env),
    type: ATTRIBUTE_TYPE.env,
    key,
    value,
  }));
  const kept = env.filter((row) => !p.attributes.some(({ id }) => id === row.id));
  return [...kept, ...p.attributes].map((row) => attributeWire(row, p, colonyname));
};

/** One attribute as it travels; `colonyname` as the request named the colony. */
export const attributeWire = (row: AttributeRow, p: ProcessRow, colonyname: string): Attribute => ({
  attributeid: row.id,
  targetid: p.id,
  targetcolonyname: colonyname,
  targetprocessgraphid: '',
  state: p.state,
  attributetype: row.type,
  key: row.key,
  value: row.value,
});

/** Queue order as the wire's nanoseconds: beyond 2^53, so written as text. */
export const priorityTime = (orderUs: number): string => (orderUs === 0 ? '0' : `${orderUs}000`);

/**
 * The last fields of a process as JSON text without braces: its place in a workflow, input and
 * outcome.
 */
export const processTailJson = (p: ProcessRow): string =>
  `"waitforparents":false,"parents":[],"children":[],"processgraphid":"","in":${p.in},` +
  `"out":${p.out},"errors":${p.errors}`;

/**
 * The process as JSON text, spliced from the stored parts; `colonyname` as the request named the
 * colony.
 */
export const processJson = (p: ProcessRow, colonyname: string): string => {
  const bare = p.attributes.length === 0 && Object.keys(p.spec.env).length === 0;
  const attributes = bare ? '[]' : JSON.stringify(attributesOf(p, colonyname));
  return (
    `{"processid":"${p.id}","initiatorid":"${p.initiatorid}",` +
    `"initiatorname":${JSON.stringify(p.initiatorname)},"assignedexecutorid":"${p.executorid}",` +
    `"isassigned":${p.assigned},"state":${p.state},"prioritytime":${priorityTime(p.orderUs)},` +
    `"submissiontime":"${timeText(p.submittedUs)}","starttime":"${timeText(p.startedUs)}",` +
    `"endtime":"${timeText(p.endedUs)}","waitdeadline":"${timeText(p.waitDeadlineUs)}",` +
    `"execdeadline":"${timeText(p.execDeadlineUs)}","retries":${p.retries},` +
    `"attributes":${attributes},"spec":${specJson(p.spec, colonyname)},${processTailJson(p)}}`
  );
};
