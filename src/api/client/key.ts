// New private keys from the platform's randomness: browsers and Node.js have the same door to it.

import { generateKey as generate } from '../../node/crypto/keys.ts';

/** Fills and returns `bytes` with randomness fit for keys. */
export const random = (bytes: Uint8Array): Uint8Array =>
  globalThis.crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);

/** A new private key: 64 lower-case hex digits. */
export const generateKey = (): string => generate({ random });
