// The shapes of the runtime dialect: what its messages may hold and what its replies show. Where a
// reply can serve both vocabularies, the 2022 fields come first, in their documented order, and
// today's follow.

import { z } from 'zod';
import { Gpu } from '../../node/model/executor.ts';
import { FunctionSpec } from '../../node/model/spec.ts';
import {
  flag,
  int,
  line,
  longText,
  name,
  named,
  nullableList,
  pointer,
  struct,
  text,
  time,
} from '../../node/model/wire.ts';

const INT32_MAX = 2 ** 31 - 1;
const OUT_OF_RANGE = 'value is out of range for type integer';

/**
 * An integer of a stored 2022 object: they have 32 bits there, and larger ones were always refused.
 */
const int32 = () =>
  int().pipe(
    z
      .number()
      .min(-INT32_MAX - 1, OUT_OF_RANGE)
      .max(INT32_MAX, OUT_OF_RANGE),
  );

export const RuntimeMsg = struct({
  runtimeid: text(),
  runtimetype: text(),
  name: text(),
  colonyid: text(),
  cpu: text(),
  cores: int32(),
  mem: int32(),
  gpu: text(),
  gpus: int32(),
  state: int(),
  commissiontime: time(),
  lastheardfromtime: time(),
});
export type RuntimeMsg = z.output<typeof RuntimeMsg>;

/** A runtime. `mem` is in MiB; `state` is 0 pending, 1 approved, 2 rejected. */
export const Runtime = z.object({
  runtimeid: z.string(),
  runtimetype: z.string(),
  name: z.string(),
  colonyid: z.string(),
  cpu: z.string(),
  cores: z.number(),
  mem: z.number(),
  gpu: z.string(),
  gpus: z.number(),
  state: z.number(),
  commissiontime: z.string(),
  lastheardfromtime: z.string(),
});
export type Runtime = z.output<typeof Runtime>;

export const ProcessSpecMsg = struct({
  image: line(),
  cmd: line(),
  args: nullableList(longText()),
  volumes: nullableList(line()),
  ports: nullableList(line()),
  maxexectime: int32(),
  maxretries: int32(),
  conditions: struct({
    colonyid: text(),
    runtimeids: nullableList(text()),
    runtimetype: text(),
    mem: int32(),
    cores: int32(),
    gpus: int32(),
  }),
  env: named(longText()),
});
export type ProcessSpecMsg = z.output<typeof ProcessSpecMsg>;
export const ProcessSpecPointer = pointer(ProcessSpecMsg);

/** A process specification as it was submitted. `mem` is in MiB; times are seconds. */
export const ProcessSpec = z.object({
  image: z.string(),
  cmd: z.string(),
  args: z.array(z.string()).nullable(),
  volumes: z.array(z.string()).nullable(),
  ports: z.array(z.string()).nullable(),
  maxexectime: z.number(),
  maxretries: z.number(),
  conditions: z.object({
    colonyid: z.string(),
    runtimeids: z.array(z.string()),
    runtimetype: z.string(),
    mem: z.number(),
    cores: z.number(),
    gpus: z.number(),
  }),
  env: z.record(z.string(), z.string()),
});
export type ProcessSpec = z.output<typeof ProcessSpec>;

const today = FunctionSpec.shape;

/** A process specification in both vocabularies; what clashes (`args`, `mem`, `env`) is 2022's. */
export const BothSpec = ProcessSpec.extend({
  conditions: ProcessSpec.shape.conditions.extend({
    colonyname: z.string(),
    executornames: z.array(z.string()).nullable(),
    executortype: z.string(),
    locationname: z.string().optional(),
    dependencies: z.array(z.string()),
    nodes: z.number(),
    cpu: z.string(),
    processes: z.number(),
    processespernode: z.number(),
    storage: z.string(),
    gpu: Gpu,
    walltime: z.union([z.number(), z.bigint()]),
  }),
  nodename: today.nodename,
  funcname: today.funcname,
  kwargs: today.kwargs,
  priority: today.priority,
  maxwaittime: today.maxwaittime,
  label: today.label,
  fs: today.fs,
  channels: today.channels,
});
export type BothSpec = z.output<typeof BothSpec>;

export const RuntimeAttributeMsg = struct({
  attributeid: text(),
  targetid: text(),
  targetcolonyid: text(),
  attributetype: int32(),
  key: name(),
  value: longText(),
});
export const RuntimeAttributePointer = pointer(RuntimeAttributeMsg);

/** An attribute: `attributetype` is 0 in, 1 out, 2 err, 4 env. */
export const RuntimeAttribute = z.object({
  attributeid: z.string(),
  targetid: z.string(),
  targetcolonyid: z.string(),
  attributetype: z.number(),
  key: z.string(),
  value: z.string(),
  targetcolonyname: z.string(),
  targetprocessgraphid: z.string(),
  state: z.number(),
});
export type RuntimeAttribute = z.output<typeof RuntimeAttribute>;

/**
 * A process in both vocabularies. `state` is 0 waiting, 1 running, 2 success, 3 failed or
 * cancelled.
 */
export const RuntimeProcess = z.object({
  processid: z.string(),
  assignedruntimeid: z.string(),
  isassigned: z.boolean(),
  state: z.number(),
  submissiontime: z.string(),
  starttime: z.string(),
  endtime: z.string(),
  deadline: z.string(),
  retries: z.number(),
  attributes: z.array(RuntimeAttribute),
  spec: BothSpec,
  initiatorid: z.string(),
  initiatorname: z.string(),
  assignedexecutorid: z.string(),
  prioritytime: z.union([z.number(), z.bigint()]),
  waitdeadline: z.string(),
  execdeadline: z.string(),
  waitforparents: z.boolean(),
  parents: z.array(z.string()),
  children: z.array(z.string()),
  processgraphid: z.string(),
  in: z.array(z.unknown()),
  out: z.array(z.unknown()),
  errors: z.array(z.string()),
});
export type RuntimeProcess = z.output<typeof RuntimeProcess>;

export const ProcessStat = z.object({
  waiting: z.number(),
  running: z.number(),
  success: z.number(),
  failed: z.number(),
});

export const Empty = z.object({});

/** Message of the operations that name a process and nothing else. */
export const ProcessRef = struct({ processid: text() });
/** Message of the operations that name a runtime and nothing else. */
export const RuntimeRef = struct({ runtimeid: text() });
/** Message of the operations that name a colony and nothing else. */
export const ColonyRef = struct({ colonyid: text() });
/** `all` is sent by 2022 clients and means nothing. */
export const DeleteProcess = struct({ processid: text(), all: flag() });
