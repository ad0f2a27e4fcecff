// Group commit: commands that arrive while a commit is in flight join the next one. One synced
// batch at a time, in order; a command is done when the batch that holds its effect is on disk.

import type { Level } from 'level';
import { fault } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Log } from '../log.ts';

/**
 * Collects the effects of one command. Only valid inside `Store.write`, and seen by reads after it.
 */
export interface Writer {
  put(key: string, value: string): void;
  del(key: string): void;
  /** Names what the command makes, for rows that tell of it; the first name counts. */
  made(id: string): void;
}

/** Adds rows to the batch of a command; `made` is what the command named, '' when nothing. */
export type Beside = (w: Writer, made: string) => void;

/** Rows to write; undefined deletes. The last one of a key counts. */
type Rows = Map<string, string | undefined>;

interface Group {
  readonly rows: Rows;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  commands: number;
}

const makeGroup = (): Group => {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const done = new Promise<void>((a, b) => {
    resolve = a;
    reject = b;
  });
  // Every command awaits `done` itself; without one, a failure still reaches onFatal.
  done.catch(() => undefined);
  return { rows: new Map(), done, resolve, reject, commands: 0 };
};

export interface Committer {
  /** Applies the effects `fill` collects, all or none; resolves when they are on disk. */
  write(fill: (w: Writer) => void): Promise<void>;
  /**
   * Calls `run`; what it writes first, before it waits for anything, gets the rows of `beside` in
   * the same batch. Undefined keeps those of an outer `alongside` away from it.
   */
  alongside<T>(beside: Beside | undefined, run: () => T): T;
  /** Takes over the rows for a command that is decided later; the next write does not get them. */
  takeBeside(): Beside | undefined;
  /**
   * Throws unavailable when too many commands wait for the disk. Asked before anything is decided.
   */
  admit(): void;
  /** Undefined when everything written so far is on disk, else a promise of it. */
  settled(): Promise<void> | undefined;
  /** A value not yet on disk; `{ known: false }` when the key is untouched by pending batches. */
  pending(key: string): { readonly known: boolean; readonly value?: string | undefined };
  /** Called just before a batch is sealed, to add rows that many commands of it share. */
  onSeal(fill: (w: Writer) => void): void;
  stats(): { readonly batches: number; readonly commands: number };
}

type Collect = (into: Rows, fill: (w: Writer) => void, beside?: Beside) => void;

/** One writer for all commands: rows reach the group only when all of them could be made. */
const makeCollector = (): Collect => {
  let rows: (readonly [key: string, value: string | undefined])[] = [];
  let made = '';
  const writer: Writer = {
    put: (key, value) => {
      rows.push([key, value]);
    },
    del: (key) => {
      rows.push([key, undefined]);
    },
    made: (id) => {
      if (made === '') made = id;
    },
  };
  return (into, fill, beside) => {
    rows = [];
    made = '';
    fill(writer);
    beside?.(writer, made);
    for (const [key, value] of rows) into.set(key, value);
  };
};

// Holds only while `run` is on the stack: two commands never see each other's.
const makeBesides = (): Pick<Committer, 'alongside'> & { take(): Beside | undefined } => {
  let ambient: Beside | undefined;
  return {
    alongside: (beside, run) => {
      const outer = ambient;
      ambient = beside;
      try {
        return run();
      } finally {
        ambient = outer;
      }
    },
    take: () => {
      const beside = ambient;
      ambient = undefined;
      return beside;
    },
  };
};

const UNTOUCHED = { known: false } as const;

// A batch that failed may be on disk all the same: nobody can tell before the next start.
const LOST =
  'the store has failed and the server is stopping; look whether this took effect before you repeat it';

/**
 * Makes the committer of a database. When a commit fails, `onFatal` is called once with the reason;
 * commands and readers get unavailable.
 */
export const makeCommitter = (
  db: Level<string, string>,
  log: Log,
  onFatal: (error: unknown) => void,
): Committer => {
  const sealers: ((w: Writer) => void)[] = [];
  const count = { batches: 0, commands: 0 };
  let open: Group | undefined;
  let inFlight: Group | undefined;
  let failed = false;
  const besides = makeBesides();
  const collect = makeCollector();

  const fail = (error: unknown, group: Group): void => {
    failed = true;
    log.error('commit failed: the node must stop', { error });
    const refusal = fault('unavailable', LOST);
    group.reject(refusal);
    open?.reject(refusal);
    onFatal(error);
  };

  const commit = async (group: Group): Promise<void> => {
    for (const seal of sealers) collect(group.rows, seal);
    const batch = db.batch();
    for (const [key, value] of group.rows) {
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
    }
    await batch.write({ sync: true });
    count.batches += 1;
    count.commands += group.commands;
  };

  const run = async (): Promise<void> => {
    while (open) {
      const group = open;
      open = undefined;
      inFlight = group;
      try {
        await commit(group);
      } catch (error) {
        // Whatever it was, memory is now ahead of the disk.
        fail(error, group);
        return;
      }
      inFlight = undefined;
      group.resolve();
    }
  };

  const join = (): Group => {
    if (failed) throw fault('unavailable', 'the store has failed; the node is stopping');
    if (!open) {
      open = makeGroup();
      if (!inFlight) setImmediate(() => void run());
    }
    return open;
  };

  return {
    write: (fill) => {
      const group = join();
      collect(group.rows, fill, besides.take());
      group.commands += 1;
      return group.done;
    },
    alongside: besides.alongside,
    takeBeside: besides.take,
    admit: () => {
      if ((open?.commands ?? 0) < LIMITS.pendingWritesMax) return;
      throw fault('unavailable', 'too many writes are waiting for the disk; try again later');
    },
    settled: () => (open ?? inFlight)?.done,
    pending: (key) => {
      const group = open?.rows.has(key) ? open : inFlight?.rows.has(key) ? inFlight : undefined;
      return group ? { known: true, value: group.rows.get(key) } : UNTOUCHED;
    },
    onSeal: (fill) => {
      sealers.push(fill);
    },
    stats: () => ({ ...count }),
  };
};
