// What a node answers over HTTP, and a client that resolves from nothing but that.

import { describe, expect, it } from 'vitest';
import { hostingPath, readDocument, recordPath } from '../../src/federation/documents.ts';
import { openReader } from '../../src/federation/reader.ts';
import { replyProofProblem } from '../../src/federation/reply-proof.ts';
import { stateColony, stateRevocation } from '../../src/federation/statements.ts';
import { silentLog } from '../../src/node/log.ts';
import { addNode, askOf, makeWorld, settle, tickAll } from './fakes.ts';
import { DAY, HOUR, keyOf, NETWORK } from './world.ts';

const colony = keyOf('colony');

const start = async () => {
  const world = makeWorld();
  const [a, b] = [await addNode(world, 'a'), await addNode(world, 'b')];
  await tickAll(world);
  const said = { network: NETWORK, now: world.clock.now(), servers: [a.owner.id], name: 'dev' };
  const record = await stateColony(colony, said);
  await a.federation.publisher.submit(record.bytes);
  await settle();
  a.hosted.add(colony.id);
  const get = (path: string) => b.federation.answers.answer(path, { address: '192.0.2.1' });
  return { world, a, b, record, get };
};

const nonce = 'ab'.repeat(32);

describe('answers', () => {
  it('give a colony and its servers as raw signed records', async () => {
    const { get, record, a } = await start();
    const answer = await get(recordPath('colony', colony.id));
    expect(answer).toMatchObject({ status: 200, proof: undefined });
    const body = JSON.parse(answer?.body ?? '');
    expect(Object.keys(body)).toEqual(['colony', 'servers']);
    expect(body.colony).toBe(Buffer.from(record.bytes).toString('base64'));
    expect(readDocument(answer?.body ?? '').map(({ kind, id }) => [kind, id])).toEqual([
      ['colony', colony.id],
      ['server', a.owner.id],
    ]);
  });

  it('give servers, lists and revocations', async () => {
    const { get, a, world } = await start();
    const server = await get(recordPath('server', a.owner.id));
    expect(Object.keys(JSON.parse(server?.body ?? ''))).toEqual(['server']);
    const death = await stateRevocation(colony, { network: NETWORK, now: world.clock.now() });
    await a.federation.publisher.submit(death.bytes);
    await settle();
    const dead = await get(recordPath('revocation', colony.id));
    expect(JSON.parse(dead?.body ?? '').revocation).toBe(
      Buffer.from(death.bytes).toString('base64'),
    );
    expect(await get(recordPath('colony', colony.id))).toMatchObject({ status: 403 });
  });

  it('are 404 with the error envelope when nobody knows the id, and none for other paths', async () => {
    const { get } = await start();
    const answer = await get(recordPath('colony', keyOf('nobody').id));
    expect(answer?.status).toBe(404);
    const envelope = JSON.parse(answer?.body ?? '');
    expect(envelope).toMatchObject({ payloadtype: 'error', error: true });
    for (const path of ['/', '/federation/colonies/dev', '/federation/other/x', '/api']) {
      expect(await get(path)).toBeUndefined();
    }
  });

  it('are 429 with the error envelope when somebody asks for too much', async () => {
    const { get } = await start();
    const statuses: (number | undefined)[] = [];
    for (let i = 0; i < 62; i += 1) {
      statuses.push((await get(recordPath('colony', keyOf(`c${i}`).id)))?.status);
    }
    expect(statuses.slice(0, 60).every((status) => status === 404)).toBe(true);
    expect(statuses.slice(60)).toEqual([429, 429]);
  });

  it('start no lookup for a node that asks for what is held', async () => {
    const { b, world } = await start();
    world.asked.length = 0;
    const unknown = `${recordPath('colony', keyOf('nobody').id)}?known=1`;
    expect((await b.federation.answers.answer(unknown, {}))?.status).toBe(404);
    expect(b.federation.lookups.running()).toBe(0);
  });

  it('prove hosting with the node key, for the nonce asked with', async () => {
    const { a, b } = await start();
    const path = hostingPath(colony.id, nonce);
    const prover = { serverid: a.owner.id, publicKey: a.node.publicKey };
    const answer = await a.federation.answers.answer(path, {});
    const { status = 0, body = '', proof } = answer ?? {};
    expect(JSON.parse(body)).toEqual({
      colonyid: colony.id,
      serverid: a.owner.id,
      hosting: true,
    });
    expect(replyProofProblem(proof, { request: path, status, body }, [prover])).toBeUndefined();
    const other = hostingPath(colony.id, 'cd'.repeat(32));
    expect(replyProofProblem(proof, { request: other, status, body }, [prover])).toBeDefined();
    const denied = await b.federation.answers.answer(path, {});
    expect(JSON.parse(denied?.body ?? '')).toMatchObject({ hosting: false });
  });

  it('prove nothing without a certificate', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a', { certified: false });
    const answer = await a.federation.answers.answer(hostingPath(colony.id, nonce), {});
    expect(answer).toMatchObject({ status: 200, proof: undefined });
  });
});

