// Subscriptions of the client: processes as async iterables, and waiting for one to finish.

import { isFinal, type Process, STATE } from '../../node/model/process.ts';
import type { subscribeProcess, subscribeProcesses } from '../ops/subscriptions.ts';
import type { makeSealer } from './envelopes.ts';
import { openReply } from './envelopes.ts';
import { ColoniesError } from './error.ts';
import type { MessageOf } from './messages.ts';
import { openFrames } from './socket.ts';

const PROCESS = 'subscribeprocessmsg';
const PROCESSES = 'subscribeprocessesmsg';
const HOUR_S = 3600;

/** How much earlier than its time a subscription may end before it counts as broken, ms. */
const EARLY_MS = 1500;

/** A subscription's message; without `timeout` it lasts an hour. */
type Watched<W> = Omit<MessageOf<W>, 'timeout'> & { readonly timeout?: number };

export interface Subscribing {
  /** Every process of the colony with this executor type that enters `state`. */
  subscribeProcesses(
    message: Watched<typeof subscribeProcesses>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterableIterator<Process>;
  /** This process whenever it enters `state`; at once when it is in it. */
  subscribeProcess(
    message: Watched<typeof subscribeProcess>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterableIterator<Process>;
  /**
   * The process once it succeeded, failed or was cancelled. Throws ColoniesError `nothing-waiting`
   * when it did not in `timeout` seconds (default an hour).
   */
  waitForProcess(
    message: { readonly processid: string; readonly timeout?: number },
    options?: { readonly signal?: AbortSignal },
  ): Promise<Process>;
}

type Signal = { readonly signal?: AbortSignal };

interface Wish {
  readonly type: string;
  readonly fields: { readonly timeout?: number };
}

/** Makes the subscriptions of a client. */
export const makeSubscriptions = (
  base: string,
  seal: ReturnType<typeof makeSealer>,
  getProcess: (processid: string) => Promise<Process>,
): Subscribing => {
  const url = `${base.replace(/^http/, 'ws')}/pubsub`;

  // Events of several subscriptions on one connection. The server cuts it when the first runs out:
  // that is the end of the stream. Any other end is a broken connection.
  async function* events(wishes: readonly Wish[], { signal }: Signal): AsyncGenerator<Process> {
    const timeout = wishes[0]?.fields.timeout ?? HOUR_S;
    const bodies = wishes.map(({ type, fields }) => seal(type, { timeout, ...fields }, false));
    const startedMs = performance.now();
    for await (const text of await openFrames(url, bodies, signal)) {
      yield openReply(PROCESS, 200, text) as Process;
    }
    if (performance.now() - startedMs < timeout * 1000 - EARLY_MS) {
      throw new ColoniesError('unreachable', 'the connection was closed by the server');
    }
  }

  const waitForProcess: Subscribing['waitForProcess'] = async (message, options = {}) => {
    const finals = [STATE.success, STATE.failed, STATE.cancelled];
    const wishes = finals.map((state) => ({ type: PROCESS, fields: { ...message, state } }));
    for await (const process of events(wishes, options)) {
      if (isFinal(process.state)) return process;
    }
    const process = await getProcess(message.processid);
    if (isFinal(process.state)) return process;
    throw new ColoniesError('nothing-waiting', 'the process did not finish in time');
  };

  return {
    subscribeProcess: (fields, options = {}) => events([{ type: PROCESS, fields }], options),
    subscribeProcesses: (fields, options = {}) => events([{ type: PROCESSES, fields }], options),
    waitForProcess,
  };
};
