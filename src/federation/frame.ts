// The one frame of all records, and the text that is signed for each. Bytes are stored, sent and
// verified as they are; a frame is never serialised again to check it.
//
//   magic "CPR1" 4 | type 1 | flags 1 (0) | public key 65 (04 X Y) | r || s 64 | payload JSON

import { utf8Bytes } from '../node/crypto/bytes.ts';
import { type Kind, kindOfCode } from './payloads.ts';

const MAGIC = utf8Bytes('CPR1');
const KEY_AT = 6;
const SIGNATURE_AT = KEY_AT + 65;
export const HEADER_BYTES = SIGNATURE_AT + 64;

export interface Frame {
  readonly code: number;
  /** Uncompressed SEC1, 65 bytes. */
  readonly publicKey: Uint8Array;
  /** r || s, 64 bytes. */
  readonly signature: Uint8Array;
  readonly payload: Uint8Array;
}

/** The frame's bytes. Lengths of key and signature are the caller's duty. */
export const encodeFrame = (frame: Frame): Uint8Array => {
  const bytes = new Uint8Array(HEADER_BYTES + frame.payload.length);
  bytes.set(MAGIC, 0);
  bytes[4] = frame.code;
  bytes.set(frame.publicKey, KEY_AT);
  bytes.set(frame.signature, SIGNATURE_AT);
  bytes.set(frame.payload, HEADER_BYTES);
  return bytes;
};

export type FrameFault = 'too-small' | 'bad-magic' | 'bad-flags' | 'bad-public-key' | 'wrong-type';

/** Takes a frame apart, or says what is wrong with its head. Looks at no payload. */
export const decodeFrame = (bytes: Uint8Array): Frame | FrameFault => {
  if (bytes.length <= HEADER_BYTES) return 'too-small';
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return 'bad-magic';
  const code = bytes[4] ?? 0;
  if (kindOfCode(code) === undefined) return 'wrong-type';
  if (bytes[5] !== 0) return 'bad-flags';
  if (bytes[KEY_AT] !== 4) return 'bad-public-key';
  return {
    code,
    publicKey: bytes.subarray(KEY_AT, SIGNATURE_AT),
    signature: bytes.subarray(SIGNATURE_AT, HEADER_BYTES),
    payload: bytes.subarray(HEADER_BYTES),
  };
};

/**
 * The text whose SHA3-256 is signed. It starts with a prefix of its own per kind and holds line
 * feeds, so it is never the base64 text of an RPC and no record can pass for one of another kind,
 * network or id.
 */
export const signingText = (kind: Kind, network: string, id: string, payload: string): string =>
  `colonies-${kind}-record-v1\n${network}\n${id}\n${payload}`;