describe('a client', () => {
  it('resolves over plain HTTP from any node and verifies everything itself', async () => {
    const { world, a, b } = await start();
    const reader = await openReader({
      network: NETWORK,
      clock: world.clock,
      log: silentLog(),
      ask: askOf(world, 'client'),
      bootstraps: () => [b.place],
    });
    const found = await reader.resolver.resolve(colony.id);
    expect(found?.hosts).toMatchObject([
      { serverid: a.owner.id, home: true, usable: true, consent: 'claims', urls: [a.url] },
    ]);
    const records = world.asked.filter((line) => line.includes('/colonies/'));
    expect(records).toHaveLength(1);
    expect(
      world.asked.filter((line) => line.includes('client') && line.includes('/servers/')),
    ).toEqual([]);
  });

  it('refuses altered and older records from a lying node', async () => {
    const { world, b, record } = await start();
    const lies = { ...(await b.federation.answers.answer(recordPath('colony', colony.id), {})) };
    const forged = record.bytes.slice();
    forged[100] = (forged[100] ?? 0) ^ 1;
    lies.body = JSON.stringify({ colony: Buffer.from(forged).toString('base64'), servers: [] });
    const reader = await openReader({
      network: NETWORK,
      clock: world.clock,
      log: silentLog(),
      ask: async () => ({ status: 200, body: lies.body ?? '', proof: undefined, via: b.url }),
      bootstraps: () => [b.place],
    });
    expect(await reader.resolver.resolve(colony.id)).toBeUndefined();
  });

  it('judges a host again when the news that its key is dead comes last', async () => {
    const { world, a, b } = await start();
    const ask = askOf(world, 'client');
    const reader = await openReader({
      network: NETWORK,
      clock: world.clock,
      log: silentLog(),
      ask: async (place, path, signal) => {
        if (path.includes('/revocations/')) await settle();
        return ask(place, path, signal);
      },
      bootstraps: () => [b.place],
    });
    expect((await reader.resolver.resolve(colony.id))?.hosts[0]?.usable).toBe(true);
    world.clock.advance(HOUR / 2);
    const death = await stateRevocation(a.owner, { network: NETWORK, now: world.clock.now() });
    await b.federation.publisher.submit(death.bytes);
    const found = await reader.resolver.resolve(colony.id);
    expect(found?.hosts).toMatchObject([{ usable: false, trusted: false }]);
    expect(found?.hosts[0]?.reason).toMatch(/revoked/);
  });

  it('hears why no record of a server counts, though it never saw one', async () => {
    const { world, a, b, get } = await start();
    const certificate = a.federation.certificates.current();
    const said = { network: NETWORK, now: world.clock.now(), certificate };
    const death = await stateRevocation(a.owner, said);
    await b.federation.publisher.submit(death.bytes);
    await settle();
    const answer = await get(recordPath('server', a.owner.id));
    expect(answer?.status).toBe(404);
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ payloadtype: 'error', error: true });
    const open = () =>
      openReader({
        network: NETWORK,
        clock: world.clock,
        log: silentLog(),
        ask: askOf(world, 'client'),
        bootstraps: () => [b.place],
      });
    const host = (await (await open()).resolver.resolve(colony.id))?.hosts[0];
    expect(host).toMatchObject({ usable: false, trusted: false });
    const alone = await (await open()).resolver.server(a.owner.id);
    for (const { reason } of [host ?? { reason: '' }, alone]) {
      expect(reason).toMatch(/^its node key .* is revoked/);
      expect(reason).toContain(death.payload.id.slice(0, 12));
    }
  });

  it('goes on with what it verified before when every node is silent', async () => {
    const { world, a, b } = await start();
    const reader = await openReader({
      network: NETWORK,
      clock: world.clock,
      log: silentLog(),
      ask: askOf(world, 'client'),
      bootstraps: () => [b.place],
    });
    await reader.resolver.resolve(colony.id);
    world.down.add('b');
    world.clock.advance(DAY / 2);
    const found = await reader.resolver.resolve(colony.id);
    expect(found?.hosts).toMatchObject([{ serverid: a.owner.id, consent: 'claims' }]);
  });
});
