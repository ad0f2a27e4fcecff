// The port that every curve implementation fulfils, and the strict guard in front of each.
// The implementations differ in what they let pass; behind the guard they agree byte for byte.

import { COMPACT_BYTES, PUBLIC_KEY_BYTES, SCALAR_BYTES } from './curve.ts';

export const ENGINES = ['native', 'wasm', 'pure'] as const;
export type EngineName = (typeof ENGINES)[number];

/** A signature as numbers: r and s (64 bytes) and the recovery id (0..3). */
export interface Recoverable {
  readonly rs: Uint8Array;
  readonly v: number;
}

/** secp256k1 on bytes. All functions are pure and synchronous. */
export interface Engine {
  readonly name: EngineName;
  /**
   * The uncompressed public key (65 bytes) behind a signature of a digest, or undefined when there
   * is none.
   */
  recover(digest: Uint8Array, rs: Uint8Array, v: number): Uint8Array | undefined;
  /** Deterministic (RFC 6979) low-S signature of a digest by a valid private key. */
  sign(digest: Uint8Array, key: Uint8Array): Recoverable;
  /** Whether r and s, low-S, are a signature of the digest by the public key (33 or 65 bytes). */
  verify(digest: Uint8Array, rs: Uint8Array, publicKey: Uint8Array): boolean;
}

const must = (name: string, bytes: Uint8Array, length: number): void => {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${name}: must be bytes`);
  if (bytes.length !== length) throw new RangeError(`${name}: must have ${length} bytes`);
};

const mustBePublicKey = (key: Uint8Array): void => {
  if (!(key instanceof Uint8Array)) throw new TypeError('publicKey: must be bytes');
  const uncompressed = key.length === PUBLIC_KEY_BYTES && key[0] === 4;
  const compressed = key.length === SCALAR_BYTES + 1 && (key[0] === 2 || key[0] === 3);
  // Hybrid forms (06, 07) are read by some implementations only: refused for all.
  if (!uncompressed && !compressed) throw new RangeError('publicKey: must be a SEC1 public key');
};

/**
 * `engine` with every argument checked: lengths, types, and a recovery id that is an integer 0..3.
 */
export const strict = (engine: Engine): Engine => ({
  name: engine.name,
  recover: (digest, rs, v) => {
    must('digest', digest, SCALAR_BYTES);
    must('rs', rs, COMPACT_BYTES);
    if (!Number.isInteger(v) || v < 0 || v > 3) throw new RangeError('v: must be 0, 1, 2 or 3');
    return engine.recover(digest, rs, v);
  },
  sign: (digest, key) => {
    must('digest', digest, SCALAR_BYTES);
    must('key', key, SCALAR_BYTES);
    return engine.sign(digest, key);
  },
  verify: (digest, rs, publicKey) => {
    must('digest', digest, SCALAR_BYTES);
    must('rs', rs, COMPACT_BYTES);
    mustBePublicKey(publicKey);
    return engine.verify(digest, rs, publicKey);
  },
});
