// What a client verified, in one file: a small Store for the records of one network. Written whole
// and renamed
// into place, so that nobody sees half of it; several programs may use the same file.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Store } from '../../federation/ports.ts';
import { makeFolder } from '../../node/folder.ts';

const Rows = z.record(z.string(), z.string());

const readRows = (file: string): Map<string, string> => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    // Expected before the first record.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  try {
    return new Map(Object.entries(Rows.parse(JSON.parse(text))));
  } catch (error) {
    throw new Error(`${file} is damaged; remove it, what it holds can be found again`, {
      cause: error,
    });
  }
};

/** Writes a file whole, readable by its owner only; the folder is made. */
export const writeWhole = (file: string, text: string): void => {
  makeFolder(dirname(file), 0o700);
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
};

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

/** The store in `file`, which need not exist. Throws when it was damaged, naming it. */
export const fileStore = (file: string): Store => {
  let rows = readRows(file);
  return {
    get: async (key) => {
      const text = rows.get(key);
      return text === undefined ? undefined : bytesOf(text);
    },
    write: async (changes) => {
      // Read again: another program may have written meanwhile.
      rows = readRows(file);
      for (const { key, value } of changes) {
        if (value) rows.set(key, Buffer.from(value).toString('base64'));
        else rows.delete(key);
      }
      writeWhole(file, JSON.stringify(Object.fromEntries(rows)));
    },
    list: async (prefix, limit, after = '') =>
      [...rows]
        .filter(([key]) => key.startsWith(prefix) && key > after)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([key, text]) => ({ key, value: bytesOf(text) })),
  };
};
