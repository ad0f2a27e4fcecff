// Calls that take effect once: whose name (caller and nonce) is written in the batch of the effect,
// so that a repeat, also after a crash, finds what the first one made. Which calls these are is
// decided above.

import { fault } from '../errors.ts';
import type { Beside } from '../store/commit.ts';
import { keys, partsOf } from '../store/keys.ts';
import type { Once, OnceName } from './engine.ts';
import type { State } from './state.ts';

/** Others are refused before they get here; as a key they could break the order of rows. */
const NONCE = /^[\w-]{1,128}$/;

const nameOf = ({ caller, nonce }: OnceName): string => `${caller} ${nonce}`;

/** Rows that remember a call; `written` is told when a batch has taken them. */
const rowsOf =
  ({ caller, nonce, forgetAt }: OnceName, written: () => void): Beside =>
  (w, made) => {
    w.put(keys.once(caller, nonce), made);
    w.put(keys.onceUntil(forgetAt, caller, nonce), '');
    written();
  };

const repeated = (made: string) =>
  fault('replayed', made === '' ? 'already done' : `already done: ${made}`, { made });

/** Makes the once part of the engine. What it holds in memory ends with the calls in flight. */
export const makeOnce = ({ store }: State): Once => {
  const running = new Map<string, Promise<unknown>>();

  const refuseRepeat = (caller: string, nonce: string): void => {
    const made = NONCE.test(nonce) ? store.get(keys.once(caller, nonce)) : undefined;
    if (made !== undefined) throw repeated(made);
  };

  const attempt = async <T>(name: OnceName, work: () => T | Promise<T>): Promise<T> => {
    let isWritten = false;
    const beside = rowsOf(name, () => {
      isWritten = true;
    });
    const value = await store.alongside(beside, work);
    // It changed nothing: its name alone is kept, so that it does not change something later.
    if (!isWritten) await store.write((w) => beside(w, ''));
    return value;
  };

  return {
    refuseRepeat,
    run: async (name, waits, work) => {
      const text = nameOf(name);
      for (let first = running.get(text); first; first = running.get(text)) {
        if (waits) throw repeated('');
        await first;
      }
      refuseRepeat(name.caller, name.nonce);
      const attempted = attempt(name, work);
      const end = (): boolean => running.delete(text);
      // Whoever waits for it looks at what it left behind, not at how it ended.
      running.set(text, attempted.then(end, end));
      return attempted;
    },
  };
};

/** Forgets names whose time is over, at most `limit` in one call. */
export const forgetOnce = async (
  { store }: State,
  nowMs: number,
  limit: number,
): Promise<number> => {
  let forgotten = 0;
  for await (const page of store.pages(keys.onceBefore(nowMs), { limit })) {
    await store.write((w) => {
      for (const [key] of page) {
        const [, caller = '', nonce = ''] = partsOf(key);
        w.del(key);
        w.del(keys.once(caller, nonce));
      }
    });
    forgotten += page.length;
  }
  return forgotten;
};
