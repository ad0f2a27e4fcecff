// SHA3-256 (FIPS 202, not Keccak-256): the platform's one-shot hash where it has one, else
// @noble/hashes. Runs in browsers too: Node's crypto is asked for at run time, never imported.

import { sha3_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, utf8Bytes } from './bytes.ts';

type OneShot = (data: Uint8Array | string, form: 'hex' | 'buffer') => string | Uint8Array;

const ALGORITHM = 'sha3-256';
const EMPTY = 'a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a';

const platformHash = (): OneShot | undefined => {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto');
  if (typeof crypto?.hash !== 'function') return undefined;
  const oneShot: OneShot = (data, form) => crypto.hash(ALGORITHM, data, form);
  try {
    return oneShot('', 'hex') === EMPTY ? oneShot : undefined;
  } catch {
    // Expected where Node was built on a crypto library without SHA-3.
    return undefined;
  }
};

const native = platformHash();

/** SHA3-256 by the reference implementation, whatever the platform offers. 32 bytes. */
export const sha3Reference = (data: Uint8Array | string): Uint8Array =>
  sha3_256(typeof data === 'string' ? utf8Bytes(data) : data);

/** SHA3-256 of bytes, or of the UTF-8 bytes of a text. 32 bytes. */
export const sha3 = (data: Uint8Array | string): Uint8Array =>
  // A plain copy: a Buffer would behave differently from what the reference gives.
  native === undefined ? sha3Reference(data) : new Uint8Array(native(data, 'buffer') as Uint8Array);

/** SHA3-256 of the UTF-8 bytes of a text, as 64 lower-case hex digits. */
export const sha3Hex = (text: string): string =>
  native === undefined ? bytesToHex(sha3Reference(text)) : (native(text, 'hex') as string);
