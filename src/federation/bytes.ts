// Strict readings of bytes that records need beside node/crypto/bytes.ts. Runs in browsers too.

import { base64ToBytes, bytesToBase64 } from '../node/crypto/bytes.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of well-formed UTF-8, or undefined. */
export const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes);
  } catch {
    // TextDecoder throws only for malformed UTF-8.
    return undefined;
  }
};

/** Bytes of standard padded base64, or undefined; exactly one text per byte string is accepted. */
export const fromBase64 = (text: string): Uint8Array | undefined => {
  const bytes = base64ToBytes(text);
  return bytesToBase64(bytes) === text ? bytes : undefined;
};

/** Lexical order of byte strings: negative when `a` comes first, 0 when equal. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
};
