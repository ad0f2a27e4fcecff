// The SDK runs in browsers: it must not reach a server's parts, nor Node's own modules.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const IMPORT = /^(import|export)\s(?!type\b)[^;]*?from\s+'([^']+)'/gms;

/** The modules that a file loads at once; types are gone when it runs. */
const loadedBy = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(IMPORT)].flatMap(([text, , target = '']) => {
    const names = /\{([^}]*)\}/s.exec(text)?.[1];
    const isDefault = /^import\s+\w+\s*(,|from)/.test(text);
    const onlyTypes = !isDefault && names?.split(',').every((name) => /^\s*(type\s|$)/.test(name));
    return onlyTypes === true ? [] : [target];
  });

const graphOf = (entry: string): { files: Set<string>; packages: Set<string> } => {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    for (const target of loadedBy(path)) {
      if (target.startsWith('.')) visit(resolve(dirname(path), target));
      else packages.add(target);
    }
  };
  visit(resolve(ROOT, entry));
  return { files, packages };
};

const { files, packages } = graphOf('src/sdk.ts');

test('the SDK loads the curve, the hash and the schemas, and no other package', () => {
  expect([...packages].sort()).toEqual([
    '@noble/curves/secp256k1.js',
    '@noble/hashes/sha3.js',
    'zod',
  ]);
});

test('the SDK loads no part of a server', () => {
  const parts = /src\/(node\/(store|engine)|dht|cli|index|compose|api\/(http|dispatch|ws))/;
  expect([...files].filter((path) => parts.test(path))).toEqual([]);
});

test('the walk sees what a server loads', () => {
  const server = graphOf('src/api/http.ts');
  expect([...server.packages]).toEqual(expect.arrayContaining(['fastify', 'ws']));
});
