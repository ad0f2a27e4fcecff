// The reference engine: @noble/curves. Slow (about 2 ms a recovery), everywhere, and never wrong.

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { type Engine, strict } from './engine.ts';

/** The engine in plain JavaScript; runs in browsers too. */
export const pureEngine: Engine = strict({
  name: 'pure',
  recover: (digest, rs, v) => {
    try {
      const signature = secp256k1.Signature.fromBytes(rs, 'compact').addRecoveryBit(v);
      return signature.recoverPublicKey(digest).toBytes(false);
    } catch {
      // Expected: r or s out of range, R not on the curve, or a key at infinity.
      return undefined;
    }
  },
  sign: (digest, key) => {
    const bytes = secp256k1.sign(digest, key, { prehash: false, lowS: true, format: 'recovered' });
    // The library writes the recovery id first; the wire has it last.
    return { rs: bytes.slice(1), v: bytes[0] ?? 0 };
  },
  verify: (digest, rs, publicKey) => {
    try {
      const options = { prehash: false, lowS: true, format: 'compact' } as const;
      return secp256k1.verify(rs, digest, publicKey, options);
    } catch {
      // Expected: r or s out of range, or a public key that is no point of the curve.
      return false;
    }
  },
});
