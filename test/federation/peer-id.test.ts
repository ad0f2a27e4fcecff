// The peer id rule against libp2p's own.

import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { describe, expect, it } from 'vitest';
import { peerIdOf } from '../../src/federation/peer-id.ts';
import { hexToBytes } from '../../src/node/crypto/bytes.ts';
import { keyOf } from './world.ts';

describe('peer ids', () => {
  it('are exactly what libp2p derives from the same secp256k1 key', () => {
    for (let i = 0; i < 24; i += 1) {
      const key = keyOf(`peer ${i}`);
      const raw = hexToBytes(key.publicKey);
      const compressed = new Uint8Array([2 + ((raw[64] ?? 0) & 1), ...raw.subarray(1, 33)]);
      const libp2p = peerIdFromPublicKey(publicKeyFromRaw(compressed)).toString();
      expect(peerIdOf(key.publicKey)).toBe(libp2p);
    }
  });

  it('are refused for anything but an uncompressed key', () => {
    expect(() => peerIdOf(new Uint8Array(33))).toThrow(RangeError);
    expect(() => peerIdOf('02')).toThrow(RangeError);
  });
});
