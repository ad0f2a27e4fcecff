// Whether a server is trusted: is there a chain of endorsements from an anchor to it that holds
// now. Pure: everything it looks at comes in as arguments. The verdict always carries its reason.

import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { SignedRecord } from './record.ts';

/**
 * `open`: every valid record is usable. `federated`: only trusted servers. `closed`: only named
 * ones.
 */
export type Mode = 'open' | 'federated' | 'closed';
export const MODES: readonly Mode[] = ['open', 'federated', 'closed'];

export interface Anchor {
  /** Links that may hang from this anchor; 0 trusts the anchor alone. */
  readonly depth: number;
}

/** The newest endorsement list of an issuer that the reader knows. */
export interface KnownList {
  readonly record: SignedRecord<'endorsements'>;
  /** When it was last found to be the newest. Epoch milliseconds. */
  readonly confirmedAt: number;
}

export interface TrustFacts {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly mode: Mode;
  /** Server ids trusted without a chain; the reader's own is one of them. */
  readonly anchors: ReadonlyMap<string, Anchor>;
  /** Links that any chain may have. */
  readonly depthMax: number;
  /** Scopes that every link must cover; empty asks for none. */
  readonly scopes: readonly string[];
  /** Endorsements whose signatures hold; times, lists and revocations are judged here. */
  readonly links: readonly SignedRecord<'endorsement'>[];
  /** The newest known list of an issuer; without the function lists are not judged. */
  readonly list?: (issuer: string) => KnownList | undefined;
  readonly isRevoked: (id: string) => boolean;
}

/** What broke a chain, for programs; the sentence for people is `Verdict.reason`. */
export type Break =
  | 'revoked'
  | 'missing-link'
  | 'not-yet-valid'
  | 'expired'
  | 'depth'
  | 'scope'
  | 'stale'
  | 'withdrawn'
  | 'loop'
  | 'too-long';

export interface Verdict {
  readonly subject: string;
  readonly trusted: boolean;
  readonly reason: string;
  /** Server ids from the anchor to the subject; empty when not trusted. */
  readonly chain: readonly string[];
  readonly broke: Break | undefined;
  /**
   * Where it broke: the server whose endorsement is missing or bad, whose list is old, or who is
   * dead.
   */
  readonly at: string | undefined;
}

interface Failure {
  readonly broke: Break;
  readonly at: string;
  readonly text: string;
  /** Links that held before it, counted from the subject. */
  readonly reached: number;
}

const HOUR = 3_600_000;
const short = (id: string): string => `${id.slice(0, 12)}…`;

/** How long after its confirmation a list is believed. */
export const staleAfter = (mode: Mode): number =>
  mode === 'open' ? LIMITS.listConfirmedOpenMs : LIMITS.listConfirmedFederatedMs;

type Problem = Omit<Failure, 'reached'>;

const listProblem = (link: SignedRecord<'endorsement'>, facts: TrustFacts): Problem | undefined => {
  const issuer = link.payload.id;
  if (!facts.list) return undefined;
  const known = facts.list(issuer);
  const stale = (text: string): Problem => ({ broke: 'stale', at: issuer, text: `stale: ${text}` });
  if (!known) return stale(`no list of ${short(issuer)} is known`);
  const { seq, hashes, exp } = known.record.payload;
  if (seq < link.payload.list) return stale(`the known list of ${short(issuer)} is too old`);
  if (!hashes.includes(link.hash)) {
    return {
      broke: 'withdrawn',
      at: link.payload.sub,
      text: `${short(issuer)} no longer lists its endorsement of ${short(link.payload.sub)}`,
    };
  }
  if (exp <= facts.now) return stale(`the list of ${short(issuer)} expired`);
  const age = facts.now - known.confirmedAt;
  if (age <= staleAfter(facts.mode)) return undefined;
  return stale(`the list of ${short(issuer)} was last confirmed ${Math.floor(age / HOUR)} h ago`);
};

const revokedText = (id: string): string => `the key ${short(id)} is revoked`;

