// Each behaviour of the libraries that would hurt, with the test that fails when our answer to it is
// taken away.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { KAD } from '../../src/dht/kad.ts';
import {
  makeWorld,
  readThing,
  thing,
  until,
  type World,
  type WorldNode,
} from '../support/overlay-world.ts';
import { makeRawPeer, type RawOptions, type RawPeer } from '../support/raw-peer.ts';

const DAY_MS = 86_400_000;

let world: World;
let raws: RawPeer[] = [];

const raw = async (options: RawOptions): Promise<RawPeer> => {
  const peer = await makeRawPeer(options);
  raws.push(peer);
  return peer;
};

const fresh = async (count: number): Promise<WorldNode[]> => {
  world = makeWorld();
  const nodes = await world.nodes(count);
  await until('all know each other', () =>
    nodes.every(({ overlay }) => overlay.status().table >= count - 1),
  );
  return nodes;
};

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(raws.map((peer) => peer.stop()));
  raws = [];
  await world.end();
});

describe('the table', () => {
  it('takes in peers on loopback, and serves lookups without a public address', async () => {
    const [, b] = await fresh(2);
    expect(b?.overlay.status().table).toBe(1);
  });

  it('goes on naming peers whose address it learned long ago', async () => {
    const [a, b, c] = await fresh(3);
    const peer = await raw({ network: a?.overlay.network ?? '' });
    await peer.dial(a?.address() ?? '');
    await until('it is known', () => a?.overlay.status().members === 3);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60 * DAY_MS });
    const named = await peer.ask(a?.overlay.peerId ?? '', 'anything');
    for (const node of [b, c]) {
      const answer = named.find(({ id }) => id === node?.overlay.peerId);
      expect(answer?.addresses.length).toBeGreaterThan(0);
    }
  });

  it('fills at once when the first bootstrap answers only after the first self-query', async () => {
    world = makeWorld();
    const [a] = await world.nodes(3);
    const port = await freePort();
    const fast = { overlayRedialMs: 100, overlayRedialMaxMs: 200 };
    const early = await world.node({ bootstraps: [`/ip4/127.0.0.1/tcp/${port}`] }, fast);
    await until('the bootstrap was tried in vain', () =>
      early.overlay.status().bootstraps.some(({ error }) => error !== undefined),
    );
    const listen = [`/ip4/127.0.0.1/tcp/${port}`];
    await world.node({ listen, bootstraps: [a?.address() ?? ''] });
    await until('it knows everybody', () => early.overlay.status().table >= 4);
  });

  it('is deep enough for ten thousand nodes', () => {
    expect(KAD.prefixLength).toBeGreaterThanOrEqual(12);
  });

  it('drops a peer that does not answer any more', async () => {
    const [a, b, c] = await fresh(3);
    const gone = c?.overlay.peerId;
    await c?.overlay.stop();
    await until('the stopped node is out', async () => {
      await a?.overlay.get('thing', `k${Math.floor(Math.random() * 1e6)}`);
      return a?.overlay.status().table === 1;
    });
    expect(a?.overlay.peers().map(({ id }) => id)).not.toContain(gone);
    const placed = await a?.overlay.put('thing', 'after', thing({ key: 'after', seq: 1 }));
    expect(placed).toEqual({ copies: 1, asked: 1 });
    expect(b?.overlay.status().records).toBe(1);
  });

  it('keeps a holder that refused many records at once', async () => {
    const [b] = await fresh(1);
    // One failure is enough here: what happens at the same time counts as one.
    const a = await world.node({}, { overlayFailuresMax: 1 });
    await until('they know each other', () => a.overlay.status().table === 1);
    const keys = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6'];
    for (const key of keys) await b?.overlay.keep('thing', key, thing({ key, seq: 5 }));
    const placed = await Promise.all(
      keys.map((key) => a.overlay.put('thing', key, thing({ key, seq: 1 }))),
    );
    expect(placed).toEqual(keys.map(() => ({ copies: 0, asked: 1 })));
    expect(a.overlay.status().counters['peer-evicted']).toBeUndefined();
    expect(a.overlay.status().table).toBe(1);
  });
});

