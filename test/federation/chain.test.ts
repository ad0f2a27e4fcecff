// Verdicts on servers: which chains hold, and what is said when they do not.

import { describe, expect, it } from 'vitest';
import {
  type Anchor,
  type KnownList,
  type TrustFacts,
  usability,
  verdictOf,
} from '../../src/federation/chain.ts';
import type { SignedRecord } from '../../src/federation/record.ts';
import { DAY, endorse, HOUR, type Identity, keyOf, START, signList } from './world.ts';

const NOW = START + HOUR;
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'] as const;
const [A, B, C, D] = names.map((name) => keyOf(`server ${name}`)) as [
  Identity,
  Identity,
  Identity,
  Identity,
];

interface Setup {
  readonly anchors?: readonly (readonly [Identity, Anchor])[];
  readonly links: readonly SignedRecord<'endorsement'>[];
  readonly lists?: ReadonlyMap<string, KnownList>;
  readonly over?: Partial<TrustFacts>;
}

const listsOf = async (
  links: readonly SignedRecord<'endorsement'>[],
  issuers: readonly Identity[],
  confirmedAt: number = NOW,
): Promise<Map<string, KnownList>> => {
  const lists = new Map<string, KnownList>();
  for (const issuer of issuers) {
    const live = links.filter((link) => link.payload.id === issuer.id);
    lists.set(issuer.id, { record: await signList(issuer, live), confirmedAt });
  }
  return lists;
};

const factsOf = ({ anchors = [[A, { depth: 8 }]], links, lists, over }: Setup): TrustFacts => ({
  now: NOW,
  mode: 'federated',
  anchors: new Map(anchors.map(([anchor, rule]) => [anchor.id, rule])),
  depthMax: 8,
  scopes: [],
  links,
  list: (issuer) => lists?.get(issuer),
  isRevoked: () => false,
  ...over,
});

