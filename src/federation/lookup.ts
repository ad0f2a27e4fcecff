// Finding the newest record under an id, at two speeds: the first valid one at once, the settled
// one after enough holders agree. One lookup per id at a time; what nobody has is remembered for a
// moment.

import type { Clock } from '../node/clock.ts';
import { fault } from '../node/errors.ts';
import { LIMITS } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { Book, Held } from './book.ts';
import type { LookupBudget, Payer } from './budget.ts';
import { knownPath, readDocument, recordPath } from './documents.ts';
import { FEDERATION_LIMITS } from './limits.ts';
import { NAMESPACES, type Namespace } from './payloads.ts';
import type { Ask, Asked, Copy, Overlay, Place } from './ports.ts';
import { hashHex } from './signature.ts';

export interface LookupDeps {
  readonly book: Book;
  readonly clock: Clock;
  readonly log: Log;
  /** This server; a client, which has none, lets the nodes it asks look further. */
  readonly serverid?: string | undefined;
  /** Absent for clients and nodes whose overlay is off. */
  readonly overlay?: Overlay | undefined;
  readonly ask?: Ask | undefined;
  /** Other nodes to ask for this record, best first: bootstraps, an issuer itself. */
  readonly others?: (ns: Namespace, id: string) => Promise<readonly Place[]>;
  readonly budget?: LookupBudget | undefined;
  /** Copies that must agree before a lookup ends early. */
  readonly quorum?: number;
}

export interface FindOptions {
  /** `first` gives any valid record at once and goes on in the background; default `settled`. */
  readonly until?: 'first' | 'settled';
  /** A record confirmed within this time is not looked up again. Default `lookupFreshMs`. */
  readonly freshMs?: number;
  /** With `settled`: after this time any valid record is enough. Default: the whole lookup. */
  readonly patienceMs?: number;
  /** Who pays for a lookup that has to start; nobody for the node's own needs. */
  readonly payer?: Payer;
}

export interface Lookups {
  /** The record that counts, or undefined when nobody reachable has one. */
  find<K extends Namespace>(ns: K, id: string, options?: FindOptions): Promise<Held<K> | undefined>;
  /** Lookups under way. */
  running(): number;
}

interface Flight {
  readonly first: Promise<Held | undefined>;
  readonly settled: Promise<Held | undefined>;
}

interface Tally {
  /** Hash of the copy that each source gave. */
  readonly copies: Map<string, string>;
  best: string | undefined;
}

const agreeing = ({ copies, best }: Tally): number =>
  [...copies.values()].filter((hash) => hash === best).length;

const isNamespace = (kind: string): kind is Namespace =>
  (NAMESPACES as readonly string[]).includes(kind);

/** Asks other nodes; their answers may hold records of other ids too, which are offered as well. */
const askOthers = async (
  { ask, others, book, log, serverid }: LookupDeps,
  ns: Namespace,
  id: string,
  signal: AbortSignal,
  take: (bytes: Uint8Array, from: string) => Promise<void>,
): Promise<void> => {
  if (!ask || !others) return;
  const places = (await others(ns, id)).slice(0, FEDERATION_LIMITS.lookupPlacesMax);
  const answer = async (place: Place): Promise<Asked | undefined> => {
    try {
      const path = serverid === undefined ? recordPath(ns, id) : knownPath(ns, id);
      return await ask(place, path, signal);
    } catch (error) {
      // Expected: the node is down, slow, or not permitted by the address policy.
      log.debug('a node did not answer a lookup', { ns, id, error: String(error) });
      return undefined;
    }
  };
  const one = async (place: Place): Promise<void> => {
    const asked = await answer(place);
    // One that has no record may know why: a revocation.
    if (asked === undefined || ![200, 404].includes(asked.status)) return;
    for (const frame of readDocument(asked.body)) {
      if (frame.kind === ns && frame.id === id) await take(frame.bytes, asked.via);
      else if (isNamespace(frame.kind)) {
        await book.offer(frame.kind, frame.id, frame.bytes, { from: asked.via });
        // A client knows only what nodes tell it: what came along need not be asked for again.
        if (serverid === undefined) await book.confirm(frame.kind, frame.id);
      }
    }
  };
  await Promise.all(places.map(one));
};

const searchOverlay = async (
  { overlay, log }: LookupDeps,
  ns: Namespace,
  id: string,
  signal: AbortSignal,
  take: (bytes: Uint8Array, from: string) => Promise<void>,
): Promise<void> => {
  if (!overlay) return;
  const copies = overlay.search(ns, id, signal)[Symbol.asyncIterator]();
  const next = async (): Promise<IteratorResult<Copy>> => {
    try {
      return await copies.next();
    } catch (error) {
      // Expected when the lookup is cut short, or the overlay is stopping or over its own limits.
      log.debug('an overlay lookup failed', { ns, id, error: String(error) });
      return { done: true, value: undefined };
    }
  };
  for (let step = await next(); !step.done; step = await next()) {
    await take(step.value.bytes, step.value.from);
    if (signal.aborted) break;
  }
  await copies.return?.();
};

/** Sends the best record to holders of worse ones, when any were met. Never rejects: a courtesy. */
const heal = async (
  overlay: Overlay,
  ns: Namespace,
  id: string,
  { record }: Held,
  { copies }: Tally,
): Promise<void> => {
  if ([...copies.values()].every((hash) => hash === record.hash)) return;
  try {
    await overlay.keep(ns, id, record.bytes);
    await overlay.get(ns, id);
  } catch {
    // Expected when the overlay is stopping; the holders learn it from the next reader.
  }
};

