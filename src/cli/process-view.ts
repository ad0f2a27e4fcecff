// A process as the tables show it, whichever dialect the reply came in: one view, two sets of
// tables.

import { durationOfUs, tableTime, timeToUs } from './duration.ts';
import { isObject } from './spec-file.ts';
import type { Row } from './table.ts';
import { cut } from './wrap.ts';

/** The fields of a process that the command line reads; those of one vocabulary may be absent. */
export interface AnyProcess {
  readonly processid: string;
  readonly assignedruntimeid?: string;
  readonly assignedexecutorid?: string;
  readonly initiatorid?: string;
  readonly initiatorname?: string;
  readonly isassigned: boolean;
  readonly state: number;
  readonly prioritytime?: number | bigint;
  readonly submissiontime: string;
  readonly starttime: string;
  readonly endtime: string;
  readonly deadline?: string;
  readonly waitdeadline?: string;
  readonly execdeadline?: string;
  readonly retries: number;
  readonly attributes: readonly AnyAttribute[] | null;
  readonly spec: AnySpec;
  readonly in?: readonly unknown[] | null;
  readonly out?: readonly unknown[] | null;
  readonly errors?: readonly string[] | null;
}

export interface AnySpec {
  readonly image?: string;
  readonly cmd?: string;
  readonly funcname?: string;
  readonly args?: readonly unknown[] | null;
  readonly kwargs?: Readonly<Record<string, unknown>> | null;
  readonly volumes?: readonly string[] | null;
  readonly ports?: readonly string[] | null;
  readonly label?: string;
  readonly maxwaittime?: number;
  readonly maxexectime: number;
  readonly maxretries: number;
  readonly conditions: Readonly<Record<string, unknown>>;
}

export interface AnyAttribute {
  readonly attributeid: string;
  readonly targetid: string;
  readonly attributetype: number;
  readonly key: string;
  readonly value: string;
}

const STATES = ['Waiting', 'Running', 'Successful', 'Failed', 'Cancelled'];

/** The state in a word; `Unkown` is how the originals spell it. */
export const stateText = (state: number): string => STATES[state] ?? 'Unkown';

export const isFinalState = (state: number): boolean => state >= 2;

/** `In`, `Out`, `Err`, `Env` (3 in executor replies, 4 in runtime ones), else `Unknown`. */
export const attributeTypeText = (type: number): string =>
  ['In', 'Out', 'Err', 'Env', 'Env'][type] ?? 'Unknown';

const TEXT_COLUMNS = 30;

/** Any JSON value as a word of a table. */
export const valueText = (value: unknown): string => {
  if (typeof value === 'string') return value;
  return isObject(value) || Array.isArray(value)
    ? JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? Number(part) : part))
    : String(value);
};

/** Values joined with spaces, '' for none. */
export const joined = (values: readonly unknown[] | null | undefined): string =>
  (values ?? []).map(valueText).join(' ');

/** `key:value key:value`, '' for none. */
export const pairs = (map: Readonly<Record<string, unknown>> | null | undefined): string =>
  Object.entries(map ?? {})
    .map(([key, value]) => `${key}:${valueText(value)}`)
    .join(' ');

export const orNone = (text: string | undefined): string =>
  text === undefined || text === '' ? 'None' : text;

/** Time in the queue in µs: until now while waiting, else until the start. */
export const waitingUs = (p: AnyProcess, nowUs: number): number => {
  const from = timeToUs(p.submissiontime);
  const until = p.state === 0 ? nowUs : timeToUs(p.starttime);
  return until === 0 ? 0 : Math.max(0, until - from);
};

/** Time on an executor in µs: until now while running, else until the end. */
export const processingUs = (p: AnyProcess, nowUs: number): number => {
  const from = timeToUs(p.starttime);
  const until = p.state === 1 ? nowUs : timeToUs(p.endtime);
  return from === 0 || until === 0 || p.state === 0 ? 0 : Math.max(0, until - from);
};

/** The values of the attributes with key `output`, as the worker of 2022 leaves them. */
export const outputTexts = (p: AnyProcess): readonly string[] =>
  (p.attributes ?? []).filter((a) => a.key === 'output').map((a) => a.value);

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(valueText) : [];

const condition = (p: AnyProcess, ...names: readonly string[]): unknown =>
  names.map((name) => p.spec.conditions[name]).find((value) => value !== undefined);

export const runtimeTypeOf = (p: AnyProcess): string =>
  valueText(condition(p, 'runtimetype', 'executortype') ?? '');

/** `process get` of 2022: the rows under `Process:`. */
export const processRows = (p: AnyProcess, nowUs: number): readonly Row[] => [
  ['ID', p.processid],
  ['IsAssigned', p.isassigned ? 'True' : 'False'],
  ['AssignedRuntimeID', orNone(p.assignedruntimeid ?? p.assignedexecutorid)],
  ['State', stateText(p.state)],
  ['SubmissionTime', tableTime(p.submissiontime)],
  ['StartTime', tableTime(p.starttime)],
  ['EndTime', tableTime(p.endtime)],
  ['Deadline', tableTime(p.deadline ?? p.execdeadline ?? '')],
  ['WaitingTime', durationOfUs(waitingUs(p, nowUs))],
  ['ProcessingTime', durationOfUs(processingUs(p, nowUs))],
  ['Retries', p.retries],
];

/**
 * The rows under `ProcessSpec:`; Image and Ports only when there are any, as the README shows it.
 */
