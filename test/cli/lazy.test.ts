// What a command line loads before it runs: only what it needs.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

const importsOf = (file: string): readonly string[] =>
  [
    ...readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm),
  ].map((match) => match[1] as string);

/** Packages (and own files) that are loaded with `file`: what static imports reach. */
const loadedWith = (file: string, seen = new Set<string>()): ReadonlySet<string> => {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const target of importsOf(file)) {
    if (!target.startsWith('.')) seen.add(target);
    else loadedWith(join(dirname(file), target), seen);
  }
  return seen;
};

const packagesOf = (file: string): readonly string[] =>
  [...loadedWith(join(SRC, file))].filter((name) => !existsSync(name) && !/^node:/.test(name));

describe('loading', () => {
  it('the program, its help and its errors loads no package at all', () => {
    expect(packagesOf('cli/main.ts')).toEqual([]);
  });

  it.each([
    'attribute',
    'colony',
    'executor-list',
    'function-submit',
    'keychain',
    'log',
    'process-get',
    'process-submit',
    'runtime',
    'server-info',
    'user',
  ])('the commands in %s loads no package before they run', (name) => {
    expect(packagesOf(`cli/commands/${name}.ts`)).toEqual([]);
  });

  it.each(['dev', 'server', 'worker'])('%s loads no database, overlay or web server', (name) => {
    const heavy = packagesOf(`cli/commands/${name}.ts`).filter((found) =>
      /^(level|classic-level|fastify|@fastify|libp2p|@libp2p|ws)\b/.test(found),
    );
    expect(heavy).toEqual([]);
  });
});
