// The trust state of a server: anchors, endorsements given and received, verdicts with and without a walk.

import { describe, expect, it } from 'vitest';
import { FEDERATION_LIMITS as LIMITS } from '../../src/federation/limits.ts';
import { memoryStore } from '../../src/federation/memory-store.ts';
import { stateEndorsement, stateList, stateRevocation } from '../../src/federation/statements.ts';
import type { TrustPolicy } from '../../src/federation/trust.ts';
import { addNode, type Member, makeWorld, settle, tickAll, type World } from './fakes.ts';
import { DAY, endorse, HOUR, keyOf, NETWORK, START } from './world.ts';

const FEDERATED: Partial<TrustPolicy> = { mode: 'federated' };

const vouch = async (world: World, issuer: Member, subject: Member, depth = 0) => {
  world.clock.advance(10);
  const previous = (await issuer.federation.book.find('endorsements', issuer.owner.id))?.record;
  const now = world.clock.now();
  const said = { network: NETWORK, now, subject: subject.owner.id, depth, previous };
  const { endorsement, list } = await stateEndorsement(issuer.owner, said);
  await issuer.federation.publisher.submit(list.bytes);
  await issuer.federation.publisher.submit(endorsement.bytes);
  await settle();
  return { endorsement, list };
};

/** a vouches for b, b for c; z trusts a. Everybody published what follows from that. */
const chain = async () => {
  const world = makeWorld();
  const [a, b, c] = [
    await addNode(world, 'a'),
    await addNode(world, 'b'),
    await addNode(world, 'c'),
  ];
  await tickAll(world);
  await vouch(world, a, b, 1);
  const last = await vouch(world, b, c);
  world.clock.advance(1_000);
  await tickAll(world);
  world.clock.advance(1_000);
  await tickAll(world);
  const z = await addNode(world, 'z', { policy: FEDERATED });
  await z.federation.trust.addAnchor(a.owner.id);
  return { world, a, b, c, z, last };
};

describe('verdicts of a node', () => {
  it('trust its own server, its anchors, and whom they vouch for', async () => {
    const { a, b, c, z } = await chain();
    for (const [member, length] of [
      [z, 1],
      [a, 1],
      [b, 2],
      [c, 3],
    ] as const) {
      const host = await z.federation.resolver.server(member.owner.id);
      const record = await z.federation.book.find('server', member.owner.id);
      const verdict = await z.federation.trust.verdict(member.owner.id, record?.record, {
        walk: true,
      });
      expect(verdict).toMatchObject({ trusted: true });
      expect(verdict.chain).toHaveLength(length);
      if (member !== z) expect(host).toMatchObject({ trusted: true, usable: true });
    }
  });

  it('need no walk when the chain is stapled and the lists are known', async () => {
    const { c, z } = await chain();
    const held = await z.federation.lookups.find('server', c.owner.id);
    expect(held?.record.payload.staples).toHaveLength(2);
    await z.federation.trust.verdict(c.owner.id, held?.record, { walk: true });
    const again = await z.federation.trust.verdict(c.owner.id, held?.record);
    expect(again.trusted).toBe(true);
  });

  it('without the lists are stale, and the walk fetches them', async () => {
    const { c, z } = await chain();
    const held = await z.federation.lookups.find('server', c.owner.id);
    const lazy = await z.federation.trust.verdict(c.owner.id, held?.record);
    expect(lazy).toMatchObject({ trusted: false, broke: 'stale' });
    const walked = await z.federation.trust.verdict(c.owner.id, held?.record, { walk: true });
    expect(walked.trusted).toBe(true);
  });

  it('find a missing middle link in the issuer’s own record', async () => {
    const { world, a, c, z } = await chain();
    const held = await z.federation.lookups.find('server', c.owner.id);
    const [, ...rest] = held?.record.payload.staples ?? [];
    expect(rest).toHaveLength(1);
    const bare = held && {
      ...held.record,
      payload: { ...held.record.payload, staples: held.record.payload.staples.slice(0, 1) },
    };
    const lazy = await z.federation.trust.verdict(c.owner.id, bare);
    expect(lazy).toMatchObject({ trusted: false, broke: 'missing-link' });
    const walked = await z.federation.trust.verdict(c.owner.id, bare, { walk: true });
    expect(walked.chain).toEqual([a.owner.id, expect.any(String), c.owner.id]);
    expect(world.asked.length).toBeGreaterThan(0);
  });

  it('end as soon as the issuer drops the endorsement from its list', async () => {
    const { world, b, c, z, last } = await chain();
    const host = () => z.federation.resolver.server(c.owner.id);
    expect((await host()).trusted).toBe(true);
    world.clock.advance(1_000);
    const list = await stateList(
      b.owner,
      last.list,
      { drop: [last.endorsement.hash] },
      { network: NETWORK, now: world.clock.now() },
    );
    await b.federation.publisher.submit(list.bytes);
    await settle();
    const after = await host();
    expect(after).toMatchObject({ trusted: false, usable: false });
    expect(after.reason).toMatch(/no longer lists/);
    expect(b.federation.trust.given()).toHaveLength(1);
    const answer = await b.federation.answers.answer(`/federation/endorsements/${b.owner.id}`, {});
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ endorsements: [] });
  });

  it('end within the push when a server in the chain is revoked', async () => {
    const { world, a, b, c, z } = await chain();
    expect((await z.federation.resolver.server(c.owner.id)).trusted).toBe(true);
    const death = await stateRevocation(b.owner, { network: NETWORK, now: world.clock.now() });
    await a.federation.publisher.submit(death.bytes);
    await settle();
    const after = await z.federation.resolver.server(c.owner.id);
    expect(after).toMatchObject({ trusted: false, usable: false });
    expect(after.reason).toMatch(/revoked/);
  });

  it('go stale when the lists cannot be confirmed for an hour in federated mode', async () => {
    const { world, c, z } = await chain();
    const held = await z.federation.lookups.find('server', c.owner.id);
    const verdict = () => z.federation.trust.verdict(c.owner.id, held?.record, { walk: true });
    expect((await verdict()).trusted).toBe(true);
    world.shelf.clear();
    for (const name of ['a', 'b', 'c']) world.down.add(name);
    world.clock.advance(HOUR + 2 * 60_000);
    expect(await verdict()).toMatchObject({ trusted: false, broke: 'stale' });
  });

  it('look the lists up again before they are too old', async () => {
    const { world, b, c, z } = await chain();
    const held = await z.federation.lookups.find('server', c.owner.id);
    await z.federation.trust.verdict(c.owner.id, held?.record, { walk: true });
    world.clock.advance(HOUR / 2 + 1);
    const again = await z.federation.trust.verdict(c.owner.id, held?.record, { walk: true });
    expect(again.trusted).toBe(true);
    await settle();
    const list = await z.federation.book.find('endorsements', b.owner.id);
    expect(list?.confirmedAt).toBe(world.clock.now());
  });
});

