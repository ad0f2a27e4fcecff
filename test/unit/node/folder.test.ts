// Folders are made whole, and one that cannot be made is told at once.

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from '../../../src/node/folder.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'colonies-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('a folder is made with those above it, all of its mode', () => {
  makeFolder(join(home, 'a', 'b', 'c'), 0o700);
  for (const path of ['a', 'a/b', 'a/b/c']) expect(modeOf(join(home, path))).toBe(0o700);
});

test('a folder that is there stays as it is', () => {
  makeFolder(join(home, 'a'), 0o755);
  makeFolder(join(home, 'a'), 0o700);
  makeFolder('/', 0o700);
  expect(modeOf(join(home, 'a'))).toBe(0o755);
});

test('a folder in place of a file, or below one, is refused with the reason', () => {
  const file = join(home, 'file');
  writeFileSync(file, '');
  const refusal = { code: 'unavailable', detail: { reason: 'folder' } };
  expect(() => makeFolder(file, 0o700)).toThrow(expect.objectContaining(refusal));
  expect(() => makeFolder(file, 0o700)).toThrow(/there is a file of that name/);
  expect(() => makeFolder(join(file, 'a', 'b'), 0o700)).toThrow(/is not a folder/);
});

test('a folder of the kernel, which holds no new ones, does not keep anybody waiting', () => {
  expect(() => makeFolder('/proc/colonies/a/b', 0o700)).toThrow(/Cannot make the folder \/proc/);
});
