// Remembers who signed what. Sound because recovery is a pure function; the key is the signature as
// received and the payload is compared whole, so that a hit costs no hashing. Bounded by bytes.

import { LIMITS, type Limits } from '../limits.ts';
import { BEYOND_LATIN1 } from './bytes.ts';
import { ownText } from './own-text.ts';

export interface RecoveryCache {
  /** The id remembered for exactly this payload and signature. */
  find(payload: string, signature: string): string | undefined;
  /** Remembers an id; ignores payloads that are too long or cannot be base64. */
  add(payload: string, signature: string, id: string): void;
  /** Bytes held now, both generations. */
  sizeBytes(): number;
}

export type RecoveryCacheLimits = Pick<
  Limits,
  'recoveryCacheBytesMax' | 'recoveryCacheEntryBytesMax'
>;

interface Entry {
  readonly payload: string;
  readonly id: string;
  readonly bytes: number;
}

interface Generation {
  readonly entries: Map<string, Entry>;
  bytes: number;
}

/** Map slot, entry object and three string headers of one row, in bytes, rounded up. */
const ENTRY_OVERHEAD_BYTES = 320;

const makeGeneration = (): Generation => ({ entries: new Map(), bytes: 0 });

/**
 * A cache of two generations: when the young one is full it becomes the old one and the old one is
 * dropped; a hit in the old one moves the row to the young one.
 */
export const makeRecoveryCache = (limits: RecoveryCacheLimits = LIMITS): RecoveryCache => {
  let young = makeGeneration();
  let old = makeGeneration();

  const put = (signature: string, entry: Entry): void => {
    if (young.bytes + entry.bytes > limits.recoveryCacheBytesMax) {
      old = young;
      young = makeGeneration();
    }
    young.bytes += entry.bytes - (young.entries.get(signature)?.bytes ?? 0);
    young.entries.set(signature, entry);
  };

  const take = (signature: string): Entry | undefined => {
    const entry = old.entries.get(signature);
    if (entry === undefined) return undefined;
    old.entries.delete(signature);
    old.bytes -= entry.bytes;
    return entry;
  };

  const find = (payload: string, signature: string): string | undefined => {
    const fresh = young.entries.get(signature);
    if (fresh !== undefined) return fresh.payload === payload ? fresh.id : undefined;
    if (old.entries.get(signature)?.payload !== payload) return undefined;
    const entry = take(signature);
    if (entry !== undefined) put(signature, entry);
    return entry?.id;
  };

  return {
    find,
    add: (payload, signature, id) => {
      const bytes = payload.length + signature.length + id.length + ENTRY_OVERHEAD_BYTES;
      const roomy = bytes <= limits.recoveryCacheBytesMax;
      if (!roomy || payload.length > limits.recoveryCacheEntryBytesMax) return;
      // No base64, and twice the bytes.
      if (BEYOND_LATIN1.test(payload)) return;
      if (find(payload, signature) === id) return;
      take(signature);
      put(ownText(signature), { payload: ownText(payload), id, bytes });
    },
    sizeBytes: () => young.bytes + old.bytes,
  };
};
