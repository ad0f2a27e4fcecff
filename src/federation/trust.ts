// The trust state of a server: its anchors, the endorsements its owner gave, those it received,
// and the verdicts that follow. Signing is done by whoever holds the owner's key; this keeps and
// judges.

import { z } from 'zod';
import type { Clock } from '../node/clock.ts';
import { base64ToBytes } from '../node/crypto/bytes.ts';
import { isId } from '../node/crypto/ids.ts';
import { fault } from '../node/errors.ts';
import type { Book } from './book.ts';
import {
  type Anchor,
  type KnownList,
  type Mode,
  staleAfter,
  type TrustFacts,
  type Verdict,
  verdictOf,
} from './chain.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { Lookups } from './lookup.ts';
import type { Store } from './ports.ts';
import { type SignedRecord, validate, validateTimeless } from './record.ts';
import { allRows, decodeRow, encodeRow } from './rows.ts';
import { rememberSignatures } from './rules.ts';
import type { SignatureCheck } from './signature.ts';

type Endorsement = SignedRecord<'endorsement'>;

export interface AnchorRow extends Anchor {
  readonly serverid: string;
  /** Free text of the operator. */
  readonly note: string;
  /** Epoch milliseconds. */
  readonly addedAt: number;
}

export interface TrustPolicy {
  readonly mode: Mode;
  /** Links any chain may have. */
  readonly depthMax: number;
  /** Scopes that every link must cover. */
  readonly scopes: readonly string[];
}

export interface TrustDeps {
  /** This server; undefined for a client, which trusts only its anchors. */
  readonly serverid: string | undefined;
  readonly policy: TrustPolicy;
  readonly store: Store;
  readonly clock: Clock;
  readonly book: Book;
  readonly lookups: Pick<Lookups, 'find'>;
  readonly isSigned?: SignatureCheck;
}

export interface Trust {
  readonly policy: TrustPolicy;
  anchors(): readonly AnchorRow[];
  addAnchor(serverid: string, options?: { depth?: number; note?: string }): Promise<AnchorRow>;
  /** False when it was none. */
  removeAnchor(serverid: string): Promise<boolean>;
  /**
   * Keeps an endorsement that concerns this server: given by its owner, or naming it. `given` and
   * `received` are kept, `other` is not about us. Throws `bad-request` for what is not valid now.
   */
  accept(bytes: Uint8Array): Promise<'given' | 'received' | 'other'>;
  /** Live endorsements given by this server's owner: what its list answer carries. */
  given(): readonly Endorsement[];
  /** Endorsements of this server and the links above them, to be stapled to its record. */
  staples(): Promise<readonly Endorsement[]>;
  /** Verdict on a server from its record; `walk` also asks others for missing links and lists. */
  verdict(
    serverid: string,
    record: SignedRecord<'server'> | undefined,
    options?: { walk?: boolean },
  ): Promise<Verdict>;
}

const AnchorSchema = z.object({
  serverid: z.string(),
  depth: z.int(),
  note: z.string(),
  addedAt: z.int(),
});
const ANCHOR = 'anchor/';
const GIVEN = 'given/';
const RECEIVED = 'received/';

interface State {
  readonly deps: TrustDeps;
  readonly isSigned: SignatureCheck;
  readonly anchors: Map<string, AnchorRow>;
  readonly given: Map<string, Endorsement>;
  readonly received: Map<string, Endorsement>;
}

/** The endorsements in a server record whose signatures hold, expired ones included. */
const stapled = (
  record: SignedRecord<'server'> | undefined,
  isSigned: SignatureCheck,
): readonly Endorsement[] =>
  (record?.payload.staples ?? []).flatMap((text) => {
    const where = {
      network: record?.payload.net ?? '',
      ns: 'endorsement',
      key: undefined,
    } as const;
    const checked = validateTimeless(base64ToBytes(text), where, isSigned);
    return checked.ok ? [checked.record] : [];
  });

const factsOf = (state: State, links: readonly Endorsement[]): TrustFacts => {
  const { serverid, policy, clock, book } = state.deps;
  const anchors = new Map<string, Anchor>(state.anchors);
  if (serverid !== undefined) anchors.set(serverid, { depth: LIMITS.chainLinksMax });
  return { ...policy, now: clock.now(), anchors, links, isRevoked: book.isRevoked };
};

