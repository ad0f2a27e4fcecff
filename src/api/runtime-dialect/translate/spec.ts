// Process specifications of 2022 <-> function specifications of today. Both kinds of worker can run
// what either kind of client submitted. Pure; names of executors are resolved by the caller.

import { z } from 'zod';
import { checkName } from '../../../node/model/colony.ts';
import { parseJson, stringifyJson } from '../../../node/model/json.ts';
import type { ProcessRow } from '../../../node/model/process.ts';
import { cpuText, memoryText } from '../../../node/model/resources.ts';
import { type FunctionSpec, type SpecRow, specRow, specText } from '../../../node/model/spec.ts';
import { type BothSpec, ProcessSpec, type ProcessSpecMsg } from '../shapes.ts';

const UNLIMITED = -1;
const MIB = 2 ** 20;
const MILLI = 1000;

const Conditions = ProcessSpec.shape.conditions;

/**
 * What a process keeps of its 2022 submission: all of it but the colony and `env`, which the row
 * has.
 */
const SubmittedSpec = ProcessSpec.omit({ env: true }).extend({
  conditions: Conditions.omit({ colonyid: true }),
});
type SubmittedSpec = z.output<typeof SubmittedSpec>;
const Edge = z.object({ dialect: z.literal('runtime'), spec: SubmittedSpec });

/** A colony as replies name it: by id in the 2022 fields, by name in today's. */
export interface Named {
  readonly id: string;
  readonly name: string;
}

/** Id of an executor by name. */
export type IdOf = (executorname: string) => string | undefined;

/**
 * A submission ready for the engine, with what the runtime dialect remembers of it as opaque text.
 */
export interface Submission {
  readonly spec: SpecRow;
  readonly edge: string;
}

const unlimited = (value: number): number => (value <= 0 ? UNLIMITED : value);

const anyone = (ids: readonly string[] | null): boolean =>
  ids === null || ids.length === 0 || (ids.length === 1 && ids[0] === '*');

// `image`, `volumes` and `ports` have no field of their own today: they travel as keyword
// arguments.
const kwargsOf = (msg: ProcessSpecMsg): Record<string, unknown> => ({
  ...(msg.image === '' ? {} : { image: msg.image }),
  ...(msg.volumes === null || msg.volumes.length === 0 ? {} : { volumes: msg.volumes }),
  ...(msg.ports === null || msg.ports.length === 0 ? {} : { ports: msg.ports }),
});

/** A process specification as a function specification; runtime ids have no place in one. */
export const functionSpec = (msg: ProcessSpecMsg): FunctionSpec => {
  const { runtimetype, cores, mem, gpus } = msg.conditions;
  return {
    nodename: '',
    funcname: msg.cmd,
    args: msg.args ?? [],
    kwargs: kwargsOf(msg),
    priority: 0,
    maxwaittime: UNLIMITED,
    maxexectime: unlimited(msg.maxexectime),
    maxretries: unlimited(msg.maxretries),
    conditions: {
      colonyname: '',
      executornames: [],
      executortype: runtimetype,
      dependencies: [],
      nodes: 0,
      cpu: cpuText(Math.max(0, cores) * MILLI),
      processes: 0,
      processespernode: 0,
      mem: memoryText(Math.max(0, mem) * MIB),
      storage: memoryText(0),
      gpu: { name: '', mem: memoryText(0), count: Math.max(0, gpus), nodecount: 0 },
      walltime: 0,
    },
    label: '',
    fs: { mount: '', snapshots: null, dirs: null },
    env: msg.env,
  };
};

/**
 * A 2022 submission as the engine takes it. `maxexectime` and `maxretries` of 0 or less are
 * unlimited, and `["*"]` is any runtime. Throws bad-request on a runtime type or id that cannot be
 * a name.
 */
export const submission = (msg: ProcessSpecMsg): Submission => {
  const { conditions, env: _env, ...rest } = msg;
  checkName('Runtime type', conditions.runtimetype);
  const ids = anyone(conditions.runtimeids) ? [] : [...new Set(conditions.runtimeids)];
  for (const id of ids) checkName('Runtime id', id);
  const { colonyid: _colonyid, ...needs } = conditions;
  const submitted: SubmittedSpec = { ...rest, conditions: { ...needs, runtimeids: ids } };
  return {
    spec: specRow(functionSpec(msg), ids),
    edge: JSON.stringify({ dialect: 'runtime', spec: submitted }),
  };
};

/** A free-form value as 2022 writes it: a text. */
export const asText = (value: unknown): string =>
  typeof value === 'string' ? value : stringifyJson(value);

const textsOrNull = (value: unknown): string[] | null =>
  Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : null;

// How a function specification looks to a 2022 client, when it was not one who wrote it.
const asProcessSpec = (spec: FunctionSpec, row: SpecRow, idOf: IdOf): SubmittedSpec => {
  const { image, volumes, ports } = spec.kwargs;
  const named = row.names.map((name) => idOf(name) ?? name);
  return {
    image: typeof image === 'string' ? image : '',
    cmd: spec.funcname,
    args: spec.args.map(asText),
    volumes: textsOrNull(volumes),
    ports: textsOrNull(ports),
    maxexectime: unlimited(spec.maxexectime),
    maxretries: Math.max(UNLIMITED, spec.maxretries),
    conditions: {
      runtimeids: [...named, ...row.ids],
      runtimetype: spec.conditions.executortype,
      mem: Math.max(0, Math.floor(row.memBytes / MIB)),
      cores: Math.max(0, Math.ceil(row.cpuMilli / MILLI)),
      gpus: Math.max(0, spec.conditions.gpu.count),
    },
  };
};

const sorted = (env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));

/**
 * The specification of a process in both vocabularies. One that came in this dialect shows exactly
 * what was submitted; of others `cmd` is the function name and `args` are written as texts.
 */
export const bothSpec = (p: ProcessRow, colony: Named, idOf: IdOf): BothSpec => {
  // Printed from a FunctionSpec when it was submitted, so not checked again for every reply.
  const spec = parseJson(specText(p.spec)) as FunctionSpec;
  const { conditions, nodename, funcname, kwargs, priority, maxwaittime, label, fs, channels } =
    spec;
  const { conditions: needs, ...submitted } =
    p.edge === undefined ? asProcessSpec(spec, p.spec, idOf) : Edge.parse(JSON.parse(p.edge)).spec;
  const { mem: _mem, colonyname: _colonyname, ...today } = conditions;
  return {
    ...submitted,
    conditions: { colonyid: colony.id, ...needs, colonyname: colony.name, ...today },
    env: sorted(p.spec.env),
    nodename,
    funcname,
    kwargs,
    priority,
    maxwaittime,
    label,
    fs,
    ...(channels === undefined ? {} : { channels }),
  };
};
