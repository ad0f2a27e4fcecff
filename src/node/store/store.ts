// The durable store: one LevelDB folder behind one ordered committer. It decides nothing.

import { Level } from 'level';
import { type Fault, fault } from '../errors.ts';
import { makeFolder } from '../folder.ts';
import type { Log } from '../log.ts';
import { type Committer, makeCommitter } from './commit.ts';
import type { Range } from './keys.ts';

const WRITE_BUFFER_BYTES = 32 * 1024 * 1024;
const CACHE_BYTES = 32 * 1024 * 1024;

export interface RangeOptions {
  readonly reverse?: boolean;
  /** At most this many rows; all when undefined. */
  readonly limit?: number;
}

export interface Store extends Omit<Committer, 'pending'> {
  /** The value of a key, effects not yet on disk included. */
  get(key: string): string | undefined;
  /** The values of many keys as they are on disk, read aside from the work of this process. */
  many(keys: string[]): Promise<(string | undefined)[]>;
  /** Pages of [key, value] in key order, of what is on disk when the first page is asked for. */
  pages(range: Range, options?: RangeOptions): AsyncGenerator<[string, string][], void>;
  /** As `pages`, of values alone and read ahead: for whoever wants all of them. */
  values(range: Range): AsyncGenerator<string[], void>;
  close(): Promise<void>;
}

const PAGE_ROWS = 1000;
const PAGE_BYTES = 1024 * 1024;

const locked = (dir: string): Fault =>
  fault(
    'unavailable',
    `The data folder ${dir} is in use by another node: stop that node, or choose another folder`,
    { reason: 'locked' },
  );

const unusable = (dir: string, why: string): Fault =>
  fault('unavailable', `The data folder ${dir} cannot be opened: ${why}`, { reason: 'folder' });

const OWNER_ONLY = 0o700;

const openDb = async (dir: string): Promise<Level<string, string>> => {
  // The database would make it readable by everybody.
  makeFolder(dir, OWNER_ONLY);
  const db = new Level<string, string>(dir, {
    writeBufferSize: WRITE_BUFFER_BYTES,
    cacheSize: CACHE_BYTES,
  });
  try {
    await db.open();
  } catch (error) {
    const cause = (error as { cause?: { code?: string; message?: string } }).cause;
    if (cause?.code === 'LEVEL_LOCKED') throw locked(dir);
    throw unusable(dir, cause?.message ?? String(error));
  }
  return db;
};

interface PageIterator<T> {
  nextv(size: number): Promise<T[]>;
  close(): Promise<void>;
}

/** What an iterator gives; `ahead`: the next page is read while the one before is looked at. */
async function* pagesOf<T>(iterator: PageIterator<T>, ahead: boolean): AsyncGenerator<T[], void> {
  const read = (): Promise<T[]> => {
    const page = iterator.nextv(PAGE_ROWS);
    // Whoever breaks off never awaits it.
    page.catch(() => undefined);
    return page;
  };
  try {
    for (let next = read(); ; ) {
      const page = await next;
      if (page.length === 0) return;
      if (ahead) next = read();
      yield page;
      if (!ahead) next = read();
    }
  } finally {
    await iterator.close();
  }
}

/**
 * Opens (or creates) the folder. `onFatal` is called once when a commit fails: memory is then ahead
 * of the disk and the process must end. Throws unavailable when another process holds the folder.
 */
export const openStore = async (
  dir: string,
  log: Log,
  onFatal: (error: unknown) => void,
): Promise<Store> => {
  const db = await openDb(dir);
  const committer = makeCommitter(db, log, onFatal);

  async function* pages(
    range: Range,
    options: RangeOptions = {},
  ): AsyncGenerator<[string, string][], void> {
    await committer.settled();
    const { reverse = false, limit = -1 } = options;
    const asked = { ...range, reverse, limit, highWaterMarkBytes: PAGE_BYTES };
    yield* pagesOf(db.iterator(asked), false);
  }

  async function* values(range: Range): AsyncGenerator<string[], void> {
    await committer.settled();
    yield* pagesOf(db.values({ ...range, highWaterMarkBytes: PAGE_BYTES }), true);
  }

  return {
    ...committer,
    get: (key) => {
      const { known, value } = committer.pending(key);
      return known ? value : db.getSync(key);
    },
    many: (wanted) => db.getMany(wanted),
    pages,
    values,
    close: async () => {
      try {
        for (let busy = committer.settled(); busy; busy = committer.settled()) await busy;
      } catch {
        // A failed commit: everybody who waited for it was told.
      }
      await db.close();
    },
  };
};

/** Deletes the store in a folder, if there is one. Throws unavailable while a node uses it. */
export const destroyStore = async (dir: string): Promise<void> => {
  try {
    // There, but missing in the types of `level`.
    await (Level as unknown as { destroy(location: string): Promise<void> }).destroy(dir);
  } catch (error) {
    if ((error as { code?: string }).code === 'LEVEL_LOCKED') throw locked(dir);
    throw error;
  }
};
