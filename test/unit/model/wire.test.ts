// The leniency of the protocol, field by field.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { LIMITS } from '../../../src/node/limits.ts';
import { parseJson } from '../../../src/node/model/json.ts';
import {
  anything,
  dict,
  flag,
  int,
  int64,
  list,
  nullableList,
  pointer,
  problemOf,
  real,
  struct,
  text,
  time,
  ZERO_TIME,
} from '../../../src/node/model/wire.ts';

const read = <T extends z.ZodType>(schema: T, json: string): z.output<T> =>
  schema.parse(parseJson(json)) as z.output<T>;

const problem = (schema: z.ZodType, json: string): string => {
  const parsed = schema.safeParse(parseJson(json));
  if (parsed.success) throw new Error(`taken: ${json}`);
  return problemOf(parsed.error);
};

describe('scalars', () => {
  test.each([
    ['text', text(), ''],
    ['flag', flag(), false],
    ['int', int(), 0],
    ['int64', int64(), 0],
    ['real', real(), 0],
    ['time', time(), ZERO_TIME],
    ['list', list(text()), []],
    ['nullable list', nullableList(text()), null],
    ['dict', dict(text()), {}],
    ['struct', struct({ a: text() }), { a: '' }],
    ['pointer', pointer(struct({ a: text() })), null],
  ])('%s: absent and null are its zero value', (_name, schema, zero) => {
    expect(schema.parse(undefined)).toEqual(zero);
    expect(schema.parse(null)).toEqual(zero);
  });

  test('an integer field takes integers only', () => {
    expect(read(int(), '-5')).toBe(-5);
    for (const json of ['1.0', '1e3', '1.5', '"1"', 'true', '[]', '{}']) {
      expect(problem(int(), json)).toBe('expected an integer');
    }
    for (const json of ['9007199254740993', '-9223372036854775808', '99999999999999999999']) {
      expect(problem(int(), json)).toBe('expected an integer below 2^53');
    }
  });

  test('a 64-bit field is exact to its bounds and refuses beyond', () => {
    expect(read(int64(), '9223372036854775807')).toBe(2n ** 63n - 1n);
    expect(read(int64(), '-9223372036854775808')).toBe(-(2n ** 63n));
    expect(read(int64(), '12')).toBe(12);
    for (const json of ['9223372036854775808', '-9223372036854775809', '1.0', '"1"', '1e30']) {
      expect(problem(int64(), json)).toBe('expected a 64-bit integer');
    }
  });

  test('a floating point field takes every number', () => {
    expect(read(real(), '1.0')).toBe(1);
    expect(read(real(), '1.25')).toBe(1.25);
    expect(read(real(), '9223372036854775808')).toBe(2 ** 63);
    expect(problem(real(), '"1"')).toBe('expected a number');
    expect(problem(real(), '1e999')).toBe('expected a number');
  });

  test('a time field takes RFC 3339 and keeps its text', () => {
    for (const ok of [
      '2022-08-08T10:17:55.263Z',
      '0001-01-01T00:00:00Z',
      '2022-01-02t03:04:05+02:00',
    ]) {
      expect(read(time(), JSON.stringify(ok))).toBe(ok);
    }
    for (const bad of ['', 'now', '2022-08-08', '2022-08-08T10:17Z', '2022-08-08T10:17:55']) {
      expect(problem(time(), JSON.stringify(bad))).toBe('expected an RFC 3339 time');
    }
  });
});

