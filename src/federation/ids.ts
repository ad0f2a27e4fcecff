// Ids that say where to look: 64 hex digits that begin with a tag of the colony (40 bits) and one
// of the server (24 bits), the rest random. A hint for routing, never a permission.

import { z } from 'zod';
import type { Clock } from '../node/clock.ts';
import { isId } from '../node/crypto/ids.ts';
import { makeLanes } from './lanes.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { Store } from './ports.ts';
import { encodeRow, readRow } from './rows.ts';

const COLONY_DIGITS = 10;
const SERVER_DIGITS = 6;

/** Tag of a colony: the first 40 bits of its id. */
export const colonyTag = (colonyid: string): string => colonyid.slice(0, COLONY_DIGITS);
/** Tag of a server: the first 24 bits of its id. */
export const serverTag = (serverid: string): string => serverid.slice(0, SERVER_DIGITS);

/** A new id that carries the tags of the colony and server it is made for. */
export const newRoutableId = (clock: Clock, colonyid: string, serverid: string): string =>
  colonyTag(colonyid) + serverTag(serverid) + clock.newId().slice(COLONY_DIGITS + SERVER_DIGITS);

export interface Tags {
  readonly colony: string;
  readonly server: string;
}

/** The tags an id would have if it were routable; undefined when it is no id at all. */
export const tagsOf = (id: string): Tags | undefined =>
  isId(id)
    ? {
        colony: id.slice(0, COLONY_DIGITS),
        server: id.slice(COLONY_DIGITS, COLONY_DIGITS + SERVER_DIGITS),
      }
    : undefined;

export interface TagBook {
  /** Remembers a colony by its tag; cheap when it is known already. */
  remember(colonyid: string): Promise<void>;
  /** Colonies known under the tag of an id: usually one, none when it was never seen. */
  coloniesOf(id: string): Promise<readonly string[]>;
}

const Colonies = z.array(z.string());

/** The memory of tags, on disk. A tag shared by several colonies gives all of them, newest last. */
export const makeTagBook = (store: Store): TagBook => {
  const lane = makeLanes();
  const fresh = new Set<string>();
  const keyOf = (tag: string): string => `tag/${tag}`;
  const read = async (tag: string): Promise<readonly string[]> =>
    (await readRow(store, Colonies, keyOf(tag))) ?? [];
  return {
    remember: (colonyid) => {
      if (!isId(colonyid) || fresh.has(colonyid)) return Promise.resolve();
      const tag = colonyTag(colonyid);
      return lane(tag, async () => {
        const known = await read(tag);
        if (!known.includes(colonyid)) {
          const next = [...known, colonyid].slice(-LIMITS.tagColoniesMax);
          await store.write([{ key: keyOf(tag), value: encodeRow(next) }]);
        }
        if (fresh.size >= LIMITS.tagsRememberedMax) fresh.clear();
        fresh.add(colonyid);
      });
    },
    coloniesOf: async (id) => {
      const tags = tagsOf(id);
      return tags ? read(tags.colony) : [];
    },
  };
};