export const specRows = (p: AnyProcess): readonly Row[] => {
  const { image = '', ports } = p.spec;
  return [
    ...(image === '' ? [] : [['Image', image]]),
    ['Cmd', orNone(p.spec.cmd ?? p.spec.funcname)],
    ['Args', orNone(joined(p.spec.args))],
    ['Volumes', orNone(joined(p.spec.volumes))],
    ...(ports && ports.length > 0 ? [['Ports', joined(ports)]] : []),
    ['MaxExecTime', p.spec.maxexectime],
    ['MaxRetries', p.spec.maxretries],
  ];
};

const coresOf = (p: AnyProcess): number => {
  const cores = condition(p, 'cores');
  if (typeof cores === 'number') return cores;
  const milli = /^(\d+)m$/.exec(valueText(condition(p, 'cpu') ?? ''));
  return milli ? Math.ceil(Number(milli[1]) / 1000) : 0;
};

const gpusOf = (p: AnyProcess): number => {
  const gpus = condition(p, 'gpus');
  if (typeof gpus === 'number') return gpus;
  const gpu = condition(p, 'gpu');
  return isObject(gpu) && typeof gpu['count'] === 'number' ? gpu['count'] : 0;
};

/** The rows under `Conditions:`; one line per runtime. */
export const conditionRows = (p: AnyProcess): readonly Row[] => {
  const ids = textsOf(condition(p, 'runtimeids', 'executornames'));
  const shown = ids.length === 0 ? ['None'] : ids;
  return [
    ['ColonyID', valueText(condition(p, 'colonyid', 'colonyname') ?? '')],
    ...shown.map((id, i) => [i === 0 ? 'RuntimeIDs' : '', id]),
    ['RuntimeType', runtimeTypeOf(p)],
    ['Memory', valueText(condition(p, 'mem') ?? 0)],
    ['CPU Cores', coresOf(p)],
    ['GPUs', gpusOf(p)],
  ];
};

/** The rows under `Attributes`: id, key, value, type; key and value cut to 30 columns. */
export const attributeRows = (p: AnyProcess): readonly Row[] =>
  (p.attributes ?? []).map((a) => [
    a.attributeid,
    cut(a.key, TEXT_COLUMNS),
    cut(a.value, TEXT_COLUMNS),
    attributeTypeText(a.attributetype),
  ]);

/** `process get` of 1.9: the rows under `Process`. */
export const processRowsToday = (p: AnyProcess, nowUs: number): readonly Row[] => [
  ['Id', p.processid],
  ['IsAssigned', p.isassigned ? 'True' : 'False'],
  ['InitiatorID', p.initiatorid ?? ''],
  ['Initiator', p.initiatorname ?? ''],
  ['AssignedExecutorID', orNone(p.assignedexecutorid ?? p.assignedruntimeid)],
  ['State', stateText(p.state)],
  ['PriorityTime', p.prioritytime ?? 0],
  ['SubmissionTime', tableTime(p.submissiontime)],
  ['StartTime', tableTime(p.starttime)],
  ['EndTime', tableTime(p.endtime)],
  ['WaitDeadline', tableTime(p.waitdeadline ?? '')],
  ['ExecDeadline', tableTime(p.execdeadline ?? p.deadline ?? '')],
  ['WaitingTime', durationOfUs(waitingUs(p, nowUs))],
  ['ProcessingTime', durationOfUs(processingUs(p, nowUs))],
  ['Retries', p.retries],
  ['Input', joined(p.in)],
  ['Output', joined(p.out)],
  ['Errors', joined(p.errors)],
];

/** The rows under `Function Specification`. */
export const specRowsToday = (p: AnyProcess): readonly Row[] => [
  ['Func', orNone(p.spec.funcname ?? p.spec.cmd)],
  ['Args', orNone(joined(p.spec.args))],
  ['KwArgs', orNone(pairs(p.spec.kwargs))],
  ['MaxWaitTime', p.spec.maxwaittime ?? -1],
  ['MaxExecTime', p.spec.maxexectime],
  ['MaxRetries', p.spec.maxretries],
  ['Label', p.spec.label ?? ''],
];

/** The rows under `Conditions` of 1.9. */
export const conditionRowsToday = (p: AnyProcess): readonly Row[] => {
  const text = (name: string, zero = ''): string => valueText(condition(p, name) ?? zero);
  const found = condition(p, 'gpu');
  const gpu = isObject(found) ? found : {};
  const mem = condition(p, 'mem') ?? '0Mi';
  return [
    ['Colony', valueText(condition(p, 'colonyname', 'colonyid') ?? '')],
    ['ExecutorNames', orNone(joined(textsOf(condition(p, 'executornames'))))],
    ['ExecutorType', runtimeTypeOf(p)],
    ['Location', orNone(text('locationname'))],
    ['Dependencies', joined(textsOf(condition(p, 'dependencies')))],
    ['Nodes', text('nodes', '0')],
    ['CPU', text('cpu', '0m')],
    ['Memory', typeof mem === 'number' ? `${mem}Mi` : valueText(mem)],
    ['Processes', text('processes', '0')],
    ['ProcessesPerNode', text('processespernode', '0')],
    ['Storage', text('storage', '0Mi')],
    ['Walltime', text('walltime', '0')],
    ['GPUName', valueText(gpu['name'] ?? '')],
    ['GPUs', valueText(gpu['count'] ?? 0)],
    ['GPUPerNode', valueText(gpu['nodecount'] ?? 0)],
    ['GPUMemory', valueText(gpu['mem'] ?? '0Mi')],
  ];
};
