// Keeping what this server has to say in the overlay: its own record, signed anew in time; the
// colonies it hosts and what its owner signed, placed again unchanged. One `tick` does what is
// due.

import type { Clock } from '../node/clock.ts';
import { bytesToBase64 } from '../node/crypto/bytes.ts';
import type { Log, LogFields } from '../node/log.ts';
import type { Book, Held } from './book.ts';
import type { Certificates } from './certificate.ts';
import { HEADER_BYTES } from './frame.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { Lookups } from './lookup.ts';
import { KINDS, type Namespace, type Payloads } from './payloads.ts';
import { makePlacer, type Placed, type Placer } from './place.ts';
import type { Overlay, Signer, Store } from './ports.ts';
import { type SignedRecord, signRecord } from './record.ts';
import { allRows, OWN } from './rows.ts';
import { nextSequence } from './statements.ts';
import { makeSubmit, type Submitted } from './submit.ts';
import type { Trust } from './trust.ts';

/** What a server record says beside keys and times; read each time it is signed. */
export interface SelfFacts {
  readonly addresses: readonly string[];
  readonly urls: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
}

export interface PublisherDeps {
  readonly book: Book;
  readonly trust: Trust;
  readonly certificates: Certificates;
  readonly lookups: Pick<Lookups, 'find'>;
  readonly overlay: Pick<Overlay, 'put'>;
  readonly announce: (bytes: Uint8Array) => void;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly serverid: string;
  readonly peer: string;
  readonly nodeKey: Signer;
  readonly self: () => SelfFacts;
  /** Ids of the colonies this server hosts. */
  readonly hosted: () => Promise<readonly string[]> | readonly string[];
}

export interface Publisher {
  /** Does what is due: signs the server record if it must, places what is to be placed. */
  tick(): Promise<void>;
  /** The routing table has this many peers now: after growth everything is placed again soon. */
  grown(peers: number): void;
  /**
   * Takes a record that an owner signed: a colony record, a list, an endorsement, a revocation, or
   * this node's certificate. Throws `bad-request` when it is not valid, `conflict` when a newer
   * one is known.
   */
  submit(bytes: Uint8Array): Promise<Submitted>;
  report(): readonly Placed[];
}

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, i) => text === b[i]);

/**
 * As many staples as fit beside the rest; the links farthest from this server are left out first.
 */
const fitting = (payload: Payloads['server'], staples: readonly string[]): string[] => {
  let kept = [...staples];
  const room = KINDS.server.bytesMax - HEADER_BYTES - JSON.stringify(payload).length;
  while (kept.length > 0 && JSON.stringify(kept).length > room) kept = kept.slice(0, -1);
  return kept;
};

const draftOf = async (
  { trust, peer, self, book, serverid, clock }: PublisherDeps,
  certificate: SignedRecord<'certificate'>,
  last: number | undefined,
): Promise<Payloads['server']> => {
  const { addresses, urls, versions } = self();
  const staples = await trust.staples();
  const now = clock.now();
  const payload: Payloads['server'] = {
    v: 1,
    id: serverid,
    net: book.network,
    seq: nextSequence(last, now),
    iat: now,
    exp: Math.min(now + LIMITS.serverRecordLifeMs, certificate.payload.exp),
    peer,
    addrs: [...new Set(addresses)].slice(0, 16),
    urls: [...new Set(urls)].slice(0, 4),
    versions: { ...versions },
    cert: bytesToBase64(certificate.bytes),
    staples: [],
  };
  const texts = staples.map(({ bytes }) => bytesToBase64(bytes));
  return { ...payload, staples: fitting(payload, texts) };
};

/** Whether the record in use still says what a new one would, and is young enough. */
const stillGood = (
  held: Held<'server'> | undefined,
  next: Payloads['server'],
  nodeKey: Signer,
): boolean => {
  if (!held || held.record.publicKey !== nodeKey.publicKey) return false;
  const { payload } = held.record;
  return (
    next.iat - payload.iat < LIMITS.republishMs &&
    payload.cert === next.cert &&
    same(payload.addrs, next.addrs) &&
    same(payload.urls, next.urls) &&
    same(payload.staples, next.staples) &&
    JSON.stringify(payload.versions) === JSON.stringify(next.versions)
  );
};

/** What this server's owner signed, as the disk has it, which is read once. */
const makeOwn = (store: Store) => {
  let known: Set<string> | undefined;
  const read = async (): Promise<Set<string>> => {
    const found = new Set<string>();
    for await (const { key } of allRows(store, OWN)) found.add(key);
    known ??= found;
    return known;
  };
  return {
    add: async (ns: Namespace, id: string): Promise<void> => {
      const key = `${OWN}${ns}/${id}`;
      await store.write([{ key, value: new Uint8Array([1]) }]);
      (known ?? (await read())).add(key);
    },
    list: async (): Promise<readonly (readonly [Namespace, string])[]> =>
      [...(known ?? (await read()))].map((key) => {
        const [, ns = '', id = ''] = key.split('/');
        return [ns as Namespace, id];
      }),
  };
};

