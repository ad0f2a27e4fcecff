// The records this node knows, on disk and guarded: what was once outranked never comes back, dead
// keys stay dead, forks are kept as evidence. Every byte that comes in passes `offer`, wherever it
// came from.

import type { Clock } from '../node/clock.ts';
import { makeRecent, type Recent } from '../node/recent.ts';
import { inTurns, makeIndex } from './book-index.ts';
import { judge } from './book-judge.ts';
import { type DeadNodeKeys, makeDeadNodeKeys } from './dead-node-keys.ts';
import { makeLanes } from './lanes.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import { rankOf } from './order.ts';
import type { Namespace } from './payloads.ts';
import type { Store, StoreChange } from './ports.ts';
import { type SignedRecord, validate, validateTimeless } from './record.ts';
import { type HeirStatement, heirStatement } from './revocation.ts';
import * as rows from './rows.ts';
import { rememberSignatures } from './rules.ts';
import type { SignatureCheck } from './signature.ts';

/**
 * A record that counts, and what is known about it beside its bytes. Times are epoch milliseconds.
 */
export interface Held<K extends Namespace = Namespace> {
  readonly record: SignedRecord<K>;
  readonly seenAt: number;
  /** When it was last found to be the newest by a whole lookup, its issuer, or a push. */
  readonly confirmedAt: number;
  /** Hashes of all records of its rank, its own included, when there are several. */
  readonly forks: readonly string[];
}

/**
 * `new` outranks what was held; `older` was outranked or may not replace it; `refused` is not
 * valid.
 */
export type Outcome = 'new' | 'same' | 'older' | 'fork' | 'refused';

export interface Offered<K extends Namespace = Namespace> {
  readonly outcome: Outcome;
  /** Why it was refused; empty otherwise. */
  readonly reason: string;
  /** What counts now. */
  readonly held: Held<K> | undefined;
}

export interface OfferOptions {
  /** Whether this node asked for it or made it; such rows are the last to go. */
  readonly wanted?: boolean;
  /** Who brought it: each sender has its share of the rows that nobody asked for. */
  readonly from?: string;
}

export interface Book {
  readonly network: string;
  /** Checks and keeps a record found under (ns, id). Never throws because of the bytes. */
  offer<K extends Namespace>(
    ns: K,
    id: string,
    bytes: Uint8Array,
    options?: OfferOptions,
  ): Promise<Offered<K>>;
  /** The record that counts and is valid now. */
  find<K extends Namespace>(ns: K, id: string): Promise<Held<K> | undefined>;
  /** As `find`, but also a record that expired lately: a hint where to look, never an authority. */
  hint<K extends Namespace>(ns: K, id: string): Promise<Held<K> | undefined>;
  /** Notes that what is held was found to be the newest. */
  confirm(ns: Namespace, id: string): Promise<void>;
  isRevoked(id: string): boolean;
  /**
   * The revoked key that the record under an id leaned on, when that is why none counts; undefined
   * when it is not known.
   */
  deadKey(ns: Namespace, id: string): Promise<string | undefined>;
  /** When this node first saw the revocation of a key; undefined when it is not revoked. */
  revokedAt(id: string): number | undefined;
  /** Notes that another sender brings what is held, too. */
  alsoBy(ns: Namespace, id: string, from: string): void;
  /**
   * Revoked ids that others should hear of: those of keys in use here first, then the rest; each
   * who brought them in turn, with the newest.
   */
  revokedToTell(limit: number): readonly string[];
  heirs(id: string): Promise<readonly HeirStatement[]>;
  /** Losers of forks under an id. */
  evidence(ns: Namespace, id: string): Promise<readonly Uint8Array[]>;
  /** Ids under which something was seen in a namespace, in order, after `after`. */
  ids(ns: Namespace, limit: number, after?: string): Promise<readonly string[]>;
  /** Calls `listener` for each record that newly counts; the returned function ends it. */
  onNew(listener: (record: SignedRecord<Namespace>) => void): () => void;
  /** Drops records that expired too long ago to be a hint; returns how many. */
  sweep(): Promise<number>;
  size(): number;
}

export interface BookDeps {
  readonly network: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly isSigned?: SignatureCheck;
  readonly recordsMax?: number;
}

const REVOCATION = 'revocation/';

