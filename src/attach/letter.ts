// A call as it is written for one host: signed with a nonce, a time and the server it is meant for,
// so that
// it takes effect there, once, and its reply can be proven.

import type { Letter } from '../api/client/courier.ts';
import type { Clock } from '../node/clock.ts';
import { textToBase64 } from '../node/crypto/bytes.ts';
import { stringifyJson } from '../node/model/json.ts';

/** One envelope; it may be sent again and again to the host it is for. */
export interface Sealed {
  readonly serverid: string;
  /** What the proof of the reply is about. */
  readonly payload: string;
  readonly body: string;
}

/** Seals a letter for one host. */
export const seal = (letter: Letter, serverid: string, clock: Clock): Sealed => {
  const { payloadtype, fields, sign } = letter;
  const protection = { nonce: clock.newId(), issuedat: clock.now(), audience: serverid };
  const json = stringifyJson({ ...fields, ...protection, msgtype: payloadtype });
  const payload = textToBase64(json);
  const body = JSON.stringify({ signature: sign?.(payload) ?? '', payloadtype, payload });
  return { serverid, payload, body };
};

const textAt = (fields: object, ...path: readonly string[]): string | undefined => {
  let at: unknown = fields;
  for (const name of path) at = (at as Record<string, unknown> | null | undefined)?.[name];
  return typeof at === 'string' && at !== '' ? at : undefined;
};

/**
 * The thing a message is about that lives on one server only: a process. Undefined for messages
 * that any
 * host of the colony may answer.
 */
export const thingOf = (fields: object): string | undefined =>
  textAt(fields, 'processid') ?? textAt(fields, 'attribute', 'targetid');

/**
 * Whether the reply to a message of this type is a process, which lives where it was made or taken.
 */
export const makesThings = (payloadtype: string): boolean => /^(submit|assign)/.test(payloadtype);
