// README.md tells the truth: its five minutes run, command by command, and so does what it says of
// the sample specification.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runSession } from './shell.ts';

const ROOT = new URL('../../', import.meta.url);
const README = readFileSync(new URL('README.md', ROOT), 'utf8');
const FIVE_MINUTES = /^## Five minutes\n([\s\S]*?)^## /m.exec(README)?.[1] ?? '';

const blocks = (language: string): readonly string[] =>
  [
    ...FIVE_MINUTES.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\``, 'gm')),
  ].map(([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));

/** What a reader does between the terminals: waits for what starts, copies the id. */
const WAITS: Readonly<Record<string, string>> = {
  'colonies dev': 'until colonies server alive --check --insecure 2>/dev/null; do sleep 0.2; done',
  'colonies worker start --name myworker --type testworker --insecure':
    'until colonies runtime ls --insecure | grep -q myworker; do sleep 0.2; done',
  'colonies process submit --spec examples/sleep.json --insecure':
    'until ID=$(colonies process ps --insecure | grep -o "[0-9a-f]\\{64\\}"); do sleep 0.2; done',
};

test('the five minutes of the README work', async ({ signal }) => {
  const shown = blocks('sh')
    .flatMap((block) => block.trim().split('\n'))
    .filter((line) => !line.startsWith('export PATH='));
  const stays = (line: string): boolean => /^colonies (dev|worker start)\b/.test(line);
  // The server is waited for once its address is known.
  const [dev = '', source = '', ...rest] = shown;
  const lines = [
    `${dev} &`,
    source,
    WAITS[dev] ?? '',
    ...rest.flatMap((line) => [
      stays(line) ? `${line} &` : line.replace(/\bID\b/, '$ID'),
      ...[WAITS[line] ?? []].flat(),
    ]),
  ];
  const { code, output } = await runSession(lines, signal);
  expect(code, output).toBe(0);
  expect(output).toContain('| TARGET RUNTIME |');
  for (const title of ['Process:', 'ProcessSpec:', 'Conditions:', 'Attributes:']) {
    expect(output).toContain(`\n${title}\n`);
  }
  expect(output).toMatch(/\| State +\| Running +\|/);
}, 120_000);

test('the specification that the README shows is the sample', () => {
  const sample = readFileSync(new URL('examples/sleep.json', ROOT), 'utf8');
  expect(JSON.parse(blocks('json')[0] ?? '')).toEqual(JSON.parse(sample));
});
