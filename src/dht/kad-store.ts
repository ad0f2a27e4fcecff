// The record store in the shape kad-dht asks for: a datastore that holds records and nothing else.
// A refused record throws, which resets the sender's stream: that is how a holder says no.

import { NotFoundError } from '@libp2p/interface';
import { Record as KadRecord } from '@libp2p/kad-dht';
import type { Key, Pair } from 'interface-datastore';
import { fromBase32, nameBytes, parseName, type RecordName } from './record-keys.ts';
import type { RecordStore } from './records.ts';

const RECORDS = '/dht/record/';

/** The calls of a datastore that kad-dht makes. */
export interface KadStore {
  has(key: Key): Promise<boolean>;
  get(key: Key): Promise<Uint8Array>;
  put(key: Key, value: Uint8Array): Promise<Key>;
  delete(key: Key): Promise<void>;
  query(query: { prefix?: string }): AsyncGenerator<Pair>;
}

const nameOf = (key: Key): RecordName | undefined => {
  const text = key.toString();
  if (!text.startsWith(RECORDS)) return undefined;
  const bytes = fromBase32(text.slice(RECORDS.length));
  return bytes && parseName(bytes);
};

/** A record as kad-dht sends and stores it. */
export const kadRecord = (name: RecordName, bytes: Uint8Array, receivedAt: number): Uint8Array =>
  new KadRecord(nameBytes(name), bytes, new Date(receivedAt)).serialize().subarray();

/** The datastore of kad-dht over the record store. */
export const makeKadStore = (records: RecordStore): KadStore => {
  const find = async (key: Key): Promise<Uint8Array | undefined> => {
    const name = nameOf(key);
    const held = name && (await records.get(name));
    return name && held && kadRecord(name, held.bytes, held.receivedAt);
  };
  return {
    has: async (key) => (await find(key)) !== undefined,
    get: async (key) => {
      const value = await find(key);
      if (value === undefined) throw new NotFoundError('no such record');
      return value;
    },
    put: async (key, value) => {
      const record = key.toString().startsWith(RECORDS) ? KadRecord.deserialize(value) : undefined;
      const name = record && parseName(record.key);
      if (record === undefined || name === undefined) throw new Error('refused: not a record');
      const outcome = await records.put(name, record.value, false);
      if (outcome !== 'stored' && outcome !== 'renewed') throw new Error(`refused: ${outcome}`);
      return key;
    },
    delete: async (key) => {
      const name = nameOf(key);
      if (name !== undefined) await records.remove(name);
    },
    // Asked only for provider records, of which there are none.
    query: async function* () {},
  };
};