/** What is wrong with one link that `further` links hang from, or undefined. */
const linkProblem = (
  link: SignedRecord<'endorsement'>,
  further: number,
  facts: TrustFacts,
): Problem | undefined => {
  const { id, sub, depth, scope, nbf, exp } = link.payload;
  const name = `the endorsement of ${short(sub)} by ${short(id)}`;
  const broken = (broke: Break, text: string): Problem => ({ broke, at: sub, text });
  if (facts.isRevoked(id)) return { ...broken('revoked', revokedText(id)), at: id };
  if (nbf > facts.now + LIMITS.recordFutureMs) {
    return broken('not-yet-valid', `${name} is not valid yet`);
  }
  if (exp <= facts.now) return broken('expired', `${name} expired`);
  if (depth < further) {
    return broken('depth', `${name} allows ${depth} further links, ${further} follow`);
  }
  const missing = facts.scopes.find((wanted) => !scope.includes(wanted));
  if (missing !== undefined) return broken('scope', `${name} does not cover the scope ${missing}`);
  return listProblem(link, facts);
};

const trusted = (chain: readonly string[]): Verdict => ({
  subject: chain.at(-1) ?? '',
  trusted: true,
  reason: chain.length === 1 ? 'anchor' : `endorsed: ${chain.map(short).join(' > ')}`,
  chain,
  broke: undefined,
  at: undefined,
});

const linksMax = (facts: TrustFacts): number => Math.min(facts.depthMax, LIMITS.chainLinksMax);

/**
 * The verdict on a server. Searches backwards from the subject, breadth first, so the shortest
 * chain is found and no server comes up twice; the reason of a failure is the break that came
 * nearest to an anchor.
 */
export const verdictOf = (subject: string, facts: TrustFacts): Verdict => {
  const links = [...facts.links].sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const seen = new Set([subject]);
  const queue: (readonly string[])[] = [[subject]];
  let worst: Failure | undefined;
  const fail = (broke: Break, at: string, text: string, reached: number): void => {
    if (!worst || reached > worst.reached) worst = { broke, at, text, reached };
  };
  const extend = (chain: readonly string[], at: string, reached: number): void => {
    const naming = links.filter((link) => link.payload.sub === at);
    if (naming.length === 0) {
      fail('missing-link', at, `no endorsement of ${short(at)} is known`, reached);
    }
    for (const link of naming) {
      const problem = linkProblem(link, reached, facts);
      const issuer = link.payload.id;
      if (problem) fail(problem.broke, problem.at, problem.text, reached);
      else if (seen.has(issuer)) {
        fail('loop', at, `the endorsements of ${short(at)} run in a circle`, reached);
      } else {
        seen.add(issuer);
        queue.push([issuer, ...chain]);
      }
    }
  };
  for (let chain = queue.shift(); chain; chain = queue.shift()) {
    const at = chain[0] ?? subject;
    const reached = chain.length - 1;
    if (facts.isRevoked(at)) {
      fail('revoked', at, revokedText(at), reached);
      continue;
    }
    const anchor = facts.anchors.get(at);
    if (anchor && reached <= anchor.depth) return trusted(chain);
    if (anchor) {
      fail('depth', at, `anchor ${short(at)} allows ${anchor.depth} links`, reached);
    }
    if (reached < linksMax(facts)) extend(chain, at, reached);
    else fail('too-long', at, `no anchor within ${linksMax(facts)} links`, reached);
  }
  return {
    subject,
    trusted: false,
    reason: worst?.text ?? 'no chain',
    chain: [],
    broke: worst?.broke,
    at: worst?.at,
  };
};

export interface Usability {
  readonly usable: boolean;
  readonly reason: string;
}

/**
 * Whether the mode lets this node resolve to and relay to a server, and why. A fork makes a colony
 * or server unusable in `federated` mode until a higher sequence settles it.
 */
export const usability = (mode: Mode, verdict: Verdict, forked: boolean): Usability => {
  const { trusted: isTrusted, reason, broke, chain, at, subject } = verdict;
  if (broke === 'revoked' && at === subject) return { usable: false, reason };
  if (mode === 'open') {
    return { usable: true, reason: isTrusted ? reason : `open mode: valid record; ${reason}` };
  }
  if (forked && mode === 'federated') {
    return { usable: false, reason: 'forked: two records of one sequence are signed' };
  }
  if (mode === 'closed' && chain.length !== 1) {
    return { usable: false, reason: 'closed mode: not a named server' };
  }
  return { usable: isTrusted, reason };
};
