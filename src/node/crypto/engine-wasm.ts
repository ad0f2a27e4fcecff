// The portable engine: libsecp256k1 as WebAssembly (about 0.2 ms a recovery). Server side only.
// Imported by its deep path: the package's root compiles five modules and costs a quarter of a
// second.

import { instantiateSecp256k1 } from '@bitauth/libauth/build/lib/crypto/secp256k1.js';
import { type Engine, strict } from './engine.ts';

/** Compiles the WebAssembly module (about 20 ms) and gives the engine. */
export const loadWasmEngine = async (): Promise<Engine> => {
  const wasm = await instantiateSecp256k1();
  return strict({
    name: 'wasm',
    recover: (digest, rs, v) => {
      // A text is the library's way to say that there is no key.
      const key = wasm.recoverPublicKeyUncompressed(rs, v as 0 | 1 | 2 | 3, digest);
      return typeof key === 'string' ? undefined : key;
    },
    sign: (digest, key) => {
      const signed = wasm.signMessageHashRecoverableCompact(key, digest);
      if (typeof signed === 'string') throw new RangeError('key: must be a valid private key');
      return { rs: signed.signature, v: signed.recoveryId };
    },
    verify: (digest, rs, publicKey) => wasm.verifySignatureCompactLowS(rs, publicKey, digest),
  });
};
