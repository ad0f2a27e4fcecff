// The records this node holds for the overlay: what may enter, what stays, what leaves.
// kad-dht checks a record's validity but not whether a better one is held, keeps what nobody asks
// for, and has no idea of quotas; all of that is decided here, on every way a record can come in.

import type { Key } from 'interface-datastore';
import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Counters } from './conduct.ts';
import type { NamespaceQuota, RecordRules, StoredRecord } from './overlay.ts';
import {
  type Book,
  diskKey,
  type Entry,
  fromDisk,
  makeBook,
  makeTurns,
  PREFIX,
  type Row,
  toDisk,
} from './record-book.ts';
import {
  compareDistance,
  nameBytes,
  nameText,
  parseName,
  placeInKeySpace,
  type RecordName,
} from './record-keys.ts';

/** The few calls of a LevelDB datastore that are used. */
export interface Disk {
  get(key: Key): Promise<Uint8Array> | Uint8Array;
  put(key: Key, value: Uint8Array): Promise<Key> | Key;
  delete(key: Key): Promise<void> | void;
  query(query: { prefix: string }): AsyncIterable<{ key: Key; value: Uint8Array }>;
}

export interface Held {
  readonly bytes: Uint8Array;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

export type Outcome =
  | 'stored'
  | 'renewed'
  | 'older'
  | 'unknown-namespace'
  | 'too-large'
  | 'far'
  | 'owner-full'
  | 'full';

export interface RecordStore {
  /** Reads what is on disk. Call once, before anything else. */
  open(): Promise<void>;
  get(name: RecordName): Promise<Held | undefined>;
  /** Takes in bytes that are valid. `own`: our own publication, free of quotas and distance. */
  put(name: RecordName, bytes: Uint8Array, own: boolean): Promise<Outcome>;
  remove(name: RecordName): Promise<void>;
  disown(name: RecordName): Promise<void>;
  list(): StoredRecord[];
  /** Drops what expired or was not renewed for too long; gives the number dropped. */
  sweep(): Promise<number>;
  totals(): { readonly records: number; readonly bytes: number };
}

export interface RecordStoreDeps {
  readonly disk: Disk;
  readonly rules: RecordRules;
  readonly quotas: Readonly<Record<string, NamespaceQuota>>;
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'now'>;
  readonly counters: Counters;
  /** Our own place in the key space. */
  readonly here: Uint8Array;
  /** Whether we are among the nodes that should hold a key at this place, as far as we know. */
  readonly isNear: (place: Uint8Array) => boolean;
}

const isMissing = (error: unknown): boolean => (error as Error).name === 'NotFoundError';

const isDead = (entry: Entry, now: number, limits: Limits): boolean =>
  (entry.expiresAt !== undefined && entry.expiresAt <= now) ||
  (!entry.own && now - entry.receivedAt > limits.overlayRecordHoldMs);

/** Reading and dropping, which keep book and disk in step. */
const makeShelf = (disk: Disk, book: Book) => ({
  read: async (name: RecordName): Promise<Uint8Array | undefined> => {
    try {
      return fromDisk(await disk.get(diskKey(name))).bytes;
    } catch (error) {
      // Removed since the book was looked at.
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  write: async (entry: Entry, bytes: Uint8Array): Promise<void> => {
    await disk.put(diskKey(entry), toDisk(bytes, entry.own, entry.receivedAt));
    book.set(entry);
  },
  drop: async (name: RecordName): Promise<void> => {
    book.remove(name);
    await disk.delete(diskKey(name));
  },
});

type Shelf = ReturnType<typeof makeShelf>;
type Admit = (entry: Entry, held: Entry | undefined) => Promise<Outcome | undefined>;

/** The quotas and the distance rule; gives why an entry may not come in. */
const makeAdmission = (deps: RecordStoreDeps, book: Book, shelf: Shelf): Admit => {
  const { quotas, limits, counters, here, isNear } = deps;
  /**
   * Room for one more: the farthest of those held for others give way to a nearer one, and only if
   * that is enough.
   */
  const makeRoom = async (entry: Entry, quota: NamespaceQuota): Promise<boolean> => {
    const leaving: Entry[] = [];
    for (;;) {
      const tooMany = book.ofNamespace(entry.namespace) >= quota.recordsMax;
      const tooBig = book.bytes() + entry.sizeBytes > limits.overlayStoreBytesMax;
      if (!tooMany && !tooBig) break;
      const farthest = book.farthest(tooMany ? entry.namespace : undefined);
      if (farthest === undefined || compareDistance(here, farthest.place, entry.place) <= 0) {
        for (const stays of leaving) book.set(stays);
        return false;
      }
      book.remove(farthest);
      leaving.push(farthest);
    }
    // All at once: between two of them a newer record of the same name could come in.
    await Promise.all(leaving.map(shelf.drop));
    if (leaving.length > 0) counters.add('record-displaced', leaving.length);
    return true;
  };
  return async (entry, held) => {
    const quota = quotas[entry.namespace];
    if (entry.own || quota === undefined) return undefined;
    const sameOwner = held !== undefined && !held.own && held.owner === entry.owner;
    const ofOwner = book.ofOwner(entry.namespace, entry.owner) - (sameOwner ? 1 : 0);
    if (ofOwner >= quota.recordsPerOwnerMax) return 'owner-full';
    if (held !== undefined) return undefined;
    if (!isNear(entry.place)) return 'far';
    return (await makeRoom(entry, quota)) ? undefined : 'full';
  };
};

const makeEntry = (rules: RecordRules, name: RecordName, row: Row): Entry => ({
  namespace: name.namespace,
  key: name.key,
  sizeBytes: row.bytes.length,
  receivedAt: row.receivedAt,
  own: row.own,
  owner: rules.owner?.(name.namespace, name.key, row.bytes) ?? name.key,
  expiresAt: rules.expiresAt?.(name.namespace, name.key, row.bytes),
  place: placeInKeySpace(nameBytes(name)),
});

const openBook = async (deps: RecordStoreDeps, book: Book): Promise<void> => {
  const { disk, quotas, rules } = deps;
  for await (const { key, value } of disk.query({ prefix: `${PREFIX}/` })) {
    const name = parseName(new TextEncoder().encode(key.toString().slice(PREFIX.length)));
    // A namespace that this version no longer keeps.
    if (name === undefined || quotas[name.namespace] === undefined) await disk.delete(key);
    else book.set(makeEntry(rules, name, fromDisk(value)));
  }
};

type Put = (name: RecordName, bytes: Uint8Array, own: boolean) => Promise<Outcome>;

const makePut = (deps: RecordStoreDeps, book: Book, shelf: Shelf, admit: Admit): Put => {
  const { rules, quotas, limits, clock } = deps;
  return async (name, bytes, own) => {
    const quota = quotas[name.namespace];
    if (quota === undefined) return 'unknown-namespace';
    if (bytes.length > quota.bytesMax) return 'too-large';
    const now = clock.now();
    const known = book.get(name);
    const held = known !== undefined && isDead(known, now, limits) ? undefined : known;
    const heldBytes = held === undefined ? undefined : await shelf.read(name);
    const isSame = heldBytes !== undefined && Buffer.compare(heldBytes, bytes) === 0;
    if (heldBytes !== undefined && !isSame) {
      if (rules.compare(name.namespace, name.key, bytes, heldBytes) <= 0) {
        rules.lost?.(name.namespace, name.key, bytes);
        return 'older';
      }
    }
    const row = { bytes, own: own || held?.own === true, receivedAt: now };
    const entry = makeEntry(rules, name, row);
    const refused = await admit(entry, held);
    if (refused !== undefined) return refused;
    await shelf.write(entry, bytes);
    if (isSame) return 'renewed';
    if (heldBytes !== undefined) rules.lost?.(name.namespace, name.key, heldBytes);
    return 'stored';
  };
};

/** The record store of one node. */
export const makeRecordStore = (deps: RecordStoreDeps): RecordStore => {
  const { limits, clock, counters } = deps;
  const book = makeBook(deps.here);
  const inTurn = makeTurns();
  const shelf = makeShelf(deps.disk, book);
  const put = makePut(deps, book, shelf, makeAdmission(deps, book, shelf));
  return {
    open: () => openBook(deps, book),
    get: async (name) => {
      const entry = book.get(name);
      const now = clock.now();
      if (entry === undefined || isDead(entry, now, limits)) return undefined;
      const bytes = await shelf.read(name);
      // Our own publication never looks old to others, however long ago it was placed.
      return bytes && { bytes, receivedAt: entry.own ? now : entry.receivedAt };
    },
    put: async (name, bytes, own) => {
      const outcome = await inTurn(nameText(name), () => put(name, bytes, own));
      counters.add(`record-${outcome}`);
      return outcome;
    },
    remove: (name) => inTurn(nameText(name), () => shelf.drop(name)),
    disown: (name) =>
      inTurn(nameText(name), async () => {
        const entry = book.get(name);
        const bytes = entry?.own === true ? await shelf.read(name) : undefined;
        if (entry === undefined || bytes === undefined) return;
        await shelf.write({ ...entry, own: false }, bytes);
      }),
    list: () =>
      [...book.all()].map(({ namespace, key, sizeBytes, receivedAt, own }) => ({
        namespace,
        key,
        sizeBytes,
        receivedAt,
        own,
      })),
    sweep: async () => {
      const dead = [...book.all()].filter((entry) => isDead(entry, clock.now(), limits));
      for (const entry of dead) {
        await inTurn(nameText(entry), async () => {
          const current = book.get(entry);
          if (current !== undefined && isDead(current, clock.now(), limits)) {
            await shelf.drop(entry);
          }
        });
      }
      if (dead.length > 0) counters.add('record-swept', dead.length);
      return dead.length;
    },
    totals: () => ({ records: book.size(), bytes: book.bytes() }),
  };
};
