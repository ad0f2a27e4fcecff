// From a colony id to an ordered, verified list of hosts: who is named, where it is, whether it is
// trusted, whether it agrees. Fast first, then settled; nothing a stranger says is taken without
// its signature.

import type { Clock } from '../node/clock.ts';
import { isId } from '../node/crypto/ids.ts';
import { fault } from '../node/errors.ts';
import type { Book, Held } from './book.ts';
import type { Payer } from './budget.ts';
import { usability } from './chain.ts';
import type { Consent, Consents } from './consent.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { FindOptions, Lookups } from './lookup.ts';
import type { SignedRecord } from './record.ts';
import type { Prover } from './reply-proof.ts';
import { successorOf } from './revocation.ts';
import type { Trust } from './trust.ts';

/** One server that a colony record names. */
export interface Host {
  readonly serverid: string;
  /** Whether it is the first in the record: the one that answers for the colony now. */
  readonly home: boolean;
  readonly self: boolean;
  readonly peer: string | undefined;
  readonly urls: readonly string[];
  readonly addresses: readonly string[];
  /** Whether a chain of endorsements from an anchor leads here. */
  readonly trusted: boolean;
  /** Whether the mode lets this node use it and it does not deny the colony. */
  readonly usable: boolean;
  /** The chain, or the first thing that broke. */
  readonly reason: string;
  readonly chain: readonly string[];
  readonly consent: Consent['says'];
  /** Where its proven consent came from: the route to use first. */
  readonly via: string | undefined;
  /** False when only an expired record is known: its addresses are a hint where to look. */
  readonly fresh: boolean;
  readonly record: SignedRecord<'server'> | undefined;
}

export interface Resolution {
  readonly colonyid: string;
  readonly name: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly flags: readonly string[];
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly confirmedAt: number;
  readonly forked: boolean;
  /** Hashes of the records of one rank when there are several. */
  readonly forks: readonly string[];
  readonly hosts: readonly Host[];
  readonly record: SignedRecord<'colony'>;
}

export interface ResolveOptions {
  /**
   * `first`: what is known at once; `settled` (default): after quorum, whole lookups or deadlines.
   */
  readonly until?: 'first' | 'settled';
  /** Look everything up anew, such as after a 421. */
  readonly anew?: boolean;
  readonly payer?: Payer;
}

export interface ResolverDeps {
  readonly book: Book;
  readonly lookups: Lookups;
  readonly trust: Trust;
  readonly consents: Consents;
  readonly clock: Clock;
  /** This server, when it is one. */
  readonly serverid?: string | undefined;
  /** Whether this server hosts the colony. */
  readonly hosts?: (colonyid: string) => Promise<boolean> | boolean;
}

export interface Resolver {
  /**
   * Undefined when nobody reachable knows the colony. Throws `forbidden` when its key is revoked.
   */
  resolve(colonyid: string, options?: ResolveOptions): Promise<Resolution | undefined>;
  /** One server by id, as `resolve` would show it as a host of nothing. */
  server(serverid: string, options?: ResolveOptions): Promise<Host>;
}

const findOptions = ({ until, anew, payer }: ResolveOptions, patienceMs: number): FindOptions => ({
  until: anew === true ? 'settled' : (until ?? 'settled'),
  freshMs: anew === true ? 0 : LIMITS.lookupFreshMs,
  patienceMs,
  ...(payer && { payer }),
});

/** The server's record, or an expired one as a hint where to look. */
const recordOf = async (
  { book, lookups, serverid: own }: ResolverDeps,
  serverid: string,
  options: FindOptions,
): Promise<{ held: Held<'server'> | undefined; fresh: boolean }> => {
  const held =
    serverid === own
      ? await book.find('server', serverid)
      : await lookups.find('server', serverid, options);
  if (held) return { held, fresh: true };
  return { held: await book.hint('server', serverid), fresh: false };
};

