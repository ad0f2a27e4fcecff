// A function specification: what a submitter asks for, normalised once at submission.

import { z } from 'zod';
import { fault } from '../errors.ts';
import { checkName } from './colony.ts';
import { Gpu } from './executor.ts';
import { stringifyJson } from './json.ts';
import { cpuText, memoryText, parseCpu, parseMemory } from './resources.ts';
import {
  anything,
  dict,
  flag,
  int,
  int64,
  line,
  list,
  longText,
  name,
  named,
  nullableList,
  pointer,
  struct,
  text,
} from './wire.ts';

export const PRIORITY_MAX = 50_000;

const ConditionsMsg = struct({
  colonyname: text(),
  executornames: nullableList(name()),
  executortype: text(),
  locationname: name(),
  dependencies: list(name()),
  nodes: int(),
  cpu: text(),
  processes: int(),
  processespernode: int(),
  mem: text(),
  storage: text(),
  gpu: struct({ name: text(), mem: text(), count: int(), nodecount: int() }),
  walltime: int64(),
});

const KeepLocal = struct({ keeplocal: flag() });
const FilesystemMsg = struct({
  mount: line(),
  snapshots: nullableList(
    struct({
      snapshotid: text(),
      label: line(),
      dir: line(),
      keepfiles: flag(),
      keepsnapshot: flag(),
    }),
  ),
  dirs: nullableList(
    struct({
      label: line(),
      dir: line(),
      keepfiles: flag(),
      onconflicts: struct({ onstart: KeepLocal, onclose: KeepLocal }),
    }),
  ),
});

export const FunctionSpecMsg = struct({
  nodename: name(),
  funcname: name(),
  args: list(anything()),
  kwargs: dict(anything()),
  priority: int(),
  maxwaittime: int(),
  maxexectime: int(),
  maxretries: int(),
  conditions: ConditionsMsg,
  label: name(),
  fs: FilesystemMsg,
  env: named(longText()),
  channels: list(name()),
});
export type FunctionSpecMsg = z.output<typeof FunctionSpecMsg>;
export const FunctionSpecPointer = pointer(FunctionSpecMsg);

const KeepLocalOut = z.object({ keeplocal: z.boolean() });
export const FunctionSpec = z.object({
  nodename: z.string(),
  funcname: z.string(),
  args: z.array(z.unknown()),
  kwargs: z.record(z.string(), z.unknown()),
  priority: z.number(),
  maxwaittime: z.number(),
  maxexectime: z.number(),
  maxretries: z.number(),
  conditions: z.object({
    colonyname: z.string(),
    executornames: z.array(z.string()).nullable(),
    executortype: z.string(),
    locationname: z.string().optional(),
    dependencies: z.array(z.string()),
    nodes: z.number(),
    cpu: z.string(),
    processes: z.number(),
    processespernode: z.number(),
    mem: z.string(),
    storage: z.string(),
    gpu: Gpu,
    walltime: z.union([z.number(), z.bigint()]),
  }),
  label: z.string(),
  fs: z.object({
    mount: z.string(),
    snapshots: z
      .array(
        z.object({
          snapshotid: z.string(),
          label: z.string(),
          dir: z.string(),
          keepfiles: z.boolean(),
          keepsnapshot: z.boolean(),
        }),
      )
      .nullable(),
    dirs: z
      .array(
        z.object({
          label: z.string(),
          dir: z.string(),
          keepfiles: z.boolean(),
          onconflicts: z.object({ onstart: KeepLocalOut, onclose: KeepLocalOut }),
        }),
      )
      .nullable(),
  }),
  env: z.record(z.string(), z.string()),
  channels: z.array(z.string()).optional(),
});
export type FunctionSpec = z.output<typeof FunctionSpec>;

const COLONY_MARK = '"colonyname":"';

/**
 * A stored specification. `json` is the specification as it travels, with an empty colony name, or
 * its length while it is on disk only; `nameAt` is where the name belongs, so that a reply names
 * the colony as its request did without parsing anything. The other fields are what the queue looks
 * at.
 */
