// The fast engine: libsecp256k1 through the optional native package. Server side only.
// Loads the binding itself: the package's root silently falls back to a slow implementation.

import { createRequire } from 'node:module';
import { type Engine, strict } from './engine.ts';

interface Binding {
  ecdsaRecover(rs: Uint8Array, v: number, digest: Uint8Array, compressed: boolean): Uint8Array;
  ecdsaSign(digest: Uint8Array, key: Uint8Array): { signature: Uint8Array; recid: number };
  ecdsaVerify(rs: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean;
}

/**
 * The native engine. Throws where the optional package or a binary for this platform is missing.
 */
export const loadNativeEngine = (): Engine => {
  const binding: Binding = createRequire(import.meta.url)('secp256k1/bindings.js');
  return strict({
    name: 'native',
    recover: (digest, rs, v) => {
      try {
        return binding.ecdsaRecover(rs, v, digest, false);
      } catch {
        // Expected: r or s out of range, R not on the curve, or a key at infinity.
        return undefined;
      }
    },
    sign: (digest, key) => {
      const { signature, recid } = binding.ecdsaSign(digest, key);
      return { rs: signature, v: recid };
    },
    verify: (digest, rs, publicKey) => {
      try {
        return binding.ecdsaVerify(rs, digest, publicKey);
      } catch {
        // Expected: r or s out of range, or a public key that is no point of the curve.
        return false;
      }
    },
  });
};
