// The keychain: `~/.colonies`, one file per identity, named by its id, holding 64 hex digits.
// Folder 0700, files 0600, no encryption, no newline: the layout of 2022.

import { chmodSync, readFileSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../node/folder.ts';
import { advised, usageProblem } from './errors.ts';

export interface Keychain {
  readonly folder: string;
  /** Stores a key under its id, replacing what was there. */
  put(id: string, prvkey: string): void;
  /** The key of an id; undefined when there is none. */
  find(id: string): string | undefined;
  /** Removes the key of an id; nothing happens when there is none. */
  remove(id: string): void;
  /** The path of the file of an id, there or not. */
  fileOf(id: string): string;
}

const NAME = /^[^/\\\0]+$/;
const DOTS = /^\.{1,2}$/;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(codeOf(error));

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
};

const unreadable = (file: string, error: unknown): Error =>
  advised(
    `open ${file}: ${REASONS[codeOf(error)] ?? (error as Error).message}`,
    'A key is a file that only its owner reads: mode 0600, in a folder of mode 0700.',
    error,
  );

/** What is there; undefined when nothing is, or what should hold it is no folder. */
const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  }
};

/** The keychain in `<home>/.colonies`; the folder is made by the first `put`. */
export const openKeychain = (home: string): Keychain => {
  const folder = join(home, '.colonies');
  const fileOf = (id: string): string => {
    if (!NAME.test(id) || DOTS.test(id)) {
      throw usageProblem(`${JSON.stringify(id)} is not an id: the keychain has one file per id`);
    }
    return join(folder, id);
  };
  /** Whether the folder is there; throws when something else is. */
  const checkFolder = (): boolean => {
    const there = statOf(folder);
    if (there && !there.isDirectory()) {
      throw advised(
        `${folder} exists but is not a directory`,
        'Keys are kept there: move it away.',
      );
    }
    return there !== undefined;
  };
  const find = (id: string): string | undefined => {
    const file = fileOf(id);
    try {
      // Files written by hand often end in a newline.
      return readFileSync(file, 'utf8').trim();
    } catch (error) {
      checkFolder();
      // No such file or folder: no such key.
      if (isMissing(error)) return undefined;
      throw unreadable(file, error);
    }
  };
  return {
    folder,
    find,
    put: (id, prvkey) => {
      const file = fileOf(id);
      if (!checkFolder()) makeFolder(folder, 0o700);
      writeFileSync(file, prvkey, { mode: 0o600 });
      // The mode above counts for new files only.
      chmodSync(file, 0o600);
    },
    remove: (id) => rmSync(fileOf(id), { force: true }),
    fileOf,
  };
};
