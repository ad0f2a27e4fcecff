// The protocol's hash, ids and signatures as records use them: r || s without v, the key carried
// beside.

import { bytesToHex } from '../node/crypto/bytes.ts';
import { COMPACT_BYTES, compareScalar, isZeroScalar, ORDER } from '../node/crypto/curve.ts';
import type { Engine } from '../node/crypto/engine.ts';
import { sha3, sha3Hex } from '../node/crypto/hash.ts';
import { publicKeyHex } from '../node/crypto/keys.ts';
import { makeSigner } from '../node/crypto/sign.ts';
import { isHighS } from '../node/crypto/signature.ts';
import { verifyText } from '../node/crypto/verify.ts';
import type { Signer } from './ports.ts';

/** SHA3-256 of bytes, or of the UTF-8 bytes of a text, as 64 hex digits. */
export const hashHex = (data: string | Uint8Array): string =>
  typeof data === 'string' ? sha3Hex(data) : bytesToHex(sha3(data));

/** Whether r and s are in range and s is the smaller of its two values; no curve operation. */
export const isOneForm = (signature: Uint8Array): boolean => {
  if (signature.length !== COMPACT_BYTES || isHighS(signature)) return false;
  if (isZeroScalar(signature, 0) || isZeroScalar(signature, 32)) return false;
  return compareScalar(signature, 0, ORDER) < 0;
};

/** Whether `signature` (r || s, 64 bytes) is the key's (65 bytes) over the text. Never throws. */
export type SignatureCheck = (
  publicKey: Uint8Array,
  text: string,
  signature: Uint8Array,
) => boolean;

/** A check over the engine the node chose; without one, the pure engine. */
export const checkWith =
  (engine?: Pick<Engine, 'verify'>): SignatureCheck =>
  (publicKey, text, signature) =>
    isOneForm(signature) && verifyText(text, signature, publicKey, engine);

export const isSignedBy: SignatureCheck = checkWith();

/** A signer over a private key given as 64 hex digits. */
export const signerOf = (prvkey: string, engine?: Pick<Engine, 'sign'>): Signer => ({
  publicKey: publicKeyHex(prvkey),
  sign: makeSigner(prvkey, engine),
});
