// Publishing: what a node signs itself, what owners hand it, what it places again and when.

import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/federation/memory-store.ts';
import {
  certificateRequest,
  readCertificateRequest,
  stateCertificate,
  stateColony,
  stateEndorsement,
  stateRevocation,
} from '../../src/federation/statements.ts';
import { makeLog } from '../../src/node/log.ts';
import { addNode, certifyNode, makeWorld, settle, tickAll } from './fakes.ts';
import { DAY, HOUR, keyOf, NETWORK, signServer } from './world.ts';

const colony = keyOf('colony');

const stateDev = (now: number, servers: readonly string[], over: object = {}) =>
  stateColony(colony, { network: NETWORK, now, servers, name: 'dev', ...over });

describe('a hosted colony that nobody published', () => {
  it('is looked for ever more seldom, and at once when the overlay grew', async () => {
    const world = makeWorld();
    const b = await addNode(world, 'b');
    const a = await addNode(world, 'a', { bootstraps: ['b'] });
    a.hosted.add(colony.id);
    const sought = (): number =>
      world.asked.filter((line) => line.startsWith(`a ${b.url} /federation/colonies`)).length;
    const ticks = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        world.clock.advance(5_000);
        await tickAll(world);
      }
    };
    await ticks(60);
    const early = sought();
    expect(early).toBeGreaterThanOrEqual(4);
    await ticks(360);
    expect(sought() - early).toBeLessThanOrEqual(4);
    const late = sought();
    a.federation.publisher.grown(10);
    await ticks(1);
    expect(sought()).toBe(late + 1);
    // Its owner publishes it somewhere far away.
    const { bytes } = await stateDev(world.clock.now(), [a.owner.id]);
    world.shelf.get(`colony/${colony.id}`)?.set('b', bytes);
    await ticks(120);
    expect(a.federation.publisher.report()).toContainEqual(
      expect.objectContaining({ ns: 'colony', id: colony.id, copies: 1 }),
    );
  });
});

describe('the server record', () => {
  it('is signed and placed by a certified node, and again only every few hours', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a');
    await addNode(world, 'b');
    await tickAll(world);
    const first = await a.federation.book.find('server', a.owner.id);
    expect(first?.record.payload).toMatchObject({ peer: a.node.peer, urls: [a.url] });
    world.clock.advance(HOUR);
    await tickAll(world);
    const same = await a.federation.book.find('server', a.owner.id);
    expect(same?.record.hash).toBe(first?.record.hash);
    world.clock.advance(4 * HOUR);
    await tickAll(world);
    const renewed = await a.federation.book.find('server', a.owner.id);
    expect(renewed?.record.payload.seq).toBeGreaterThan(first?.record.payload.seq ?? 0);
    expect(world.shelf.get(`server/${a.owner.id}`)?.get('b')).toEqual(renewed?.record.bytes);
  });

  it('is not published without a certificate, and the state says what to run', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a', { certified: false });
    await tickAll(world);
    expect(await a.federation.book.find('server', a.owner.id)).toBeUndefined();
    expect(a.federation.certificates.state()).toMatchObject({ state: 'missing' });
    expect(a.federation.certificates.state().hint).toMatch(/colonies node certify --request/);
    await certifyNode(world.clock, a);
    await tickAll(world);
    expect(await a.federation.book.find('server', a.owner.id)).toBeDefined();
  });

  it('warns 14 days before the certificate ends and never outlives it', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a', { certified: false });
    await certifyNode(world.clock, a, 20 * DAY);
    expect(a.federation.certificates.state().state).toBe('valid');
    world.clock.advance(6 * DAY + 1);
    expect(a.federation.certificates.state().state).toBe('expiring');
    world.clock.advance(14 * DAY - HOUR);
    await tickAll(world);
    const held = await a.federation.book.find('server', a.owner.id);
    const { expiresAt } = a.federation.certificates.state();
    expect(held?.record.payload.exp).toBe(expiresAt);
    world.clock.advance(HOUR);
    expect(a.federation.certificates.state().state).toBe('expired');
    expect(a.federation.certificates.current()).toBeUndefined();
  });

  it('tells each state of the certificate once, with what to do', async () => {
    const world = makeWorld();
    const lines: string[] = [];
    const log = makeLog('info', (level, message, { hint = '' }) =>
      lines.push(`${level} ${message}: ${hint}`),
    );
    const a = await addNode(world, 'a', { certified: false, log });
    for (let i = 0; i < 3; i += 1) await tickAll(world);
    await certifyNode(world.clock, a);
    for (let i = 0; i < 3; i += 1) await tickAll(world);
    const dead = await stateRevocation(a.owner, {
      network: NETWORK,
      now: world.clock.now(),
      certificate: a.federation.certificates.current(),
    });
    await a.federation.publisher.submit(dead.bytes);
    for (let i = 0; i < 3; i += 1) await tickAll(world);
    expect(lines.filter((line) => /certificate/.test(line))).toEqual([
      expect.stringMatching(/^warn .*needs attention: run `colonies node certify`/),
      expect.stringMatching(/^info the node certificate is valid/),
      expect.stringMatching(/^warn .*needs attention: the key of this node is revoked: stop it/),
    ]);
  });

  it('refuses certificates for other nodes, of other servers, and older ones', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a');
    const accept = a.federation.certificates.accept;
    const request = certificateRequest(NETWORK, keyOf('other').publicKey);
    const now = world.clock.now();
    const foreign = await stateCertificate(a.owner, request, { now });
    await expect(accept(foreign.bytes)).rejects.toThrow(/another node key/);
    const usurped = await stateCertificate(keyOf('x'), a.federation.certificates.request(), {
      now,
    });
    await expect(accept(usurped.bytes)).rejects.toThrow(
      `by the owner of server ${keyOf('x').id}, and this is ${a.owner.id}`,
    );
    const older = { now: now - HOUR };
    const old = await stateCertificate(a.owner, a.federation.certificates.request(), older);
    await expect(accept(old.bytes)).rejects.toThrow(/later one/);
  });

  it('survives a restart with its certificate', async () => {
    const world = makeWorld();
    const store = memoryStore();
    await addNode(world, 'a', { store });
    const again = await addNode(world, 'a', { store, certified: false });
    expect(again.federation.certificates.state().state).toBe('valid');
  });

  it('goes on with a new node key once the owner certified it', async () => {
    const world = makeWorld();
    const store = memoryStore();
    await addNode(world, 'a', { store });
    const b = await addNode(world, 'b');
    await tickAll(world);
    world.clock.advance(1_000);
    const fresh = await addNode(world, 'a', { store, nodeKey: 'fresh key' });
    await tickAll(world);
    const held = await b.federation.book.find('server', fresh.owner.id);
    expect(held?.record.publicKey).toBe(fresh.node.publicKey);
    const stolen = await signServer(fresh.owner, keyOf('node a'), {
      over: { seq: world.clock.now() + HOUR, iat: world.clock.now() },
    });
    const { outcome } = await b.federation.book.offer('server', fresh.owner.id, stolen.bytes);
    expect(outcome).toBe('older');
  });
});

