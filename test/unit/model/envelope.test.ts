// Payloads: base64 with the leniency of the protocol.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePayload, errorReply, replyBody } from '../../../src/node/model/envelope.ts';

const code = (text: string): string => Buffer.from(text).toString('base64');

/**
 * The documented rule, byte by byte: CR and LF are skipped, four characters make three bytes,
 * padding ends it, and at the first bad place decoding stops silently with what was decoded so far.
 */
const byTheBook = (payload: string): Buffer => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const chars = [...payload].filter((c) => c !== '\r' && c !== '\n');
  const bytes: number[] = [];
  for (let at = 0; at + 4 <= chars.length; at += 4) {
    const four = chars.slice(at, at + 4);
    const padding = four[3] !== '=' ? 0 : four[2] !== '=' ? 1 : 2;
    const digits = four.slice(0, 4 - padding).map((c) => alphabet.indexOf(c));
    if (digits.some((d) => d < 0)) break;
    const bits = digits.reduce((sum, d, i) => sum | (d << (18 - 6 * i)), 0);
    bytes.push(...[bits >> 16, bits >> 8, bits].map((b) => b & 255).slice(0, 3 - padding));
    if (padding > 0) break;
  }
  return Buffer.from(bytes);
};

describe('payload to text', () => {
  test('what was coded comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const clean = Buffer.from(text).toString();
        expect(decodePayload(code(clean))).toBe(clean);
      }),
    );
  });

  test('line breaks inside are skipped, wherever they are', () => {
    const json = '{"msgtype":"getcolonymsg","colonyname":"dev"}';
    expect(decodePayload(code(json).replace(/(.{7})/g, '$1\r\n'))).toBe(json);
    expect(decodePayload(`\n${code('ab')}\r\n`)).toBe('ab');
    expect(decodePayload('YW\nI=')).toBe('ab');
    expect(decodePayload('YWI\n=')).toBe('ab');
  });

  test('what follows the first bad place is dropped', () => {
    expect(decodePayload('!')).toBe('');
    expect(decodePayload('YWJj!YWJj')).toBe('abc');
    expect(decodePayload('YWJjYW')).toBe('abc');
    expect(decodePayload('YWJj-_8=')).toBe('abc');
    expect(decodePayload('YWI=YWJj')).toBe('ab');
    expect(decodePayload('')).toBe('');
  });

  test('it follows the documented rule for any text', () => {
    const near = fc.string({
      unit: fc.constantFrom('Y', 'W', 'J', 'j', '0', '+', '/', '=', '\n', '\r', '-', '_', ' ', 'é'),
      maxLength: 40,
    });
    fc.assert(
      fc.property(near, (payload) => {
        expect(decodePayload(payload)).toBe(byTheBook(payload).toString('utf8'));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('replies', () => {
  test('hold the payload as base64 of JSON with the escapes of the original servers', () => {
    const body = JSON.parse(replyBody('t"', '{"a":"<&>"}', false));
    expect(body).toEqual({ payloadtype: 't"', payload: expect.any(String), error: false });
    expect(Buffer.from(body.payload, 'base64').toString()).toBe(
      String.raw`{"a":"\u003c\u0026\u003e"}`,
    );
  });

  test('an error carries its status and message', () => {
    const reply = errorReply(404, 'nothing here');
    expect(reply.status).toBe(404);
    const body = JSON.parse(reply.body);
    expect(body).toMatchObject({ payloadtype: 'error', error: true });
    expect(JSON.parse(Buffer.from(body.payload, 'base64').toString())).toEqual({
      status: 404,
      message: 'nothing here',
    });
  });
});
