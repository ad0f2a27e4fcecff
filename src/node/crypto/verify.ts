// Verification against a public key that is already known, as signed records carry one. Not for
// requests: verification ignores the recovery id, so it cannot say who the caller is.

import { COMPACT_BYTES, PUBLIC_KEY_BYTES } from './curve.ts';
import type { Engine } from './engine.ts';
import { pureEngine } from './engine-pure.ts';
import { sha3 } from './hash.ts';
import { isHighS } from './signature.ts';

/**
 * Whether `rs` (r and s, 64 bytes, low-S) is a signature of a 32-byte digest by `publicKey`
 * (65 bytes, uncompressed: the one form a record has). Wrong lengths are false, not an error.
 */
export const verifyDigest = (
  digest: Uint8Array,
  rs: Uint8Array,
  publicKey: Uint8Array,
  engine: Pick<Engine, 'verify'> = pureEngine,
): boolean => {
  if (rs.length !== COMPACT_BYTES || isHighS(rs)) return false;
  if (publicKey.length !== PUBLIC_KEY_BYTES || publicKey[0] !== 4) return false;
  return engine.verify(digest, rs, publicKey);
};

/** `verifyDigest` over SHA3-256 of the UTF-8 bytes of a text: the counterpart of `sign`. */
export const verifyText = (
  text: string,
  rs: Uint8Array,
  publicKey: Uint8Array,
  engine: Pick<Engine, 'verify'> = pureEngine,
): boolean => verifyDigest(sha3(text), rs, publicKey, engine);
