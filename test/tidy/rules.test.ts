// House rules that a reader should not have to check.

import { expect, test } from 'vitest';
import { type Source, sources } from './source.ts';

const LINES_MAX = 400;
const COLUMNS_MAX = 100;

/** A line that is one long literal or template cannot be broken without harm. */
const LITERAL = /['`"/][^'`"]{60,}|^\s*(?:\w+: )?(['"`]).*\1\s*[,;+]?$/;

const offenders = (files: readonly Source[], bad: (source: Source) => boolean): string[] =>
  files.filter(bad).map(({ path }) => path);

const code = (source: Source): string => source.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');

test('files stay within 400 lines', () => {
  expect(offenders(sources('src'), ({ lines }) => lines.length > LINES_MAX + 1)).toEqual([]);
});

test('lines stay within the page', () => {
  const long = sources('src').flatMap(({ path, lines }) =>
    lines.flatMap((line, at) =>
      line.length > COLUMNS_MAX && !LITERAL.test(line) ? [`${path}:${at + 1}`] : [],
    ),
  );
  expect(long).toEqual([]);
});

test('every file says what it is for', () => {
  expect(offenders(sources('src'), ({ text }) => !/^(#!.*\n)?\/\/ \S/.test(text))).toEqual([]);
});

test('time and chance come only through the clock', () => {
  const door = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\brandomBytes\(|\brandomUUID\(/;
  const allowed = ['src/node/clock.ts', 'src/attach/web-clock.ts'];
  expect(offenders(sources('src'), (s) => !allowed.includes(s.path) && door.test(code(s)))).toEqual(
    [],
  );
});

test('signals are put together where their parts are held', () => {
  const lone = sources('src').filter(({ path }) => path !== 'src/node/signals.ts');
  expect(offenders(lone, (s) => /\bAbortSignal\.any\(/.test(code(s)))).toEqual([]);
});

test('the environment and the console belong to the command line', () => {
  const edge = /\bprocess\.env\b|\bconsole\./;
  const inner = sources('src').filter(({ path }) => !path.startsWith('src/cli/'));
  expect(offenders(inner, (s) => edge.test(code(s)))).toEqual([]);
});

test('no file is named for everything', () => {
  const vague = /\/(utils?|helpers?|manager|types|common|misc)\.ts$/;
  expect(offenders(sources('src'), ({ path }) => vague.test(path))).toEqual([]);
});

test('nothing is left to do in the source', () => {
  expect(
    offenders(
      [...sources('src'), ...sources('test')].filter((s) => s.path !== 'test/tidy/rules.test.ts'),
      ({ text }) => /\b(TODO|FIXME|XXX)\b/.test(text),
    ),
  ).toEqual([]);
});

test('no test is skipped or shuts others out', () => {
  const shut = /\b(it|test|describe)\.(only|skip|todo)\(/;
  expect(
    offenders(
      sources('test'),
      ({ text, path }) => !path.startsWith('test/tidy/') && shut.test(text),
    ),
  ).toEqual([]);
});

test('every limit has its reason', () => {
  const files = sources('src/node').filter(({ path }) => /\/limits(-overlay)?\.ts$/.test(path));
  const lines = files.flatMap((file) => file.lines);
  const rows = lines.flatMap((line, at) => (/^ {2}\w+:/.test(line) ? [at] : []));
  const commented = (at: number): boolean => {
    const above = lines[at - 1]?.trim() ?? '';
    return above.endsWith('*/') || (/^\w+:/.test(above) && commented(at - 1));
  };
  expect(files.length).toBe(2);
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.filter((at) => !commented(at)).map((at) => lines[at])).toEqual([]);
});
