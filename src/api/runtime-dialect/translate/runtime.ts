// Runtimes of 2022 <-> executors. A runtime is an executor; what only 2022 has of it is kept as
// opaque text with its row and mirrored into its capabilities, where clients of today see it. Pure.

import { z } from 'zod';
import type { NewExecutor } from '../../../node/engine/engine.ts';
import { fault } from '../../../node/errors.ts';
import { checkName } from '../../../node/model/colony.ts';
import {
  type Capabilities,
  EXECUTOR_STATE,
  type ExecutorRow,
} from '../../../node/model/executor.ts';
import { parseMemory } from '../../../node/model/resources.ts';
import { timeText } from '../../../node/model/time.ts';
import type { DialectName } from '../detect.ts';
import { Runtime, type RuntimeMsg } from '../shapes.ts';

const MIB = 2 ** 20;
const SHORT_ID = 8;

const Hardware = Runtime.pick({ cpu: true, cores: true, mem: true, gpu: true, gpus: true });
type Hardware = z.output<typeof Hardware>;
/** What an executor's row keeps of its 2022 registration; `name` is the one that was asked for. */
const Edge = Hardware.extend({ dialect: z.literal('runtime'), name: z.string() });

/** Unregistered executors stay on record today; in 2022 a deleted runtime is gone. */
export const isLive = (row: ExecutorRow): boolean => row.state !== EXECUTOR_STATE.unregistered;

const known = (size: number): number => Math.max(0, size);

// Sizes below zero mean "unknown" in 2022 (its worker sends -1); the mirror has no such word but 0.
const capabilitiesOf = ({ cpu, cores, mem, gpu, gpus }: Hardware): Capabilities => ({
  hardware: [
    {
      model: '',
      nodes: 0,
      cpu,
      cores: known(cores),
      mem: mem > 0 ? `${mem}Mi` : '',
      storage: '',
      gpu: { name: gpu, mem: '', count: known(gpus), nodecount: 0 },
      platform: '',
      architecture: '',
      network: null,
    },
  ],
  software: null,
});

/**
 * The executor that a 2022 registration asks for. Throws bad-request when the id cannot serve as
 * one.
 */
export const newExecutor = (msg: RuntimeMsg): NewExecutor => {
  const { runtimeid, runtimetype, name, cpu, cores, mem, gpu, gpus } = msg;
  if (runtimeid === '') throw fault('bad-request', 'invalid runtime id, it is empty');
  checkName('Runtime id', runtimeid);
  const hardware: Hardware = { cpu, cores, mem, gpu, gpus };
  return {
    id: runtimeid,
    type: runtimetype,
    // Executors are addressed by name: a nameless one could not be.
    name: name === '' ? `runtime-${runtimeid.slice(0, SHORT_ID)}` : name,
    requirefuncreg: false,
    location: '',
    capabilities: capabilitiesOf(hardware),
    allocations: { projects: null },
    blueprintid: '',
    blueprintgen: 0,
    // In 2022 only the colony owner ends a membership: those who mostly submit are silent for long.
    lasting: true,
    edge: JSON.stringify({ dialect: 'runtime', name, ...hardware }),
  };
};

const mebibytes = (text: string): number => {
  try {
    return Math.floor(parseMemory(text) / MIB);
  } catch {
    // Expected: the field is free text, and only some of it is an amount.
    return 0;
  }
};

const hardwareOf = ({ hardware }: Capabilities): Hardware => {
  const first = hardware?.[0];
  if (first === undefined) return { cpu: '', cores: 0, mem: 0, gpu: '', gpus: 0 };
  const { model, cpu, cores, mem, gpu } = first;
  return {
    cpu: cpu === '' ? model : cpu,
    cores,
    mem: mebibytes(mem),
    gpu: gpu.name,
    gpus: gpu.count,
  };
};

const same = (a: Capabilities, b: Capabilities): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * The executor as a runtime. One registered in 2022 words shows what it was registered with, until
 * it reports other capabilities.
 */
export const runtimeWire = (row: ExecutorRow, colonyid: string): Runtime => {
  const edge = row.edge === undefined ? undefined : Edge.parse(JSON.parse(row.edge));
  const asRegistered = edge !== undefined && same(capabilitiesOf(edge), row.capabilities);
  const { cpu, cores, mem, gpu, gpus } = asRegistered ? edge : hardwareOf(row.capabilities);
  return {
    runtimeid: row.id,
    runtimetype: row.type,
    name: edge?.name ?? row.name,
    colonyid,
    cpu,
    cores,
    mem,
    gpu,
    gpus,
    state: row.state,
    commissiontime: timeText(row.commissionedUs),
    lastheardfromtime: timeText(row.heardUs),
  };
};

/**
 * The dialect in which an id was registered, from its rows on this node; undefined when it has
 * none.
 */
export const registeredIn = (rows: readonly ExecutorRow[]): DialectName | undefined => {
  const row = rows.find(isLive) ?? rows[0];
  if (row === undefined) return undefined;
  return row.edge === undefined ? 'executor' : 'runtime';
};