describe('certificate requests', () => {
  it('are read back strictly', () => {
    const request = certificateRequest(NETWORK, keyOf('node').publicKey);
    expect(readCertificateRequest(JSON.parse(JSON.stringify(request)))).toEqual(request);
    expect(() => readCertificateRequest({ ...request, peerid: keyOf('x').peer })).toThrow(
      /peer id/,
    );
    expect(() => readCertificateRequest({ ...request, extra: 1 })).toThrow(/request/);
  });
});

describe('submitting', () => {
  it('takes a colony record, tells the others, places it and reports', async () => {
    const world = makeWorld();
    const [a, b, c] = [
      await addNode(world, 'a'),
      await addNode(world, 'b'),
      await addNode(world, 'c'),
    ];
    const record = await stateDev(world.clock.now(), [a.owner.id]);
    const result = await b.federation.publisher.submit(record.bytes);
    expect(result).toMatchObject({ kind: 'colony', id: colony.id, copies: 2, asked: 2 });
    await settle();
    for (const { federation } of [a, b, c]) {
      expect((await federation.book.find('colony', colony.id))?.record.hash).toBe(record.hash);
    }
    expect(b.federation.publisher.report()).toMatchObject([{ id: colony.id, copies: 2 }]);
  });

  it('refuses what is older or as old as what is known, and says what is known', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a');
    const now = world.clock.now();
    await a.federation.publisher.submit((await stateDev(now, [a.owner.id])).bytes);
    const twin = await stateDev(now, []);
    await expect(a.federation.publisher.submit(twin.bytes)).rejects.toThrow(/publish a higher one/);
    const old = await stateDev(now - HOUR, []);
    await expect(a.federation.publisher.submit(old.bytes)).rejects.toMatchObject({
      code: 'conflict',
      detail: { epoch: 1, sequence: now },
    });
    expect((await a.federation.book.find('colony', colony.id))?.forks).toEqual([]);
  });

  it('is harmless when repeated', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a');
    const record = await stateDev(world.clock.now(), [a.owner.id]);
    await a.federation.publisher.submit(record.bytes);
    const again = await a.federation.publisher.submit(record.bytes);
    expect(again.hash).toBe(record.hash);
  });

  it('refuses forged bytes, garbage and server records', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a');
    const submit = a.federation.publisher.submit;
    await expect(submit(new Uint8Array(10))).rejects.toThrow(/not a signed record/);
    const record = await stateDev(world.clock.now(), []);
    const forged = record.bytes.slice();
    forged[100] = (forged[100] ?? 0) ^ 1;
    await expect(submit(forged)).rejects.toThrow(/bad-signature/);
    const server = await signServer(a.owner, a.node);
    await expect(submit(server.bytes)).rejects.toThrow(/sign their own/);
  });

  it('takes an endorsement with its list, which reaches the subject and its record', async () => {
    const world = makeWorld();
    const [a, b] = [await addNode(world, 'a'), await addNode(world, 'b')];
    await tickAll(world);
    const statement = { network: NETWORK, now: world.clock.now(), subject: b.owner.id };
    const { endorsement, list } = await stateEndorsement(a.owner, statement);
    await a.federation.publisher.submit(list.bytes);
    await a.federation.publisher.submit(endorsement.bytes);
    await settle();
    world.clock.advance(1_000);
    await tickAll(world);
    const held = await a.federation.book.find('server', b.owner.id);
    expect(held?.record.payload.staples).toHaveLength(1);
  });
});

