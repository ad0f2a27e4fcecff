// Text forms of bytes: the exact hex errors, and base64 as the original servers read it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  base64ToBytes,
  base64ToText,
  bytesToBase64,
  bytesToHex,
  hexError,
  hexToBytes,
  textToBase64,
} from '../../../src/node/crypto/bytes.ts';

const anyBytes = fc.uint8Array({ maxLength: 300 });

describe('hex', () => {
  it('comes back as it went, in either case', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(bytesToHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(hexToBytes(bytesToHex(bytes))).toEqual(bytes);
        expect(hexToBytes(bytesToHex(bytes).toUpperCase())).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['abc', 'encoding/hex: odd length hex string'],
    ['0', 'encoding/hex: odd length hex string'],
    ['zz', "encoding/hex: invalid byte: U+007A 'z'"],
    ['Invalid', "encoding/hex: invalid byte: U+0049 'I'"],
    ['0x12', "encoding/hex: invalid byte: U+0078 'x'"],
    ['abg', "encoding/hex: invalid byte: U+0067 'g'"],
    ['ab cd', "encoding/hex: invalid byte: U+0020 ' '"],
    ['ab\n', 'encoding/hex: invalid byte: U+000A'],
    ['\u007f', 'encoding/hex: invalid byte: U+007F'],
    ['å', "encoding/hex: invalid byte: U+00C3 'Ã'"],
    ['漢', "encoding/hex: invalid byte: U+00E6 'æ'"],
    ['🐝', "encoding/hex: invalid byte: U+00F0 'ð'"],
    ['\ud800', "encoding/hex: invalid byte: U+00EF 'ï'"],
    ['０', "encoding/hex: invalid byte: U+00EF 'ï'"],
  ])('%j is refused with the documented text', (text, message) => {
    expect(hexError(text)?.text).toBe(message);
    expect(() => hexToBytes(text)).toThrow(message);
  });
});

describe('base64', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(anyBytes, fc.string({ unit: 'grapheme' }), (bytes, text) => {
        expect(bytesToBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(base64ToBytes(bytesToBase64(bytes))).toEqual(bytes);
        expect(base64ToText(textToBase64(text))).toBe(text);
      }),
    );
  });

  it('works on a part of a larger array', () => {
    const bytes = new Uint8Array([0, 1, 2, 3, 4, 5]).subarray(2, 5);
    expect(bytesToBase64(bytes)).toBe('AgME');
  });

  it.each([
    ['', ''],
    ['YWJj', 'abc'],
    ['YW\r\nJj\n', 'abc'],
    ['YWI=', 'ab'],
    ['YQ==', 'a'],
    ['YQ=\n=', 'a'],
    ['YWJjZGU=garbage', 'abcde'],
    ['YWJjYQ==YWJj', 'abca'],
    ['YWJjZA', 'abc'],
    ['YWJjZA=', 'abc'],
    ['YWJjZ', 'abc'],
    ['YWJjZ===', 'abc'],
    ['YWJj!WJj', 'abc'],
    ['YWJjY-_j', 'abc'],
    ['YWJj====', 'abc'],
    ['=YWJj', ''],
    ['{"msgtype":1}', ''],
    ['YWJj\u0000', 'abc'],
  ])('%j is read as %j', (text, read) => {
    expect(base64ToText(text)).toBe(read);
    expect(Buffer.from(base64ToBytes(text)).toString()).toBe(read);
  });

  it('text and bytes are read alike, whatever is between the digits', () => {
    const unit = fc.constantFrom(...'YWJj', '=', '-', '_', '!', '\n', 'Á', 'Ł', 'ā', '🐝');
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1, maxLength: 12 }), (text) => {
        const bytes = base64ToBytes(text);
        expect(base64ToText(text)).toBe(Buffer.from(bytes).toString('utf8'));
      }),
      { numRuns: 2_000 },
    );
  });

  it('wrong UTF-8 becomes replacement characters and a byte order mark stays', () => {
    expect(base64ToText(bytesToBase64(new Uint8Array([0xc3, 0x28])))).toBe('\ufffd(');
    expect(base64ToText(bytesToBase64(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])))).toBe('\ufeffa');
  });
});
