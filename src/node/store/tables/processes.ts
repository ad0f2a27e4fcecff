// Processes on disk: one row as submitted, a small row of progress while it lives, one row when
// finished, and an index of finished ones by end. Values are lines of JSON, so that the parts that
// travel as they are (specification, input, output, errors) are neither parsed nor printed again.

import { attributeId } from '../../crypto/ids.ts';
import { ownText } from '../../crypto/own-text.ts';
import type { AttributeRow } from '../../model/attribute.ts';
import { ENV_TYPES } from '../../model/attribute.ts';
import { type ProcessProgress, type ProcessRow, STATE, type State } from '../../model/process.ts';
import { type SpecRow, specText } from '../../model/spec.ts';
import { deadlineUs } from '../../model/time.ts';
import type { Writer } from '../commit.ts';
import { keys } from '../keys.ts';

type Head = [
  id: string,
  colony: number,
  initiatorid: string,
  initiatorname: string,
  submittedUs: number,
  orderUs: number,
  funcname: string,
  executortype: string,
  label: string,
  priority: number,
  maxwaittime: number,
  maxexectime: number,
  maxretries: number,
  nameAt: number,
  names: readonly string[],
  ids: readonly string[],
  location: string,
  cpuMilli: number,
  memBytes: number,
  hasEnv: boolean,
];

type Progress = [
  state: State,
  executorid: string,
  assigned: boolean,
  startedUs: number,
  endedUs: number,
  waitDeadlineUs: number,
  execDeadlineUs: number,
  retries: number,
  lease: number,
  attributes: readonly AttributeRow[],
];

const NONE: readonly never[] = Object.freeze([]);
type Env = Readonly<Record<string, string>>;
const NO_ENV: Env = Object.freeze({});
/**
 * The progress of a process to which nothing happened; its waiting deadline follows from the rest.
 */
const FRESH: Progress = [STATE.waiting, '', false, 0, 0, 0, 0, 0, 0, NONE];

const shared = <T>(list: readonly T[]): readonly T[] => (list.length === 0 ? NONE : list);

const encodeHead = (p: ProcessRow): string => {
  const s = p.spec;
  const head: Head = [
    p.id,
    p.colony,
    p.initiatorid,
    p.initiatorname,
    p.submittedUs,
    p.orderUs,
    s.funcname,
    s.executortype,
    s.label,
    s.priority,
    s.maxwaittime,
    s.maxexectime,
    s.maxretries,
    s.nameAt,
    s.names,
    s.ids,
    s.location,
    s.cpuMilli,
    s.memBytes,
    s.env !== NO_ENV && Object.keys(s.env).length > 0,
  ];
  return JSON.stringify(head);
};

const encodeProgressLine = (p: ProcessProgress): string => {
  const line: Progress = [
    p.state,
    p.executorid,
    p.assigned,
    p.startedUs,
    p.endedUs,
    p.waitDeadlineUs,
    p.execDeadlineUs,
    p.retries,
    p.lease,
    p.attributes,
  ];
  return JSON.stringify(line);
};

/** Whether nothing happened to it since it was submitted: its line of progress is left empty. */
const isFresh = (p: ProcessRow): boolean =>
  p.state === STATE.waiting &&
  p.lease === 0 &&
  p.retries === 0 &&
  p.executorid === '' &&
  !p.assigned &&
  p.startedUs + p.endedUs + p.execDeadlineUs === 0 &&
  p.waitDeadlineUs === deadlineUs(p.submittedUs, p.spec.maxwaittime) &&
  p.attributes.length === 0;

const encode = (p: ProcessRow): string => {
  const progress = isFresh(p) ? '' : encodeProgressLine(p);
  return `${encodeHead(p)}\n${progress}\n${specText(p.spec)}\n${p.in}\n${p.out}\n${p.errors}\n${p.edge ?? ''}`;
};

const encodeProgress = (p: ProcessRow): string => `${encodeProgressLine(p)}\n${p.out}\n${p.errors}`;