const nameOf = (ns: Namespace, id: string): string => `${ns}/${id}`;

interface State {
  readonly deps: BookDeps;
  readonly isSigned: SignatureCheck;
  readonly index: ReturnType<typeof makeIndex>;
  /** Checked records that were used lately, by name. */
  readonly memory: Recent<Held>;
  readonly revoked: Map<string, number>;
  readonly nodeKeys: DeadNodeKeys;
  readonly listeners: Set<(record: SignedRecord<Namespace>) => void>;
}

const expiryOf = (record: SignedRecord): number =>
  'exp' in record.payload ? record.payload.exp : Number.POSITIVE_INFINITY;

/** Whether a key that the record leans on is revoked; revocations themselves always stand. */
const isDead = (revoked: ReadonlyMap<string, number>, record: SignedRecord): boolean => {
  if (record.kind === 'revocation') return false;
  return revoked.has(record.signer) || revoked.has(record.payload.id);
};

const load = async <K extends Namespace>(
  state: State,
  ns: K,
  id: string,
): Promise<Held<K> | undefined> => {
  const name = nameOf(ns, id);
  if (!state.index.has(name)) return undefined;
  const known = state.memory.get(name);
  if (known) return known as Held<K>;
  const { store, network } = state.deps;
  const seen = await rows.readRow(store, rows.Seen, rows.seenKey(ns, id));
  const bytes = seen && (await store.get(rows.recordKey(ns, id)));
  if (!bytes) return undefined;
  const checked = validateTimeless(bytes, { network, ns, key: id }, state.isSigned);
  if (!checked.ok) throw new Error(`corrupt record ${name}: ${checked.reason}`);
  const { seenAt, confirmedAt, forks } = seen;
  const held = { record: checked.record, seenAt, confirmedAt, forks };
  state.memory.set(name, held);
  return held;
};

const find = async <K extends Namespace>(
  state: State,
  ns: K,
  id: string,
  graceMs: number,
): Promise<Held<K> | undefined> => {
  const held = await load(state, ns, id);
  if (!held || isDead(state.revoked, held.record)) return undefined;
  return expiryOf(held.record) + graceMs > state.deps.clock.now() ? held : undefined;
};

const deadKey = async (state: State, ns: Namespace, id: string): Promise<string | undefined> => {
  const held = await load(state, ns, id);
  const signer = held?.record.signer ?? (ns === 'server' ? state.nodeKeys.of(id) : undefined);
  return [id, signer ?? id].find((key) => state.revoked.has(key));
};

/** Changes that remember what a record says about a successor, when it says something new. */
const heirChanges = async (
  { deps: { store, clock } }: State,
  record: SignedRecord<Namespace>,
): Promise<StoreChange[]> => {
  if (record.kind !== 'colony' && record.kind !== 'endorsements') return [];
  const made = heirStatement(record as SignedRecord<'colony'>, clock.now());
  const key = rows.heirsKey(record.payload.id);
  const known = (await rows.readRow(store, rows.Heirs, key)) ?? [];
  const last = known.at(-1);
  if (last?.successor === made.successor && last?.recovery === made.recovery) return [];
  // When it is full the last one goes: what stood long is what counts.
  const kept = known.length < LIMITS.bookHeirsMax ? known : known.slice(0, -1);
  return [{ key, value: rows.encodeRow([...kept, made]) }];
};

const forkChanges = async (
  { deps: { store } }: State,
  ns: Namespace,
  id: string,
  loser: SignedRecord | undefined,
): Promise<StoreChange[]> => {
  if (!loser) return [];
  const prefix = rows.forkPrefix(ns, id);
  const kept = await store.list(prefix, LIMITS.bookForksMax);
  if (kept.length >= LIMITS.bookForksMax) return [];
  return [{ key: `${prefix}${loser.hash}`, value: loser.bytes }];
};

/** Makes room: drops the rows that have to go from memory; gives their names. */
const evict = (state: State): readonly string[] => {
  const gone: string[] = [];
  while (state.index.size() > (state.deps.recordsMax ?? LIMITS.bookRecordsMax)) {
    const name = state.index.next();
    if (name === undefined) break;
    state.index.drop(name);
    state.memory.delete(name);
    if (name.startsWith(REVOCATION)) state.revoked.delete(name.slice(REVOCATION.length));
    gone.push(name);
  }
  return gone;
};

