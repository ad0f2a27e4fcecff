// What the records of the colonies on this server say about it: whether they name it, and what they
// demand of every call. Kept in memory, because every call asks.

import type { Book } from '../federation/book.ts';
import type { Lookups } from '../federation/lookup.ts';
import type { SignedRecord } from '../federation/record.ts';

export interface HostedDeps {
  readonly book: Book;
  readonly lookups: Pick<Lookups, 'find'>;
  readonly serverid: () => string;
  readonly isHere: (colonyid: string) => boolean;
  /** Ids of the colonies on this server. */
  readonly hosted: () => readonly string[];
}

export interface Hosted {
  /** Whether the colony's owner demands a nonce in every call. */
  demands(colonyid: string): boolean;
  /** Whether the newest known record names other servers and not this one. */
  isMovedAway(colonyid: string): boolean;
  /** Whether this server claims the colony: it is here, and no record says otherwise. */
  claims(colonyid: string): Promise<boolean>;
  /** Reads the records of all colonies again. */
  review(): Promise<void>;
}

/** Flag of a colony record: calls without a nonce are refused. */
const NONCES_REQUIRED = 'nonces-required';

/** The view on the hosted colonies of one node. */
export const makeHosted = (deps: HostedDeps): Hosted => {
  const { book, lookups, serverid, isHere, hosted } = deps;
  const demanding = new Set<string>();
  const away = new Set<string>();
  const put = (set: Set<string>, id: string, isIn: boolean): void => {
    if (isIn) set.add(id);
    else set.delete(id);
  };

  const note = ({ payload }: SignedRecord<'colony'>): void => {
    put(demanding, payload.id, payload.flags.includes(NONCES_REQUIRED));
    put(away, payload.id, !payload.servers.includes(serverid()));
  };

  const read = async (id: string): Promise<void> => {
    // An owner who is late with a new record demands what the last one did.
    const held = await book.hint('colony', id);
    if (held) note(held.record);
  };

  book.onNew((record) => {
    if (record.kind === 'colony' && isHere(record.payload.id)) void read(record.payload.id);
  });

  return {
    demands: (id) => demanding.has(id),
    isMovedAway: (id) => away.has(id),
    claims: async (id) => {
      if (!isHere(id)) return false;
      const held = await lookups.find('colony', id, { until: 'first' });
      if (held) note(held.record);
      return !away.has(id);
    },
    review: async () => {
      const here = new Set(hosted());
      for (const id of [...demanding, ...away]) {
        if (here.has(id)) continue;
        demanding.delete(id);
        away.delete(id);
      }
      for (const id of here) await read(id);
    },
  };
};
