// Where a call belongs that names no colony: by what its caller did before, by what was relayed
// before, by the tag in a process id. Hints only: the home decides.

import { type TagBook, tagsOf } from './ids.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';

export interface Routes {
  /** A caller was seen in a colony elsewhere. */
  rememberCaller(caller: string, colonyid: string): void;
  /** A thing (process, attribute, runtime) belongs to a colony elsewhere. */
  rememberThing(id: string, colonyid: string): void;
  /** Colonies to try for a thing asked for by a caller, best first. */
  coloniesFor(thing: string | undefined, caller: string): Promise<readonly string[]>;
}

/**
 * A bounded map of names to a few values each, the latest first; the least recently used name
 * goes.
 */
const makeTrail = (namesMax: number, valuesMax: number) => {
  const trail = new Map<string, readonly string[]>();
  return {
    get: (name: string): readonly string[] => trail.get(name) ?? [],
    add: (name: string, value: string): void => {
      const known = trail.get(name) ?? [];
      if (known[0] === value && trail.size < namesMax) return;
      trail.delete(name);
      trail.set(name, [value, ...known.filter((other) => other !== value)].slice(0, valuesMax));
      const oldest = trail.size > namesMax ? trail.keys().next().value : undefined;
      if (oldest !== undefined) trail.delete(oldest);
    },
  };
};

/** The memory of where calls went, in bounded memory beside the tags on disk. */
export const makeRoutes = (tags: TagBook): Routes => {
  const callers = makeTrail(LIMITS.routeCallersMax, LIMITS.routeColoniesMax);
  const things = makeTrail(LIMITS.routeThingsMax, 1);
  return {
    rememberCaller: (caller, colonyid) => callers.add(caller, colonyid),
    rememberThing: (id, colonyid) => things.add(id, colonyid),
    coloniesFor: async (thing, caller) => {
      const own = callers.get(caller);
      const firstOwn = (ids: readonly string[]) => ids.filter((one) => own.includes(one));
      const tagged = thing !== undefined && tagsOf(thing) ? await tags.coloniesOf(thing) : [];
      // An id with the tag of a known colony is in no other one.
      if (tagged.length > 0) return [...new Set([...firstOwn(tagged), ...tagged])];
      // Where a thing was seen is the word of that colony's home: it must not lead members of other
      // colonies there, so it orders the caller's own colonies and comes last otherwise.
      const seen = thing === undefined ? [] : things.get(thing);
      return [...new Set([...firstOwn(seen), ...own, ...seen])];
    },
  };
};
