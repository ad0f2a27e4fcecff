// Waiting calls that were relayed here over HTTP: cancelled when the relaying node says that its
// caller is gone, taken back when that comes a moment after the answer.

import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { Reply } from '../node/model/envelope.ts';

export interface Receipt {
  /** Fires when the relaying node hung up or cancelled; made when first read. */
  signal(): AbortSignal;
  /**
   * The call was answered: from now on cancelling means taking back. Gives the same for whoever
   * learns otherwise that the answer did not arrive; undefined when nothing was given away.
   */
  answered(reply: Reply): Reply['onLost'];
}

export interface Receipts {
  /** Begins a call under a name that no other call bears. `outer` fires when its sender hung up. */
  open(name: string, outer: () => AbortSignal): Receipt;
  cancel(name: string): void;
}

export interface ReceiptDeps {
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
  readonly limits: Limits;
}

/** The receipts of one node; only calls that wait leave anything here. */
export const makeReceipts = ({ clock, log, limits }: ReceiptDeps): Receipts => {
  const open = new Map<string, () => void>();

  const keep = (name: string, act: () => void): void => {
    open.delete(name);
    open.set(name, act);
    const oldest = open.size > limits.relayReceiptsMax ? open.keys().next().value : undefined;
    if (oldest !== undefined) open.delete(oldest);
  };

  const undo = (onLost: () => Promise<void>): void => {
    onLost().catch((error: unknown) => log.error('cannot undo an undelivered reply', { error }));
  };

  return {
    open: (name, outerOf) => {
      let controller: AbortController | undefined;
      return {
        signal: () => {
          if (controller !== undefined) return controller.signal;
          const made = new AbortController();
          controller = made;
          const outer = outerOf();
          if (outer.aborted) made.abort();
          else outer.addEventListener('abort', () => made.abort(), { once: true });
          keep(name, () => made.abort());
          return made.signal;
        },
        answered: ({ onLost }) => {
          if (onLost === undefined) {
            open.delete(name);
            return undefined;
          }
          let isUndone = false;
          const takeBack = async (): Promise<void> => {
            if (isUndone) return;
            isUndone = true;
            await onLost();
          };
          const once = (): void => undo(takeBack);
          if (controller?.signal.aborted) once();
          else {
            keep(name, once);
            clock.after(limits.relayReceiptMs, () => {
              if (open.get(name) === once) open.delete(name);
            });
          }
          return takeBack;
        },
      };
    },
    cancel: (name) => {
      const act = open.get(name);
      open.delete(name);
      act?.();
    },
  };
};
