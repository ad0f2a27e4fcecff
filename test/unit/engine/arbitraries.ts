// Random executors, offers and specifications for the parts that match them.

import fc from 'fast-check';
import type { Live } from '../../../src/node/engine/live.ts';
import { makeLive } from '../../../src/node/engine/live.ts';
import type { Offer } from '../../../src/node/engine/queue.ts';
import { EXECUTOR_STATE, type ExecutorRow } from '../../../src/node/model/executor.ts';
import { newProcess } from '../../../src/node/model/process.ts';
import { FunctionSpecMsg, normaliseSpec, specRow } from '../../../src/node/model/spec.ts';

const TYPES = ['cli', 'ml'];
const NAMES = ['ann', 'bob', 'cid'];
const PLACES = ['', 'Lund', 'LUND', 'Oslo'];
// More than a group looks at one by one.
const CPUS = ['', '100m', '2', ...Array.from({ length: 30 }, (_, i) => `${i * 70}m`)];
const MEMS = ['', '1Gi'];

export const executorRow = (name: string, type: string, location: string): ExecutorRow => ({
  colony: 1,
  id: `${name}-${type}`.padEnd(64, '0'),
  type,
  name: `${name}-${type}`,
  state: EXECUTOR_STATE.approved,
  requirefuncreg: false,
  commissionedUs: 1,
  heardUs: 0,
  location,
  capabilities: { hardware: null, software: null },
  allocations: { projects: null },
  blueprintid: '',
  blueprintgen: 0,
});

const EXECUTORS = TYPES.flatMap((type) =>
  NAMES.map((name, i) => executorRow(name, type, PLACES[i] ?? '')),
);

export const offer: fc.Arbitrary<Offer> = fc.record({
  executor: fc.constantFrom(...EXECUTORS),
  cpuMilli: fc.constantFrom(0, 100, 777, 1999, 2000, Number.POSITIVE_INFINITY),
  memBytes: fc.constantFrom(0, 2 ** 30, Number.POSITIVE_INFINITY),
});

export const spec = fc
  .record({
    type: fc.constantFrom(...TYPES, 'nobody'),
    names: fc.subarray(NAMES, { maxLength: 2 }),
    ids: fc.subarray(NAMES, { maxLength: 2 }),
    targeted: fc.integer({ min: 0, max: 3 }),
    location: fc.constantFrom(...PLACES),
    cpu: fc.constantFrom(...CPUS),
    mem: fc.constantFrom(...MEMS),
    priority: fc.integer({ min: -1, max: 1 }),
  })
  .map(({ type, names, ids, targeted, location, cpu, mem, priority }) => {
    const executornames = targeted % 2 === 1 ? names.map((name) => `${name}-${type}`) : [];
    const chosen = targeted >= 2 ? ids.map((name) => `${name}-${type}`.padEnd(64, '0')) : [];
    const conditions = { executortype: type, executornames, locationname: location, cpu, mem };
    return specRow(normaliseSpec(FunctionSpecMsg.parse({ priority, conditions })), chosen);
  });

/** A waiting process; several of one `atUs` differ in their id only. */
export const live = fc.tuple(spec, fc.nat(5)).map(([row, atUs]): ((no: number) => Live) => (no) => {
  const id = String(no).padStart(64, '0');
  const day = 86_400_000_000;
  return makeLive(newProcess(id, 1, { id: '', name: '' }, row, 100 * day + atUs), false);
});
