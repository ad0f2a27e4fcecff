// How the federation's state lies in its Store: names of rows, and texts of their values.

import { z } from 'zod';
import { utf8Bytes } from '../node/crypto/bytes.ts';
import { textOf } from './bytes.ts';
import type { Namespace } from './payloads.ts';
import type { Store } from './ports.ts';

/** The record that counts, as bytes. */
export const recordKey = (ns: Namespace, id: string): string => `record/${ns}/${id}`;
/** What was ever seen under an id; outlives the record. */
export const SEEN = 'seen/';
export const seenKey = (ns: Namespace, id: string): string => `${SEEN}${ns}/${id}`;
/** Marks of what this server publishes beside its record and its colonies. */
export const OWN = 'own/';
/** Losers of forks. */
export const forkPrefix = (ns: Namespace, id: string): string => forksOf(`${ns}/${id}`);
/** The same by the name of a row. */
export const forksOf = (name: string): string => `fork/${name}/`;
/** Statements about successors, newest kept last. */
export const heirsKey = (id: string): string => `heirs/${id}`;

export const Seen = z.object({
  epoch: z.int(),
  seq: z.int(),
  /** Hash of the record that counts. */
  hash: z.string(),
  /** When the id was first seen, when this record was, when it was last found to be the newest. */
  firstAt: z.int(),
  seenAt: z.int(),
  confirmedAt: z.int(),
  /** Hashes of all records of this rank when there are several. */
  forks: z.array(z.string()),
  /** Whether this node itself asked for or published it: kept when others have to go. */
  wanted: z.boolean(),
  /** Who brought it, as far as that was noted. */
  from: z.string().default(''),
});
export type Seen = z.output<typeof Seen>;

export const Heirs = z.array(
  z.object({
    successor: z.string().optional(),
    recovery: z.string().optional(),
    seenAt: z.int(),
    issuedAt: z.int(),
  }),
);

export const encodeRow = (value: unknown): Uint8Array => utf8Bytes(JSON.stringify(value));

/** A row's value; throws when it does not fit its schema, which is corruption. */
export const decodeRow = <T>(schema: z.ZodType<T>, key: string, value: Uint8Array): T => {
  const text = textOf(value);
  const parsed = schema.safeParse(text === undefined ? undefined : JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new Error(`corrupt row ${key}: ${parsed.error.issues[0]?.message ?? 'malformed'}`);
};

/** The value of one row by its schema, or undefined when there is none. */
export const readRow = async <T>(
  store: Store,
  schema: z.ZodType<T>,
  key: string,
): Promise<T | undefined> => {
  const value = await store.get(key);
  return value && decodeRow(schema, key, value);
};

const PAGE = 500;

/** Every row under a prefix, page by page. */
export async function* allRows(
  store: Store,
  prefix: string,
): AsyncGenerator<{ readonly key: string; readonly value: Uint8Array }> {
  let after = '';
  for (;;) {
    const page = await store.list(prefix, PAGE, after);
    yield* page;
    const last = page.at(-1);
    if (page.length < PAGE || !last) return;
    after = last.key;
  }
}
