// Numbers of secp256k1 that checks need, and comparison of 32-byte big-endian numbers.

import { hexToBytes } from './bytes.ts';

/** Bytes of a scalar, a digest and a coordinate. */
export const SCALAR_BYTES = 32;
/** Bytes of r and s together. */
export const COMPACT_BYTES = 64;
/** Bytes of an uncompressed public key: 04, X, Y. */
export const PUBLIC_KEY_BYTES = 65;

/** Order of the group. */
export const ORDER = hexToBytes('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
/** Half of the order, rounded down: the largest s of a low-S signature. */
export const HALF_ORDER = hexToBytes(
  '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0',
);
/** Field prime minus order: an r of at least this cannot have wrapped around. */
export const PRIME_MINUS_ORDER = hexToBytes(
  '000000000000000000000000000000014551231950b75fc4402da1722fc9baee',
);

/** Sign of `a[at..at+32] - b`: below 0, 0 or above 0. Not constant time: for public numbers. */
export const compareScalar = (a: Uint8Array, at: number, b: Uint8Array): number => {
  for (let i = 0; i < SCALAR_BYTES; i++) {
    const difference = (a[at + i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

/** Whether the 32 bytes from `at` are all zero. */
export const isZeroScalar = (a: Uint8Array, at: number): boolean => {
  for (let i = 0; i < SCALAR_BYTES; i++) if (a[at + i] !== 0) return false;
  return true;
};