interface Judged {
  readonly trusted: boolean;
  readonly usable: boolean;
  readonly reason: string;
  readonly chain: readonly string[];
}

const judgeServer = async (
  { trust }: ResolverDeps,
  serverid: string,
  held: Held<'server'> | undefined,
  forked: boolean,
  walk: boolean,
): Promise<Judged> => {
  const verdict = await trust.verdict(serverid, held?.record, { walk });
  const isForked = forked || (held?.forks.length ?? 0) > 0;
  const { usable, reason } = usability(trust.policy.mode, verdict, isForked);
  const { trusted, chain } = verdict;
  return { trusted, usable, reason, chain };
};

const consentOf = async (
  { consents, clock, serverid: own, hosts }: ResolverDeps,
  serverid: string,
  held: Held<'server'> | undefined,
  colonyid: string,
): Promise<Consent> => {
  const at = clock.now();
  if (serverid === own) {
    const hosting = (await hosts?.(colonyid)) === true;
    return hosting
      ? { says: 'claims', reason: 'hosts this colony', via: undefined, at }
      : { says: 'denies', reason: 'does not claim this colony', via: undefined, at };
  }
  if (held) return consents.check(held.record, colonyid);
  return { says: 'unknown', reason: 'no record of this server was found', via: undefined, at };
};

/** Why a host counts or does not, the worst thing first. */
const reasonOf = (
  judged: Judged,
  held: Held<'server'> | undefined,
  fresh: boolean,
  consent: Consent | undefined,
  deadKey: string | undefined,
): string => {
  if (consent?.says === 'denies') return consent.reason;
  if (deadKey !== undefined) {
    return `its node key ${deadKey.slice(0, 12)}… is revoked: no valid record by another one was found`;
  }
  if (!judged.usable) return judged.reason;
  if (!held) return 'no valid record of this server was found';
  const reasons = [judged.reason];
  if (consent?.says === 'unknown') reasons.unshift(consent.reason);
  if (!fresh) reasons.push('its record expired: last known addresses');
  return reasons.join('; ');
};

interface HostQuestion {
  readonly serverid: string;
  readonly home: boolean;
  readonly forked: boolean;
  /** Undefined when the server is looked at by itself. */
  readonly colonyid: string | undefined;
  /** Looks for the revocation of the key that signed the server's record. */
  readonly lookForDeath?: (nodeKey: string) => Promise<void>;
}

const hostOf = async (
  deps: ResolverDeps,
  { serverid, home, forked, colonyid, lookForDeath }: HostQuestion,
  options: FindOptions,
): Promise<Host> => {
  const { held, fresh } = await recordOf(deps, serverid, options);
  const [judged, consent] = await Promise.all([
    judgeServer(
      deps,
      serverid,
      held,
      forked,
      deps.trust.policy.mode !== 'open' || options.until !== 'first',
    ),
    colonyid === undefined ? undefined : consentOf(deps, serverid, held, colonyid),
    held && lookForDeath?.(held.record.signer),
  ]);
  const denied = consent?.says === 'denies';
  const dead = held ? undefined : await deps.book.deadKey('server', serverid);
  const payload = held?.record.payload;
  return {
    serverid,
    home,
    self: serverid === deps.serverid,
    peer: payload?.peer,
    urls: payload?.urls ?? [],
    addresses: payload?.addrs ?? [],
    trusted: judged.trusted && !denied,
    usable: judged.usable && !denied && held !== undefined,
    reason: reasonOf(judged, held, fresh, consent, dead === serverid ? undefined : dead),
    chain: judged.chain,
    consent: consent?.says ?? 'unknown',
    via: consent?.via,
    fresh,
    record: held?.record,
  };
};

