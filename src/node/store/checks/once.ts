// Checks what is remembered of calls that take effect once: each has the row by which it is
// forgotten.

import { keys, partsOf } from '../keys.ts';
import type { Check } from './findings.ts';

/** Checks names of calls against the index by the time they may be forgotten. */
export const checkOnce = async (check: Check): Promise<void> => {
  const timed = new Set<string>();
  await check.each(keys.allOnceUntil, (key) => {
    const [, caller = '', nonce = ''] = partsOf(key);
    timed.add(`${caller} ${nonce}`);
    if (check.store.get(keys.once(caller, nonce)) === undefined) {
      check.found(key, 'would forget a call that is not remembered', (w) => w.del(key));
    }
  });
  await check.each(keys.allOnce, (key) => {
    if (!timed.has(partsOf(key).join(' '))) check.found(key, 'would never be forgotten');
  });
};
