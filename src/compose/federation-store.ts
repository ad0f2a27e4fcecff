// The federation's rows in the node's own store, committed together with everything else. Values
// are
// bytes there and text here: one byte is one character.

import type { Store as FederationStore, StoreRow } from '../federation/ports.ts';
import { keys, partsOf } from '../node/store/keys.ts';
import type { Store } from '../node/store/store.ts';

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** The store of the federation over the store of the node. */
export const makeFederationStore = (store: Store): FederationStore => ({
  get: async (key) => {
    const text = store.get(keys.federation(key));
    return text === undefined ? undefined : bytesOf(text);
  },
  write: (changes) =>
    store.write((w) => {
      for (const { key, value } of changes) {
        if (value === undefined) w.del(keys.federation(key));
        else w.put(keys.federation(key), textOf(value));
      }
    }),
  list: async (prefix, limit, after = '') => {
    const rows: StoreRow[] = [];
    if (limit <= 0) return rows;
    for await (const page of store.pages(keys.federationFrom(prefix, after), { limit })) {
      for (const [key, text] of page)
        rows.push({ key: partsOf(key)[0] ?? '', value: bytesOf(text) });
    }
    return rows;
  },
});
