// Private and public keys: the documented errors, and generation from the clock's randomness.

import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/node/clock.ts';
import { isId } from '../../../src/node/crypto/ids.ts';
import {
  generateKey,
  idOfKey,
  idOfPublicKey,
  publicKeyHex,
} from '../../../src/node/crypto/keys.ts';
import { makeSigner, sign } from '../../../src/node/crypto/sign.ts';
import { hex32, ID, KEY, N } from './samples.ts';

describe('private keys', () => {
  it.each([
    [`${KEY}error`, "encoding/hex: invalid byte: U+0072 'r'"],
    [KEY.slice(1), 'encoding/hex: odd length hex string'],
    ['', 'Invalid private key length, should be 256 bits'],
    [KEY.slice(2), 'Invalid private key length, should be 256 bits'],
    [`${KEY}00`, 'Invalid private key length, should be 256 bits'],
    [hex32(0n), 'Invalid private key'],
    [hex32(N), 'Invalid private key'],
    ['f'.repeat(64), 'Invalid private key'],
  ])('%s is refused with the documented text', (key, message) => {
    for (const use of [idOfKey, publicKeyHex, makeSigner, (k: string) => sign('text', k)]) {
      expect(() => use(key)).toThrow(expect.objectContaining({ code: 'bad-request', message }));
    }
  });

  it('the smallest and the largest are good', () => {
    expect(isId(idOfKey(hex32(1n)))).toBe(true);
    expect(isId(idOfKey(hex32(N - 1n)))).toBe(true);
  });

  it('upper case gives the same signature', () => {
    expect(sign('hello', KEY.toUpperCase())).toBe(sign('hello', KEY));
  });
});

describe('new keys', () => {
  it('are 64 lower-case digits, and all different', () => {
    const keys = Array.from({ length: 50 }, () => generateKey(systemClock()));
    expect(new Set(keys).size).toBe(50);
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}$/);
  });

  it('come from the clock alone, and numbers out of range are drawn again', () => {
    const draws = [0x00, 0xff, 0x21];
    const random = (bytes: Uint8Array): Uint8Array => bytes.fill(draws.shift() ?? 0);
    expect(generateKey({ random })).toBe('21'.repeat(32));
    expect(draws).toEqual([]);
  });
});

describe('public keys', () => {
  it('anything but 130 hex digits that start with 04 has no id', () => {
    const good = publicKeyHex(KEY);
    expect(idOfPublicKey(good)).toBe(ID);
    const bad = [
      good.slice(1),
      `${good}0`,
      `03${good.slice(2)}`,
      `${good.slice(1)}g`,
      '',
      `${good}\n`,
    ];
    for (const text of bad) expect(() => idOfPublicKey(text)).toThrow('Invalid public key');
  });
});

describe('the shape of an id', () => {
  it('is 64 lower-case hex digits', () => {
    expect(isId(ID)).toBe(true);
    for (const text of [
      '',
      ID.toUpperCase(),
      ID.slice(1),
      `${ID}0`,
      `${ID}\n`,
      `${ID.slice(1)}g`,
    ]) {
      expect(isId(text)).toBe(false);
    }
  });
});