/** Throws `forbidden` for a colony whose key is dead, naming who comes after it. */
const refuseRevoked = async ({ book }: ResolverDeps, colonyid: string): Promise<void> => {
  const seenAt = book.revokedAt(colonyid);
  if (seenAt === undefined) return;
  const held = await book.find('revocation', colonyid);
  if (!held) return;
  const { successor, reason } = successorOf(held.record, await book.heirs(colonyid), seenAt);
  throw fault('forbidden', `colony ${colonyid}: ${reason}`, {
    revoked: colonyid,
    successor: successor ?? '',
  });
};

/** The node keys whose signature a reply about this colony may bear. */
export const proversOf = (resolution: Resolution): readonly Prover[] =>
  resolution.hosts.flatMap(({ serverid, record, usable }) =>
    record && usable ? [{ serverid, publicKey: record.publicKey }] : [],
  );

/** Whether the key of a server, or the one that signed the record it was judged by, is revoked. */
const isDead = ({ book }: ResolverDeps, { serverid, record }: Host): boolean =>
  book.isRevoked(serverid) || (record !== undefined && book.isRevoked(record.signer));

/** The resolver over its parts. */
export const makeResolver = (deps: ResolverDeps): Resolver => {
  const { lookups, clock, trust } = deps;

  /** A revocation that nobody pushed to us: asked for beside the rest, waited for a moment. */
  const lookForRevocation = (id: string, waitMs: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(waitMs, resolve);
      // Found later it is in the book before the next resolve; over limits it is skipped.
      const done = (): void => {
        cancel();
        resolve();
      };
      lookups.find('revocation', id).then(done, done);
      if (waitMs === 0) resolve();
    });

  return {
    resolve: async (colonyid, options = {}) => {
      if (!isId(colonyid)) throw fault('bad-request', 'a colony id has 64 lower-case hex digits');
      const asking = findOptions(options, LIMITS.resolveColonyMs);
      await refuseRevoked(deps, colonyid);
      const held = await lookups.find('colony', colonyid, asking);
      await refuseRevoked(deps, colonyid);
      if (!held) return undefined;
      const { payload } = held.record;
      const forked = held.forks.length > 1;
      // The budget was spent on the colony; its servers belong to the same lookup.
      const { until, anew } = options;
      const rest = findOptions(
        { ...(until && { until }), anew: anew === true },
        LIMITS.resolveServerMs,
      );
      const waitMs = asking.until === 'first' ? 0 : LIMITS.resolveServerMs;
      const lookForDeath = (id: string): Promise<void> => lookForRevocation(id, waitMs);
      const ids = [colonyid, ...payload.servers.slice(0, LIMITS.resolveRevocationsMax)];
      const revocations = Promise.all(ids.map(lookForDeath));
      const judge = (serverid: string, i: number): Promise<Host> => {
        const looked = i < LIMITS.resolveRevocationsMax ? { lookForDeath } : {};
        return hostOf(deps, { serverid, home: i === 0, forked, colonyid, ...looked }, rest);
      };
      const judged = await Promise.all(
        payload.servers.map(async (serverid, i) => {
          if (trust.policy.mode === 'federated') await revocations;
          return judge(serverid, i);
        }),
      );
      await revocations;
      await refuseRevoked(deps, colonyid);
      // Judged while revocations were still looked for: who turned out dead is judged again.
      const hosts = await Promise.all(
        judged.map((host, i) => (isDead(deps, host) ? judge(host.serverid, i) : host)),
      );
      return {
        colonyid,
        name: payload.name,
        epoch: payload.epoch,
        sequence: payload.seq,
        flags: payload.flags,
        expiresAt: payload.exp,
        confirmedAt: held.confirmedAt,
        forked,
        forks: held.forks,
        hosts,
        record: held.record,
      };
    },
    server: async (serverid, options = {}) => {
      if (!isId(serverid)) throw fault('bad-request', 'a server id has 64 lower-case hex digits');
      const question = { serverid, home: false, forked: false, colonyid: undefined };
      return hostOf(deps, question, findOptions(options, LIMITS.resolveColonyMs));
    },
  };
};
