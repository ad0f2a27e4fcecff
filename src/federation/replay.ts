// The rules against replays: which calls are protected, in which window, under which name they are
// remembered. Pure; the memory itself is written by the home in the same batch as the effect.

import { type Fault, fault } from '../node/errors.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';

/** The three fields a client may put into a signed payload. Old servers do not know them. */
export interface ReplayFields {
  readonly nonce?: unknown;
  /** Epoch milliseconds. */
  readonly issuedat?: unknown;
  /** Server id that the call is meant for. */
  readonly audience?: unknown;
}

export interface ReplayFacts {
  /** Epoch milliseconds. */
  readonly now: number;
  /** This server. */
  readonly serverid: string;
  /** Recovered id of the caller. */
  readonly caller: string;
  readonly mutating: boolean;
  /** Whether the colony's record demands a nonce for calls like this. */
  readonly demanded: boolean;
}

/**
 * `open`: not protected, never deduplicated. `once`: to be remembered under `key` until
 * `forgetAt`.
 */
export type Protection =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'once';
      readonly key: string;
      readonly nonce: string;
      readonly forgetAt: number;
    };

const NONCE = /^[A-Za-z0-9_-]{16,64}$/;

/** Name under which a protected call is remembered: the caller and his nonce, nothing else. */
export const replayKey = (caller: string, nonce: string): string => `${caller}/${nonce}`;

/** A refusal that tells the caller what a protected call to this server would say. */
const refuse = (text: string, { serverid, now }: ReplayFacts): Fault =>
  fault('forbidden', text, { server: serverid, time: now });

/**
 * How a call is protected. Throws `forbidden` for one that is protected wrongly: out of the window
 * of 120 seconds, for another server, or without a nonce where the colony demands one.
 */
export const protectionOf = (fields: ReplayFields, facts: ReplayFacts): Protection => {
  const { nonce, issuedat, audience } = fields;
  if (audience !== undefined && audience !== facts.serverid) {
    throw refuse('the call is meant for another server (audience)', facts);
  }
  if (nonce === undefined) {
    if (!facts.demanded) return { kind: 'open' };
    throw refuse('this colony demands nonce, issuedat and audience in every call', facts);
  }
  if (typeof nonce !== 'string' || !NONCE.test(nonce)) {
    throw fault('bad-request', 'nonce: expected 16 to 64 letters, digits, _ or -');
  }
  if (typeof issuedat !== 'number' || !Number.isSafeInteger(issuedat)) {
    throw fault('bad-request', 'issuedat: expected milliseconds since 1970 as an integer');
  }
  if (Math.abs(facts.now - issuedat) > LIMITS.replayWindowMs) {
    throw refuse('issuedat: more than 120 seconds from the clock of this server', facts);
  }
  if (facts.mutating && audience === undefined) {
    throw refuse('audience: a protected call that changes something names its server', facts);
  }
  const key = replayKey(facts.caller, nonce);
  return { kind: 'once', key, nonce, forgetAt: issuedat + LIMITS.replayWindowMs + 1 };
};

/** The answer to a repeat: nothing is done, and it names what the first one made. */
export const replayed = (made: string): Fault =>
  fault('replayed', made === '' ? 'already done' : `already done: ${made}`, { made });
