// Reads the source tree as text, for the checks of the house rules.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Source {
  /** Path from the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

const walk = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return walk(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });

/** Every TypeScript file under a folder of the repository. */
export const sources = (folder: string): Source[] =>
  walk(join(ROOT, folder)).map((path) => {
    const text = readFileSync(path, 'utf8');
    return { path: relative(ROOT, path).replaceAll('\\', '/'), text, lines: text.split('\n') };
  });

const IMPORT = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

/** Repository paths of the files a source imports, dynamic and type imports included. */
export const importsOf = (source: Source): string[] =>
  [...source.text.matchAll(IMPORT)].map(([, target]) =>
    relative(ROOT, resolve(ROOT, source.path, '..', target ?? '')).replaceAll('\\', '/'),
  );
