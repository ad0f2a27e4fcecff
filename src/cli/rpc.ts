// Signed calls of the command line: one message in, its reply out, the server's refusals as errors.
// Serves both dialects: the message decides. Replies keep 64-bit integers exact.

import { makeProtection } from '../api/client/protection.ts';
import { parseJson, stringifyJson } from '../node/model/json.ts';
import { type ServerAddress, serverAddress } from './address.ts';
import type { Context } from './command.ts';
import { advised, ServerError } from './errors.ts';
import { withKey } from './identity.ts';
import { callDeadline, exchange } from './transport.ts';

/**
 * Sends one message and returns the decoded reply. `T` is what the protocol says the reply is; an
 * empty reply (nothing to assign, 2022) is undefined. Throws ServerError with the server's own
 * text, AdvisedError when there is no answer;
 * without `signal` one must come within LIMITS.cliCallMs.
 */
export type Call = <T>(
  payloadtype: string,
  fields: Readonly<Record<string, unknown>>,
  prvkey: string | undefined,
  signal?: AbortSignal,
) => Promise<T>;

const NOT_A_COLONIES_SERVER =
  'Something answers there, but it is not a Colonies server: check host and port.';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parsed = (text: string): unknown => {
  try {
    return parseJson(text);
  } catch {
    // Not JSON: the caller says what it is instead.
    return undefined;
  }
};

/** The payload of a reply; throws ServerError for refusals, AdvisedError for what is no reply. */
export const readReply = (status: number, body: string): unknown => {
  if (body === '' && status === 200) return undefined;
  const reply = parsed(body);
  if (!isRecord(reply) || typeof reply['payload'] !== 'string') {
    const start = body.replace(/\s+/g, ' ').slice(0, 80);
    throw advised(
      `Expected a valid Colonies RPC message, but got this (HTTP ${status}): ${start}`,
      NOT_A_COLONIES_SERVER,
    );
  }
  const payload = parsed(Buffer.from(reply['payload'], 'base64').toString('utf8'));
  if (reply['error'] !== true) return payload;
  const failure = isRecord(payload) ? payload : {};
  throw new ServerError(
    typeof failure['status'] === 'number' ? failure['status'] : status,
    typeof failure['message'] === 'string' ? failure['message'] : `HTTP ${status}`,
  );
};

const sealed = async (
  payloadtype: string,
  fields: Readonly<Record<string, unknown>>,
  prvkey: string | undefined,
): Promise<string> => {
  const json = stringifyJson({ ...fields, msgtype: payloadtype });
  const payload = Buffer.from(json).toString('base64');
  let signature = '';
  if (prvkey !== undefined) {
    // Loaded here: help, completion and the keychain never need the curve.
    const { sign } = await import('../node/crypto/sign.ts');
    signature = withKey(() => sign(payload, prvkey));
  }
  return JSON.stringify({ signature, payloadtype, payload });
};

/** Types of messages that change nothing; the table of operations would take long to load. */
export const READS = /^(get|resolve|search|version)/;

/**
 * Calls to one server. Without a key the message goes unsigned (`versionmsg`, `getserverinfomsg`).
 */
export const callerTo = (at: ServerAddress): Call => {
  const protection = makeProtection();
  return async <T>(
    payloadtype: string,
    fields: Readonly<Record<string, unknown>>,
    prvkey: string | undefined,
    signal?: AbortSignal,
  ): Promise<T> => {
    const until = signal ?? callDeadline();
    const mutating = !READS.test(payloadtype);
    const { status, body } = await protection.exchange({ fields, mutating }, async (added) => {
      const sent = await sealed(payloadtype, { ...fields, ...added }, prvkey);
      return exchange(at, '/api', sent, until);
    });
    return readReply(status, body) as T;
  };
};

/** Calls to the server that flags and environment name. */
export const caller = (
  ctx: Pick<Context, 'env' | 'globals' | 'log'>,
  flags: { readonly host?: string | undefined; readonly port?: number | undefined } = {},
): Call => callerTo(serverAddress(ctx, flags));
