// docs/RPC.md tells the truth: its programs run as it shows them, as one session.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { commandsIn, runSession } from './shell.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOC = readFileSync(`${ROOT}/docs/RPC.md`, 'utf8');

/** Commands that write the programs which the document shows. */
const files = [...DOC.matchAll(/^```js (\S+)\n([\s\S]*?)^```$/gm)].map(
  ([, name, text = '']) => `printf %s '${text.replaceAll("'", "'\\''")}' > ${name}`,
);

// As a package of its own that has the ones it imports.
const home = [
  `printf '{"type":"module"}' > package.json`,
  'mkdir node_modules',
  `ln -s '${ROOT}' node_modules/colonies`,
  `ln -s '${ROOT}/node_modules/@noble' '${ROOT}/node_modules/ws' node_modules/`,
];

test('the programs of docs/RPC.md work', async ({ signal }) => {
  const { code, output } = await runSession([...home, ...files, ...commandsIn(DOC)], signal);
  expect(code, output).toBe(0);
  expect(output).toContain('"backends":[{"type":"http"');
  expect(output).toContain('4fef2b5a82d134d058c1883c72d6d9caf77cd59ca82d73105017590dea3dcb87');
  expect(output).toContain('55464eb9b5b5a3f0d514609ace578f10122e1f87b79cc873a3dc343e24eca94c00');
  expect(output).toContain('state 2, out 42');
  expect(output).toContain('404 No process available for assignment');
  expect(output).toContain('event: state 4');
  expect(output).toContain('successful: 1');
  expect(output).toContain('forbidden: Access denied, not server owner');
  expect(output).toMatch(/--args 40,2 --wait\n42\n/);
  expect(output).toContain('hello Ada');
}, 120_000);

test('docs/operations.md is what the pages say it is', () => {
  const reference = readFileSync(`${ROOT}/docs/operations.md`, 'utf8');
  for (const [type] of DOC.matchAll(/\b[a-z]+msg\b/g)) expect(reference).toContain(type);
});
