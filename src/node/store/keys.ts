// The key space. Every key is a one-letter table, then its parts; numbers have a fixed width, so
// that key order is the order of the parts. Names cannot hold the separator: control characters are
// refused at entry. Live processes are in the order of their submission: a queue grows at its end and
// shrinks at its front, so the database moves few rows of it, and a start reads them as they go.

const SEPARATOR = '\u0000';
/** Follows the separator: ends the range of everything under a prefix, whatever the names in it. */
const AFTER = '\u0001';

const COLONY_DIGITS = 8;
const US_DIGITS = 16;
const NS_DIGITS = 20;

const join = (...parts: readonly string[]): string => {
  for (const part of parts) {
    if (part.includes(SEPARATOR)) throw new RangeError('a key part contains the separator');
  }
  return parts.join(SEPARATOR);
};

const no = (colony: number): string => colony.toString(16).padStart(COLONY_DIGITS, '0');
const us = (time: number): string => String(time).padStart(US_DIGITS, '0');
const ns = (time: number | bigint): string => BigInt(time).toString().padStart(NS_DIGITS, '0');

/** A half-open range of keys. */
export interface Range {
  readonly gte: string;
  readonly lt: string;
}

const under = (...parts: readonly string[]): Range => {
  const prefix = join(...parts);
  return { gte: prefix + SEPARATOR, lt: prefix + AFTER };
};

/**
 * | table | key | value |
 * |---|---|---|
 * | m | name | settings of the node: version, server id, colony counter |
 * | c | colony no | colony |
 * | k | colony no | counts of its finished processes |
 * | z | colony no | colony being removed: its history is still to be deleted |
 * | u | colony no, name | user |
 * | x | colony no, name | executor |
 * | f | colony no, function id | function |
 * | l | colony no, submission time, process id | live process, as submitted |
 * | a | colony no, submission time, process id | progress of a live process since then |
 * | d | process id | finished process |
 * | e | colony no, state, end time, process id | index of finished processes |
 * | t | attribute id | its process id |
 * | g | colony no, time | log line |
 * | p | colony no, process id, time | index of log lines by process |
 * | q | colony no, executor name, time | index of log lines by executor |
 * | n | caller, nonce | what a call made that must not be repeated |
 * | o | time, caller, nonce | index of those by the time they may be forgotten |
 * | r | name | a row of the federation |
 */
export const keys = {
  meta: (name: string) => join('m', name),
  colony: (colony: number) => join('c', no(colony)),
  colonies: under('c'),
  counts: (colony: number) => join('k', no(colony)),
  allCounts: under('k'),
  removing: (colony: number) => join('z', no(colony)),
  allRemoving: under('z'),
  user: (colony: number, name: string) => join('u', no(colony), name),
  users: under('u'),
  executor: (colony: number, name: string) => join('x', no(colony), name),
  executors: under('x'),
  function: (colony: number, id: string) => join('f', no(colony), id),
  functions: under('f'),
  live: (colony: number, submittedUs: number, id: string) =>
    join('l', no(colony), us(submittedUs), id),
  allLive: under('l'),
  liveOf: (colony: number) => under('l', no(colony)),
  progress: (colony: number, submittedUs: number, id: string) =>
    join('a', no(colony), us(submittedUs), id),
  /** The key of the progress of the process at a live key. */
  progressBeside: (live: string) => `a${live.slice(1)}`,
  /** The live key of the process whose progress this is. */
  liveBeside: (progress: string) => `l${progress.slice(1)}`,
  allProgress: under('a'),
  done: (id: string) => join('d', id),
  allDone: under('d'),
  ended: (colony: number, state: number, endedUs: number, id: string) =>
    join('e', no(colony), String(state), us(endedUs), id),
  allEnded: under('e'),
  endedOf: (colony: number) => under('e', no(colony)),
  endedIn: (colony: number, state: number) => under('e', no(colony), String(state)),
  /** Finished in `state` at or after `fromUs`. */
  endedSince: (colony: number, state: number, fromUs: number): Range => ({
    gte: join('e', no(colony), String(state), us(Math.max(0, fromUs))),
    lt: under('e', no(colony), String(state)).lt,
  }),
  /** Finished in `state` before `untilUs`. */
  endedBefore: (colony: number, state: number, untilUs: number): Range => ({
    gte: under('e', no(colony), String(state)).gte,
    lt: join('e', no(colony), String(state), us(Math.max(0, untilUs))),
  }),
  attribute: (id: string) => join('t', id),
  allAttributes: under('t'),
  log: (colony: number, timeNs: number | bigint) => join('g', no(colony), ns(timeNs)),
  logsOf: (colony: number) => under('g', no(colony)),
  allLogs: under('g'),
  logsSince: (colony: number, fromNs: bigint): Range => ({
    gte: join('g', no(colony), ns(fromNs < 0n ? 0n : fromNs)),
    lt: under('g', no(colony)).lt,
  }),
  logsBefore: (colony: number, untilNs: bigint): Range => ({
    gte: under('g', no(colony)).gte,
    lt: join('g', no(colony), ns(untilNs < 0n ? 0n : untilNs)),
  }),
  processLog: (colony: number, id: string, timeNs: number | bigint) =>
    join('p', no(colony), id, ns(timeNs)),
  processLogs: (colony: number, id: string) => under('p', no(colony), id),
  processLogsOf: (colony: number) => under('p', no(colony)),
  allProcessLogs: under('p'),
  executorLog: (colony: number, name: string, timeNs: number | bigint) =>
    join('q', no(colony), name, ns(timeNs)),
  executorLogs: (colony: number, name: string) => under('q', no(colony), name),
  executorLogsOf: (colony: number) => under('q', no(colony)),
  allExecutorLogs: under('q'),
  once: (caller: string, nonce: string) => join('n', caller, nonce),
  onceUntil: (ms: number, caller: string, nonce: string) => join('o', us(ms), caller, nonce),
  allOnce: under('n'),
  allOnceUntil: under('o'),
  /** What may be forgotten before `ms`. */
  onceBefore: (ms: number): Range => ({ gte: under('o').gte, lt: join('o', us(Math.max(0, ms))) }),
  federation: (name: string) => join('r', name),
  /** Rows of the federation whose name starts with `prefix`, behind the name `after`. */
  federationFrom: (prefix: string, after: string): Range => ({
    gte: after > prefix ? `${join('r', after)}${AFTER}` : join('r', prefix),
    lt: `${join('r', prefix)}\u007f`,
  }),
} as const;

/** The parts of a key after its table. */
export const partsOf = (key: string): string[] => key.split(SEPARATOR).slice(1);

/** The last part of a key. */
export const lastPart = (key: string): string => key.slice(key.lastIndexOf(SEPARATOR) + 1);

/** The colony number in a key part. */
export const colonyIn = (part: string | undefined): number => Number.parseInt(part ?? '', 16);