const corrupt = (what: string): never => {
  throw new Error(`corrupt store: ${what}`);
};

/**
 * Gives one string, and one list, for equal ones, so that a million rows do not hold a million
 * copies of a name.
 */
export interface Intern {
  text(text: string): string;
  list(texts: readonly string[]): readonly string[];
}

const decodeSpec = (head: Head, json: string | number, env: Env, intern: Intern): SpecRow => ({
  json,
  nameAt: head[13],
  funcname: intern.text(head[6]),
  executortype: intern.text(head[7]),
  label: intern.text(head[8]),
  priority: head[9],
  maxwaittime: head[10],
  maxexectime: head[11],
  maxretries: head[12],
  names: intern.list(shared(head[14])),
  ids: intern.list(shared(head[15])),
  location: intern.text(head[16]),
  cpuMilli: head[17],
  memBytes: head[18],
  env,
});

type Texts = readonly [input: string, out: string, errors: string, edge: string];
const NO_TEXTS = '\n[]\n[]\n[]\n';
const EMPTY: Texts = ['[]', '[]', '[]', ''];

/** What follows the specification, which is nothing for most. */
const textsIn = (value: string, specEnd: number): Texts => {
  if (value.length === specEnd + NO_TEXTS.length && value.endsWith(NO_TEXTS)) return EMPTY;
  const [input, out, errors, edge = '', more] = value.slice(specEnd + 1).split('\n');
  if (input === undefined || out === undefined || errors === undefined || more !== undefined) {
    return corrupt('a process row has the wrong number of lines');
  }
  return [ownText(input), ownText(out), ownText(errors), ownText(edge)];
};

/** Ends of the first three lines: head, progress, specification. */
const linesIn = (value: string): readonly [head: number, progress: number, spec: number] => {
  const headEnd = value.indexOf('\n');
  const progressEnd = value.indexOf('\n', headEnd + 1);
  const specEnd = value.indexOf('\n', progressEnd + 1);
  // What is not found is -1, and found again from the start.
  if (headEnd < 0 || progressEnd < headEnd || specEnd < progressEnd) {
    return corrupt('a process row is cut short');
  }
  return [headEnd, progressEnd, specEnd];
};

/** The text of the specification in a stored value. */
export const decodeSpecText = (value: string): string => {
  const [, from, to] = linesIn(value);
  return ownText(value.slice(from + 1, to));
};

export interface DecodeOptions {
  readonly intern?: Intern;
  /** Whether the text of the specification of a waiting process stays where it is. */
  readonly leaveText?: boolean;
}

const asItIs: Intern = { text: (text) => text, list: (texts) => texts };

/**
 * The process in a stored value. What it was submitted with is replaced by `progress`, its value of
 * table a, or what such a function finds for its id.
 */
export const decodeProcess = (
  value: string,
  progress?: string | ((id: string) => string | undefined),
  { intern = asItIs, leaveText = false }: DecodeOptions = {},
): ProcessRow => {
  const [headEnd, progressEnd, specEnd] = linesIn(value);
  const head = JSON.parse(value.slice(0, headEnd)) as Head;
  const progressLine = value.slice(headEnd + 1, progressEnd);
  const [input, out, errors, edge] = textsIn(value, specEnd);
  const later = typeof progress === 'function' ? progress(head[0]) : progress;
  const [laterLine, laterOut, laterErrors] = later?.split('\n') ?? NONE;
  const text = laterLine ?? progressLine;
  const line = text === '' ? FRESH : (JSON.parse(text) as Progress);
  const json = value.slice(progressEnd + 1, specEnd);
  const env = head[19] ? (JSON.parse(json) as { env: Env }).env : NO_ENV;
  const isLeft = leaveText && line[0] === STATE.waiting;
  // All fields by name, as a new process has them: spread ones would take a third more memory.
  return {
    id: head[0],
    colony: head[1],
    initiatorid: intern.text(head[2]),
    initiatorname: intern.text(head[3]),
    submittedUs: head[4],
    orderUs: head[5],
    spec: decodeSpec(head, isLeft ? json.length : ownText(json), env, intern),
    in: input,
    edge: edge === '' ? undefined : edge,
    state: line[0],
    executorid: intern.text(line[1]),
    assigned: line[2],
    startedUs: line[3],
    endedUs: line[4],
    waitDeadlineUs: line === FRESH ? deadlineUs(head[4], head[10]) : line[5],
    execDeadlineUs: line[6],
    retries: line[7],
    lease: line[8],
    out: laterOut === undefined ? out : ownText(laterOut),
    errors: laterErrors === undefined ? errors : ownText(laterErrors),
    attributes: shared(line[9]),
  };
};