describe('verdicts', () => {
  it('trust an anchor without any chain', () => {
    const verdict = verdictOf(A.id, factsOf({ links: [] }));
    expect(verdict).toMatchObject({ trusted: true, reason: 'anchor', chain: [A.id] });
  });

  it('trust a server two links from the anchor and name the chain', async () => {
    const links = [await endorse(A, B, { depth: 1 }), await endorse(B, C)];
    const facts = factsOf({ links, lists: await listsOf(links, [A, B]) });
    const verdict = verdictOf(C.id, facts);
    expect(verdict).toMatchObject({ trusted: true, chain: [A.id, B.id, C.id] });
    expect(verdict.reason).toMatch(/^endorsed: /);
  });

  it('take the shortest of several chains', async () => {
    const links = [
      await endorse(A, B, { depth: 2 }),
      await endorse(B, D),
      await endorse(B, C, { depth: 1 }),
      await endorse(C, D),
    ];
    const facts = factsOf({ links, lists: await listsOf(links, [A, B, C]) });
    expect(verdictOf(D.id, facts).chain).toEqual([A.id, B.id, D.id]);
  });

  it('fall back to a longer chain when the shorter one is broken', async () => {
    const links = [
      await endorse(A, D, { exp: START + 1 }),
      await endorse(A, B, { depth: 1 }),
      await endorse(B, D),
    ];
    const facts = factsOf({ links, lists: await listsOf(links, [A, B]) });
    expect(verdictOf(D.id, facts).chain).toEqual([A.id, B.id, D.id]);
  });

  it('name the missing link', async () => {
    const links = [await endorse(B, C)];
    const facts = factsOf({ links, lists: await listsOf(links, [B]) });
    expect(verdictOf(C.id, facts)).toMatchObject({
      trusted: false,
      broke: 'missing-link',
      at: B.id,
      chain: [],
    });
    expect(verdictOf(D.id, facts)).toMatchObject({ broke: 'missing-link', at: D.id });
  });

  it('stop at an endorsement that allows no further link', async () => {
    const links = [await endorse(A, B, { depth: 0 }), await endorse(B, C)];
    const facts = factsOf({ links, lists: await listsOf(links, [A, B]) });
    expect(verdictOf(C.id, facts)).toMatchObject({ trusted: false, broke: 'depth' });
    expect(verdictOf(B.id, facts).trusted).toBe(true);
  });

  it('respect the depth of the anchor and of the policy', async () => {
    const links = [await endorse(A, B, { depth: 1 }), await endorse(B, C)];
    const lists = await listsOf(links, [A, B]);
    const shallow = factsOf({ anchors: [[A, { depth: 1 }]], links, lists });
    expect(verdictOf(C.id, shallow)).toMatchObject({ trusted: false, broke: 'depth' });
    const strict = factsOf({ links, lists, over: { depthMax: 1 } });
    expect(verdictOf(C.id, strict)).toMatchObject({ trusted: false, broke: 'too-long' });
  });

  it('never follow more than 8 links, whatever the policy says', async () => {
    const row = names.slice(0, 10).map((name) => keyOf(`server ${name}`));
    const links: SignedRecord<'endorsement'>[] = [];
    for (let i = 0; i + 1 < row.length; i += 1) {
      const [issuer, subject] = [row[i] as Identity, row[i + 1] as Identity];
      links.push(await endorse(issuer, subject, { depth: 7 }));
    }
    const lists = await listsOf(links, row);
    const facts = factsOf({ anchors: [[A, { depth: 99 }]], links, lists, over: { depthMax: 99 } });
    expect(verdictOf((row[8] as Identity).id, facts).chain).toHaveLength(9);
    expect(verdictOf((row[9] as Identity).id, facts)).toMatchObject({
      trusted: false,
      broke: 'too-long',
    });
  });

  it('see through a circle of servers that vouch for each other', async () => {
    const links = [
      await endorse(B, C, { depth: 7 }),
      await endorse(C, D, { depth: 7 }),
      await endorse(D, B, { depth: 7 }),
    ];
    const facts = factsOf({ links, lists: await listsOf(links, [B, C, D]) });
    expect(verdictOf(C.id, facts)).toMatchObject({ trusted: false, broke: 'loop' });
  });

  it('refuse expired and future links', async () => {
    const late = [await endorse(A, B, { exp: START + 1 })];
    const lists = await listsOf(late, [A]);
    expect(verdictOf(B.id, factsOf({ links: late, lists })).broke).toBe('expired');
    const early = [await endorse(A, B, { nbf: NOW + HOUR, exp: NOW + DAY })];
    expect(verdictOf(B.id, factsOf({ links: early, lists: await listsOf(early, [A]) })).broke).toBe(
      'not-yet-valid',
    );
  });

  it('ask every link for the scopes of the policy', async () => {
    const links = [
      await endorse(A, B, { depth: 1, scope: ['host', 'relay'] }),
      await endorse(B, C),
    ];
    const lists = await listsOf(links, [A, B]);
    expect(verdictOf(C.id, factsOf({ links, lists, over: { scopes: ['host'] } })).trusted).toBe(
      true,
    );
    const both = factsOf({ links, lists, over: { scopes: ['host', 'relay'] } });
    expect(verdictOf(C.id, both)).toMatchObject({ trusted: false, broke: 'scope' });
  });

  it('stop at a revoked server anywhere in the chain, the anchor included', async () => {
    const links = [await endorse(A, B, { depth: 1 }), await endorse(B, C)];
    const lists = await listsOf(links, [A, B]);
    for (const dead of [A, B, C]) {
      const facts = factsOf({ links, lists, over: { isRevoked: (id) => id === dead.id } });
      expect(verdictOf(C.id, facts)).toMatchObject({ trusted: false, broke: 'revoked' });
    }
  });

  it('stop believing a link that the issuer no longer lists', async () => {
    const links = [await endorse(A, B)];
    const lists = new Map([[A.id, { record: await signList(A, []), confirmedAt: NOW }]]);
    expect(verdictOf(B.id, factsOf({ links, lists })).broke).toBe('withdrawn');
  });

  it('call a link stale without a list, with one older than the link, or an expired one', async () => {
    const links = [await endorse(A, B, { list: START + 5 })];
    expect(verdictOf(B.id, factsOf({ links })).broke).toBe('stale');
    const older = { record: await signList(A, links, { seq: START + 4 }), confirmedAt: NOW };
    expect(verdictOf(B.id, factsOf({ links, lists: new Map([[A.id, older]]) })).broke).toBe(
      'stale',
    );
    const over = { seq: START + 5, exp: START + 1 };
    const dead = { record: await signList(A, links, over), confirmedAt: NOW };
    expect(verdictOf(B.id, factsOf({ links, lists: new Map([[A.id, dead]]) })).broke).toBe('stale');
  });

  it('believe a list for 24 hours after its confirmation, in federated mode for one', async () => {
    const links = [await endorse(A, B)];
    const lists = await listsOf(links, [A], START);
    const at = (now: number, mode: TrustFacts['mode']) =>
      verdictOf(B.id, factsOf({ links, lists, over: { now, mode } }));
    expect(at(START + HOUR, 'federated').trusted).toBe(true);
    expect(at(START + HOUR + 1, 'federated').broke).toBe('stale');
    expect(at(START + 24 * HOUR, 'open').trusted).toBe(true);
    expect(at(START + 24 * HOUR + 1, 'open').broke).toBe('stale');
  });
});

describe('modes', () => {
  const known = {
    subject: 'y',
    trusted: true,
    reason: 'endorsed: …',
    chain: ['x', 'y'],
    broke: undefined,
    at: undefined,
  };
  const anchor = { ...known, reason: 'anchor', chain: ['y'] };
  const unknown = { ...known, trusted: false, reason: 'no endorsement', chain: [], at: 'y' };
  const above = { ...unknown, broke: 'revoked' as const, at: 'x' };
  const revoked = { ...above, reason: 'the key is revoked', at: 'y' };

  it('open: every valid record is usable, a revoked server is not', () => {
    expect(usability('open', unknown, false).usable).toBe(true);
    expect(usability('open', unknown, true).usable).toBe(true);
    expect(usability('open', above, false).usable).toBe(true);
    expect(usability('open', revoked, false)).toEqual({
      usable: false,
      reason: 'the key is revoked',
    });
  });

  it('federated: only trusted servers, and no fork', () => {
    expect(usability('federated', known, false).usable).toBe(true);
    expect(usability('federated', unknown, false).usable).toBe(false);
    expect(usability('federated', known, true).usable).toBe(false);
  });

  it('closed: only named servers', () => {
    expect(usability('closed', anchor, false).usable).toBe(true);
    expect(usability('closed', known, false).usable).toBe(false);
  });
});
