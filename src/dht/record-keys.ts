// Names of records in their three forms: namespace and key, the bytes Kademlia hashes, and the key
// under which kad-dht asks its datastore.

import { createHash } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const KEY_LENGTH_MAX = 256;
const PLAIN = /^[\x21-\x7e]+$/;

export interface RecordName {
  readonly namespace: string;
  readonly key: string;
}

/** `/<namespace>/<key>`: how one name is written as text. */
export const nameText = ({ namespace, key }: RecordName): string => `/${namespace}/${key}`;

/** The bytes under which Kademlia knows the record. */
export const nameBytes = (name: RecordName): Uint8Array => new TextEncoder().encode(nameText(name));

/** The name in Kademlia's key bytes; undefined unless it is `/<namespace>/<key>` in plain ASCII. */
export const parseName = (bytes: Uint8Array): RecordName | undefined => {
  if (bytes.length > KEY_LENGTH_MAX) return undefined;
  const text = Buffer.from(bytes).toString('latin1');
  const cut = text.indexOf('/', 1);
  if (!text.startsWith('/') || cut < 2 || cut === text.length - 1 || !PLAIN.test(text)) {
    return undefined;
  }
  return { namespace: text.slice(1, cut), key: text.slice(cut + 1) };
};

/** Bytes of an unpadded lower-case base32 text (RFC 4648), kad-dht's way to write keys. */
export const fromBase32 = (text: string): Uint8Array | undefined => {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) return undefined;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
    }
  }
  return Uint8Array.from(bytes);
};

/** Where a key lies: SHA-256 of its bytes, as kad-dht places records and peers. */
export const placeInKeySpace = (bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update(bytes).digest();

/** Negative when `a` is nearer to `target` than `b` by the XOR metric, positive when farther. */
export const compareDistance = (target: Uint8Array, a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < target.length; i += 1) {
    const t = target[i] ?? 0;
    const difference = ((a[i] ?? 0) ^ t) - ((b[i] ?? 0) ^ t);
    if (difference !== 0) return difference;
  }
  return 0;
};
