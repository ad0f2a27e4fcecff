// Resolving without being a node: the SDK, the command line and workers ask nodes over plain HTTP
// and verify every byte themselves. Holds no key and joins no overlay.

import type { Clock } from '../node/clock.ts';
import type { Log } from '../node/log.ts';
import { type Book, openBook } from './book.ts';
import { makeConsents } from './consent.ts';
import { makeLookups } from './lookup.ts';
import { memoryStore } from './memory-store.ts';
import type { Ask, Place, Store } from './ports.ts';
import { makeResolver, type Resolver } from './resolve.ts';
import { rememberSignatures } from './rules.ts';
import type { SignatureCheck } from './signature.ts';
import { openTrust, type Trust, type TrustPolicy } from './trust.ts';

export interface ReaderDeps {
  readonly network: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ask: Ask;
  /** Nodes to ask, best first: given, remembered, or shipped. Read at each lookup. */
  readonly bootstraps: () => readonly Place[];
  /** Where to remember what was verified; without it, memory. */
  readonly store?: Store;
  /** Default: open, the colony owner's record is authority enough. */
  readonly policy?: TrustPolicy;
  /** Servers trusted without a chain. */
  readonly anchors?: readonly string[];
  readonly isSigned?: SignatureCheck;
}

export interface Reader {
  readonly book: Book;
  readonly trust: Trust;
  readonly resolver: Resolver;
}

export const OPEN_POLICY: TrustPolicy = { mode: 'open', depthMax: 3, scopes: [] };

/** A resolver for clients. */
export const openReader = async (deps: ReaderDeps): Promise<Reader> => {
  const { network, clock, log, ask, bootstraps } = deps;
  const store = deps.store ?? memoryStore();
  const isSigned = deps.isSigned ?? rememberSignatures();
  const book = await openBook({ network, store, clock, isSigned });
  const others = async (): Promise<readonly Place[]> => bootstraps();
  // One node's answer settles it: a client has no quorum, it has signatures and the highest ever
  // seen.
  const lookups = makeLookups({ book, clock, log, ask, others, quorum: Number.POSITIVE_INFINITY });
  const policy = deps.policy ?? OPEN_POLICY;
  const trust = await openTrust({
    serverid: undefined,
    policy,
    store,
    clock,
    book,
    lookups,
    isSigned,
  });
  for (const anchor of deps.anchors ?? []) await trust.addAnchor(anchor);
  const consents = makeConsents({ clock, ask, isSigned });
  return { book, trust, resolver: makeResolver({ book, lookups, trust, consents, clock }) };
};