describe('placing', () => {
  it('places hosted colonies and own statements again, unchanged, with jitter', async () => {
    const world = makeWorld();
    const [a, b] = [await addNode(world, 'a'), await addNode(world, 'b')];
    const record = await stateDev(world.clock.now(), [a.owner.id]);
    await a.federation.publisher.submit(record.bytes);
    const death = await stateRevocation(keyOf('x'), { network: NETWORK, now: world.clock.now() });
    await a.federation.publisher.submit(death.bytes);
    a.hosted.add(colony.id);
    world.shelf.clear();
    await tickAll(world);
    expect(world.shelf.has(`colony/${colony.id}`)).toBe(false);
    world.clock.advance(5 * HOUR);
    await tickAll(world);
    expect(world.shelf.get(`colony/${colony.id}`)?.get('b')).toEqual(record.bytes);
    expect(world.shelf.get(`revocation/${keyOf('x').id}`)?.get('b')).toEqual(death.bytes);
    const due = a.federation.publisher.report().map(({ dueAt, placedAt }) => dueAt - placedAt);
    for (const wait of due) {
      expect(wait).toBeGreaterThanOrEqual(0.8 * 4 * HOUR);
      expect(wait).toBeLessThanOrEqual(1.2 * 4 * HOUR);
    }
    expect(b.federation.publisher.report().map(({ ns }) => ns)).toEqual(['server']);
  });

  it('does not place a colony whose record does not name this server', async () => {
    const world = makeWorld();
    const [a, b] = [await addNode(world, 'a'), await addNode(world, 'b')];
    await a.federation.publisher.submit((await stateDev(world.clock.now(), [a.owner.id])).bytes);
    b.hosted.add(colony.id);
    await tickAll(world);
    expect(b.federation.publisher.report().map(({ ns }) => ns)).toEqual(['server']);
  });

  it('tries again soon after a poor result, and after the overlay grew', async () => {
    const world = makeWorld();
    const a = await addNode(world, 'a');
    await tickAll(world);
    expect(a.federation.publisher.report()).toMatchObject([{ ns: 'server', copies: 0, asked: 0 }]);
    const b = await addNode(world, 'b');
    world.clock.advance(30_000);
    await tickAll(world);
    expect(a.federation.publisher.report()).toMatchObject([{ ns: 'server', copies: 1, asked: 1 }]);
    for (const name of ['c', 'd', 'e']) await addNode(world, name);
    a.federation.publisher.grown(4);
    world.clock.advance(10_000);
    await tickAll(world);
    expect(a.federation.publisher.report()).toMatchObject([{ ns: 'server', copies: 4 }]);
    a.federation.publisher.grown(4);
    world.down.add(b.name);
    world.clock.advance(10_000);
    await tickAll(world);
    expect(a.federation.publisher.report()).toMatchObject([{ ns: 'server', copies: 4 }]);
  });
});

describe('colony statements', () => {
  it('raise the epoch only when the home changes and keep what is not said anew', async () => {
    const [x, y] = [keyOf('x').id, keyOf('y').id];
    const now = 1_000_000;
    const first = await stateDev(now, [x], { flags: ['nonces'], successor: y });
    const wider = await stateColony(colony, {
      network: NETWORK,
      now: now - 5,
      servers: [x, y],
      previous: first,
    });
    expect(wider.payload).toMatchObject({
      epoch: 1,
      seq: now + 1,
      name: 'dev',
      flags: ['nonces'],
      successor: y,
    });
    const previous = wider;
    const moved = await stateColony(colony, { network: NETWORK, now, servers: [y, x], previous });
    expect(moved.payload).toMatchObject({ epoch: 2, seq: now + 2 });
  });
});
