// The cache of recent recoveries: exact, bounded by bytes, and keeping what is in use.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeRecoveryCache } from '../../../src/node/crypto/recovery-cache.ts';

const limits = { recoveryCacheBytesMax: 10_000, recoveryCacheEntryBytesMax: 1_000 };
const signatureOf = (i: number): string => i.toString(16).padStart(130, '0');
const idOf = (i: number): string => i.toString(16).padStart(64, '0');

describe('the recovery cache', () => {
  it('finds a pair only when signature and payload are exactly the same', () => {
    const cache = makeRecoveryCache(limits);
    cache.add('payload', signatureOf(1), idOf(1));
    expect(cache.find('payload', signatureOf(1))).toBe(idOf(1));
    for (const other of ['payload ', 'Payload', 'payloa', '']) {
      expect(cache.find(other, signatureOf(1))).toBeUndefined();
    }
    expect(cache.find('payload', signatureOf(2))).toBeUndefined();
    expect(cache.find('payload', `${signatureOf(1).slice(1)}A`)).toBeUndefined();
  });

  it('one signature under two payloads keeps the later one', () => {
    const cache = makeRecoveryCache(limits);
    cache.add('one', signatureOf(1), idOf(1));
    cache.add('two', signatureOf(1), idOf(2));
    expect(cache.find('one', signatureOf(1))).toBeUndefined();
    expect(cache.find('two', signatureOf(1))).toBe(idOf(2));
  });

  it('does not grow when the same pair is remembered again', () => {
    const cache = makeRecoveryCache(limits);
    cache.add('payload', signatureOf(1), idOf(1));
    const bytes = cache.sizeBytes();
    for (let i = 0; i < 100; i++) cache.add('payload', signatureOf(1), idOf(1));
    expect(cache.sizeBytes()).toBe(bytes);
  });

  it('leaves long payloads out, and texts that are no base64', () => {
    const cache = makeRecoveryCache(limits);
    cache.add('x'.repeat(1_001), signatureOf(1), idOf(1));
    cache.add('漢字', signatureOf(2), idOf(2));
    expect(cache.sizeBytes()).toBe(0);
    cache.add('x'.repeat(1_000), signatureOf(1), idOf(1));
    expect(cache.find('x'.repeat(1_000), signatureOf(1))).toBe(idOf(1));
  });

  it('a limit below one row remembers nothing', () => {
    const cache = makeRecoveryCache({ ...limits, recoveryCacheBytesMax: 100 });
    cache.add('payload', signatureOf(1), idOf(1));
    expect(cache.sizeBytes()).toBe(0);
  });

  it('keeps a pair that is asked for while thousands of others pass through', () => {
    const cache = makeRecoveryCache(limits);
    cache.add('poll', signatureOf(0), idOf(0));
    for (let i = 1; i < 5_000; i++) {
      cache.add(`payload ${i}`, signatureOf(i), idOf(i));
      expect(cache.find('poll', signatureOf(0))).toBe(idOf(0));
    }
    expect(cache.find('payload 1', signatureOf(1))).toBeUndefined();
    expect(cache.find('payload 4999', signatureOf(4_999))).toBe(idOf(4_999));
  });

  it('never holds more than two generations, and never gives a wrong id', () => {
    const step = fc.record({
      add: fc.boolean(),
      signature: fc.nat({ max: 60 }),
      length: fc.nat({ max: 1_200 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const cache = makeRecoveryCache(limits);
        const truth = new Map<string, string>();
        for (const { add, signature, length } of steps) {
          const payload = 'p'.repeat(length);
          const pair = `${signature} ${length}`;
          if (add) {
            truth.set(pair, idOf(signature * 10_000 + length));
            cache.add(payload, signatureOf(signature), truth.get(pair) ?? '');
          }
          const found = cache.find(payload, signatureOf(signature));
          if (found !== undefined) expect(found).toBe(truth.get(pair));
          expect(cache.sizeBytes()).toBeLessThanOrEqual(2 * limits.recoveryCacheBytesMax);
        }
      }),
    );
  });
});
