// The typed client: one method per operation, typed by the operation table, plus subscriptions.
// Runs in browsers and in Node.js. It must not load the engine, the store or the HTTP server.

import { idOfKey } from '../../node/crypto/keys.ts';
import { makeSigner } from '../../node/crypto/sign.ts';
import { LIMITS } from '../../node/limits.ts';
import type { Process } from '../../node/model/process.ts';
import type { Op } from '../op.ts';
import { OPS, type Ops } from '../ops/index.ts';
import type { Courier } from './courier.ts';
import { makeSealer, openReply, type Sign } from './envelopes.ts';
import { ColoniesError } from './error.ts';
import type { MessageOf, ReplyOf } from './messages.ts';
import { makeProtection } from './protection.ts';
import { framesBy, framesFrom, makeSubscriptions, type Subscribing } from './subscriptions.ts';
import { baseUrl, httpTransport, type ServerAddress, type Transport } from './transport.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Give up after this; default 30 s, for a long poll 30 s more than it waits. */
  readonly timeoutMs?: number;
}

type Method<O> =
  Record<string, never> extends MessageOf<O>
    ? (message?: MessageOf<O>, options?: CallOptions) => Promise<ReplyOf<O>>
    : (message: MessageOf<O>, options?: CallOptions) => Promise<ReplyOf<O>>;

export interface PollOptions {
  readonly colonyname: string;
  /** How long one poll waits, seconds; default 30. */
  readonly waitS?: number;
  /** What this machine has left; unlimited when absent. */
  readonly availablecpu?: string;
  readonly availablemem?: string;
  readonly signal?: AbortSignal;
}

export interface Polling {
  /**
   * One long poll: the next process for this executor, or undefined when there was none in time.
   */
  next(options: PollOptions): Promise<Process | undefined>;
}

export type Client = { readonly [K in keyof Ops]: Method<Ops[K]> } & Subscribing &
  Polling & {
    /** The id of the client's key; undefined without a key. */
    readonly id: string | undefined;
    /** Sends any message, also of types this client has no method for. */
    send(payloadtype: string, fields: object, options?: CallOptions): Promise<unknown>;
  };

export interface ClientOptions extends ServerAddress {
  /** Private key, 64 hex digits. Without one only the unsigned operations work. */
  readonly key?: string;
  /** A faster signer for `key`. */
  readonly sign?: Sign;
  readonly fetch?: typeof fetch;
  /** Replaces HTTP altogether. */
  readonly transport?: Transport;
  /** Chooses the server, signs and checks replies, instead of all the above. */
  readonly courier?: Courier;
}

const CALL_MS = 30_000;
const POLL_S = 30;

// Runs with a signal that is aborted by the caller's own or when the time is over.
// (AbortSignal.any would keep a trace of every call for as long as the caller's signal lives.)
const within = async <T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  run: (until: AbortSignal) => Promise<T>,
): Promise<T> => {
  signal?.throwIfAborted();
  const until = new AbortController();
  const stop = (): void => until.abort(signal?.reason);
  const late = (): void =>
    until.abort(new DOMException(`no answer in ${timeoutMs} ms`, 'TimeoutError'));
  const timer = setTimeout(late, timeoutMs);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await run(until.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
};

const isAgain = (error: unknown): boolean =>
  error instanceof ColoniesError && error.code === 'nothing-waiting';

/** Makes a client for one server and one identity. Nothing is sent before the first call. */
export const makeClient = (options: ClientOptions = {}): Client => {
  const base = baseUrl(options);
  const { key, courier, transport = httpTransport(base, options.fetch) } = options;
  const sign = options.sign ?? (key === undefined ? undefined : makeSigner(key));
  const seal = makeSealer(sign);
  const protection = makeProtection();

  const exchange = async (
    payloadtype: string,
    fields: object,
    kind: Op['kind'],
    { signal, timeoutMs = CALL_MS }: CallOptions,
  ): Promise<unknown> => {
    const reply = await within(timeoutMs, signal, async (until) => {
      if (courier !== undefined) return courier.send({ payloadtype, fields, kind, sign }, until);
      return protection.exchange({ fields, mutating: kind !== 'read' }, (added) => {
        const repeats = kind !== 'write' && !('nonce' in added);
        return transport(seal(payloadtype, { ...fields, ...added }, repeats), until);
      });
    });
    return openReply(payloadtype, reply.status, reply.body);
  };

  const method =
    (op: Op) =>
    (message: object = {}, call: CallOptions = {}): Promise<unknown> => {
      const { timeout } = message as { timeout?: unknown };
      const waits = op.kind === 'wait' && typeof timeout === 'number' && timeout > 0;
      const timeoutMs = call.timeoutMs ?? CALL_MS + (waits ? timeout * 1000 : 0);
      return exchange(op.type, message, op.kind, { ...call, timeoutMs });
    };

  const methods = Object.fromEntries(
    Object.entries<Op>(OPS).map(([name, op]) => [name, method(op)]),
  ) as unknown as { [K in keyof Ops]: Method<Ops[K]> };

  const next = async (poll: PollOptions): Promise<Process | undefined> => {
    const { colonyname, waitS = POLL_S, availablecpu, availablemem, signal } = poll;
    const timeout = Math.min(Math.max(1, Math.round(waitS)), LIMITS.assignTimeoutMaxS);
    const message = { colonyname, timeout, availablecpu, availablemem };
    try {
      return await methods.assign(message, signal === undefined ? {} : { signal });
    } catch (error) {
      if (isAgain(error)) return undefined;
      throw error;
    }
  };

  return {
    ...methods,
    ...makeSubscriptions(
      courier === undefined ? framesFrom(base, seal, protection) : framesBy(courier, sign),
      (processid) => methods.getProcess({ processid }),
    ),
    next,
    id: key === undefined ? undefined : idOfKey(key),
    send: (payloadtype, fields, call = {}) => exchange(payloadtype, fields, 'write', call),
  };
};
