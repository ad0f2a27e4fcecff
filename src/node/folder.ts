// Making folders, for everything that keeps files. Not with the `recursive` of Node.js: below a
// folder of the kernel, such as /proc, it never ends, because "no such file" means there that the
// folder cannot be made, and not that its parent is missing.

import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Fault, fault } from './errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'there is a file of that name',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'what should hold it is not a folder',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
};

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const make = (path: string, mode: number): void => {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && isFolder(path)) return;
    const parent = dirname(path);
    if (codeOf(error) !== 'ENOENT' || parent === path || isFolder(parent)) throw error;
    make(parent, mode);
    mkdirSync(path, { mode });
  }
};

const cannot = (path: string, error: unknown): Fault => {
  const why = REASONS[codeOf(error)] ?? (error as Error).message;
  return fault('unavailable', `Cannot make the folder ${path}: ${why}`, { reason: 'folder' });
};

/**
 * Makes a folder, and those above it, with `mode`; one that is there stays as it is. Throws
 * unavailable with `detail.reason` 'folder' when it cannot be made.
 */
export const makeFolder = (path: string, mode: number): void => {
  try {
    make(resolve(path), mode);
  } catch (error) {
    throw cannot(path, error);
  }
};