const freePort = async (): Promise<number> => {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
};

describe('records', () => {
  it('are not replaced by older ones that a peer puts', async () => {
    const [a, b] = await fresh(2);
    const peer = await raw({ network: a?.overlay.network ?? '' });
    await peer.dial(a?.address() ?? '');
    await a?.overlay.put('thing', 'x', thing({ key: 'x', seq: 7 }));
    expect(await peer.put(a?.overlay.peerId ?? '', 'x', thing({ key: 'x', seq: 6 }))).toBe(false);
    expect(await peer.put(a?.overlay.peerId ?? '', 'x', thing({ key: 'x', seq: 8 }))).toBe(true);
    expect(readThing(await a?.overlay.local('thing', 'x'))?.seq).toBe(8);
    expect(readThing(await b?.overlay.local('thing', 'x'))?.seq).toBe(7);
  });

  it('are found although a holder of an old copy refuses to be corrected', async () => {
    const [a, b] = await fresh(2);
    const peer = await raw({ network: a?.overlay.network ?? '' });
    peer.kad().rpc.handlers['PUT_VALUE'] = {
      handle: async () => {
        throw new Error('never');
      },
    };
    peer.kad().rpc.handlers['GET_VALUE'] = {
      handle: async (_from: unknown, message: { key: Uint8Array }) => ({
        type: 'GET_VALUE',
        key: message.key,
        closer: [],
        providers: [],
        record: peer.record('y', thing({ key: 'y', seq: 1 })),
      }),
    };
    await peer.dial(a?.address() ?? '');
    await until('it is in both tables', () =>
      [a, b].every((node) => node?.overlay.status().table === 2),
    );
    await b?.overlay.put('thing', 'y', thing({ key: 'y', seq: 2 }));
    for (let i = 0; i < 3; i += 1) {
      const found = await a?.overlay.get('thing', 'y', { quorum: 10 });
      expect(readThing(found?.best)?.seq).toBe(2);
      expect(found?.others.map((bytes) => readThing(bytes)?.seq)).toEqual([1]);
    }
  });

  it('that are ours are read without any peer, and placed nowhere without waiting', async () => {
    world = makeWorld();
    const a = await world.node();
    const placed = await a.overlay.put('thing', 'z', thing({ key: 'z', seq: 1 }));
    expect(placed).toEqual({ copies: 0, asked: 0 });
    const found = await a.overlay.get('thing', 'z');
    expect(readThing(found.best)?.seq).toBe(1);
    expect(found).toMatchObject({ copies: 1, answered: 0, complete: true });
    expect((await a.overlay.get('thing', 'nobody')).best).toBeUndefined();
  });

  it('count as placed only where the holder shows the bytes it holds', async () => {
    const [a] = await fresh(1);
    const peer = await raw({ network: a?.overlay.network ?? '' });
    const other = peer.record('e', thing({ key: 'e', seq: 1 }));
    for (const record of [undefined, other]) {
      peer.kad().rpc.handlers['PUT_VALUE'] = {
        handle: async (_from: unknown, { key }: { key: Uint8Array }) => {
          const answer = { type: 'PUT_VALUE' as const, key, closer: [], providers: [] };
          return { ...answer, ...(record === undefined ? {} : { record }) };
        },
      };
      await peer.dial(a?.address() ?? '');
      await until('it is in the table', () => a?.overlay.status().table === 1);
      const placed = await a?.overlay.put('thing', 'e', thing({ key: 'e', seq: 2 }));
      expect(placed).toEqual({ copies: 0, asked: 1 });
    }
  });

  it('that expired leave the disk though nobody asks for them', async () => {
    world = makeWorld();
    const a = await world.node({}, { overlayUpkeepMs: 200 });
    const exp = Date.now() + 2_000;
    await a.overlay.put('thing', 's', thing({ key: 's', seq: 1, exp }));
    await a.overlay.put('thing', 't', thing({ key: 't', seq: 1 }));
    expect(a.overlay.status().records).toBe(2);
    await until('it is gone', () => a.overlay.status().records === 1);
    expect((await a.overlay.records()).map(({ key }) => key)).toEqual(['t']);
  });

  it('are checked before they are put', async () => {
    const [a] = await fresh(2);
    await a?.overlay.put('thing', 'v', thing({ key: 'v', seq: 1 }));
    const wrong = thing({ key: 'other', seq: 9 });
    await expect(a?.overlay.put('thing', 'v', wrong)).rejects.toThrow('names another key');
    await expect(a?.overlay.put('stuff', 'v', wrong)).rejects.toThrow('no namespace stuff');
    expect(readThing(await a?.overlay.local('thing', 'v'))?.seq).toBe(1);
  });
});

