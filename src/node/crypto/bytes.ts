// Text forms of bytes: strict hex with the documented error texts, base64, UTF-8.
// Runs in browsers too: Buffer is used where it exists, never required.

import { fault } from '../errors.ts';

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const HEX_WRONG = /[^0-9a-fA-F]/;
const utf8 = new TextEncoder();

/** The UTF-8 bytes of a text; half surrogate pairs become U+FFFD, as in the original servers. */
export const utf8Bytes = (text: string): Uint8Array => utf8.encode(text);

/** Lower-case hex of `bytes`. */
export const bytesToHex = (bytes: Uint8Array): string => {
  let hex = '';
  for (const byte of bytes) hex += HEX_BYTES[byte];
  return hex;
};

/** What went wrong in a hex text: a machine-readable reason and the documented sentence. */
export interface HexError {
  readonly reason: 'hex-byte' | 'hex-length';
  readonly text: string;
}

// The first byte of the character's UTF-8 form, written as Go writes it: U+00C3 'Ã', without the
// quoted character where that cannot be printed.
const describeByte = (character: string): string => {
  const byte = utf8Bytes(character)[0] ?? 0;
  const code = `U+${byte.toString(16).toUpperCase().padStart(4, '0')}`;
  const printable = (byte >= 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  return printable ? `${code} '${String.fromCharCode(byte)}'` : code;
};

/**
 * Why `text` is not hex (protocol documents, section 1), or undefined when it is. Either case is
 * hex.
 */
export const hexError = (text: string): HexError | undefined => {
  const wrong = HEX_WRONG.exec(text);
  if (wrong !== null) {
    // A whole character, since only the first byte of its UTF-8 form is named.
    const character = String.fromCodePoint(text.codePointAt(wrong.index) ?? 0);
    const shown = describeByte(character);
    return { reason: 'hex-byte', text: `encoding/hex: invalid byte: ${shown}` };
  }
  if (text.length % 2 === 0) return undefined;
  return { reason: 'hex-length', text: 'encoding/hex: odd length hex string' };
};

const digitOf = (code: number): number => (code <= 57 ? code - 48 : (code | 32) - 87);

/**
 * Bytes of a hex text in either case. Throws `bad-request` with the documented text when it is not
 * hex.
 */
export const hexToBytes = (text: string): Uint8Array => {
  const error = hexError(text);
  if (error !== undefined) throw fault('bad-request', error.text, { reason: error.reason });
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = digitOf(text.charCodeAt(2 * i)) * 16 + digitOf(text.charCodeAt(2 * i + 1));
  }
  return bytes;
};

// Where there is a Buffer it converts about twenty times faster than atob and btoa do.
const NodeBuffer: typeof Buffer | undefined = globalThis.Buffer;
const BINARY_CHUNK = 8_192;

/** Standard base64 with padding. */
export const bytesToBase64 = (bytes: Uint8Array): string => {
  if (NodeBuffer !== undefined) {
    return NodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  }
  let binary = '';
  for (let at = 0; at < bytes.length; at += BINARY_CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(at, at + BINARY_CHUNK));
  }
  return btoa(binary);
};

/** Standard base64 with padding of the UTF-8 bytes of a text: the form of every payload. */
export const textToBase64 = (text: string): string => bytesToBase64(utf8Bytes(text));

const NOT_ALPHABET = /[^A-Za-z0-9+/]/;

// Digits of the last, padded group that count, or 0 when the padding is wrong (the group is
// dropped).
const paddedDigits = (text: string, padAt: number): number => {
  const digits = padAt % 4;
  if (digits === 2) return text.startsWith('==', padAt) ? 2 : 0;
  return digits === 3 && text[padAt] === '=' ? 3 : 0;
};

// The part of a base64 text that the original servers read.
const readablePart = (text: string): string => {
  const plain = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, '') : text;
  const wrong = NOT_ALPHABET.exec(plain);
  const padAt = wrong === null ? plain.length : wrong.index;
  const whole = padAt - (padAt % 4);
  return plain.slice(0, whole + (wrong === null ? 0 : paddedDigits(plain, padAt)));
};

/**
 * Bytes of a base64 text as the original servers read it: CR and LF are skipped, and at the first
 * mistake reading stops silently with the whole groups of four seen so far. So unpadded and
 * URL-safe texts lose their end, and text after the padding is ignored.
 */
export const base64ToBytes = (text: string): Uint8Array => {
  const readable = readablePart(text);
  if (NodeBuffer !== undefined) return new Uint8Array(NodeBuffer.from(readable, 'base64'));
  const binary = atob(readable);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
};

/** Finds characters that take two bytes in memory; costs next to nothing where there are none. */
export const BEYOND_LATIN1 = /[\u0100-\uffff]/;

// Node's decoder skips what it does not know, takes URL-safe digits, and sees only the low byte of a
// character. Apart from these, a text of which it read every digit is `readablePart` of itself.
const decodeWhole = (text: string): Buffer | undefined => {
  if (NodeBuffer === undefined || text.length % 4 !== 0) return undefined;
  if (text.includes('-') || text.includes('_') || BEYOND_LATIN1.test(text)) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = NodeBuffer.from(text, 'base64');
  return bytes.length === (text.length / 4) * 3 - padding ? bytes : undefined;
};

// A byte order mark stays: JSON readers refuse it, as the original servers do.
const fromUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The UTF-8 text inside a base64 text, read as `base64ToBytes` does; wrong UTF-8 becomes U+FFFD.
 */
export const base64ToText = (text: string): string =>
  NodeBuffer === undefined
    ? fromUtf8.decode(base64ToBytes(text))
    : (decodeWhole(text) ?? NodeBuffer.from(readablePart(text), 'base64')).toString('utf8');