describe('objects', () => {
  const Message = struct({ colonyname: text(), count: int(), spec: struct({ funcname: text() }) });

  test('names match in any case, at every depth', () => {
    const json = '{"ColonyName":"dev","COUNT":2,"Spec":{"FuncName":"f"}}';
    expect(read(Message, json)).toEqual({ colonyname: 'dev', count: 2, spec: { funcname: 'f' } });
  });

  test('of several spellings the last one counts', () => {
    expect(read(Message, '{"ColonyName":"a","colonyname":"b"}').colonyname).toBe('b');
    expect(read(Message, '{"colonyname":"b","ColonyName":"a"}').colonyname).toBe('a');
  });

  test('unknown fields are ignored, `__proto__` and `constructor` among them', () => {
    const json = '{"__proto__":{"colonyname":"x"},"constructor":1,"TOSTRING":2,"colonyname":"dev"}';
    const parsed = read(Message, json);
    expect(parsed).toEqual({ colonyname: 'dev', count: 0, spec: { funcname: '' } });
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
  });

  test('what is no object is refused where one belongs', () => {
    for (const json of ['1', '1.0', '"x"', 'true', '[]', '12345678901234567890']) {
      expect(problem(Message, json)).toBe('expected an object');
      expect(problem(Message, `{"spec":${json}}`)).toBe('spec: expected an object');
    }
    for (const json of ['1', '1.0', '"x"', '[]']) {
      expect(problem(dict(anything()), json)).toBe('expected an object');
    }
  });

  test('the problem names the field', () => {
    expect(problem(Message, '{"count":"two"}')).toBe('count: expected an integer');
    expect(problem(Message, '{"Spec":{"funcname":7}}')).toBe('spec.funcname: expected a string');
    expect(problem(struct({ env: dict(text()) }), '{"env":{"A":1}}')).toBe(
      'env.A: expected a string',
    );
  });

  test('a map keeps every key as its own, `__proto__` too', () => {
    const map = read(dict(anything()), '{"__proto__":{"x":1.0},"toString":"y"}');
    expect(Object.entries(map)).toEqual([
      ['__proto__', { x: 1 }],
      ['toString', 'y'],
    ]);
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
  });
});

describe('lists and free values', () => {
  const tooMany = `expected at most ${LIMITS.listEntriesMax} entries`;

  test('a list has at most its limit of entries', () => {
    const many = (n: number) => JSON.stringify(new Array(n).fill('x'));
    expect(read(list(text()), many(LIMITS.listEntriesMax))).toHaveLength(LIMITS.listEntriesMax);
    expect(problem(list(text()), many(LIMITS.listEntriesMax + 1))).toBe(tooMany);
    expect(problem(nullableList(text()), many(LIMITS.listEntriesMax + 1))).toBe(tooMany);
    expect(problem(nullableList(text()), '1')).toBe('expected a list');
  });

  test('a map has at most that many entries, too', () => {
    const many = (n: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, 'x'])));
    const most = read(dict(text()), many(LIMITS.listEntriesMax));
    expect(Object.keys(most)).toHaveLength(LIMITS.listEntriesMax);
    expect(problem(dict(text()), many(LIMITS.listEntriesMax + 1))).toBe(tooMany);
    expect(problem(dict(anything()), many(LIMITS.listEntriesMax + 1))).toBe(tooMany);
  });

  test('free values keep their shape; all their numbers become doubles', () => {
    const json = '[1.0,{"a":[12345678901234567890,null,"x",true,1e3]}]';
    expect(read(anything(), json)).toEqual([
      1,
      { a: [12345678901234567000, null, 'x', true, 1000] },
    ]);
  });

  test('a number beyond every double is refused in free values', () => {
    for (const huge of ['1e999', '-1e400', `1${'0'.repeat(400)}`]) {
      expect(problem(anything(), huge)).toBe('number out of range');
      expect(problem(list(anything()), `[{"a":[${huge}]}]`)).toBe('0: number out of range');
    }
  });

  test('free values nest to the limit and no deeper', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(() => read(anything(), nested(LIMITS.nestingDepthMax))).not.toThrow();
    expect(problem(anything(), nested(LIMITS.nestingDepthMax + 2))).toBe('nested too deeply');
    expect(problem(list(anything()), nested(5_000))).toBe('0: nested too deeply');
  });

  test('any JSON is taken or refused with a text, whatever the field', () => {
    const schemas = [text(), flag(), int(), int64(), real(), time(), list(int()), dict(text())];
    const Whole = struct({
      a: text(),
      b: list(struct({ c: int() })),
      d: pointer(struct({ e: flag() })),
    });
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(...schemas, Whole), (json, schema) => {
        const parsed = schema.safeParse(parseJson(json));
        if (!parsed.success) expect(problemOf(parsed.error)).toMatch(/./);
      }),
    );
  });
});
