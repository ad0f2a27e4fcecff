// Resource strings.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuText, memoryText, parseCpu, parseMemory } from '../../../src/node/model/resources.ts';

const refused = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ name: 'Fault', code: 'bad-request' });
    return (error as Error).message;
  }
  throw new Error('not refused');
};

describe('cpu', () => {
  test.each([
    ['', 0],
    ['0m', 0],
    ['500m', 500],
    ['4', 4000],
    ['+2', 2000],
    ['1500m', 1500],
    ['-1', -1000],
  ])('%j is %d millicores', (text, milli) => {
    expect(parseCpu(text)).toBe(milli);
  });

  test.each(['m', '1.5', '1 m', '1k', '1000M', ' 1', '1\n', '٣', '1e3', '9999999999999999'])(
    '%j is refused',
    (text) => {
      expect(refused(() => parseCpu(text))).toContain('Error converting CPU to int');
    },
  );

  test('what is printed reads the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 9 }), (milli) => {
        expect(parseCpu(cpuText(milli))).toBe(milli);
      }),
    );
  });
});

describe('memory', () => {
  test.each([
    ['', 0, '0Mi'],
    ['1Ki', 1024, '0Mi'],
    ['1024Ki', 2 ** 20, '1Mi'],
    ['10Gi', 10 * 2 ** 30, '10240Mi'],
    ['10GiB', 10 * 2 ** 30, '10240Mi'],
    ['1G', 1e9, '953Mi'],
    ['10GB', 1e10, '9536Mi'],
    ['1Ti', 2 ** 40, '1048576Mi'],
    ['3Tb', 3e12, '2861022Mi'],
  ])('%j is %d bytes, printed as %j', (text, bytes, printed) => {
    expect(parseMemory(text)).toBe(bytes);
    expect(memoryText(bytes)).toBe(printed);
  });

  test.each([
    '5',
    'Mi',
    '1.5Gi',
    '1 Gi',
    '1gi',
    '1constructor',
    '1toString',
    '1__proto__',
    '999999999999999Ti',
  ])('%j is refused', (text) => {
    expect(refused(() => parseMemory(text))).toContain('error converting memory to int');
  });

  test('printing and reading again changes nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => {
        const text = memoryText(bytes);
        expect(memoryText(parseMemory(text))).toBe(text);
      }),
    );
  });

  test('any text gives a finite number or a refusal that does not repeat all of it', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        for (const parse of [parseCpu, parseMemory]) {
          try {
            expect(Number.isSafeInteger(parse(text))).toBe(true);
          } catch (error) {
            expect((error as Error).message.length).toBeLessThan(200);
          }
        }
      }),
    );
  });
});
