// docs/limits.md is written from the source, so that it never tells anything else.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/node/limits.ts';

const SOURCES = ['limits.ts', 'limits-overlay.ts'].map((name) =>
  readFileSync(fileURLToPath(new URL(`../../../src/node/${name}`, import.meta.url)), 'utf8'),
);

interface Row {
  readonly names: readonly string[];
  readonly why: string;
}

/** The limits in the order of the source; those under one comment together. */
const rowsOf = (source: string): Row[] => {
  const rows: Row[] = [];
  let why = '';
  let names: string[] = [];
  for (const line of source.slice(source.indexOf('export const')).split('\n')) {
    const name = /^ {2}(\w+):/.exec(line)?.[1];
    if (name !== undefined) {
      if (names.length === 0) rows.push({ names, why: why.trim() });
      names.push(name);
      continue;
    }
    const text = /^ {2}(?:\/\*\*| \*(?!\/)) ?(.*?)(?:\*\/)?$/.exec(line)?.[1];
    if (text === undefined) continue;
    if (names.length > 0 || line.startsWith('  /**')) why = '';
    names = [];
    why += ` ${text.trim()}`;
  }
  return rows;
};

const shown = (value: number): string => value.toLocaleString('en-US');

const HEAD = `# Limits

Everything that grows has a bound. This page is written from \`src/node/limits.ts\` and
\`src/node/limits-overlay.ts\`: to change a bound, change it there and run the tests with \`-u\`. Where a
reason names no unit the number is a count.

| limit | value | why |
|---|---|---|
`;

test('docs/limits.md lists every limit with its value and reason', async () => {
  const rows = SOURCES.flatMap(rowsOf);
  expect(rows.flatMap((row) => row.names).sort()).toEqual(Object.keys(LIMITS).sort());
  const lines = rows.flatMap(({ names, why }) =>
    names.map((name, i) => {
      const value = shown(LIMITS[name as keyof typeof LIMITS]);
      return `| \`${name}\` | ${value} | ${i === 0 ? why : 'as above'} |\n`;
    }),
  );
  await expect(HEAD + lines.join('')).toMatchFileSnapshot('../../../docs/limits.md');
});
