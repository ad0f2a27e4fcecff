// Signing of texts: deterministic (RFC 6979), low-S, written r, s, v as 130 hex digits.
// Runs in browsers too; the fast engine may be injected, the signatures are the same byte for byte.

import { bytesToHex } from './bytes.ts';
import type { Engine } from './engine.ts';
import { pureEngine } from './engine-pure.ts';
import { sha3 } from './hash.ts';
import { parsePrivateKey } from './keys.ts';

/** Signs one text: 130 lower-case hex digits. */
export type Signer = (text: string) => string;

/**
 * A signer for one private key (64 hex digits); refuses a bad key at once. Whoever signs much
 * passes the engine of `chooseEngine`: the native one is about ten times faster.
 */
export const makeSigner = (
  prvkeyHex: string,
  engine: Pick<Engine, 'sign'> = pureEngine,
): Signer => {
  const key = parsePrivateKey(prvkeyHex);
  return (text) => {
    const { rs, v } = engine.sign(sha3(text), key);
    return `${bytesToHex(rs)}0${v}`;
  };
};

/**
 * The signature of the UTF-8 bytes of `text` (for a request: its base64 payload) by a private key.
 */
export const sign = (text: string, prvkeyHex: string): string => makeSigner(prvkeyHex)(text);
