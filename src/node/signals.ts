// Signals for those who have none, and one out of several. Node.js holds the parts of `AbortSignal.any` weakly: a timeout that
// nobody else holds is collected, and then never fires.

import { setMaxListeners } from 'node:events';

/** Never fires. Calls that end soon enough by themselves share it, however many. */
export const NEVER: AbortSignal = new AbortController().signal;
setMaxListeners(0, NEVER);

const partsOf = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/** Fires with the first of `signals`. Holds all of them for as long as it is held itself. */
export const anyOf = (...signals: readonly AbortSignal[]): AbortSignal => {
  const first = AbortSignal.any([...signals]);
  partsOf.set(first, signals);
  return first;
};
