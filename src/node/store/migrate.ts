// Numbered changes of the key space, run once in order when a folder is opened. Steps are never
// edited.

import { fault } from '../errors.ts';
import type { Log } from '../log.ts';
import { keys, partsOf } from './keys.ts';
import type { Store } from './store.ts';

interface Step {
  readonly version: number;
  readonly what: string;
  readonly run: (store: Store) => Promise<void>;
}

/**
 * When a process was submitted, in microseconds, by the first line of its live row; undefined when
 * that cannot be read.
 */
const submittedUsIn = (value: string): number | undefined => {
  try {
    const head: unknown = JSON.parse(value.slice(0, value.indexOf('\n')));
    const at: unknown = Array.isArray(head) ? head[4] : undefined;
    return Number.isSafeInteger(at) ? (at as number) : undefined;
  } catch {
    // A damaged row.
    return undefined;
  }
};

/**
 * Puts the submission time into the keys of live processes and of their progress. Pages are moved
 * one by one, each whole; after a crash those that were moved are left alone. So is a damaged row:
 * whoever reads the live processes refuses it, as before.
 */
const orderBySubmission = async (store: Store): Promise<void> => {
  for await (const page of store.pages(keys.allLive)) {
    const old = page.filter(([key]) => partsOf(key).length === 2);
    if (old.length === 0) continue;
    await store.write((w) => {
      for (const [key, value] of old) {
        const [no = '', id = ''] = partsOf(key);
        const submittedUs = submittedUsIn(value);
        if (submittedUs === undefined) continue;
        const time = String(submittedUs).padStart(16, '0');
        for (const table of ['l', 'a']) {
          const from = [table, no, id].join('\u0000');
          const row = store.get(from);
          if (row === undefined) continue;
          w.put([table, no, time, id].join('\u0000'), row);
          w.del(from);
        }
      }
    });
  }
};

/** Version 1 is the first layout: a new folder has nothing to change. */
const STEPS: readonly Step[] = [
  { version: 1, what: 'first layout', run: async () => undefined },
  { version: 2, what: 'live processes by time of submission', run: orderBySubmission },
];

export const STORE_VERSION = STEPS.length;

const layoutOf = (store: Store): number => Number(store.get(keys.meta('version')) ?? '0');

const refuseNewer = (found: number, newest: number): void => {
  if (!(found > newest)) return;
  throw fault(
    'unavailable',
    `The data folder has layout ${found}, this release knows up to ${newest}: install a newer release`,
    { reason: 'newer' },
  );
};

/**
 * Throws unavailable when another release wrote the folder, in a layout that is not this one's. A
 * version that is none is left to whoever looks for damage.
 */
export const refuseOtherLayout = (store: Store): void => {
  const found = layoutOf(store);
  refuseNewer(found, STORE_VERSION);
  if (!(found >= 1 && found < STORE_VERSION)) return;
  throw fault(
    'unavailable',
    `The data folder has layout ${found} of an older release, and ${STORE_VERSION} is needed: start a node of this release over it once`,
    { reason: 'older' },
  );
};

/**
 * Brings the folder to `STORE_VERSION`. Throws unavailable for a folder that a newer release wrote.
 */
export const migrate = async (store: Store, log: Log, steps = STEPS): Promise<void> => {
  const found = layoutOf(store);
  refuseNewer(found, steps.at(-1)?.version ?? 0);
  for (const step of steps.filter((s) => s.version > found)) {
    await step.run(store);
    await store.write((w) => w.put(keys.meta('version'), String(step.version)));
    // A new folder had no layout, and nothing in it changed.
    if (found > 0) log.info('store layout changed', { version: step.version, what: step.what });
  }
};
