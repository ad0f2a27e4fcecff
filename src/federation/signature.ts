// The protocol's hash, ids and signatures as records use them: r || s without v, the key carried beside.
// The one file of the federation that knows a curve library.

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha3_256 } from '@noble/hashes/sha3.js';
import { compareBytes, fromHex, toHex, utf8 } from './bytes.ts';
import type { Signer } from './ports.ts';

const HALF_ORDER = fromHex('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0');
const ORDER = fromHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');

/** SHA3-256 of bytes, or of the UTF-8 bytes of a text, as 64 hex digits. */
export const hashHex = (data: string | Uint8Array): string =>
  toHex(sha3_256(typeof data === 'string' ? utf8(data) : data));

/** Id of a public key: SHA3-256 over the text of its 130 hex digits. */
export const idOfPublicKey = (publicKeyHex: string): string => hashHex(publicKeyHex);

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/** Whether r and s are in range and s is the smaller of its two values; no curve operation. */
export const isLowS = (signature: Uint8Array): boolean => {
  const r = signature.subarray(0, 32);
  const s = signature.subarray(32, 64);
  if (isZero(r) || isZero(s) || compareBytes(r, ORDER) >= 0) return false;
  return compareBytes(s, HALF_ORDER) <= 0;
};

/** Whether `signature` (r || s, 64 bytes) is the key's over the text. Never throws. */
export const isSignedBy = (publicKey: Uint8Array, text: string, signature: Uint8Array): boolean => {
  if (signature.length !== 64 || !isLowS(signature)) return false;
  try {
    return secp256k1.verify(signature, sha3_256(utf8(text)), publicKey, {
      prehash: false,
      lowS: true,
    });
  } catch {
    // noble throws for a public key that is no point of the curve.
    return false;
  }
};

/** A signer over a private key given as 64 hex digits. */
export const signerOf = (prvkey: string): Signer => {
  const secret = fromHex(prvkey.toLowerCase());
  const publicKey = toHex(secp256k1.getPublicKey(secret, false));
  return {
    publicKey,
    sign: (text) => {
      const signed = secp256k1.sign(sha3_256(utf8(text)), secret, {
        prehash: false,
        lowS: true,
        format: 'recovered',
      });
      // noble puts the recovery byte first, the protocol last.
      return toHex(signed.subarray(1)) + toHex(signed.subarray(0, 1));
    },
  };
};
