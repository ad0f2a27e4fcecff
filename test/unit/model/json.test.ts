// JSON with exact integers.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openReply } from '../../../src/api/client/envelopes.ts';
import { readReply } from '../../../src/cli/rpc.ts';
import { LIMITS } from '../../../src/node/limits.ts';
import {
  escapeJson,
  JsonText,
  OddNumber,
  parseJson,
  refuseTangled,
  renderJson,
  stringifyJson,
} from '../../../src/node/model/json.ts';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

// Strings that look like what the implementation puts into the text while it works.
const tricky = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('#', '\u0000', 'b', '1', '"', '\\', '.', 'e', ':', ',') }),
  fc.constantFrom('#', '##1', '\u0000bigint:5', '\u0000\u0000bigint:5', '\u00005', '"#', '1.0'),
);

const value = fc.letrec<{ it: unknown }>((tie) => ({
  it: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    tricky,
    fc.integer(),
    fc.maxSafeInteger(),
    int64,
    fc.array(tie('it')),
    fc.dictionary(tricky, tie('it')),
  ),
})).it;

// A bigint within the safe range comes back as a number.
const narrowed = (v: unknown): unknown => {
  if (typeof v === 'bigint') return Number.isSafeInteger(Number(v)) ? Number(v) : v;
  if (Array.isArray(v)) return v.map(narrowed);
  if (typeof v !== 'object' || v === null) return v;
  const out: Record<string, unknown> = Object.create(null);
  for (const [k, part] of Object.entries(v)) out[k] = narrowed(part);
  return out;
};

describe('parsing', () => {
  test('what is written comes back, 64-bit integers included', () => {
    fc.assert(
      fc.property(value, (v) => {
        expect(narrowed(parseJson(stringifyJson(v)))).toEqual(narrowed(v));
      }),
      { numRuns: 500 },
    );
  });

  test('the text of an integer survives reading and writing', () => {
    fc.assert(
      fc.property(int64, (n) => {
        expect(stringifyJson(parseJson(`{"n":${n}}`))).toBe(`{"n":${n}}`);
      }),
    );
  });

  test('an integer is a number while that is exact, else a bigint', () => {
    expect(parseJson('9007199254740991')).toBe(9007199254740991);
    expect(parseJson('-9007199254740991')).toBe(-9007199254740991);
    expect(parseJson('[9007199254740993]')).toEqual([9007199254740993n]);
    expect(parseJson('{"a": 1769136000000000000}')).toEqual({ a: 1769136000000000000n });
    expect(parseJson('-9223372036854775808')).toBe(-(2n ** 63n));
  });

  test('an integer written with a fraction or an exponent is told apart', () => {
    expect(parseJson('1.0')).toEqual(new OddNumber(1));
    expect(parseJson('[1e3]')).toEqual([new OddNumber(1000)]);
    expect(parseJson('{"a":1E+2}')).toEqual({ a: new OddNumber(100) });
    expect(parseJson('[1.5,-0.25]')).toEqual([1.5, -0.25]);
    expect(stringifyJson(parseJson('{"a":1.0}'))).toBe('{"a":1}');
  });

  test('whatever number is written is told apart by what it says, not by where it stands', () => {
    const digits = fc.string({ unit: fc.constantFrom('0', '1', '9'), minLength: 1, maxLength: 24 });
    const whole = digits.map((text) => text.replace(/^0+(?=.)/, ''));
    const exponent = fc.option(fc.integer({ min: -20, max: 20 }), { nil: undefined });
    const parts = fc.record({ sign: fc.boolean(), whole, fraction: fc.option(digits), exponent });
    const written = parts.map(
      ({ sign, whole, fraction, exponent: power }) =>
        `${sign ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}` +
        `${power === undefined ? '' : `e${power}`}`,
    );
    fc.assert(
      fc.property(fc.array(written), fc.constantFrom('', ' ', '\n'), (texts, space) => {
        const said = texts.map((text) => {
          const value = Number(text);
          if (/[.e]/.test(text)) return Number.isInteger(value) ? new OddNumber(value) : value;
          return Number.isSafeInteger(value) ? value : BigInt(text);
        });
        const json = `{"n":${space}[${texts.map((text) => space + text).join(',')}]}`;
        expect(parseJson(json)).toEqual({ n: said });
      }),
      { numRuns: 2000 },
    );
  });

  test('a string that looks like a number or like a marker stays a string', () => {
    for (const text of ['1.0', '#1.5', '##2', '12345678901234567890', '":1.5', '\\"']) {
      const json = `{"n":1.5,"s":${JSON.stringify(text)}}`;
      expect(parseJson(json)).toEqual({ n: 1.5, s: text });
    }
  });

  test('a string that hides a marker behind an escape stays a string', () => {
    expect(parseJson(String.raw`[1.5,"\u0023 5","\u0023\u00237","#\u00238"]`)).toEqual([
      1.5,
      '# 5',
      '##7',
      '##8',
    ]);
  });

  test('malformed text is a SyntaxError whatever numbers it holds', () => {
    for (const text of [
      '',
      '{',
      '[1.5',
      '[1.5,]',
      '"1.5',
      '[01.5]',
      '[1.]',
      '[.5]',
      '[1.5e]',
      '{"a":1.5 "b"}',
    ]) {
      expect(() => parseJson(text), text).toThrow(SyntaxError);
    }
  });

  test('`__proto__` is a key like any other', () => {
    const parsed = parseJson('{"__proto__":{"x":1.5},"a":1}') as object;
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(Object.keys(parsed)).toEqual(['__proto__', 'a']);
  });

  test('text made to be slow is read or refused in one pass', () => {
    const quotes = `[1.5,"${'\\"'.repeat(200_000)}`;
    expect(() => parseJson(quotes)).toThrow(SyntaxError);
    const hashes = `[1.5,"${'#'.repeat(200_000)}"]`;
    expect((parseJson(hashes) as unknown[])[1]).toHaveLength(200_000);
    const long = `[1.5,${JSON.stringify('x\n'.repeat(3_000_000))}]`;
    expect((parseJson(long) as unknown[])[1]).toHaveLength(6_000_000);
  });
});

