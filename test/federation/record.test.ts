// Signing and checking of records beyond what the vectors show, and fuzzing of `validate`.

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { canonicalText, parseCanonical } from '../../src/federation/canonical.ts';
import { signingText } from '../../src/federation/frame.ts';
import { KINDS, type Kind } from '../../src/federation/payloads.ts';
import {
  idOfFrame,
  type SignedRecord,
  signRecord,
  validate,
  validateTimeless,
} from '../../src/federation/record.ts';
import { hashHex, type SignatureCheck } from '../../src/federation/signature.ts';
import { bytesToBase64, utf8Bytes } from '../../src/node/crypto/bytes.ts';
import {
  certify,
  colonyPayload,
  DAY,
  endorse,
  HOUR,
  keyOf,
  NETWORK,
  revoke,
  START,
  signColony,
  signList,
  signServer,
} from './world.ts';

const NOW = START + HOUR;
const colony = keyOf('colony');
const owner = keyOf('server');
const node = keyOf('node');
const other = keyOf('other');
const records: SignedRecord[] = [];

beforeAll(async () => {
  const link = await endorse(other, owner);
  const cert = bytesToBase64((await certify(owner, node)).bytes);
  records.push(
    await signColony(colony, [owner]),
    await signServer(owner, node, { staples: [link] }),
    await signList(other, [link]),
    await revoke(node, { cert }, owner),
    await certify(owner, node),
    link,
  );
});

const whereOf = (record: SignedRecord) => ({
  network: NETWORK,
  ns: record.kind,
  key: record.payload.id,
});

describe('signing', () => {
  it('gives a record that every reader accepts', () => {
    for (const record of records) {
      expect(validate(record.bytes, NOW, whereOf(record))).toEqual({ ok: true, record });
    }
  });

  it('needs nothing but the signature of a text', async () => {
    const texts: string[] = [];
    const payload = colonyPayload(colony, [owner]);
    const record = await signRecord('colony', payload, {
      publicKey: colony.publicKey,
      sign: async (text) => {
        texts.push(text);
        return colony.sign(text);
      },
    });
    expect(texts).toEqual([signingText('colony', NETWORK, colony.id, canonicalText(payload))]);
    expect(record.signer).toBe(colony.id);
  });

  it('refuses what no reader would accept, and says what', async () => {
    await expect(signColony(colony, [], { name: 'x'.repeat(65) })).rejects.toThrow(/name/);
    await expect(signColony(colony, [], { exp: START + 401 * DAY })).rejects.toThrow(
      /lives-too-long/,
    );
    await expect(signRecord('colony', colonyPayload(colony, []), other)).rejects.toThrow(
      /wrong-signer/,
    );
  });

  it('fits a revocation with its certificate into 1 KiB under the longest network name', async () => {
    const net = 'n'.repeat(32);
    const cert = await certify(owner, node, { net, seq: Number.MAX_SAFE_INTEGER > 0 ? START : 1 });
    const over = { net, cert: bytesToBase64(cert.bytes), reason: 'x'.repeat(20) };
    const record = await revoke(node, over, owner);
    expect(record.bytes.length).toBeLessThanOrEqual(KINDS.revocation.bytesMax);
  });
});

