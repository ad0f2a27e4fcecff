// The libp2p peer id of a secp256k1 key: base58btc of the identity multihash of the key's protobuf.
// Written out here so that readers of records need no libp2p.

import { hexToBytes } from '../node/crypto/bytes.ts';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
// Multihash: identity (0), 37 bytes. Protobuf: key type 2 (secp256k1), then 33 bytes of key.
const PREFIX = [0x00, 0x25, 0x08, 0x02, 0x12, 0x21];

const base58 = (bytes: Uint8Array): string => {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  let text = '';
  for (; value > 0n; value /= 58n) text = (ALPHABET[Number(value % 58n)] ?? '') + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return '1'.repeat(zeros < 0 ? bytes.length : zeros) + text;
};

/** Peer id of an uncompressed public key (65 bytes, or 130 hex digits). */
export const peerIdOf = (publicKey: Uint8Array | string): string => {
  const key = typeof publicKey === 'string' ? hexToBytes(publicKey) : publicKey;
  if (key.length !== 65 || key[0] !== 4) {
    throw new RangeError('publicKey: expected an uncompressed key of 65 bytes');
  }
  const bytes = new Uint8Array(PREFIX.length + 33);
  bytes.set(PREFIX, 0);
  bytes[PREFIX.length] = ((key[64] ?? 0) & 1) === 1 ? 3 : 2;
  bytes.set(key.subarray(1, 33), PREFIX.length + 1);
  return base58(bytes);
};
