// The key space: key order on disk is the order of the parts, and a range holds exactly what is
// under it.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { colonyIn, keys, partsOf, type Range } from '../../../src/node/store/keys.ts';

// LevelDB compares bytes.
const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const within = (key: string, { gte, lt }: Range): boolean =>
  compare(key, gte) >= 0 && compare(key, lt) < 0;

type Part = number | bigint | string;
const compareParts = (a: readonly Part[], b: readonly Part[]): number => {
  for (const [i, x] of a.entries()) {
    const y = b[i] as Part;
    const order =
      typeof x === 'string'
        ? compare(x, String(y))
        : Number(BigInt(x) > BigInt(y)) - Number(BigInt(x) < BigInt(y));
    if (order !== 0) return order;
  }
  return 0;
};

const colony = fc.oneof(fc.nat(300), fc.nat(2 ** 32 - 1));
const us = fc.oneof(fc.nat(3000), fc.nat(Number.MAX_SAFE_INTEGER));
const ns = fc.oneof(
  fc.bigInt({ min: 0n, max: 3000n }),
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
);
const state = fc.integer({ min: 2, max: 4 });
const id = fc.constantFrom('0'.repeat(64), '00f'.padEnd(64, '0'), 'a'.repeat(64), 'f'.repeat(64));
// Whatever may be a name: no control characters, no broken surrogates.
const name = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.string({
      unit: fc.constantFrom('a', 'b', ' ', ':', '😀', '\uffff', 'é', '~'),
      maxLength: 4,
    }),
  )
  .filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text));

// Each table: how a key is made of its parts, and what the parts may be.
const TABLES = {
  colony: [keys.colony, fc.tuple(colony)],
  counts: [keys.counts, fc.tuple(colony)],
  removing: [keys.removing, fc.tuple(colony)],
  user: [keys.user, fc.tuple(colony, name)],
  executor: [keys.executor, fc.tuple(colony, name)],
  function: [keys.function, fc.tuple(colony, name)],
  live: [keys.live, fc.tuple(colony, us, id)],
  progress: [keys.progress, fc.tuple(colony, us, id)],
  done: [keys.done, fc.tuple(id)],
  ended: [keys.ended, fc.tuple(colony, state, us, id)],
  attribute: [keys.attribute, fc.tuple(id)],
  log: [keys.log, fc.tuple(colony, ns)],
  processLog: [keys.processLog, fc.tuple(colony, id, ns)],
  executorLog: [keys.executorLog, fc.tuple(colony, name, ns)],
} as const;
type Table = [(...parts: Part[]) => string, fc.Arbitrary<Part[]>];
const tables = Object.entries(TABLES) as unknown as [string, Table][];

describe.each(tables)('%s', (_name, [key, parts]) => {
  test('key order is the order of the parts', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(Math.sign(compare(key(...a), key(...b)))).toBe(Math.sign(compareParts(a, b)));
      }),
      { numRuns: 300 },
    );
  });

  test('the parts can be read back', () => {
    fc.assert(
      fc.property(parts, (a) => {
        const read = partsOf(key(...a));
        expect(read).toHaveLength(a.length);
        for (const [i, part] of a.entries()) {
          if (typeof part === 'string') expect(read[i]).toBe(part);
          else if (i === 0) expect(colonyIn(read[i])).toBe(part);
          else expect(BigInt(read[i] as string)).toBe(BigInt(part));
        }
      }),
    );
  });
});

test('no two tables share a key, and whole-table ranges hold exactly their table', () => {
  const all = fc.constantFrom(...tables.map(([, table]) => table));
  const keyed = all.chain(([key, parts]) => parts.map((p) => key(...p)));
  const ranges: Record<string, Range> = {
    c: keys.colonies,
    z: keys.allRemoving,
    u: keys.users,
    x: keys.executors,
    f: keys.functions,
    l: keys.allLive,
    a: keys.allProgress,
    d: keys.allDone,
    e: keys.allEnded,
    t: keys.allAttributes,
    g: keys.allLogs,
    p: keys.allProcessLogs,
    q: keys.allExecutorLogs,
  };
  fc.assert(
    fc.property(keyed, (key) => {
      for (const [table, range] of Object.entries(ranges)) {
        expect(within(key, range)).toBe(key.startsWith(table));
      }
    }),
  );
});

test('a range of one colony, name or process holds nothing of a neighbour', () => {
  fc.assert(
    fc.property(colony, colony, name, name, ns, (a, b, x, y, at) => {
      const key = keys.executorLog(b, y, at);
      expect(within(key, keys.executorLogs(a, x))).toBe(a === b && x === y);
      expect(within(key, keys.executorLogsOf(a))).toBe(a === b);
      expect(within(keys.log(b, at), keys.logsOf(a))).toBe(a === b);
    }),
  );
});

test('ranges by time hold what their name says', () => {
  fc.assert(
    fc.property(state, state, us, us, id, (s, other, at, from, process) => {
      const key = keys.ended(7, other, at, process);
      expect(within(key, keys.endedIn(7, s))).toBe(s === other);
      expect(within(key, keys.endedSince(7, s, from))).toBe(s === other && at >= from);
      expect(within(key, keys.endedBefore(7, s, from))).toBe(s === other && at < from);
    }),
  );
  fc.assert(
    fc.property(ns, ns, (at, from) => {
      expect(within(keys.log(7, at), keys.logsSince(7, from))).toBe(at >= from);
      expect(within(keys.log(7, at), keys.logsBefore(7, from))).toBe(at < from);
    }),
  );
});

test('times before the epoch count as the epoch', () => {
  expect(keys.endedSince(1, 2, -5)).toEqual(keys.endedSince(1, 2, 0));
  expect(keys.logsSince(1, -5n)).toEqual(keys.logsSince(1, 0n));
});

test('a part that holds the separator is refused: it would move the key elsewhere', () => {
  for (const make of [keys.user, keys.executor, keys.function, keys.executorLogs]) {
    expect(() => make(1, 'a\u0000b')).toThrow(RangeError);
  }
});

test('the documents tell of the same tables, with the same parts of keys', () => {
  const rows = (path: string): string[] =>
    [...readFileSync(path, 'utf8').matchAll(/^(?: \* )?\| `?([a-z])`? \| ([^|]*) \|/gm)].map(
      ([, table, key]) => `${table}: ${key}`,
    );
  const told = rows('docs/storage.md');
  expect(told.length).toBeGreaterThan(10);
  expect(told).toEqual(rows('src/node/store/keys.ts'));
});
