// Private keys, public keys and the id rule. Texts in, texts out; runs in browsers too.
// Must not keep, log or quote a private key.

import { secp256k1 } from '@noble/curves/secp256k1.js';
import type { Clock } from '../clock.ts';
import { fault } from '../errors.ts';
import { bytesToHex, hexToBytes } from './bytes.ts';
import { compareScalar, isZeroScalar, ORDER, SCALAR_BYTES } from './curve.ts';
import { sha3Hex } from './hash.ts';

const PUBLIC_KEY_TEXT = /^04[0-9a-f]{128}$/;

const inRange = (key: Uint8Array): boolean =>
  !isZeroScalar(key, 0) && compareScalar(key, 0, ORDER) < 0;

/**
 * The 32 bytes of a private key text: 64 hex digits in either case, 0 < d < n.
 * Throws `bad-request` with the documented texts (protocol of 2022, section 1.1).
 */
export const parsePrivateKey = (prvkeyHex: string): Uint8Array => {
  const key = hexToBytes(prvkeyHex);
  if (key.length !== SCALAR_BYTES) {
    throw fault('bad-request', 'Invalid private key length, should be 256 bits', {
      reason: 'key-length',
    });
  }
  if (!inRange(key)) throw fault('bad-request', 'Invalid private key', { reason: 'key-range' });
  return key;
};

/** A new private key: 64 lower-case hex digits, from the clock's randomness. */
export const generateKey = (clock: Pick<Clock, 'random'>): string => {
  const key = clock.random(new Uint8Array(SCALAR_BYTES));
  // About once in 2^128 draws the number is out of range: draw again.
  return inRange(key) ? bytesToHex(key) : generateKey(clock);
};

/** The public key of a private key: 130 lower-case hex digits, uncompressed. */
export const publicKeyHex = (prvkeyHex: string): string =>
  bytesToHex(secp256k1.getPublicKey(parsePrivateKey(prvkeyHex), false));

/**
 * The id of a public key (130 hex digits): SHA3-256 over that lower-case text, not over its bytes.
 */
export const idOfPublicKey = (pubHex: string): string => {
  const text = pubHex.toLowerCase();
  if (!PUBLIC_KEY_TEXT.test(text)) {
    throw fault('bad-request', 'Invalid public key, should be 130 hex digits that start with 04', {
      reason: 'public-key',
    });
  }
  return sha3Hex(text);
};

/** The id of a private key. */
export const idOfKey = (prvkeyHex: string): string => idOfPublicKey(publicKeyHex(prvkeyHex));
