// Subscriptions of the client: processes as async iterables, and waiting for one to finish.

import { isFinal, type Process, STATE } from '../../node/model/process.ts';
import type { subscribeProcess, subscribeProcesses } from '../ops/subscriptions.ts';
import type { Courier } from './courier.ts';
import type { makeSealer, Sign } from './envelopes.ts';
import { openReply } from './envelopes.ts';
import { ColoniesError } from './error.ts';
import type { MessageOf } from './messages.ts';
import type { Protection } from './protection.ts';
import { openFrames } from './socket.ts';

const PROCESS = 'subscribeprocessmsg';
const PROCESSES = 'subscribeprocessesmsg';
const HOUR_S = 3600;

/** How much earlier than its time a subscription may end before it counts as broken, ms. */
const EARLY_MS = 1500;

/** A subscription's message; without `timeout` it lasts an hour. */
type Watched<W> = Omit<MessageOf<W>, 'timeout'> & { readonly timeout?: number };

/** Subscriptions begin with the call; leaving the loop over the events ends them. */
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

/** Opens one connection with several subscriptions: the frames that come in. */
type OpenFrames = (
  wishes: readonly Wish[],
  signal: AbortSignal | undefined,
) => Promise<AsyncIterable<string>>;

/** Frames of the one server at `base`, which may demand protection. */
export const framesFrom = (
  base: string,
  seal: ReturnType<typeof makeSealer>,
  protection: Protection,
): OpenFrames => {
  const url = `${base.replace(/^http/, 'ws')}/pubsub`;
  const open: OpenFrames = (wishes, signal) => {
    const bodies = wishes.map(({ type, fields }) =>
      seal(type, { ...fields, ...protection.fields({ fields, mutating: false }) }, false),
    );
    return openFrames(url, bodies, signal);
  };
  return async (wishes, signal) => {
    const opened = await open(wishes, signal);
    return (async function* frames(): AsyncGenerator<string> {
      let isFirst = true;
      for await (const text of opened) {
        if (isFirst && protection.isDemandedBy(text)) {
          yield* await open(wishes, signal);
          return;
        }
        isFirst = false;
        yield text;
      }
    })();
  };
};

/** Frames that a courier brings. */
export const framesBy =
  (courier: Courier, sign: Sign | undefined): OpenFrames =>
  (wishes, signal) =>
    courier.watch(
      wishes.map(({ type, fields }) => ({ payloadtype: type, fields, kind: 'read', sign })),
      signal,
    );

/** Makes the subscriptions of a client. */
export const makeSubscriptions = (
  open: OpenFrames,
  getProcess: (processid: string) => Promise<Process>,
): Subscribing => {
  // Events of several subscriptions on one connection. The server cuts it when the first runs out:
  // that is the end of the stream. Any other end is a broken connection.
  const events = (wishes: readonly Wish[], { signal }: Signal): AsyncGenerator<Process> => {
    const timeout = wishes[0]?.fields.timeout ?? HOUR_S;
    const timed = wishes.map(({ type, fields }) => ({ type, fields: { ...fields, timeout } }));
    const startedMs = performance.now();
    const opening = open(timed, signal);
    // Told to whoever reads the events, however late he begins.
    opening.catch(() => undefined);
    return (async function* read(): AsyncGenerator<Process> {
      for await (const text of await opening) yield openReply(PROCESS, 200, text) as Process;
      if (performance.now() - startedMs < timeout * 1000 - EARLY_MS) {
        throw new ColoniesError('unreachable', 'the connection was closed by the server');
      }
    })();
  };

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