describe('the trust state', () => {
  it('keeps anchors and endorsements over a restart', async () => {
    const world = makeWorld();
    const store = memoryStore();
    const a = await addNode(world, 'a', { store });
    const b = await addNode(world, 'b');
    await a.federation.trust.addAnchor(b.owner.id, { depth: 1, note: 'our sister' });
    await vouch(world, a, b);
    await vouch(world, b, a);
    const again = await addNode(world, 'a', { store });
    expect(again.federation.trust.anchors()).toEqual([
      { serverid: b.owner.id, depth: 1, note: 'our sister', addedAt: START },
    ]);
    expect(again.federation.trust.given()).toHaveLength(1);
    expect(await again.federation.trust.staples()).toHaveLength(1);
  });

  it('adds and removes anchors, and refuses what is none', async () => {
    const world = makeWorld();
    const { trust } = (await addNode(world, 'a')).federation;
    await expect(trust.addAnchor('b')).rejects.toThrow(/64/);
    await expect(trust.addAnchor(keyOf('b').id, { depth: 9 })).rejects.toThrow(/depth/);
    await trust.addAnchor(keyOf('b').id);
    expect(await trust.removeAnchor(keyOf('b').id)).toBe(true);
    expect(await trust.removeAnchor(keyOf('b').id)).toBe(false);
    expect(trust.anchors()).toEqual([]);
  });

  it('keeps endorsements that concern it and refuses those that are not valid', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a');
    const { trust } = a.federation;
    const [x, y] = [keyOf('x'), keyOf('y')];
    expect(await trust.accept((await endorse(a.owner, x)).bytes)).toBe('given');
    expect(await trust.accept((await endorse(x, a.owner)).bytes)).toBe('received');
    expect(await trust.accept((await endorse(x, y)).bytes)).toBe('other');
    const late = await endorse(x, a.owner, { exp: START + 1 });
    world.clock.advance(DAY);
    await expect(trust.accept(late.bytes)).rejects.toThrow(/expired/);
    await expect(trust.accept(new Uint8Array(200))).rejects.toThrow(/refused/);
  });

  it('keeps and staples whom it knows, however many strangers vouch for it', async () => {
    const world = makeWorld();
    const store = memoryStore();
    const a = await addNode(world, 'a', { store });
    const { trust } = a.federation;
    const [anchor, sister] = [keyOf('anchor'), keyOf('sister')];
    await trust.addAnchor(anchor.id);
    await trust.accept((await endorse(a.owner, sister)).bytes);
    const known = [
      await endorse(anchor, a.owner, { exp: START + 2 * DAY }),
      await endorse(sister, a.owner, { exp: START + 2 * DAY }),
    ];
    for (const { bytes } of known) await trust.accept(bytes);
    for (let i = 0; i < LIMITS.endorsementsKeptMax + 20; i++) {
      const stranger = await endorse(keyOf(`stranger ${i}`), a.owner, { exp: START + 9 * DAY });
      await trust.accept(stranger.bytes);
    }
    const first = (await trust.staples()).slice(0, 2).map(({ hash }) => hash);
    expect(new Set(first)).toEqual(new Set(known.map(({ hash }) => hash)));
    expect(await trust.staples()).toHaveLength(LIMITS.staplesMax);
    const again = await addNode(world, 'a', { store });
    const after = (await again.federation.trust.staples()).slice(0, 2).map(({ hash }) => hash);
    expect(new Set(after)).toEqual(new Set(first));
  });

  it('staples one endorsement per issuer, the longest lasting, and none that ended', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a');
    const { trust } = a.federation;
    const [x, y] = [keyOf('x'), keyOf('y')];
    const short = await endorse(x, a.owner, { exp: START + 2 * DAY });
    const long = await endorse(x, a.owner, { exp: START + 9 * DAY });
    const ending = await endorse(y, a.owner, { exp: START + DAY });
    for (const { bytes } of [short, long, ending]) await trust.accept(bytes);
    world.clock.advance(DAY);
    expect((await trust.staples()).map(({ hash }) => hash)).toEqual([long.hash]);
  });
});