/** Signs the server record anew when it has to be, at most as often as `tick` is called. */
const makeRenewal = (deps: PublisherDeps, placer: Placer): (() => Promise<void>) => {
  const { book, certificates, clock, log, serverid, announce } = deps;
  const warnedAt = new Map<string, number>();
  const warn = (message: string, fields: LogFields): void => {
    if (clock.now() - (warnedAt.get(message) ?? 0) < LIMITS.certificateWarnEveryMs) return;
    warnedAt.set(message, clock.now());
    log.warn(message, fields);
  };
  const attention = 'the node certificate needs attention';
  let lastState = '';
  const look = (): void => {
    const { state, hint, expiresAt } = certificates.state();
    // Another state is news, however lately the last one was told.
    if (state !== lastState) warnedAt.delete(attention);
    if (hint !== undefined) warn(attention, { state, expiresAt, hint });
    else if (state !== lastState) log.info('the node certificate is valid', { expiresAt });
    lastState = state;
  };
  return async () => {
    look();
    const certificate = certificates.current();
    if (!certificate) return;
    const last = await book.hint('server', serverid);
    const draft = await draftOf(deps, certificate, last?.record.payload.seq);
    if (stillGood(await book.find('server', serverid), draft, deps.nodeKey)) return;
    const record = await signRecord('server', draft, deps.nodeKey);
    const offered = await book.offer('server', serverid, record.bytes, { wanted: true });
    const { outcome, reason } = offered;
    if (outcome !== 'new') return warn('the own server record was not taken', { outcome, reason });
    announce(record.bytes);
    placer.due('server', serverid);
  };
};

/**
 * When to look for the record of a hosted colony: one that nobody published is not found however
 * often it is looked for, and each time costs the overlay a walk.
 */
const makeSeeking = ({ clock }: PublisherDeps) => {
  const sought = new Map<string, { readonly againAt: number; readonly waitMs: number }>();
  return {
    /** Whether it is time; counts as a look, after which the next one is twice as far away. */
    isTime: (id: string): boolean => {
      const last = sought.get(id);
      const now = clock.now();
      if (last !== undefined && now < last.againAt) return false;
      const waitMs = Math.min(2 * (last?.waitMs ?? LIMITS.placeRetryMs), LIMITS.placeRetryMaxMs);
      sought.set(id, { againAt: now + waitMs, waitMs });
      return true;
    },
    /** Forgets all colonies but `ids`. */
    keep: (ids: readonly string[]): void => {
      const kept = new Set(ids);
      for (const id of sought.keys()) if (!kept.has(id)) sought.delete(id);
    },
  };
};

/** The publisher of one server. */
export const makePublisher = (deps: PublisherDeps): Publisher => {
  const { book, lookups, serverid, store } = deps;
  const placer = makePlacer(deps);
  const renew = makeRenewal(deps, placer);
  const own = makeOwn(store);
  const seeking = makeSeeking(deps);
  let running: Promise<void> | undefined;
  let tableSize = 0;

  /** Hosted colonies whose record, the newest that is found, names this server. */
  const hostedColonies = async (): Promise<readonly string[]> => {
    const named: string[] = [];
    const ids = await deps.hosted();
    seeking.keep(ids);
    for (const id of ids) {
      if (placer.isDue('colony', id) && seeking.isTime(id)) {
        await lookups.find('colony', id, { until: 'first' });
      }
      const held = await book.find('colony', id);
      if (held?.record.payload.servers.includes(serverid)) named.push(id);
    }
    return named;
  };

  const run = async (): Promise<void> => {
    await renew();
    const wanted: (readonly [Namespace, string])[] = [...(await own.list())];
    for (const id of await hostedColonies()) wanted.push(['colony', id]);
    if (await book.find('server', serverid)) wanted.push(['server', serverid]);
    await placer.placeDue(wanted);
  };

  return {
    tick: () => {
      running ??= run().finally(() => {
        running = undefined;
      });
      return running;
    },
    grown: (peers) => {
      if (peers > tableSize + (tableSize >> 2)) {
        placer.dueSoon();
        seeking.keep([]);
      }
      tableSize = Math.max(peers, tableSize >> 1);
    },
    submit: makeSubmit({ ...deps, keepOwn: own.add }, placer),
    report: () => placer.report(),
  };
};
