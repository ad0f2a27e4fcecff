// docs/Installation.md and docs/Tutorial.md tell the truth: what they show runs, as one session each.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { commandsIn, runSession } from './shell.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const docOf = (name: string): string => readFileSync(`${ROOT}/docs/${name}`, 'utf8');

/** Commands that write the files which a document shows: ```js name or ```json name. */
const filesOf = (doc: string): readonly string[] =>
  [...doc.matchAll(/^```js(?:on)? (\S+)\n([\s\S]*?)^```$/gm)].map(
    ([, name, text = '']) => `printf %s '${text.replaceAll("'", "'\\''")}' > ${name}`,
  );

const links = (...names: readonly string[]): readonly string[] =>
  names.map((name) => `ln -s '${ROOT}/${name}' ${name}`);

test('the commands of docs/Installation.md work', async ({ signal }) => {
  const commands = [
    ...links('dist', 'package.json', 'node_modules'),
    ...commandsIn(docOf('Installation.md')),
  ];
  const { code, output } = await runSession(commands, signal, [50090]);
  expect(code, output).toBe(0);
  expect(output).toMatch(/Colony registered/);
  expect(output).toMatch(/Runtime approved/);
  expect(output).toMatch(/hello/);
}, 120_000);

test('the worker and the programs of docs/Tutorial.md work', async ({ signal }) => {
  const doc = docOf('Tutorial.md');
  const commands = [
    'mkdir node_modules',
    `ln -s '${ROOT}' node_modules/colonies`,
    ...filesOf(doc),
    ...commandsIn(doc),
  ];
  const { code, output } = await runSession(commands, signal);
  expect(code, output).toBe(0);
  expect(output).toContain('6765');
  expect(output).toContain('computing fibonacci(30)');
  expect(output).toContain('expected a whole number up to 30');
  expect(output).toContain('fibonacci(15) = 610');
}, 120_000);