export interface SpecRow {
  json: string | number;
  readonly nameAt: number;
  readonly funcname: string;
  readonly executortype: string;
  readonly label: string;
  readonly priority: number;
  readonly maxwaittime: number;
  readonly maxexectime: number;
  readonly maxretries: number;
  /** Executor names that may take it; empty is anyone. */
  readonly names: readonly string[];
  /** Executor ids that may take it; empty is anyone. */
  readonly ids: readonly string[];
  /** Lower case; '' is anywhere. */
  readonly location: string;
  readonly cpuMilli: number;
  readonly memBytes: number;
  readonly env: Readonly<Record<string, string>>;
}

const NONE: readonly string[] = Object.freeze([]);
const NO_ENV: Readonly<Record<string, string>> = Object.freeze({});

// Free values come before the conditions, so theirs is the last object of that name; what follows
// holds texts and lists only, in which quotes are escaped.
const placeOfName = (json: string): number =>
  json.indexOf(COLONY_MARK, json.lastIndexOf('"conditions":{')) + COLONY_MARK.length;

/** What the queue needs of a specification, from the parts that are stored. */
export const specRow = (spec: FunctionSpec, ids: readonly string[] = NONE): SpecRow => {
  const { conditions: c } = spec;
  const json = stringifyJson({ ...spec, conditions: { ...c, colonyname: '' } });
  return {
    json,
    nameAt: placeOfName(json),
    funcname: spec.funcname,
    executortype: c.executortype,
    label: spec.label,
    priority: spec.priority,
    maxwaittime: spec.maxwaittime,
    maxexectime: spec.maxexectime,
    maxretries: spec.maxretries,
    names: c.executornames === null || c.executornames.length === 0 ? NONE : c.executornames,
    ids: ids.length === 0 ? NONE : ids,
    location: (c.locationname ?? '').toLowerCase(),
    cpuMilli: parseCpu(c.cpu),
    memBytes: parseMemory(c.mem),
    env: Object.keys(spec.env).length === 0 ? NO_ENV : spec.env,
  };
};

/** The specification's JSON with an empty colony name. Throws while it is on disk only: a bug. */
export const specText = ({ json }: SpecRow): string => {
  if (typeof json === 'string') return json;
  throw new Error('the text of a specification is used before it was read');
};

/** Length of the specification's JSON, wherever it is. */
export const specLength = ({ json }: SpecRow): number =>
  typeof json === 'string' ? json.length : json;

/** The specification's JSON with the colony named `colonyname`. */
export const specJson = (row: SpecRow, colonyname: string): string => {
  const text = specText(row);
  const name = JSON.stringify(colonyname).slice(1, -1);
  return text.slice(0, row.nameAt) + name + text.slice(row.nameAt);
};

/**
 * Checks and normalises a submitted specification: priority range, resource strings, `["*"]` means
 * anyone. Throws bad-request.
 */
export const normaliseSpec = (msg: FunctionSpecMsg): FunctionSpec => {
  if (Math.abs(msg.priority) > PRIORITY_MAX) {
    throw fault(
      'bad-request',
      `Failed to submit function spec, priority outside range [-${PRIORITY_MAX}, ${PRIORITY_MAX}]`,
    );
  }
  checkName('Executor type', msg.conditions.executortype);
  const { locationname, ...c } = msg.conditions;
  const { nodename, funcname, channels, conditions: _conditions, ...rest } = msg;
  const anyone = c.executornames?.length === 1 && c.executornames[0] === '*';
  return {
    nodename,
    funcname,
    args: rest.args,
    kwargs: rest.kwargs,
    priority: rest.priority,
    maxwaittime: rest.maxwaittime,
    maxexectime: rest.maxexectime,
    maxretries: rest.maxretries,
    conditions: {
      colonyname: c.colonyname,
      executornames: anyone ? [] : c.executornames,
      executortype: c.executortype,
      ...(locationname === '' ? {} : { locationname }),
      dependencies: c.dependencies,
      nodes: c.nodes,
      cpu: cpuText(parseCpu(c.cpu)),
      processes: c.processes,
      processespernode: c.processespernode,
      mem: memoryText(parseMemory(c.mem)),
      storage: memoryText(parseMemory(c.storage)),
      gpu: { ...c.gpu, mem: memoryText(parseMemory(c.gpu.mem)) },
      walltime: c.walltime,
    },
    label: rest.label,
    fs: rest.fs,
    env: rest.env,
    ...(channels.length === 0 ? {} : { channels }),
  };
};
