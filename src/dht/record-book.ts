// The bookkeeping of held records: every entry in memory with the sums that quotas ask for, the row
// format on disk, and turns per record. Decides nothing.

import { Key } from 'interface-datastore';
import { type Farthest, makeFarthest } from './farthest.ts';
import { compareDistance, nameText, type RecordName } from './record-keys.ts';

export interface Entry extends RecordName {
  readonly sizeBytes: number;
  readonly receivedAt: number;
  readonly own: boolean;
  readonly owner: string;
  readonly expiresAt: number | undefined;
  readonly place: Uint8Array;
}

/** All rows begin with this. */
export const PREFIX = '/record';
const HEADER_BYTES = 9;

export interface Row {
  readonly own: boolean;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  readonly bytes: Uint8Array;
}

/** Where a record lies on disk. */
export const diskKey = (name: RecordName): Key => new Key(`${PREFIX}${nameText(name)}`, false);

/** A row: whether it is our own, when it came in (epoch ms), the record's bytes. */
export const toDisk = (bytes: Uint8Array, own: boolean, receivedAt: number): Uint8Array => {
  const row = Buffer.alloc(HEADER_BYTES + bytes.length);
  row.writeUInt8(own ? 1 : 0, 0);
  row.writeDoubleBE(receivedAt, 1);
  row.set(bytes, HEADER_BYTES);
  return row;
};

/** The parts of a row. */
export const fromDisk = (row: Uint8Array): Row => {
  const view = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  return {
    own: view.readUInt8(0) === 1,
    receivedAt: view.readDoubleBE(1),
    bytes: new Uint8Array(view.subarray(HEADER_BYTES)),
  };
};

/** The book of all entries with its sums, so that no quota check reads the disk. */
export const makeBook = (here: Uint8Array) => {
  const entries = new Map<string, Entry>();
  const owners = new Map<string, number>();
  const namespaces = new Map<string, number>();
  /** What is held for others, by namespace. */
  const orders = new Map<string, Farthest<Entry>>();
  let bytes = 0;
  const count = (map: Map<string, number>, key: string, by: number): void => {
    const next = (map.get(key) ?? 0) + by;
    if (next === 0) map.delete(key);
    else map.set(key, next);
  };
  const ownerKey = (namespace: string, owner: string): string => `${namespace}\n${owner}`;
  const book = (entry: Entry, by: 1 | -1): void => {
    bytes += by * entry.sizeBytes;
    if (entry.own) return;
    count(owners, ownerKey(entry.namespace, entry.owner), by);
    count(namespaces, entry.namespace, by);
  };
  const orderOf = (namespace: string): Farthest<Entry> => {
    const known = orders.get(namespace) ?? makeFarthest<Entry>(here);
    orders.set(namespace, known);
    return known;
  };
  const remove = (name: RecordName): void => {
    const entry = entries.get(nameText(name));
    if (entry === undefined) return;
    book(entry, -1);
    orderOf(entry.namespace).remove(nameText(entry));
    entries.delete(nameText(name));
  };
  return {
    get: (name: RecordName) => entries.get(nameText(name)),
    all: () => entries.values(),
    set: (entry: Entry) => {
      remove(entry);
      book(entry, 1);
      if (!entry.own) orderOf(entry.namespace).add(nameText(entry), entry);
      entries.set(nameText(entry), entry);
    },
    remove,
    ofOwner: (namespace: string, owner: string) => owners.get(ownerKey(namespace, owner)) ?? 0,
    ofNamespace: (namespace: string) => namespaces.get(namespace) ?? 0,
    /** The one farthest from here of those held for others, of one namespace or of all. */
    farthest: (namespace?: string): Entry | undefined => {
      if (namespace !== undefined) return orders.get(namespace)?.peek();
      const [first, ...others] = [...orders.values()].flatMap((order) => order.peek() ?? []);
      return others.reduce(
        (far, each) =>
          far !== undefined && compareDistance(here, each.place, far.place) > 0 ? each : far,
        first,
      );
    },
    size: () => entries.size,
    bytes: () => bytes,
  };
};

export type Book = ReturnType<typeof makeBook>;

/** One change at a time per record: compare and replace must not interleave. */
export const makeTurns = () => {
  const tails = new Map<string, Promise<unknown>>();
  return <T>(key: string, run: () => Promise<T>): Promise<T> => {
    const turn = (tails.get(key) ?? Promise.resolve()).then(run, run);
    tails.set(key, turn);
    const done = (): void => {
      if (tails.get(key) === turn) tails.delete(key);
    };
    turn.then(done, done);
    return turn;
  };
};
