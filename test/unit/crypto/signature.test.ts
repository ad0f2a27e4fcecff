// The strict reading of signatures: every refusal with its text of today, its text of 2022, its
// machine-readable reason, and the order in which mistakes are told.

import { describe, expect, it } from 'vitest';
import { refusalOf2022 } from '../../../src/node/crypto/refusals.ts';
import { sign } from '../../../src/node/crypto/sign.ts';
import { parseSignature, recoverId } from '../../../src/node/crypto/signature.ts';
import { Fault, fault } from '../../../src/node/errors.ts';
import { altered, highTwin, ID, KEY, N, P } from './samples.ts';

const good = sign('hello', KEY);
const max = 2n ** 256n - 1n;
const RECOVER = 'Failed to recover public key:';

const refusal = (signature: string): Fault => {
  try {
    recoverId('hello', signature);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('the signature was accepted');
};

describe('a signature', () => {
  it.each<[string, string, string, string]>([
    ['', 'length', 'Invalid signature length', 'Invalid signature length'],
    [good.slice(2), 'length', 'Invalid signature length', 'Invalid signature length'],
    [`${good}00`, 'length', 'Invalid signature length', 'Invalid signature length'],
    ...['0'.repeat(1_000_000)].map((huge): [string, string, string, string] => [
      huge,
      'length',
      'Invalid signature length',
      'Invalid signature length',
    ]),
    [
      good.slice(1),
      'hex-length',
      'encoding/hex: odd length hex string',
      'encoding/hex: odd length hex string',
    ],
    [
      `${good.slice(0, 129)}z`,
      'hex-byte',
      "encoding/hex: invalid byte: U+007A 'z'",
      "encoding/hex: invalid byte: U+007A 'z'",
    ],
    [
      altered(good, { v: 8 }),
      'recovery-code',
      `${RECOVER} invalid signature: public key recovery code 35 is not in the valid range [27, 34]`,
      `${RECOVER} calculated Rx is larger than curve P`,
    ],
    [
      altered(good, { v: 27 }),
      'recovery-code',
      `${RECOVER} invalid signature: public key recovery code 54 is not in the valid range [27, 34]`,
      `${RECOVER} calculated Rx is larger than curve P`,
    ],
    [
      altered(good, { v: 255 }),
      'recovery-code',
      `${RECOVER} invalid signature: public key recovery code 26 is not in the valid range [27, 34]`,
      `${RECOVER} calculated Rx is larger than curve P`,
    ],
    [
      altered(good, { r: N }),
      'r-too-big',
      `${RECOVER} invalid signature: R >= group order`,
      `${RECOVER} signature R is >= curve order`,
    ],
    [
      altered(good, { r: 0n }),
      'r-zero',
      `${RECOVER} invalid signature: R is 0`,
      `${RECOVER} signature R is 0`,
    ],
    [
      altered(good, { s: max }),
      's-too-big',
      `${RECOVER} invalid signature: S >= group order`,
      `${RECOVER} signature S is >= curve order`,
    ],
    [
      altered(good, { s: 0n }),
      's-zero',
      `${RECOVER} invalid signature: S is 0`,
      `${RECOVER} signature S is 0`,
    ],
    [
      altered(good, { v: 2 }),
      'r-overflow',
      `${RECOVER} invalid signature: signature R + N >= P`,
      `${RECOVER} calculated Rx is larger than curve P`,
    ],
    [
      altered(good, { r: P - N, v: 6 }),
      'r-overflow',
      `${RECOVER} invalid signature: signature R + N >= P`,
      `${RECOVER} calculated Rx is larger than curve P`,
    ],
    [
      altered(good, { r: 5n }),
      'not-on-curve',
      `${RECOVER} invalid signature: not for a valid curve point`,
      `${RECOVER} invalid square root`,
    ],
    [
      highTwin(good),
      'high-s',
      'Failed verify signature: Signature s value is over half the order',
      'Invalid signature',
    ],
  ])('%.140s is refused: %s', (signature, reason, text, text2022) => {
    const refused = refusal(signature);
    expect(refused.code).toBe('forbidden');
    expect(refused.status).toBe(403);
    expect(refused.detail).toEqual({ reason });
    expect(refused.message).toBe(text);
    expect(refusalOf2022(refused)).toBe(text2022);
  });

  it('tells mistakes in the order of the original checks', () => {
    const order: [Parameters<typeof altered>[1], string][] = [
      [{ v: 9, r: N, s: 0n }, 'recovery-code'],
      [{ v: 2, r: N, s: 0n }, 'r-too-big'],
      [{ v: 2, r: 0n, s: max }, 'r-zero'],
      [{ v: 2, r: max - N, s: max }, 's-too-big'],
      [{ v: 2, s: 0n }, 's-zero'],
      [{ v: 2, s: N - 1n }, 'r-overflow'],
      [{ v: 0, r: 5n, s: N - 1n }, 'not-on-curve'],
      [{ s: N - 1n }, 'high-s'],
    ];
    for (const [parts, reason] of order) {
      expect(refusal(altered(good, parts)).detail['reason']).toBe(reason);
    }
    expect(refusal(`${'0'.repeat(50)}zz`).detail['reason']).toBe('hex-byte');
    expect(refusal('abz').detail['reason']).toBe('hex-byte');
  });

  it('is read in either case, and 4 to 7 count as 0 to 3', () => {
    expect(recoverId('hello', good.toUpperCase())).toBe(ID);
    const v = parseSignature(good).v;
    expect(parseSignature(altered(good, { v: v + 4 })).v).toBe(v);
    expect(recoverId('hello', altered(good, { v: v + 4 }))).toBe(ID);
  });

  it('over another text gives another id instead of failing', () => {
    expect(recoverId('hullo', good)).not.toBe(ID);
  });
});

describe('the sentences of 2022', () => {
  it('exist for refused signatures only', () => {
    expect(refusalOf2022(fault('forbidden', 'not a member'))).toBeUndefined();
    expect(refusalOf2022(fault('forbidden', 'odd', { reason: 'toString' }))).toBeUndefined();
    expect(refusalOf2022(fault('forbidden', 'odd', { reason: 7 }))).toBeUndefined();
  });
});
