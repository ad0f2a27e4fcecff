// A Store in memory, for readers without a disk: the SDK, and nodes that keep nothing.

import type { Store } from './ports.ts';

/** A `Store` that forgets everything when the process ends. */
export const memoryStore = (): Store => {
  const rows = new Map<string, Uint8Array>();
  return {
    get: async (key) => rows.get(key),
    write: async (changes) => {
      for (const { key, value } of changes) {
        if (value) rows.set(key, value);
        else rows.delete(key);
      }
    },
    list: async (prefix, limit, after = '') =>
      [...rows]
        .filter(([key]) => key.startsWith(prefix) && key > after)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([key, value]) => ({ key, value })),
  };
};