describe('connections', () => {
  it('are found again through a bootstrap that is given without a peer id', async () => {
    world = makeWorld();
    const a = await world.node();
    const bare = a.address().replace(/\/p2p\/.*$/, '');
    const b = await world.node({ bootstraps: [bare] });
    await until('they met', () => b.overlay.status().table === 1);
    expect(b.overlay.status().bootstraps[0]?.reachedAt).toBeGreaterThan(0);
  });

  it('stay open while nobody uses them, for signs of life go both ways often enough', async () => {
    world = makeWorld();
    const [lively, mute] = [
      await world.node(
        { bootstraps: [] },
        { overlayKeepAliveMs: 200, overlaySocketSilenceMs: 800 },
      ),
      await world.node({ bootstraps: [] }, { overlaySocketSilenceMs: 800 }),
    ];
    const peer = await raw({});
    for (const { address } of [lively, mute]) await peer.dial(address());
    await until(
      'both know it',
      () => lively.overlay.peers().length + mute.overlay.peers().length === 2,
    );
    await until('the mute one lost it', () => mute.overlay.peers().length === 0);
    const [known] = lively.overlay.peers();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(lively.overlay.peers().map(({ connectedAt }) => connectedAt)).toEqual([
      known?.connectedAt,
    ]);
    // The signs of life measure the round trip, too.
    expect(known?.rttMs).toBeGreaterThanOrEqual(0);
  });

  it('do not hang lookups when a peer takes requests and never answers', async () => {
    const [a, b] = await fresh(2);
    const peer = await raw({ network: a?.overlay.network ?? '' });
    peer.kad().rpc.handleMessage = () => new Promise(() => undefined);
    await peer.dial(a?.address() ?? '');
    await until('it is in the table', () => a?.overlay.status().table === 2);
    await b?.overlay.put('thing', 'h', thing({ key: 'h', seq: 1 }));
    // Half the library's shortest time for one request.
    const signal = AbortSignal.timeout(4_900);
    const found = await a?.overlay.get('thing', 'h', { quorum: 5, signal });
    expect(found).toMatchObject({ complete: true });
    expect(readThing(found?.best)?.seq).toBe(1);
  });

  it('come in faster than five per second from one host in a test overlay', async () => {
    world = makeWorld();
    const a = await world.node();
    const peers = await Promise.all(Array.from({ length: 12 }, () => raw({})));
    await Promise.all(peers.map((peer) => peer.dial(a.address())));
    await until('all are identified', () => a.overlay.peers().length === 12);
  });

  it('survive forty streams opened at once after the dial', async () => {
    world = makeWorld();
    const a = await world.node();
    let served = 0;
    await a.overlay.handle(
      '/test/many',
      async (stream) => {
        served += 1;
        await stream.close();
      },
      { inboundMax: 64 },
    );
    const peer = await raw({});
    const connection = await peer.dial(a.address());
    await Promise.all(Array.from({ length: 40 }, () => connection.newStream('/test/many')));
    await until('all were served', () => served === 40);
    await until('the connection lives on', () => a.overlay.peers().length === 1);
  });
});