describe('text that would keep the parser busy', () => {
  const deep = (depth: number, open: string, close: string): string =>
    `${open.repeat(depth)}1${close.repeat(depth)}`;

  test('is refused beyond the depth of the original servers, whether it is well-formed or not', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"aaaaaaaaaaaaaaaa":', '}'],
    ] as const) {
      const pad = `${' '.repeat(LIMITS.jsonFreeLength)}`;
      expect(() => parseJson(pad + deep(LIMITS.jsonDepthMax, open, close))).not.toThrow();
      expect(() => parseJson(pad + deep(LIMITS.jsonDepthMax + 1, open, close))).toThrow(RangeError);
      expect(() => parseJson(open.repeat(20 * 2 ** 20))).toThrow(RangeError);
    }
  });

  test('brackets inside of strings are none', () => {
    const text = JSON.stringify({ a: '['.repeat(100_000), b: '\\"{'.repeat(100_000) });
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  test('a string without an end is malformed, not endless', () => {
    for (const text of [`"${'x'.repeat(100_000)}`, `["${'\\"'.repeat(100_000)}`]) {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    }
  });

  test('entries of all maps together are counted where there is a bound for them', () => {
    const bounds = { entriesMax: 20_000 };
    const entries = (n: number): string =>
      `[${Array.from({ length: n }, (_, i) => `{"k${i}":":"}`).join(',')}]`;
    expect(parseJson(entries(20_000), bounds)).toHaveLength(20_000);
    expect(() => parseJson(entries(20_001), bounds)).toThrow(RangeError);
  });

  test('a reply is read however many entries it has: the longest lists have more than a message', () => {
    const count = 1 + LIMITS.jsonEntriesMax / 10;
    const row = JSON.stringify({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1 });
    const payload = Buffer.from(`[${Array(count).fill(row).join(',')}]`).toString('base64');
    const body = JSON.stringify({ payloadtype: 'getprocesshistmsg', payload, error: false });
    expect(openReply('getprocesshistmsg', 200, body)).toHaveLength(count);
    expect(readReply(200, body)).toHaveLength(count);
  });

  test('values are counted where there is a bound for them', () => {
    const long = JSON.stringify('x'.repeat(LIMITS.jsonFreeLength));
    const parts = (n: number): string => `[${long}${',1'.repeat(n)}]`;
    expect(() => refuseTangled(parts(99), { partsMax: 100 })).not.toThrow();
    expect(() => refuseTangled(parts(100), { partsMax: 100 })).toThrow(RangeError);
    expect(() => refuseTangled(parts(100_000))).not.toThrow();
  });
});

describe('writing', () => {
  test('without bigint it is JSON.stringify', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (v) => {
        expect(stringifyJson(v)).toBe(JSON.stringify(v));
      }),
    );
  });

  test('strings and keys that look like the marker of a bigint stay themselves', () => {
    const nul = '\u0000';
    const odd = { [`${nul}bigint:1`]: `${nul}bigint:2`, [`${nul}${nul}bigint:3`]: 2n ** 60n };
    expect(JSON.parse(stringifyJson(odd))).toEqual({
      [`${nul}bigint:1`]: `${nul}bigint:2`,
      [`${nul}${nul}bigint:3`]: 2 ** 60,
    });
  });

  test('the characters that the original servers escape are escaped, and mean the same', () => {
    const json = JSON.stringify('<a href="x">&\u2028\u2029é</a>');
    const escaped = escapeJson(json);
    expect(escaped).toBe(String.raw`"\u003ca href=\"x\"\u003e\u0026\u2028\u2029é\u003c/a\u003e"`);
    expect(JSON.parse(escaped)).toBe(JSON.parse(json));
    expect(escapeJson('{"plain":1}')).toBe('{"plain":1}');
  });

  test('rendered JSON is passed through, values are printed', () => {
    expect(renderJson(new JsonText('{"a":1}'))).toBe('{"a":1}');
    expect(renderJson({ a: 5n })).toBe('{"a":5}');
  });
});