/** Evidence under ids that were let go is let go, too. */
const dropForks = async ({ deps: { store } }: State, gone: readonly string[]): Promise<void> => {
  for (const name of gone) {
    const forks = await store.list(rows.forksOf(name), LIMITS.bookForksMax);
    if (forks.length > 0) await store.write(forks.map(({ key }) => ({ key, value: undefined })));
  }
};

/** What lies on disk for rows that go; who comes after a key stays while any row of its id does. */
const evictions = ({ index }: State, gone: readonly string[]): StoreChange[] =>
  gone.flatMap((name) => {
    const id = name.slice(name.indexOf('/') + 1);
    const isLast = !['colony', 'endorsements', 'revocation'].some((ns) => index.has(`${ns}/${id}`));
    const keys = [`record/${name}`, `${rows.SEEN}${name}`, ...(isLast ? [rows.heirsKey(id)] : [])];
    return keys.map((key) => ({ key, value: undefined }));
  });

/** A pushed revocation of a key in use here must outlive a flood of pushed records. */
const isOfUse = ({ index }: State, record: SignedRecord<Namespace>): boolean =>
  record.kind === 'revocation' &&
  ['colony', 'server', 'endorsements'].some((ns) =>
    [record.payload.id, record.signer].some((id) => index.isWanted(`${ns}/${id}`)),
  );

const keep = async <K extends Namespace>(
  state: State,
  ns: K,
  id: string,
  record: SignedRecord<K>,
  { wanted = false, from = '' }: OfferOptions,
): Promise<Offered<K>> => {
  const { store, clock } = state.deps;
  const now = clock.now();
  const name = nameOf(ns, id);
  const key = rows.seenKey(ns, id);
  const seen = await rows.readRow(store, rows.Seen, key);
  const before = await load(state, ns, id);
  const { outcome, winner, loser, forks } = judge(record, seen, before);
  if (outcome === 'older') return { outcome, reason: '', held: await find(state, ns, id, 0) };
  if (outcome === 'same' && before && (seen?.wanted || !wanted)) {
    state.index.alsoBy(name, from);
    return { outcome, reason: '', held: before };
  }
  const [epoch, seq] = rankOf(winner);
  const keeps = wanted || seen?.wanted === true || isOfUse(state, record);
  const beside = [
    ...(await forkChanges(state, ns, id, loser)),
    ...(await heirChanges(state, record)),
  ];
  const next: rows.Seen = {
    epoch,
    seq,
    hash: winner.hash,
    firstAt: seen?.firstAt ?? now,
    seenAt: outcome === 'same' ? (seen?.seenAt ?? now) : now,
    confirmedAt: seen?.confirmedAt ?? 0,
    forks: [...forks],
    wanted: keeps,
    from: state.index.touch(name, keeps, from),
  };
  const held = { record: winner, seenAt: next.seenAt, confirmedAt: next.confirmedAt, forks };
  const gone = evict(state);
  await store.write([
    { key, value: rows.encodeRow(next) },
    { key: rows.recordKey(ns, id), value: winner.bytes },
    ...beside,
    ...evictions(state, gone),
  ]);
  await dropForks(state, gone);
  // Where everything else is of use it had to go at once.
  if (state.index.has(name)) {
    state.memory.set(name, held);
    if (ns === 'revocation') state.revoked.set(id, next.firstAt);
  }
  if (outcome !== 'same') for (const listener of state.listeners) listener(record);
  return { outcome, reason: '', held };
};

const loadIndex = async (state: State): Promise<void> => {
  const found: { name: string; seen: rows.Seen }[] = [];
  for await (const { key, value } of rows.allRows(state.deps.store, rows.SEEN)) {
    const name = key.slice(rows.SEEN.length);
    const seen = rows.decodeRow(rows.Seen, key, value);
    found.push({ name, seen });
  }
  found.sort((a, b) => a.seen.seenAt - b.seen.seenAt);
  for (const { name, seen } of found) {
    state.index.touch(name, seen.wanted, seen.from);
    if (name.startsWith(REVOCATION)) {
      state.revoked.set(name.slice(REVOCATION.length), seen.firstAt);
    }
  }
};

