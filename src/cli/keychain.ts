// The keychain: `~/.colonies`, one file per identity, named by its id, holding 64 hex digits.
// Folder 0700, files 0600, no encryption, no newline: the layout of 2022.

import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { usageProblem } from './errors.ts';

export interface Keychain {
  readonly folder: string;
  /** Stores a key under its id, replacing what was there. */
  put(id: string, prvkey: string): void;
  /** The key of an id; undefined when there is none. */
  find(id: string): string | undefined;
  /** The path of the file of an id, there or not. */
  fileOf(id: string): string;
}

const NAME = /^[^/\\\0]+$/;
const DOTS = /^\.{1,2}$/;

const isMissing = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOENT' ||
  (error as NodeJS.ErrnoException).code === 'ENOTDIR';

/** The keychain in `<home>/.colonies`; the folder is made by the first `put`. */
export const openKeychain = (home: string): Keychain => {
  const folder = join(home, '.colonies');
  const fileOf = (id: string): string => {
    if (!NAME.test(id) || DOTS.test(id)) {
      throw usageProblem(`${JSON.stringify(id)} is not an id: the keychain has one file per id`);
    }
    return join(folder, id);
  };
  const makeFolder = (): void => {
    const there = statSync(folder, { throwIfNoEntry: false });
    if (there && !there.isDirectory()) {
      throw new Error(`${folder} exists but is not a directory`);
    }
    if (!there) mkdirSync(folder, { recursive: true, mode: 0o700 });
  };
  const find = (id: string): string | undefined => {
    try {
      // Files written by hand often end in a newline.
      return readFileSync(fileOf(id), 'utf8').trim();
    } catch (error) {
      // No such file or folder: no such key.
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  return {
    folder,
    find,
    put: (id, prvkey) => {
      const file = fileOf(id);
      makeFolder();
      writeFileSync(file, prvkey, { mode: 0o600 });
      // The mode above counts for new files only.
      chmodSync(file, 0o600);
    },
    fileOf,
  };
};
