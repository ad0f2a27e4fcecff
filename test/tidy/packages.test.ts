// What is installed, read from the lock file.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

const LOCK = resolve(import.meta.dirname, '../../package-lock.json');
const INSIDE = 'node_modules/';

// Each copy of a module is loaded, compiled and kept for itself.
test('no package is installed twice in one version', () => {
  const { packages }: Lock = JSON.parse(readFileSync(LOCK, 'utf8'));
  const places = new Map<string, string[]>();
  for (const [path, { version }] of Object.entries(packages)) {
    if (path === '') continue;
    const name = path.slice(path.lastIndexOf(INSIDE) + INSIDE.length);
    const found = places.get(`${name}@${version}`) ?? [];
    places.set(`${name}@${version}`, [...found, path]);
  }
  expect(places.size).toBeGreaterThan(100);
  expect([...places.values()].filter((paths) => paths.length > 1)).toEqual([]);
});
