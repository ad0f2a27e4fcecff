// Numbered changes of the key space, run once in order when a folder is opened. Steps are never
// edited.

import { fault } from '../errors.ts';
import type { Log } from '../log.ts';
import { keys } from './keys.ts';
import type { Store } from './store.ts';

interface Step {
  readonly version: number;
  readonly what: string;
  readonly run: (store: Store) => Promise<void>;
}

/** Version 1 is the first layout: a new folder has nothing to change. */
const STEPS: readonly Step[] = [{ version: 1, what: 'first layout', run: async () => undefined }];

export const STORE_VERSION = STEPS.length;

/**
 * Brings the folder to `STORE_VERSION`. Throws unavailable for a folder that a newer release wrote.
 */
export const migrate = async (store: Store, log: Log, steps = STEPS): Promise<void> => {
  const found = Number(store.get(keys.meta('version')) ?? '0');
  const newest = steps.at(-1)?.version ?? 0;
  if (found > newest) {
    throw fault(
      'unavailable',
      `The data folder has layout ${found}, this release knows up to ${newest}: install a newer release`,
      { reason: 'newer' },
    );
  }
  for (const step of steps.filter((s) => s.version > found)) {
    await step.run(store);
    await store.write((w) => w.put(keys.meta('version'), String(step.version)));
    log.info('store layout changed', { version: step.version, what: step.what });
  }
};
