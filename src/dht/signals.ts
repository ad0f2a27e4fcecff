// Deadlines for waits on the network.

import { setMaxListeners } from 'node:events';
import { anyOf } from '../node/signals.ts';

/** The promise's outcome, or a rejection with the signal's reason as soon as that fires. */
export const orAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  if (signal.aborted) {
    // Its own failure, should it come, interests nobody any more.
    promise.catch(() => undefined);
    return Promise.reject(signal.reason);
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
};

/**
 * A signal that fires after `ms` or with any of `signals`. libp2p attaches a listener per dial and
 * stream, so Node's warning about many listeners is off for it.
 */
export const deadline = (ms: number, ...signals: (AbortSignal | undefined)[]): AbortSignal => {
  const given = signals.filter((signal) => signal !== undefined);
  const timeout = AbortSignal.timeout(ms);
  const signal = given.length === 0 ? timeout : anyOf(timeout, ...given);
  setMaxListeners(0, timeout, signal);
  return signal;
};