describe('validate', () => {
  it('asks the curve only after everything cheap has passed', () => {
    let asked = 0;
    const counting: SignatureCheck = () => {
      asked += 1;
      return true;
    };
    for (const record of records) {
      const where = whereOf(record);
      validate(record.bytes, NOW, { ...where, network: 'other' }, counting);
      validate(record.bytes, NOW, { ...where, key: hashHex('x') }, counting);
      validate(record.bytes, NOW - 2 * HOUR, where, counting);
      if (record.kind !== 'revocation') validate(record.bytes, START + 999 * DAY, where, counting);
      validate(new Uint8Array(100_000), NOW, where, counting);
    }
    expect(asked).toBe(0);
  });

  it('refuses every record with any single bit flipped', () => {
    const flips = fc.record({
      which: fc.nat({ max: 5 }),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      bit: fc.nat({ max: 7 }),
    });
    const property = fc.property(flips, ({ which, at, bit }) => {
      const record = records[which] as SignedRecord;
      const bytes = record.bytes.slice();
      const index = Math.floor(at * bytes.length);
      bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
      expect(validate(bytes, NOW, whereOf(record)).ok).toBe(false);
    });
    fc.assert(property, { numRuns: 600 });
  });

  it('refuses random bytes, truncations and extensions without throwing', () => {
    const kinds = Object.keys(KINDS) as Kind[];
    const inputs = fc.record({
      ns: fc.constantFrom(...kinds),
      which: fc.nat({ max: 5 }),
      cut: fc.nat({ max: 2_000 }),
      tail: fc.uint8Array({ maxLength: 300 }),
    });
    const property = fc.property(inputs, ({ ns, which, cut, tail }) => {
      const source = (records[which] as SignedRecord).bytes.subarray(0, cut);
      const bytes = new Uint8Array([...source, ...tail]);
      const whole = bytes.length === (records[which] as SignedRecord).bytes.length;
      const checked = validate(bytes, NOW, { network: NETWORK, ns, key: undefined });
      if (!whole) expect(checked.ok).toBe(false);
      expect(() => idOfFrame(bytes)).not.toThrow();
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('refuses any JSON in place of a payload without throwing', async () => {
    const { encodeFrame, decodeFrame } = await import('../../src/federation/frame.ts');
    const frame = decodeFrame((records[0] as SignedRecord).bytes);
    if (typeof frame === 'string') throw new Error(frame);
    const property = fc.property(fc.json(), fc.constantFrom(1, 2, 3, 4, 5, 6), (json, code) => {
      const bytes = encodeFrame({ ...frame, code, payload: utf8Bytes(json) });
      for (const ns of Object.keys(KINDS) as Kind[]) {
        expect(validate(bytes, NOW, { network: NETWORK, ns, key: undefined }).ok).toBe(false);
      }
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('without a time accepts what expired, and still nothing forged', () => {
    const expired = records[1] as SignedRecord;
    expect(validate(expired.bytes, START + 9 * DAY, whereOf(expired)).ok).toBe(false);
    expect(validateTimeless(expired.bytes, whereOf(expired)).ok).toBe(true);
    const forged = expired.bytes.slice();
    forged[100] = (forged[100] ?? 0) ^ 1;
    expect(validateTimeless(forged, whereOf(expired)).ok).toBe(false);
  });
});

describe('canonical JSON', () => {
  it('has one text per value, whatever the order of names', () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', maxDepth: 4 },
        fc.string({ unit: 'grapheme' }),
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
      ),
    })).value;
    const shuffled = (part: unknown): unknown => {
      if (Array.isArray(part)) return part.map(shuffled);
      if (typeof part !== 'object' || part === null) return part;
      return Object.fromEntries(
        Object.entries(part)
          .reverse()
          .map(([k, v]) => [k, shuffled(v)]),
      );
    };
    const property = fc.property(value, (original) => {
      const text = canonicalText(original);
      expect(canonicalText(shuffled(original))).toBe(text);
      expect(canonicalText(parseCanonical(text))).toBe(text);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('orders names by UTF-16 units and escapes only what it must (RFC 8785)', () => {
    const value = {
      '\u20ac': 1,
      '\r': 2,
      '\ufb33': 3,
      '1': 4,
      '\ud83d\ude00': 5,
      '\u0080': 6,
      ö: 7,
    };
    expect(canonicalText(value)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"\ud83d\ude00":5,"\ufb33":3}',
    );
    expect(canonicalText({ a: '\u0000\u001f\b"\\/é\u2028' })).toBe(
      '{"a":"\\u0000\\u001f\\b\\"\\\\/é\u2028"}',
    );
  });

  it('refuses null, fractions, unsafe integers, lone surrogates and deep nesting', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 20; i += 1) deep = [deep];
    for (const bad of [null, 1.5, 2 ** 53, Number.NaN, '\ud800', deep, { a: null }, 1n]) {
      expect(() => canonicalText(bad)).toThrow(/value: /);
    }
  });
});
