// docs/CLI.md tells the truth: its commands run, and nothing is missing in it.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENV } from '../../src/cli/env.ts';
import { TREE } from '../../src/cli/tree.ts';
import { commandsIn, runSession } from './shell.ts';

const DOC = readFileSync(new URL('../../docs/CLI.md', import.meta.url), 'utf8');

/** Servers of the document's own, and its monitor. */
const OTHER_PORTS = [50091, 50092, 21190];

describe('docs/CLI.md', () => {
  it('shows commands that work', async ({ signal }) => {
    const { code, output } = await runSession(commandsIn(DOC), signal, OTHER_PORTS);
    expect(code, output).toBe(0);
    expect(output).toContain('| TARGET RUNTIME |');
    expect(output).toContain('hello from a colony');
    expect(output).toContain('hello from a function');
    // Some 170 programs, one after the other: a second each where others use the machine, too.
  }, 900_000);

  it('names every command', async () => {
    const commands = (await Promise.all(TREE.map((group) => group.load()))).flat();
    const shown = commandsIn(DOC).join('\n');
    const missing = commands
      .map((cmd) => `colonies ${cmd.path.join(' ')}`)
      .filter((line) => !shown.includes(line));
    expect(missing).toEqual([]);
  });

  it('lists every variable with what it does', () => {
    for (const [name, text] of Object.entries(ENV)) expect(DOC).toContain(`| ${name} | ${text} |`);
  });
});