const start = (
  deps: LookupDeps,
  ns: Namespace,
  id: string,
  onEnd: (found: boolean) => void,
): Flight => {
  const { book, clock, log, overlay, quorum = LIMITS.overlayQuorum } = deps;
  const controller = new AbortController();
  const { signal } = controller;
  const tally: Tally = { copies: new Map(), best: undefined };
  let agreed = false;
  let late = false;
  let tellFirst: (held: Held | undefined) => void = () => undefined;
  const first = new Promise<Held | undefined>((resolve) => {
    tellFirst = resolve;
  });
  const cancelDeadline = clock.after(FEDERATION_LIMITS.lookupMs, () => {
    late = true;
    controller.abort();
  });
  const take = async (bytes: Uint8Array, from: string): Promise<void> => {
    if (signal.aborted) return;
    const { outcome, held } = await book.offer(ns, id, bytes, { wanted: true });
    if (outcome === 'refused' || !held) return;
    tally.copies.set(from, hashHex(bytes));
    tally.best = held.record.hash;
    tellFirst(held);
    // Three stale holders may well be met first; five of five are as good as never.
    if (agreeing(tally) < quorum || tally.copies.size < quorum + FEDERATION_LIMITS.lookupMargin) {
      return;
    }
    agreed = true;
    controller.abort();
  };
  const end = async (): Promise<Held | undefined> => {
    cancelDeadline();
    const elsewhere = [...tally.copies.keys()].some((from) => from !== overlay?.peerId);
    if (elsewhere && (agreed || !late)) await book.confirm(ns, id);
    const held = await book.find(ns, id);
    tellFirst(held);
    onEnd(held !== undefined);
    if (held && overlay) void heal(overlay, ns, id, held, tally);
    return held;
  };
  const sources = Promise.all([
    searchOverlay(deps, ns, id, signal, take),
    askOthers(deps, ns, id, signal, take),
  ]);
  // A source that does not honour the signal holds nobody up.
  const cut = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const settled = Promise.race([sources, cut])
    .then(end)
    .catch((error: unknown) => {
      // The book failed, which is no business of those who asked: they get what is known, nothing.
      log.error('a lookup failed', { ns, id, error });
      tellFirst(undefined);
      onEnd(true);
      return undefined;
    });
  return { first, settled };
};

/** The settled record, or after the time given the first one. */
const settledOr = (
  clock: Clock,
  { first, settled }: Flight,
  patienceMs: number | undefined,
): Promise<Held | undefined> => {
  if (patienceMs === undefined) return settled;
  return new Promise((resolve) => {
    const cancel = clock.after(patienceMs, () => resolve(first));
    void settled.then((held) => {
      cancel();
      resolve(held);
    });
  });
};

/** A bounded memory of ids that nobody had. */
const makeMisses = (clock: Clock) => {
  const until = new Map<string, number>();
  return {
    has: (name: string): boolean => (until.get(name) ?? 0) > clock.now(),
    add: (name: string): void => {
      const isRevocation = name.startsWith('revocation/');
      until.delete(name);
      until.set(
        name,
        clock.now() +
          (isRevocation ? FEDERATION_LIMITS.lookupFreshMs : FEDERATION_LIMITS.lookupMissMs),
      );
      const oldest =
        until.size > FEDERATION_LIMITS.lookupMissesMax ? until.keys().next().value : undefined;
      if (oldest !== undefined) until.delete(oldest);
    },
    drop: (name: string): boolean => until.delete(name),
  };
};

/** Lookups over a book, an overlay and other nodes. */
export const makeLookups = (deps: LookupDeps): Lookups => {
  const { book, clock, budget } = deps;
  const flights = new Map<string, Flight>();
  const misses = makeMisses(clock);
  book.onNew(({ kind, payload }) => misses.drop(`${kind}/${payload.id}`));

  const fly = (ns: Namespace, id: string, payer: Payer | undefined): Flight => {
    const name = `${ns}/${id}`;
    const running = flights.get(name);
    if (running) return running;
    if (flights.size >= FEDERATION_LIMITS.lookupsRunningMax)
      throw fault('too-many', 'too many lookups running');
    if (payer) budget?.spend(payer);
    const flight = start(deps, ns, id, (found) => {
      flights.delete(name);
      if (!found) misses.add(name);
    });
    flights.set(name, flight);
    return flight;
  };

  return {
    find: async <K extends Namespace>(
      ns: K,
      id: string,
      {
        until = 'settled',
        freshMs = FEDERATION_LIMITS.lookupFreshMs,
        patienceMs,
        payer,
      }: FindOptions = {},
    ): Promise<Held<K> | undefined> => {
      const held = await book.find(ns, id);
      if (held && clock.now() - held.confirmedAt < freshMs) return held;
      if (!held && freshMs > 0 && misses.has(`${ns}/${id}`)) return undefined;
      let flight: Flight;
      try {
        flight = fly(ns, id, payer);
      } catch (error) {
        // Over budget: what is held serves, and the next caller may refresh it.
        if (held) return held;
        throw error;
      }
      if (held && until === 'first') return held;
      const found = until === 'first' ? flight.first : settledOr(clock, flight, patienceMs);
      return (await found) as Held<K> | undefined;
    },
    running: () => flights.size,
  };
};
