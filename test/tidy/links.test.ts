// Links between documents lead somewhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

const documents = ['', 'docs', 'docs/adr'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

test('every relative link of every document leads to a file', () => {
  const broken = documents.flatMap((document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target.replace(/#.*$/, ''))
      .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(join(ROOT, dirname(document), target)))
      .map((target) => `${document}: ${target}`);
  });
  expect(broken).toEqual([]);
});

test('the README opens with exactly two command lines', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const first = /^```sh\n([\s\S]*?)^```$/m.exec(readme)?.[1];
  expect(first).toBe('npm ci && npm run demo\nnpm ci && npm test\n');
  expect(readme.indexOf('```')).toBeLessThan(40);
});