const listsOf = async (
  { deps: { book } }: State,
  links: readonly Endorsement[],
): Promise<ReadonlyMap<string, KnownList>> => {
  const lists = new Map<string, KnownList>();
  for (const issuer of new Set(links.map((link) => link.payload.id))) {
    const held = await book.find('endorsements', issuer);
    if (held) lists.set(issuer, { record: held.record, confirmedAt: held.confirmedAt });
  }
  return lists;
};

/** The verdict on what is known here: first the chain alone, then with the lists of its issuers. */
const judge = async (state: State, subject: string, links: readonly Endorsement[]) => {
  const facts = factsOf(state, links);
  const bare = verdictOf(subject, facts);
  if (!bare.trusted || bare.chain.length === 1) return bare;
  const lists = await listsOf(state, links);
  const own = state.deps.serverid;
  const list = (issuer: string): KnownList | undefined => {
    const known = lists.get(issuer);
    // Our own list is what our owner signed last: nobody else can confirm it better.
    return known && issuer === own ? { ...known, confirmedAt: facts.now } : known;
  };
  return verdictOf(subject, { ...facts, list });
};

/** Asks for what a chain lacks, one thing at a time: the list or the record of the server named. */
const walk = async (
  state: State,
  subject: string,
  links: Map<string, Endorsement>,
  isLate: () => boolean,
): Promise<Verdict> => {
  const { lookups } = state.deps;
  const asked = new Set<string>();
  for (;;) {
    const verdict = await judge(state, subject, [...links.values()]);
    const { trusted, broke, at = '' } = verdict;
    const name = `${broke} ${at}`;
    const fixable = broke === 'stale' || (broke === 'missing-link' && at !== subject);
    if (trusted || !fixable || asked.has(name) || isLate()) return verdict;
    if (asked.size >= 2 * LIMITS.chainLinksMax) return verdict;
    asked.add(name);
    if (broke === 'stale') await lookups.find('endorsements', at, { freshMs: LIMITS.lookupMissMs });
    else {
      const held = await lookups.find('server', at, { until: 'first' });
      for (const link of stapled(held?.record, state.isSigned)) links.set(link.hash, link);
    }
  }
};

/**
 * Looks the lists of a chain up again, in the background, before they are too old to be believed.
 */
const refreshLists = ({ deps: { lookups, policy, serverid } }: State, { chain }: Verdict): void => {
  const freshMs = staleAfter(policy.mode) / 2;
  for (const issuer of chain.slice(0, -1)) {
    if (issuer === serverid) continue;
    // Over its limits it is left for the next verdict; a list that is too old is asked for anyway.
    lookups.find('endorsements', issuer, { until: 'first', freshMs }).catch(() => undefined);
  }
};

const verdict = async (
  state: State,
  subject: string,
  record: SignedRecord<'server'> | undefined,
  mayWalk: boolean,
): Promise<Verdict> => {
  const links = new Map<string, Endorsement>();
  for (const link of [...state.given.values(), ...stapled(record, state.isSigned)]) {
    links.set(link.hash, link);
  }
  if (!mayWalk) return judge(state, subject, [...links.values()]);
  const { clock } = state.deps;
  const deadline = clock.now() + LIMITS.trustWalkMs;
  const found = await walk(state, subject, links, () => clock.now() >= deadline);
  refreshLists(state, found);
  return found;
};

const loadEndorsements = async (
  { deps: { store, book }, isSigned }: State,
  prefix: string,
  into: Map<string, Endorsement>,
): Promise<void> => {
  for await (const { key, value } of allRows(store, prefix)) {
    const where = { network: book.network, ns: 'endorsement', key: undefined } as const;
    const checked = validateTimeless(value, where, isSigned);
    if (!checked.ok) throw new Error(`corrupt endorsement ${key}: ${checked.reason}`);
    into.set(checked.record.hash, checked.record);
  }
};

/**
 * The order in which endorsements matter here: anybody may vouch for a server, so those by its
 * anchors and by servers that it vouches for itself come before those by strangers; then those that
 * last longest.
 */
const byWeight = ({ anchors, given }: State): ((a: Endorsement, b: Endorsement) => number) => {
  const known = new Set([...anchors.keys(), ...[...given.values()].map((one) => one.payload.sub)]);
  const weigh = ({ payload }: Endorsement): number => (known.has(payload.id) ? 1 : 0);
  return (a, b) => weigh(b) - weigh(a) || b.payload.exp - a.payload.exp;
};

