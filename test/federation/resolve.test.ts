// From a colony id to its hosts, in a world of several nodes.

import { describe, expect, it } from 'vitest';
import { proversOf } from '../../src/federation/resolve.ts';
import { stateColony, stateRevocation } from '../../src/federation/statements.ts';
import { addNode, type Member, makeWorld, settle, tickAll, type World } from './fakes.ts';
import { DAY, HOUR, keyOf, NETWORK } from './world.ts';

const colony = keyOf('colony');

const publish = async (
  world: World,
  through: Member,
  servers: readonly Member[],
  over: object = {},
) => {
  const previous = (await through.federation.book.find('colony', colony.id))?.record;
  const record = await stateColony(colony, {
    network: NETWORK,
    now: world.clock.now(),
    servers: servers.map(({ owner }) => owner.id),
    name: 'dev',
    previous,
    ...over,
  });
  await through.federation.publisher.submit(record.bytes);
  for (const server of servers) server.hosted.add(colony.id);
  await settle();
  return record;
};

const three = async () => {
  const world = makeWorld();
  const [a, b, c] = [
    await addNode(world, 'a'),
    await addNode(world, 'b'),
    await addNode(world, 'c'),
  ];
  await tickAll(world);
  return { world, a, b, c };
};

describe('resolve', () => {
  it('gives the hosts in the order of the record, with addresses, verdict and consent', async () => {
    const { world, a, b, c } = await three();
    const record = await publish(world, a, [a, b]);
    const found = await c.federation.resolver.resolve(colony.id);
    expect(found).toMatchObject({
      colonyid: colony.id,
      name: 'dev',
      epoch: 1,
      sequence: record.payload.seq,
      forked: false,
    });
    expect(found?.hosts).toMatchObject([
      { serverid: a.owner.id, home: true, usable: true, trusted: false, consent: 'claims' },
      { serverid: b.owner.id, home: false, usable: true, trusted: false, consent: 'claims' },
    ]);
    expect(found?.hosts[0]).toMatchObject({ urls: [a.url], peer: a.node.peer, via: a.url });
    expect(found?.hosts[0]?.reason).toMatch(/^open mode: valid record/);
    expect(found && proversOf(found)).toEqual([
      { serverid: a.owner.id, publicKey: a.node.publicKey },
      { serverid: b.owner.id, publicKey: b.node.publicKey },
    ]);
  });

  it('gives nothing for a colony that nobody knows', async () => {
    const { c } = await three();
    expect(await c.federation.resolver.resolve(keyOf('nobody').id)).toBeUndefined();
    await expect(c.federation.resolver.resolve('dev')).rejects.toThrow(/64/);
  });

  it('shows a server that does not claim the colony, and does not use it', async () => {
    const { world, a, b, c } = await three();
    await publish(world, a, [a, b]);
    b.hosted.clear();
    const found = await c.federation.resolver.resolve(colony.id);
    expect(found?.hosts[1]).toMatchObject({
      usable: false,
      consent: 'denies',
      reason: 'does not claim this colony',
    });
    expect(found?.hosts[0]?.usable).toBe(true);
  });

  it('keeps a host that cannot be reached in the list, and says so', async () => {
    const { world, a, b, c } = await three();
    await publish(world, a, [a, b]);
    world.down.add('a');
    const found = await c.federation.resolver.resolve(colony.id);
    expect(found?.hosts[0]).toMatchObject({ consent: 'unknown', usable: true, via: undefined });
    expect(found?.hosts[0]?.reason).toMatch(/could not be reached/);
  });

  it('does not believe consent from a node whose key is not the certified one', async () => {
    const { world, a, c } = await three();
    await publish(world, a, [a]);
    const impostor = await addNode(makeWorld(), 'impostor');
    impostor.hosted.add(colony.id);
    world.nodes.set('a', { ...impostor, url: a.url });
    const found = await c.federation.resolver.resolve(colony.id);
    expect(found?.hosts[0]?.consent).toBe('unknown');
    expect(found?.hosts[0]?.reason).toMatch(/reply is by|does not hold/);
  });

  it('follows a move to another home', async () => {
    const { world, a, b, c } = await three();
    await publish(world, a, [a]);
    await c.federation.resolver.resolve(colony.id);
    world.clock.advance(1_000);
    await publish(world, a, [b]);
    const found = await c.federation.resolver.resolve(colony.id);
    expect(found).toMatchObject({ epoch: 2, hosts: [{ serverid: b.owner.id, home: true }] });
  });

  it('works from what is known when the overlay is silent, also after a restart', async () => {
    const { world, a, c } = await three();
    await publish(world, a, [a]);
    await c.federation.resolver.resolve(colony.id);
    world.shelf.clear();
    world.nodes.delete('c');
    const again = await addNode(world, 'c', { store: c.store });
    world.clock.advance(HOUR);
    const found = await again.federation.resolver.resolve(colony.id, { until: 'first' });
    expect(found?.hosts).toMatchObject([{ serverid: a.owner.id, consent: 'claims', fresh: true }]);
  });

  it('tries the last known addresses of a server whose record expired', async () => {
    const { world, a, c } = await three();
    await publish(world, a, [a]);
    await c.federation.resolver.resolve(colony.id);
    world.shelf.clear();
    world.clock.advance(2 * DAY);
    const found = await c.federation.resolver.resolve(colony.id);
    expect(found?.hosts).toMatchObject([{ fresh: false, urls: [a.url], consent: 'claims' }]);
    expect(found?.hosts[0]?.reason).toMatch(/expired: last known addresses/);
  });

  it('shows a fork with both hashes, unusable in federated mode until a higher sequence', async () => {
    const { world, a, c } = await three();
    const strict = await addNode(world, 'strict', { policy: { mode: 'federated' } });
    await strict.federation.trust.addAnchor(a.owner.id);
    await tickAll(world);
    const one = await publish(world, a, [a]);
    const { payload } = one;
    const said = { network: NETWORK, now: payload.iat, servers: payload.servers };
    const two = await stateColony(colony, { ...said, name: 'evil twin' });
    expect(two.payload.seq).toBe(payload.seq);
    for (const { federation } of [c, strict]) {
      await federation.book.offer('colony', colony.id, two.bytes);
    }
    await settle();
    const open = await c.federation.resolver.resolve(colony.id);
    expect(open).toMatchObject({ forked: true, forks: [one.hash, two.hash].sort() });
    expect(open?.hosts[0]?.usable).toBe(true);
    const closed = await strict.federation.resolver.resolve(colony.id);
    expect(closed?.hosts[0]).toMatchObject({ usable: false, trusted: true });
    expect(closed?.hosts[0]?.reason).toMatch(/forked/);
    world.clock.advance(1_000);
    await publish(world, a, [a]);
    const settled = await strict.federation.resolver.resolve(colony.id);
    expect(settled).toMatchObject({ forked: false, hosts: [{ usable: true }] });
  });

  it('in federated mode uses only trusted servers', async () => {
    const { world, a, b } = await three();
    const strict = await addNode(world, 'strict', { policy: { mode: 'federated' } });
    await strict.federation.trust.addAnchor(b.owner.id);
    await publish(world, a, [a, b]);
    const found = await strict.federation.resolver.resolve(colony.id);
    expect(found?.hosts).toMatchObject([
      { serverid: a.owner.id, usable: false, trusted: false },
      { serverid: b.owner.id, usable: true, trusted: true, reason: 'anchor' },
    ]);
    expect(found?.hosts[0]?.reason).toMatch(/no endorsement/);
  });

  it('refuses a revoked colony everywhere within the push, and names no successor', async () => {
    const { world, a, c } = await three();
    await publish(world, a, [a]);
    await c.federation.resolver.resolve(colony.id);
    const death = await stateRevocation(colony, { network: NETWORK, now: world.clock.now() });
    await a.federation.publisher.submit(death.bytes);
    await settle();
    await expect(c.federation.resolver.resolve(colony.id)).rejects.toThrow(/revoked, no successor/);
  });

  it('names the successor of a revoked colony that stood long enough', async () => {
    const { world, a, c } = await three();
    const heir = keyOf('heir');
    await publish(world, a, [a], { successor: heir.id });
    world.clock.advance(8 * DAY);
    const death = await stateRevocation(colony, { network: NETWORK, now: world.clock.now() });
    await a.federation.publisher.submit(death.bytes);
    await settle();
    const refused = c.federation.resolver.resolve(colony.id);
    await expect(refused).rejects.toMatchObject({ detail: { successor: heir.id } });
  });

  it('finds a revocation that was never pushed to it', async () => {
    const { world, a, c } = await three();
    await publish(world, a, [a]);
    world.down.add('c');
    const death = await stateRevocation(colony, { network: NETWORK, now: world.clock.now() });
    await a.federation.publisher.submit(death.bytes);
    await settle();
    world.down.delete('c');
    expect(c.federation.book.isRevoked(colony.id)).toBe(false);
    await expect(c.federation.resolver.resolve(colony.id)).rejects.toThrow(/revoked/);
  });

  it('stops using a server whose owner key is revoked, within the push', async () => {
    const { world, a, b, c } = await three();
    await publish(world, a, [a, b]);
    const death = await stateRevocation(a.owner, { network: NETWORK, now: world.clock.now() });
    await b.federation.publisher.submit(death.bytes);
    await settle();
    const found = await c.federation.resolver.resolve(colony.id);
    expect(found?.hosts[0]).toMatchObject({ usable: false, trusted: false });
    expect(found?.hosts[0]?.reason).toMatch(/revoked/);
    expect(found?.hosts[1]?.usable).toBe(true);
  });

  it.each([
    ['server', (_a: Member) => ({})],
    ['node', (a: Member) => ({ certificate: a.federation.certificates.current() })],
  ])('stops using a host whose %s key is revoked, though nobody told it', async (key, of) => {
    const { world, a, b, c } = await three();
    await publish(world, a, [a, b]);
    expect((await c.federation.resolver.resolve(colony.id))?.hosts[0]?.usable).toBe(true);
    world.clock.advance(10 * 60_000);
    world.down.add('c');
    const said = { network: NETWORK, now: world.clock.now(), ...of(a) };
    const death = await stateRevocation(a.owner, said);
    await b.federation.publisher.submit(death.bytes);
    await settle();
    world.down.delete('c');
    expect(c.federation.book.isRevoked(death.payload.id)).toBe(false);
    const found = await c.federation.resolver.resolve(colony.id);
    expect(found?.hosts[0]).toMatchObject({ usable: false, trusted: false });
    const { reason } = found?.hosts[0] ?? {};
    expect(reason).toMatch(
      key === 'node' ? /^its node key .* is revoked/ : /^the key .* is revoked/,
    );
    expect(reason).toContain(death.payload.id.slice(0, 12));
    expect((await c.federation.resolver.server(a.owner.id)).reason).toBe(reason);
    expect(found?.hosts[1]?.usable).toBe(true);
  });

  it.each(['open', 'federated'] as const)(
    'in %s mode says that a node key is revoked, until the server has a new one',
    async (mode) => {
      const world = makeWorld();
      const a = await addNode(world, 'a');
      const c = await addNode(world, 'c', { policy: { mode } });
      await tickAll(world);
      await publish(world, a, [a]);
      const certificate = a.federation.certificates.current();
      const said = { network: NETWORK, now: world.clock.now(), certificate };
      await c.federation.publisher.submit((await stateRevocation(a.owner, said)).bytes);
      await settle();
      const dead = await c.federation.resolver.resolve(colony.id);
      expect(dead?.hosts[0]?.usable).toBe(false);
      expect(dead?.hosts[0]?.reason).toMatch(/^its node key .* is revoked/);
      world.clock.advance(HOUR);
      world.nodes.delete('a');
      await addNode(world, 'a', { nodeKey: 'fresh' });
      await tickAll(world);
      const found = await c.federation.resolver.resolve(colony.id, { anew: true });
      expect(found?.hosts[0]?.reason).not.toMatch(/revoked/);
    },
  );

  it('knows itself as a host without asking anybody', async () => {
    const { world, a } = await three();
    await publish(world, a, [a]);
    world.asked.length = 0;
    const found = await a.federation.resolver.resolve(colony.id);
    expect(found?.hosts[0]).toMatchObject({ self: true, consent: 'claims', trusted: true });
    expect(world.asked).toEqual([]);
  });

  it('shows a server by its id', async () => {
    const { a, c } = await three();
    const host = await c.federation.resolver.server(a.owner.id);
    expect(host).toMatchObject({ serverid: a.owner.id, urls: [a.url], usable: true });
    const none = await c.federation.resolver.server(keyOf('nobody').id);
    expect(none).toMatchObject({
      usable: false,
      reason: 'no valid record of this server was found',
    });
  });
});
