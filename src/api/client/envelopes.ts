// Envelopes as the client writes and reads them. Runs in browsers: no Node modules, no Buffer.

import { base64ToBytes, textToBase64 } from '../../node/crypto/bytes.ts';
import { OddNumber, parseJson, stringifyJson } from '../../node/model/json.ts';
import { ColoniesError, codeOf } from './error.ts';

/** Signs one text: 130 hex digits. */
export type Sign = (text: string) => string;

/** How many signed envelopes of repeated calls are kept: signing costs more than all else. */
const KEPT_MAX = 64;

const utf8 = new TextDecoder();

/** Makes the writer of envelopes for one identity; without `sign` they go unsigned. */
export const makeSealer = (sign: Sign | undefined) => {
  const kept = new Map<string, string>();
  const seal = (payloadtype: string, json: string): string => {
    const payload = textToBase64(json);
    return JSON.stringify({ signature: sign?.(payload) ?? '', payloadtype, payload });
  };
  /**
   * The body of a request. `repeats`: calls that are made again and again with the same fields,
   * such as polls, get the same signed envelope again.
   */
  return (payloadtype: string, fields: object, repeats: boolean): string => {
    const json = stringifyJson({ ...fields, msgtype: payloadtype });
    if (!repeats) return seal(payloadtype, json);
    const known = kept.get(json);
    if (known !== undefined) return known;
    const body = seal(payloadtype, json);
    const [oldest] = kept.size >= KEPT_MAX ? kept.keys() : [];
    if (oldest !== undefined) kept.delete(oldest);
    kept.set(json, body);
    return body;
  };
};

// Replies hold plain numbers and, beyond 2^53, bigint.
const plain = (value: unknown): unknown => {
  if (value instanceof OddNumber) return value.value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
};

const payloadOf = (text: string): unknown => plain(parseJson(utf8.decode(base64ToBytes(text))));

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const read = (body: string): { readonly payload: unknown; readonly error: boolean } | undefined => {
  try {
    const reply: unknown = JSON.parse(body);
    if (!isRecord(reply) || typeof reply['payload'] !== 'string') return undefined;
    return { payload: payloadOf(reply['payload']), error: reply['error'] === true };
  } catch {
    // Expected when something else than a Colonies server answers; the caller says so.
    return undefined;
  }
};

/** The payload of a reply or event. Throws ColoniesError for refusals and for what is no reply. */
export const openReply = (payloadtype: string, status: number, body: string): unknown => {
  const reply = read(body);
  if (reply === undefined) {
    const start = body.replace(/\s+/g, ' ').slice(0, 80);
    const text = `not a reply of a Colonies server (HTTP ${status}): ${start}`;
    throw new ColoniesError('bad-reply', text, { status });
  }
  if (!reply.error) return reply.payload;
  const failure = isRecord(reply.payload) ? reply.payload : {};
  const told = typeof failure['status'] === 'number' ? failure['status'] : status;
  const message = typeof failure['message'] === 'string' ? failure['message'] : `HTTP ${told}`;
  const { detail } = failure;
  throw new ColoniesError(codeOf(told, payloadtype), message, {
    status: told,
    ...(typeof detail === 'string' ? { detail } : {}),
  });
};