/** Keeps a bounded number of endorsements: the one that matters least makes room, or is not kept. */
const keep = async (
  state: State,
  prefix: string,
  into: Map<string, Endorsement>,
  record: Endorsement,
): Promise<void> => {
  if (into.has(record.hash)) return;
  const changes = [
    { key: `${prefix}${record.hash}`, value: record.bytes as Uint8Array | undefined },
  ];
  if (into.size >= LIMITS.endorsementsKeptMax) {
    const least = [...into.values(), record].sort(byWeight(state)).at(-1);
    if (least === undefined || least === record) return;
    changes.push({ key: `${prefix}${least.hash}`, value: undefined });
    into.delete(least.hash);
  }
  await state.deps.store.write(changes);
  into.set(record.hash, record);
};

/**
 * Of several endorsements by one issuer, the one that lasts longest; those that hold now only. Each
 * is followed by the links above it, so that what there is room for are whole chains.
 */
const staplesOf = async (state: State): Promise<readonly Endorsement[]> => {
  const { book, clock } = state.deps;
  const now = clock.now();
  const links = new Map<string, Endorsement>();
  const direct = [...state.received.values()]
    .filter(({ payload }) => payload.nbf <= now && payload.exp > now && !book.isRevoked(payload.id))
    .sort(byWeight(state));
  const issuers = new Set<string>();
  for (const link of direct) {
    const { id: issuer } = link.payload;
    if (issuers.has(issuer) || links.size >= LIMITS.staplesMax) continue;
    issuers.add(issuer);
    links.set(link.hash, link);
    const held = await book.find('server', issuer);
    for (const above of stapled(held?.record, state.isSigned)) {
      if (above.payload.exp > now) links.set(above.hash, above);
    }
  }
  return [...links.values()].slice(0, LIMITS.staplesMax);
};

/** Opens the trust state over its store. */
export const openTrust = async (deps: TrustDeps): Promise<Trust> => {
  const { store, clock, book, policy, serverid: own } = deps;
  const state: State = {
    deps,
    isSigned: deps.isSigned ?? rememberSignatures(),
    anchors: new Map(),
    given: new Map(),
    received: new Map(),
  };
  for await (const { key, value } of allRows(store, ANCHOR)) {
    const row = decodeRow(AnchorSchema, key, value);
    state.anchors.set(row.serverid, row);
  }
  await loadEndorsements(state, GIVEN, state.given);
  await loadEndorsements(state, RECEIVED, state.received);
  return {
    policy,
    anchors: () => [...state.anchors.values()],
    addAnchor: async (serverid, { depth = policy.depthMax, note = '' } = {}) => {
      if (!isId(serverid)) throw fault('bad-request', 'a server id has 64 lower-case hex digits');
      if (!Number.isInteger(depth) || depth < 0 || depth > LIMITS.chainLinksMax) {
        throw fault('bad-request', `depth: expected 0 to ${LIMITS.chainLinksMax}`);
      }
      if (!state.anchors.has(serverid) && state.anchors.size >= LIMITS.anchorsMax) {
        throw fault('too-many', `at most ${LIMITS.anchorsMax} anchors`);
      }
      const row = { serverid, depth, note: note.slice(0, 200), addedAt: clock.now() };
      await store.write([{ key: `${ANCHOR}${serverid}`, value: encodeRow(row) }]);
      state.anchors.set(serverid, row);
      return row;
    },
    removeAnchor: async (serverid) => {
      if (!state.anchors.has(serverid)) return false;
      await store.write([{ key: `${ANCHOR}${serverid}`, value: undefined }]);
      return state.anchors.delete(serverid);
    },
    accept: async (bytes) => {
      const where = { network: book.network, ns: 'endorsement', key: undefined } as const;
      const checked = validate(bytes, clock.now(), where, state.isSigned);
      if (!checked.ok) throw fault('bad-request', `endorsement refused: ${checked.reason}`);
      const { record } = checked;
      if (book.isRevoked(record.payload.id)) throw fault('forbidden', 'key revoked');
      if (own !== undefined && record.payload.id === own) {
        await keep(state, GIVEN, state.given, record);
        return 'given';
      }
      if (own === undefined || record.payload.sub !== own) return 'other';
      await keep(state, RECEIVED, state.received, record);
      return 'received';
    },
    given: () => [...state.given.values()],
    staples: () => staplesOf(state),
    verdict: (serverid, record, { walk: mayWalk = false } = {}) =>
      verdict(state, serverid, record, mayWalk),
  };
};
