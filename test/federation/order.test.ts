// Which of several valid records counts, for holders and readers alike.

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { compare, isFork, select } from '../../src/federation/order.ts';
import type { SignedRecord } from '../../src/federation/record.ts';
import { makeRules, rememberSignatures } from '../../src/federation/rules.ts';
import { isSignedBy } from '../../src/federation/signature.ts';
import {
  certify,
  DAY,
  HOUR,
  keyOf,
  NETWORK,
  revoke,
  START,
  signColony,
  signServer,
  testClock,
} from './world.ts';

const colony = keyOf('colony');
const owner = keyOf('server');
const node = keyOf('node');
const pool: SignedRecord<'colony'>[] = [];

beforeAll(async () => {
  for (const epoch of [1, 2]) {
    for (const seq of [START, START + 1]) {
      for (const exp of [START + DAY, START + 2 * DAY]) {
        for (const name of ['a', 'b']) {
          pool.push(await signColony(colony, [owner], { epoch, seq, exp, name }));
        }
      }
    }
  }
});

const some = fc.array(fc.nat({ max: 15 }), { minLength: 1, maxLength: 12 });
const pick = (indices: readonly number[]) => indices.map((i) => pool[i] as SignedRecord<'colony'>);

describe('the order of records', () => {
  it('is epoch, then sequence, then later expiry, then larger bytes', async () => {
    const low = await signColony(colony, [owner], { seq: START + 99 });
    const moved = await signColony(colony, [owner], { epoch: 2, seq: 1 });
    expect(compare(moved, low)).toBeGreaterThan(0);
    const newer = await signColony(colony, [owner], { seq: START + 100, exp: START + DAY });
    expect(compare(newer, low)).toBeGreaterThan(0);
    const longer = await signColony(colony, [owner], { seq: START + 99, exp: START + 91 * DAY });
    expect(compare(longer, low)).toBeGreaterThan(0);
    expect(compare(low, low)).toBe(0);
  });

  it('does not depend on the order, grouping or repetition in which records come in', () => {
    const property = fc.property(some, some, (a, b) => {
      const [left, right] = [pick(a), pick(b)];
      const best = select([...left, ...right]);
      expect(select([...right, ...left])).toBe(best);
      expect(select([select(left), select(right)].filter((r) => r !== undefined))).toBe(best);
      expect(select([...left, ...left, ...right])).toBe(best);
      for (const record of [...left, ...right]) {
        expect(compare(best as SignedRecord<'colony'>, record)).toBeGreaterThanOrEqual(0);
      }
    });
    fc.assert(property, { numRuns: 200 });
    expect(select([])).toBeUndefined();
  });

  it('calls two records of one rank a fork, unless they are the same or revocations', async () => {
    const one = await signColony(colony, [owner], { name: 'one' });
    const two = await signColony(colony, [owner], { name: 'two' });
    const later = await signColony(colony, [owner], { seq: START + 1 });
    expect(isFork(one, two)).toBe(true);
    expect(isFork(one, one)).toBe(false);
    expect(isFork(one, later)).toBe(false);
    const [dead, deader] = [await revoke(colony), await revoke(colony, { reason: 'x' })];
    expect(isFork(dead, deader)).toBe(false);
  });

  it('lets no record of a replaced node key outrank the one of its successor', async () => {
    const fresh = keyOf('fresh node');
    const cert = await certify(owner, fresh, { seq: 2 });
    const current = await signServer(owner, fresh, { cert });
    const stolen = await signServer(owner, node, { over: { seq: START + DAY } });
    expect(compare(current, stolen)).toBeGreaterThan(0);
  });

  it('counts the earliest of several revocations', async () => {
    const early = await revoke(colony, { iat: START });
    const late = await revoke(colony, { iat: START + HOUR });
    expect(compare(early, late)).toBeGreaterThan(0);
  });
});

describe('the rules handed to the overlay', () => {
  it('throw for what may not be held, and order what may', async () => {
    const clock = testClock(START + HOUR);
    const rules = makeRules(NETWORK, clock);
    const [old, young] = [
      await signColony(colony, [owner]),
      await signColony(colony, [owner], { seq: START + 1 }),
    ];
    rules.validate('colony', colony.id, old.bytes);
    expect(() => rules.validate('colony', owner.id, old.bytes)).toThrow(/wrong-id/);
    expect(() => rules.validate('certificate', colony.id, old.bytes)).toThrow(/namespace/);
    expect(() => rules.validate('colony', 'x', old.bytes)).toThrow();
    expect(rules.compare('colony', colony.id, young.bytes, old.bytes)).toBeGreaterThan(0);
    const junk = new Uint8Array(10);
    expect(rules.select('colony', colony.id, [junk, old.bytes, young.bytes, old.bytes])).toBe(2);
    expect(rules.owner('colony', colony.id, old.bytes)).toBe(colony.id);
    expect(rules.owner('server', owner.id, (await signServer(owner, node)).bytes)).toBe(node.id);
    expect(rules.expiresAt('colony', colony.id, old.bytes)).toBe(START + 90 * DAY);
    const dead = await revoke(colony);
    expect(rules.expiresAt('revocation', colony.id, dead.bytes)).toBeUndefined();
  });

  it('excuse what a clock that is wrong explains, and nothing else', async () => {
    const clock = testClock(START - DAY / 2);
    const rules = makeRules(NETWORK, clock);
    const { bytes } = await signColony(colony, [owner]);
    const refusal = (key = colony.id, frame = bytes): unknown => {
      try {
        rules.validate('colony', key, frame);
      } catch (error) {
        return error;
      }
      throw new Error('was not refused');
    };
    expect(rules.isExcusable(refusal())).toBe(true);
    expect(rules.isExcusable(refusal(owner.id))).toBe(false);
    expect(rules.isExcusable(refusal(colony.id, bytes.subarray(1)))).toBe(false);
    clock.advance(100 * DAY);
    expect(rules.isExcusable(refusal())).toBe(true);
    expect(rules.isExcusable(new Error('a bug'))).toBe(false);
  });

  it('check each signature once, good or bad, and keep a bounded memory of it', async () => {
    let asked = 0;
    const check = rememberSignatures((...args) => {
      asked += 1;
      return isSignedBy(...args);
    }, 8);
    const rules = makeRules(NETWORK, testClock(START + HOUR), check);
    const record = await signColony(colony, [owner]);
    const forged = record.bytes.slice();
    forged[100] = (forged[100] ?? 0) ^ 1;
    for (let i = 0; i < 5; i += 1) {
      rules.validate('colony', colony.id, record.bytes);
      expect(() => rules.validate('colony', colony.id, forged)).toThrow(/bad-signature/);
    }
    expect(asked).toBe(2);
    for (const other of pool) rules.validate('colony', colony.id, other.bytes);
    rules.validate('colony', colony.id, record.bytes);
    expect(asked).toBe(2 + pool.length + 1);
  });
});
