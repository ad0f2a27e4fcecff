// Makes the data folder of a variant: colony, executors and a backlog, straight through the engine,
// then compacted, so that no measurement pays for how the folder came to be.

import { Level } from 'level';
import { systemClock } from '../dist/node/clock.js';
import { openEngine } from '../dist/node/engine/open.js';
import { silentLog } from '../dist/node/log.js';
import { normaliseSpec, specRow } from '../dist/node/model/spec.js';
import { answer } from './children.js';
import { COLONY, person, quickEngine, specOf, TYPE, workerName } from './people.js';

/** Submissions on their way to the disk at once. */
const CHUNK = 10_000;
/** Executors among whom a targeted backlog is spread. */
const OTHERS = 1_000;
const CONDITIONS = { locationname: '' };

/** What lives in memory after a full collection. Bytes. */
const liveBytes = () => {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** @param {number} i @param {boolean} targeted */
const rowOf = (i, targeted) => {
  // Nine of ten are meant for others.
  const names = targeted && i % 10 !== 0 ? [`other-${i % OTHERS}`] : [];
  const spec = specOf(i, names);
  const conditions = { ...CONDITIONS, ...spec.conditions };
  return specRow(normaliseSpec(/** @type {any} */ ({ ...spec, conditions })));
};

const makeColony = async ({ engine }, executors, crypto) => {
  const colony = await engine.colonies.add(person('colony', crypto).id, COLONY);
  const user = person('user', crypto);
  await engine.users.add(colony, { id: user.id, name: user.name, email: '', phone: '' });
  const join = async (i) => {
    const { id, name } = person(workerName(i), crypto);
    const executor = await engine.executors.add(colony, {
      id,
      name,
      type: TYPE,
      requirefuncreg: false,
      location: '',
      capabilities: { hardware: [], software: [] },
      allocations: { projects: {} },
      blueprintid: '',
      blueprintgen: 0,
    });
    await engine.executors.approve(executor);
  };
  await Promise.all(Array.from({ length: executors }, (_, i) => join(i)));
  return colony;
};

const fill = async ({ engine }, colony, backlog, targeted) => {
  const user = engine.users.byName(colony, 'user');
  if (user === undefined) throw new Error('the submitter is missing');
  let specBytes = 0;
  for (let at = 0; at < backlog; at += CHUNK) {
    const written = [];
    for (let i = at; i < Math.min(at + CHUNK, backlog); i++) {
      const row = rowOf(i, targeted);
      specBytes += row.json.length;
      written.push(engine.processes.submit(colony, { kind: 'user', user }, row));
    }
    await Promise.all(written);
  }
  return specBytes;
};

const compact = async (dir) => {
  const db = new Level(`${dir}/store`);
  await db.open();
  await /** @type {any} */ (db).compactRange('', '\uffff');
  await db.close();
};

answer({
  folder: async ({ dir, executors, backlog, targeted }) => {
    const clock = systemClock();
    const opened = await openEngine({ dir, clock, log: silentLog(), serverId: '' });
    const colony = await makeColony(opened, executors, await quickEngine());
    const before = liveBytes();
    const specBytes = await fill(opened, colony, backlog, targeted);
    const submittedBytes = liveBytes() - before;
    await opened.close();
    await compact(dir);
    return { specBytes, submittedBytes };
  },
});