const revokedToTell = ({ index, revoked }: State, limit: number): readonly string[] => {
  const newest = [...revoked.keys()].reverse();
  const isUsed = (id: string): boolean => index.isWanted(`${REVOCATION}${id}`);
  const senderOf = (id: string): string => index.senderOf(`${REVOCATION}${id}`);
  const used = inTurns(newest.filter(isUsed), senderOf, limit);
  const others = newest.filter((id) => !isUsed(id));
  return [...used, ...inTurns(others, senderOf, limit - used.length)];
};

const sweep = async (state: State): Promise<number> => {
  const { store, clock } = state.deps;
  const now = clock.now();
  const gone: string[] = [];
  for await (const { key } of rows.allRows(store, 'record/')) {
    const [, ns = '', id = ''] = key.split('/');
    const held = await load(state, ns as Namespace, id);
    if (held && expiryOf(held.record) + LIMITS.bookHintMs <= now) gone.push(key);
  }
  for (const key of gone) state.memory.delete(key.slice('record/'.length));
  await store.write(gone.map((key) => ({ key, value: undefined })));
  return gone.length;
};

/** Opens the book over its store; reads the names of what it holds once. */
export const openBook = async (deps: BookDeps): Promise<Book> => {
  const state: State = {
    deps,
    isSigned: deps.isSigned ?? rememberSignatures(),
    index: makeIndex(),
    memory: makeRecent(LIMITS.bookMemoryMax),
    revoked: new Map(),
    nodeKeys: makeDeadNodeKeys(),
    listeners: new Set(),
  };
  await loadIndex(state);
  const { network, store, clock } = deps;
  const lane = makeLanes();
  return {
    network,
    offer: async (ns, id, bytes, options = {}) => {
      const checked = validate(bytes, clock.now(), { network, ns, key: id }, state.isSigned);
      if (!checked.ok) {
        const held = await find(state, ns, id, 0);
        return { outcome: 'refused', reason: `${checked.reason}: ${checked.detail}`, held };
      }
      state.nodeKeys.note(checked.record, state.revoked);
      if (isDead(state.revoked, checked.record)) {
        return { outcome: 'refused', reason: 'the key is revoked', held: undefined };
      }
      return lane(nameOf(ns, id), () => keep(state, ns, id, checked.record, options));
    },
    find: (ns, id) => find(state, ns, id, 0),
    hint: (ns, id) => find(state, ns, id, LIMITS.bookHintMs),
    confirm: (ns, id) =>
      lane(nameOf(ns, id), async () => {
        const key = rows.seenKey(ns, id);
        const seen = await rows.readRow(store, rows.Seen, key);
        if (!seen || clock.now() - seen.confirmedAt < LIMITS.bookConfirmEveryMs) return;
        const confirmedAt = clock.now();
        await store.write([{ key, value: rows.encodeRow({ ...seen, confirmedAt, wanted: true }) }]);
        state.index.touch(nameOf(ns, id), true, seen.from);
        const held = state.memory.get(nameOf(ns, id));
        if (held) state.memory.set(nameOf(ns, id), { ...held, confirmedAt });
      }),
    isRevoked: (id) => state.revoked.has(id),
    deadKey: (ns, id) => deadKey(state, ns, id),
    revokedAt: (id) => state.revoked.get(id),
    alsoBy: (ns, id, from) => state.index.alsoBy(nameOf(ns, id), from),
    revokedToTell: (limit) => revokedToTell(state, limit),
    heirs: async (id) => {
      const known = await rows.readRow(store, rows.Heirs, rows.heirsKey(id));
      return (known ?? []).map(({ successor, recovery, seenAt, issuedAt }) => ({
        successor,
        recovery,
        seenAt,
        issuedAt,
      }));
    },
    evidence: async (ns, id) =>
      (await store.list(rows.forkPrefix(ns, id), LIMITS.bookForksMax)).map(({ value }) => value),
    ids: async (ns, limit, after) => {
      const prefix = rows.seenKey(ns, '');
      const found = await store.list(prefix, limit, after && `${prefix}${after}`);
      return found.map(({ key }) => key.slice(prefix.length));
    },
    onNew: (listener) => {
      state.listeners.add(listener);
      return () => state.listeners.delete(listener);
    },
    sweep: () => sweep(state),
    size: () => state.index.size(),
  };
};