const envIds = (p: ProcessRow): string[] =>
  Object.keys(p.spec.env).flatMap((key) => ENV_TYPES.map((type) => attributeId(p.id, key, type)));

/** What a filter of finished processes can ask for without reading them. */
export interface Ended {
  readonly id: string;
  readonly endedUs: number;
  readonly submittedUs: number;
  readonly executorid: string;
  readonly executortype: string;
  readonly label: string;
  readonly initiatorname: string;
}

const encodeEnded = (p: ProcessRow): string =>
  JSON.stringify([p.submittedUs, p.executorid, p.spec.executortype, p.spec.label, p.initiatorname]);

/** An index row of table e; `parts` are the parts of its key. */
export const decodeEnded = (parts: readonly string[], value: string): Ended => {
  const [submittedUs, executorid, executortype, label, initiatorname] = JSON.parse(value) as [
    number,
    string,
    string,
    string,
    string,
  ];
  return {
    id: parts[3] ?? corrupt('an index key of finished processes is cut short'),
    endedUs: Number(parts[2]),
    submittedUs,
    executorid,
    executortype,
    label,
    initiatorname,
  };
};

/** The key of a live process. */
export const liveKey = (p: Pick<ProcessRow, 'colony' | 'submittedUs' | 'id'>): string =>
  keys.live(p.colony, p.submittedUs, p.id);

const progressKey = (p: ProcessRow): string => keys.progress(p.colony, p.submittedUs, p.id);

/**
 * The rows of one process. Every change of a process goes through here, so indices never go stale.
 */
export const processTable = {
  /** A new process, with the index of its ENV attributes. */
  submitted: (w: Writer, p: ProcessRow): void => {
    w.put(liveKey(p), encode(p));
    for (const id of envIds(p)) w.put(keys.attribute(id), p.id);
  },
  /** A live process changed and is still live. */
  progressed: (w: Writer, p: ProcessRow): void => {
    w.put(progressKey(p), encodeProgress(p));
  },
  /** A live process finished. */
  finished: (w: Writer, p: ProcessRow, hadProgress: boolean): void => {
    w.del(liveKey(p));
    if (hadProgress) w.del(progressKey(p));
    w.put(keys.done(p.id), encode(p));
    w.put(keys.ended(p.colony, p.state, p.endedUs, p.id), encodeEnded(p));
  },
  /** A finished process changed without moving in the index. */
  amended: (w: Writer, p: ProcessRow): void => {
    w.put(keys.done(p.id), encode(p));
  },
  /** A new attribute of a process. */
  attributed: (w: Writer, attributeid: string, processid: string): void => {
    w.put(keys.attribute(attributeid), processid);
    w.made(attributeid);
  },
  /** Removes every row of a process. */
  removed: (w: Writer, p: ProcessRow): void => {
    if (p.state >= STATE.success) {
      w.del(keys.done(p.id));
      w.del(keys.ended(p.colony, p.state, p.endedUs, p.id));
    } else {
      w.del(liveKey(p));
      w.del(progressKey(p));
    }
    for (const id of envIds(p)) w.del(keys.attribute(id));
    for (const attribute of p.attributes) w.del(keys.attribute(attribute.id));
  },
} as const;

export const encodedEnded = encodeEnded;
export const envAttributeIds = envIds;
