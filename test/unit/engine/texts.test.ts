// The texts of specifications that were left on disk: read when they are needed, or just before.

import { expect, test } from 'vitest';
import { makeLive } from '../../../src/node/engine/live.ts';
import { makeTexts } from '../../../src/node/engine/texts.ts';
import { LIMITS } from '../../../src/node/limits.ts';
import { silentLog } from '../../../src/node/log.ts';
import { newProcess } from '../../../src/node/model/process.ts';
import { FunctionSpecMsg, normaliseSpec, specRow } from '../../../src/node/model/spec.ts';
import { decodeProcess, liveKey, processTable } from '../../../src/node/store/tables/processes.ts';

const BY = { id: 'e'.repeat(64), name: 'ann' };

/** Live processes read without their texts, and a store that counts what is asked of it. */
const open = (count: number) => {
  const rows = new Map<string, string>();
  const put = (key: string, value: string) => rows.set(key, value);
  const writer = { put, del: () => undefined, made: () => undefined };
  const lives = Array.from({ length: count }, (_, i) => {
    const spec = specRow(normaliseSpec(FunctionSpecMsg.parse({ funcname: `f${i}` })));
    const row = newProcess(String(i).padStart(64, '0'), 1, BY, spec, 1_000 + i);
    processTable.submitted(writer as never, row);
    const value = rows.get(liveKey(row)) as string;
    return makeLive(decodeProcess(value, undefined, { leaveText: true }), false);
  });
  const asked: string[] = [];
  const aside: (() => void)[] = [];
  const texts = makeTexts({
    store: {
      get: (key) => {
        asked.push(key);
        return rows.get(key);
      },
      many: (wanted) =>
        new Promise((resolve) => {
          aside.push(() => resolve(wanted.map((key) => rows.get(key))));
        }),
    },
    log: silentLog(),
    limits: { ...LIMITS, textsAheadMax: 3 },
  });
  return { rows, lives, texts, asked, aside };
};

const settle = () => new Promise((resolve) => setImmediate(resolve));
const isHere = ({ row }: { row: { spec: { json: unknown } } }) => typeof row.spec.json === 'string';

test('a text is read when it is asked for, once', () => {
  const { lives, texts, asked } = open(1);
  const [live] = lives;
  if (!live) throw new Error('none');
  expect(texts.rowOf(live).spec.json).toContain('"funcname":"f0"');
  expect(texts.rowOf(live)).toBe(live.row);
  expect(asked).toHaveLength(1);
});

test('a row that is not in the store is corruption', () => {
  const { rows, lives, texts } = open(1);
  rows.clear();
  for (const live of lives) expect(() => texts.rowOf(live)).toThrow('corrupt store');
});

test('the first ones are read ahead, one reading at a time', async () => {
  const { lives, texts, asked, aside } = open(5);
  texts.ahead(lives);
  texts.ahead(lives);
  expect(aside).toHaveLength(1);
  const [first, second] = lives;
  if (!first || !second) throw new Error('none');
  // Asked for before the reading ends: read by itself.
  const row = texts.rowOf(first);
  const { json } = row.spec;
  aside[0]?.();
  await settle();
  expect(lives.map(isHere)).toEqual([true, true, true, false, false]);
  expect(row.spec.json).toBe(json);
  expect(texts.rowOf(second).spec.json).toContain('"funcname":"f1"');
  expect(asked).toHaveLength(1);
  texts.ahead(lives.slice(0, 3));
  expect(aside).toHaveLength(1);
  texts.ahead(lives.slice(3));
  aside[1]?.();
  await settle();
  expect(lives.every(isHere)).toBe(true);
});

test('what was removed before it was read stays away', async () => {
  const { rows, lives, texts, aside } = open(2);
  texts.ahead(lives);
  rows.delete([...rows.keys()][0] as string);
  aside[0]?.();
  await settle();
  expect(lives.map(isHere)).toEqual([false, true]);
});
