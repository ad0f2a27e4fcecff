// Sends output to the server's log while it is being written: gathered for a moment, one call at a
// time, in order. When the server does not take it, the stream ends quietly: the whole output
// follows at the end.

import type { Clock } from '../../node/clock.ts';
import { LIMITS } from '../../node/limits.ts';

export interface LogStream {
  /**
   * Takes text; settles at once while little is waiting, else when there is room again. Never
   * rejects.
   */
  send(text: string): Promise<void>;
  /** Sends what is left. Gives what made the stream give up, if something did. Never rejects. */
  end(): Promise<unknown>;
}

// Where to cut: after the last line break within `max`, but never inside a character.
const cutAt = (text: string, max: number): number => {
  if (text.length <= max) return text.length;
  const line = text.lastIndexOf('\n', max - 1) + 1;
  if (line > 0) return line;
  const half = text.charCodeAt(max - 1);
  return half >= 0xd800 && half <= 0xdbff ? max - 1 : max;
};

/** `post` adds one log line to the process on the server. */
export const makeLogStream = (
  clock: Pick<Clock, 'after'>,
  post: (text: string) => Promise<void>,
): LogStream => {
  let waiting = '';
  let failure: unknown;
  let posting: Promise<void> | undefined;
  let cancel: (() => void) | undefined;

  const drain = async (): Promise<void> => {
    while (waiting !== '' && failure === undefined) {
      const at = cutAt(waiting, LIMITS.workerLogLineMax);
      const text = waiting.slice(0, at);
      waiting = waiting.slice(at);
      try {
        await post(text);
      } catch (error) {
        // Expected when the server is away or took the process back; `end` hands it on.
        failure = error ?? new Error('not sent');
      }
    }
    posting = undefined;
  };

  const flush = (): Promise<void> => {
    cancel?.();
    cancel = undefined;
    // With nothing to send it would be over before it is noted, and be taken for one that goes on.
    if (waiting !== '') posting ??= drain();
    return posting ?? Promise.resolve();
  };

  return {
    send: async (text) => {
      if (failure !== undefined) return;
      waiting += text;
      if (waiting.length >= LIMITS.workerUnsentMax) await flush();
      else cancel ??= clock.after(LIMITS.workerLogPaceMs, () => void flush());
    },
    end: async () => {
      await flush();
      return failure;
    },
  };
};
