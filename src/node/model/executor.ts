// An executor (runtime in the 2022 vocabulary): a member of a colony that takes and runs processes.

import { z } from 'zod';
import { timeText } from './time.ts';
import { flag, int, int64, named, nullableList, struct, text, time } from './wire.ts';

export const EXECUTOR_STATE = { pending: 0, approved: 1, rejected: 2, unregistered: 3 } as const;

const int64Out = z.union([z.number(), z.bigint()]);

const GpuMsg = struct({ name: text(), mem: text(), count: int(), nodecount: int() });
export const Gpu = z.object({
  name: z.string(),
  mem: z.string(),
  count: z.number(),
  nodecount: z.number(),
});

const HardwareMsg = struct({
  model: text(),
  nodes: int(),
  cpu: text(),
  cores: int(),
  mem: text(),
  storage: text(),
  gpu: GpuMsg,
  platform: text(),
  architecture: text(),
  network: nullableList(text()),
});
const SoftwareMsg = struct({ name: text(), type: text(), version: text() });

// Senders older than v1.9.6 put one object where today's put a list.
const oneOrMany = <T extends z.ZodType>(of: T) =>
  z.preprocess(
    (v) => (typeof v === 'object' && v !== null && !Array.isArray(v) ? [v] : v),
    nullableList(of),
  );

export const CapabilitiesMsg = struct({
  hardware: oneOrMany(HardwareMsg),
  software: oneOrMany(SoftwareMsg),
});

const ProjectMsg = struct({
  allocatedcpu: int64(),
  usedcpu: int64(),
  allocatedgpu: int64(),
  usedgpu: int64(),
  allocatedstorage: int64(),
  usedstorage: int64(),
});
export const AllocationsMsg = struct({
  projects: z.preprocess((v) => v ?? null, z.union([z.null(), named(ProjectMsg)])),
});

export const ExecutorMsg = struct({
  executorid: text(),
  executortype: text(),
  executorname: text(),
  colonyname: text(),
  state: int(),
  requirefuncreg: flag(),
  commissiontime: time(),
  lastheardfromtime: time(),
  locationname: text(),
  capabilities: CapabilitiesMsg,
  allocations: AllocationsMsg,
  blueprintid: text(),
  blueprintgen: int64(),
});

const Capabilities = z.object({
  hardware: z
    .array(
      z.object({
        model: z.string(),
        nodes: z.number(),
        cpu: z.string(),
        cores: z.number(),
        mem: z.string(),
        storage: z.string(),
        gpu: Gpu,
        platform: z.string(),
        architecture: z.string(),
        network: z.array(z.string()).nullable(),
      }),
    )
    .nullable(),
  software: z
    .array(z.object({ name: z.string(), type: z.string(), version: z.string() }))
    .nullable(),
});
export type Capabilities = z.output<typeof Capabilities>;

const Allocations = z.object({
  projects: z
    .record(
      z.string(),
      z.object({
        allocatedcpu: int64Out,
        usedcpu: int64Out,
        allocatedgpu: int64Out,
        usedgpu: int64Out,
        allocatedstorage: int64Out,
        usedstorage: int64Out,
      }),
    )
    .nullable(),
});
export type Allocations = z.output<typeof Allocations>;

export const Executor = z.object({
  executorid: z.string(),
  executortype: z.string(),
  executorname: z.string(),
  colonyname: z.string(),
  state: z.number(),
  requirefuncreg: z.boolean(),
  commissiontime: z.string(),
  lastheardfromtime: z.string(),
  locationname: z.string().optional(),
  capabilities: Capabilities,
  allocations: Allocations,
  blueprintid: z.string().optional(),
  blueprintgen: int64Out.optional(),
});
export type Executor = z.output<typeof Executor>;

/**
 * The stored executor; `colony` is the colony's number, times are µs. `edge` and `spoke` are opaque
 * to everything below the API: the dialect that registered the member keeps the fields that only it
 * has in the one, the other is the dialect that the member used last.
 */
export interface ExecutorRow {
  readonly colony: number;
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly state: number;
  readonly requirefuncreg: boolean;
  readonly commissionedUs: number;
  readonly heardUs: number;
  readonly location: string;
  readonly capabilities: Capabilities;
  readonly allocations: Allocations;
  readonly blueprintid: string;
  readonly blueprintgen: number | bigint;
  /** It has asked for work: only such an executor is unregistered for being silent. */
  readonly works?: boolean;
  /** Never unregistered for being silent. */
  readonly lasting?: boolean;
  readonly edge?: string;
  readonly spoke?: string;
}

/** The executor as it travels; `colonyname` as the request named the colony. */
export const executorWire = (row: ExecutorRow, colonyname: string): Executor => ({
  executorid: row.id,
  executortype: row.type,
  executorname: row.name,
  colonyname,
  state: row.state,
  requirefuncreg: row.requirefuncreg,
  commissiontime: timeText(row.commissionedUs),
  lastheardfromtime: timeText(row.heardUs),
  ...(row.location === '' ? {} : { locationname: row.location }),
  capabilities: row.capabilities,
  allocations: row.allocations,
  ...(row.blueprintid === '' ? {} : { blueprintid: row.blueprintid }),
  ...(row.blueprintgen === 0 ? {} : { blueprintgen: row.blueprintgen }),
});
