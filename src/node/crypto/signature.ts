// The strict reading of a signature text, and recovery of the caller's id from what was read.
// Every refusal is a 403 with the documented text, in the documented order of checks.

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { bytesToHex, hexError, hexToBytes } from './bytes.ts';
import {
  COMPACT_BYTES,
  compareScalar,
  HALF_ORDER,
  isZeroScalar,
  ORDER,
  PRIME_MINUS_ORDER,
  SCALAR_BYTES,
} from './curve.ts';
import type { Engine, Recoverable } from './engine.ts';
import { pureEngine } from './engine-pure.ts';
import { sha3, sha3Hex } from './hash.ts';
import { idOrThrow, type Recovered, refuse } from './refusals.ts';

const SIGNATURE_BYTES = COMPACT_BYTES + 1;
/** Added to the recovery code by the original servers before they check it; shows in their text. */
const CODE_OFFSET = 27;
const CODE_MAX = 7;

/**
 * Reads the 130 hex digits of r, s and v. Upper case is accepted; v of 4..7 counts as 0..3 (an old
 * mark for compressed keys). High S is not refused here, since a point off the curve is told first.
 */
export const parseSignature = (text: string): Recoverable => {
  const error = hexError(text);
  if (error !== undefined) throw refuse(error.reason, error.text);
  if (text.length !== 2 * SIGNATURE_BYTES) throw refuse('length');
  const bytes = hexToBytes(text);
  const code = bytes[COMPACT_BYTES] ?? 0;
  if (code > CODE_MAX) {
    const shown = (code + CODE_OFFSET) & 0xff;
    throw refuse(
      'recovery-code',
      `Failed to recover public key: invalid signature: public key recovery code ${shown} is ` +
        `not in the valid range [${CODE_OFFSET}, ${CODE_OFFSET + CODE_MAX}]`,
    );
  }
  const v = code & 3;
  if (compareScalar(bytes, 0, ORDER) >= 0) throw refuse('r-too-big');
  if (isZeroScalar(bytes, 0)) throw refuse('r-zero');
  if (compareScalar(bytes, SCALAR_BYTES, ORDER) >= 0) throw refuse('s-too-big');
  if (isZeroScalar(bytes, SCALAR_BYTES)) throw refuse('s-zero');
  if (v >= 2 && compareScalar(bytes, 0, PRIME_MINUS_ORDER) >= 0) throw refuse('r-overflow');
  return { rs: bytes.subarray(0, COMPACT_BYTES), v };
};

/** Whether s lies in the upper half: such twins of good signatures are refused. */
export const isHighS = (rs: Uint8Array): boolean => compareScalar(rs, SCALAR_BYTES, HALF_ORDER) > 0;

// Recovery failed: was there no such point R, or did the key come out as infinity?
const whyNoKey = ({ rs, v }: Recoverable): 'not-on-curve' | 'infinity' => {
  const r = BigInt(`0x${bytesToHex(rs.subarray(0, SCALAR_BYTES))}`);
  const x = v >= 2 ? r + secp256k1.Point.Fn.ORDER : r;
  const { Fp } = secp256k1.Point;
  const square = Fp.add(Fp.mul(Fp.sqr(x), x), secp256k1.Point.CURVE().b);
  try {
    Fp.sqrt(square);
  } catch {
    // Expected: not a square, so there is no point with this x.
    return 'not-on-curve';
  }
  return 'infinity';
};

/**
 * The caller's id behind a parsed signature of a digest, or the reason why there is none. A
 * signature by the wrong key gives some other id: only the permission check tells.
 */
export const recoverDigest = (
  engine: Pick<Engine, 'recover'>,
  digest: Uint8Array,
  signature: Recoverable,
): Recovered => {
  const key = engine.recover(digest, signature.rs, signature.v);
  if (key === undefined) return { refusal: whyNoKey(signature) };
  if (isHighS(signature.rs)) return { refusal: 'high-s' };
  return { id: sha3Hex(bytesToHex(key)) };
};

/** The id of whoever signed `text`; synchronous. Throws `forbidden` with the documented texts. */
export const recoverId = (
  text: string,
  signatureHex: string,
  engine: Pick<Engine, 'recover'> = pureEngine,
): string => {
  const signature = parseSignature(signatureHex);
  return idOrThrow(recoverDigest(engine, sha3(text), signature));
};
