// Calls and pushes between real nodes, and the ways nodes reach each other.

import { setMaxListeners } from 'node:events';
import { multiaddr } from '@multiformats/multiaddr';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { makeOverlayClient } from '../../src/dht/client.ts';
import { makeOverlay } from '../../src/dht/node.ts';
import { nodeKey } from '../../src/dht/node-key.ts';
import type { PeerEvent } from '../../src/dht/overlay.ts';
import { decodePushes, encodePush } from '../../src/dht/pushes.ts';
import { systemClock } from '../../src/node/clock.ts';
import { generateKey } from '../../src/node/crypto/keys.ts';
import type { Fault } from '../../src/node/errors.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import {
  makeWorld,
  QUOTAS,
  readThing,
  thing,
  thingRules,
  until,
  type World,
  type WorldNode,
} from '../support/overlay-world.ts';
import { makeRawPeer } from '../support/raw-peer.ts';

const RPC = '/colonies/rpc/1';
const RECORDS = '/colonies/records/1';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const signal = (): AbortSignal => AbortSignal.timeout(10_000);

const all = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

let world: World;
afterEach(() => world.end());

const two = async (): Promise<[WorldNode, WorldNode]> => {
  world = makeWorld();
  const [a, b] = await world.nodes(2);
  await until('they know each other', () =>
    [a, b].every((node) => node?.overlay.status().members === 1),
  );
  return [a as WorldNode, b as WorldNode];
};

describe('calls between nodes', () => {
  it('reach the handler with the caller that the connection proved', async () => {
    const [a, b] = await two();
    await a.overlay.calls(RPC).serve(async ({ peer, head, body, waits }) => ({
      head: bytes(`${peer} ${text(head)} ${waits}`),
      body: bytes((await all(body)).toUpperCase()),
    }));
    const client = b.overlay.calls(RPC);
    for (const waits of [false, true]) {
      const options = { signal: signal(), waits };
      const reply = await client.call(a.overlay.peerId, bytes('hi'), bytes('body'), options);
      expect(text(reply.head)).toBe(`${b.overlay.peerId} hi ${waits}`);
      expect(await all(reply.body)).toBe('BODY');
    }
    expect(b.overlay.status().counters['call-stream-opened']).toBe(2);
  });

  it('pass by five hundred idle polls', async () => {
    const [a, b] = await two();
    const release = new AbortController();
    await a.overlay.calls(RPC).serve(async ({ head, waits, signal: gone }) => {
      if (waits) {
        await new Promise<void>((resolve) => {
          setMaxListeners(0, release.signal);
          for (const end of [gone, release.signal]) end.addEventListener('abort', () => resolve());
        });
      }
      return { head };
    });
    const client = b.overlay.calls(RPC);
    const polls = Array.from({ length: 500 }, async () => {
      const options = { signal: new AbortController().signal, waits: true };
      await all((await client.call(a.overlay.peerId, bytes('p'), bytes(''), options)).body);
    });
    await until('all polls wait', () => a.overlay.status().counters['calls-waiting-now'] === 500);
    for (let i = 0; i < 200; i += 1) {
      const reply = await client.call(a.overlay.peerId, bytes(`${i}`), bytes(''), {
        signal: signal(),
      });
      expect(text(reply.head)).toBe(`${i}`);
      await all(reply.body);
    }
    release.abort();
    await Promise.all(polls);
    await until('none is left', () => a.overlay.status().counters['calls-waiting-now'] === 0);
  });

  it('to a peer that is not connected go to the addresses given, or say that nothing left', async () => {
    const [a, b] = await two();
    await a.overlay.calls(RPC).serve(async ({ head }) => ({ head }));
    const lone = await world.node({ bootstraps: [] });
    const client = lone.overlay.calls(RPC);
    const nowhere = client.call(b.overlay.peerId, bytes('x'), bytes(''), { signal: signal() });
    const fault = (await nowhere.catch((error: unknown) => error)) as Fault;
    expect([fault.code, fault.detail['sent']]).toEqual(['unavailable', 0]);
    const options = { signal: signal(), addresses: [a.address()] };
    const reply = await client.call(a.overlay.peerId, bytes('x'), bytes(''), options);
    expect(text(reply.head)).toBe('x');
    await all(reply.body);
  });

  it('whose node dies in the middle end with an unknown outcome, at once', async () => {
    const [a, b] = await two();
    await a.overlay.calls(RPC).serve(() => new Promise(() => undefined));
    const options = { signal: signal(), waits: true };
    const call = b.overlay
      .calls(RPC)
      .call(a.overlay.peerId, bytes('x'), bytes(''), options)
      .catch((error: unknown) => error);
    await until('it waits', () => a.overlay.status().counters['calls-waiting-now'] === 1);
    await a.overlay.stop();
    const fault = (await call) as Fault;
    expect([fault.code, fault.detail['sent']]).toEqual(['outcome-unknown', 1]);
  });

  it('from a peer that sends noise cost it its connection after a few', async () => {
    const [a] = await two();
    await a.overlay.calls(RPC).serve(async ({ head }) => ({ head }));
    const peer = await makeRawPeer();
    await peer.dial(a.address());
    for (let i = 0; i < 10 && peer.node.getConnections().length > 0; i += 1) {
      const sent = peer.node
        .dialProtocol(multiaddr(a.address()), RPC)
        .then((stream) => stream.send(Buffer.alloc(64, 0xff)));
      await sent.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until('it is gone', () => peer.node.getConnections().length === 0);
    expect(a.overlay.status().counters['peer-banned']).toBe(1);
    await peer.stop();
  });
});

describe('pushes', () => {
  it('come out as they went in, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 })),
        fc.integer({ min: 1, max: 30 }),
        async (list, size) => {
          const wire = Buffer.concat(list.map(encodePush));
          async function* chunks() {
            for (let at = 0; at < wire.length; at += size) yield wire.subarray(at, at + size);
          }
          const got: number[][] = [];
          for await (const message of decodePushes(chunks(), 50)) got.push([...message]);
          expect(got).toEqual(list.map((message) => [...message]));
        },
      ),
    );
  });

  it('that announce nothing or too much are refused before they are read', async () => {
    for (const length of [0, 51, 0xffffffff]) {
      const header = Buffer.alloc(4);
      header.writeUInt32BE(length);
      async function* chunks() {
        yield header;
      }
      await expect(decodePushes(chunks(), 50).next()).rejects.toThrow(`${length} bytes`);
    }
  });

  it('reach every connected member, in order, and nobody who is left out', async () => {
    const [a, b] = await two();
    const c = await world.node();
    await until('all are connected', () => a.overlay.status().members === 2);
    const got: string[] = [];
    for (const { overlay } of [b, c]) {
      await overlay.pushes(RECORDS).serve(async (peer, message) => {
        got.push(`${overlay.peerId === b.overlay.peerId ? 'b' : 'c'} ${text(message)}`);
        return peer === a.overlay.peerId;
      });
    }
    const pushes = a.overlay.pushes(RECORDS);
    for (const word of ['one', 'two']) expect(pushes.pushAll(bytes(word))).toBe(2);
    expect(pushes.pushAll(bytes('three'), c.overlay.peerId)).toBe(1);
    await until('all came', () => got.length === 5);
    expect(got.filter((line) => line.startsWith('b'))).toEqual(['b one', 'b two', 'b three']);
    expect(pushes.push('nobody', bytes('x'))).toBe(false);
    expect(pushes.pushAll(new Uint8Array(LIMITS.pushBytesMax + 1))).toBe(0);
  });

  it('that are refused again and again cost the peer its connection', async () => {
    const [a, b] = await two();
    await b.overlay.pushes(RECORDS).serve(async () => false);
    for (let i = 0; i < 30; i += 1) a.overlay.pushes(RECORDS).push(b.overlay.peerId, bytes('bad'));
    await until('they parted', () => b.overlay.status().counters['peer-banned'] === 1);
  });
});

describe('a client', () => {
  it('calls a node of any network without being one', async () => {
    world = makeWorld();
    const a = await world.node();
    await a.overlay.calls(RPC).serve(async ({ peer, body }) => ({
      head: bytes(peer),
      body: bytes(await all(body)),
    }));
    const clock = systemClock();
    const client = makeOverlayClient(
      { policy: 'test', key: nodeKey(generateKey(clock)) },
      { clock, log: silentLog(), limits: LIMITS },
    );
    await client.start();
    const peer = await client.dial(a.address());
    const reply = await client.calls(RPC).call(peer, bytes('h'), bytes('b'), { signal: signal() });
    expect(text(reply.head)).toBe(client.peerId);
    expect(await all(reply.body)).toBe('b');
    await until('it is known', () => a.overlay.peers().length === 1);
    expect(a.overlay.peers()).toMatchObject([{ id: client.peerId, member: false }]);
    expect(a.overlay.status().table).toBe(0);
    await client.stop();
  });
});

describe('nodes', () => {
  it('tell of peers that come and go', async () => {
    world = makeWorld();
    const a = await world.node();
    const events: PeerEvent[] = [];
    a.overlay.onPeer((event) => events.push(event));
    const b = await world.node();
    await until('it came', () => events.length === 1);
    expect(events[0]).toMatchObject({
      event: 'connect',
      peer: { id: b.overlay.peerId, publicKey: b.overlay.key.publicKey, member: true },
    });
    expect(a.overlay.peers()[0]?.relayed).toBe(false);
    await b.overlay.stop();
    await until('it left', () => events.length === 2);
    expect(events[1]).toMatchObject({ event: 'disconnect', peer: { id: b.overlay.peerId } });
  });

  it('find each other again without bootstraps after all of them were stopped', async () => {
    world = makeWorld();
    const nodes = await world.nodes(4);
    await until('all know each other', () => nodes.every((n) => n.overlay.status().table === 3));
    await nodes[0]?.overlay.put('thing', 'kept', thing({ key: 'kept', seq: 4 }));
    const before = nodes.map(({ overlay, folder }) => ({
      key: overlay.key,
      folder,
      listen: overlay.addresses().map((address) => address.replace(/\/p2p\/.*$/, '')),
      bootstraps: [],
    }));
    for (const { overlay } of nodes) await overlay.stop();
    const again: WorldNode[] = [];
    const fast = { overlayRedialMs: 200, overlayRedialMaxMs: 1_000 };
    for (const options of before) again.push(await world.node(options, fast));
    await until('they met again', () => again.every((n) => n.overlay.status().table === 3));
    for (const { overlay } of again) {
      expect(readThing((await overlay.get('thing', 'kept')).best)?.seq).toBe(4);
    }
  });

  it('resolve names themselves and connect only to the address they judged', async () => {
    world = makeWorld();
    const a = await world.node();
    const port = /tcp\/(\d+)/.exec(a.address())?.[1];
    const asked: string[] = [];
    const make = async (policy: 'test' | 'public', answers: string[]) => {
      const { mkdtemp } = await import('node:fs/promises');
      const { tmpdir } = await import('node:os');
      const clock = systemClock();
      const overlay = makeOverlay(
        {
          network: a.overlay.network,
          policy,
          key: nodeKey('11'.repeat(32)),
          folder: await mkdtemp(`${tmpdir()}/colonies-`),
          listen: [],
          rules: thingRules(),
          quotas: QUOTAS,
        },
        {
          clock,
          log: silentLog(),
          limits: LIMITS,
          resolveName: async (name) => {
            asked.push(name);
            return answers.map((address) => ({ address, family: 4 }));
          },
        },
      );
      await overlay.start();
      return overlay;
    };
    const named = `/dns4/colonies.invalid/tcp/${port}`;
    const open = await make('test', ['169.254.169.254', '127.0.0.1']);
    expect(await open.dial(named)).toBe(a.overlay.peerId);
    await open.stop();
    const strict = await make('public', ['127.0.0.1', '10.0.0.1']);
    await expect(strict.dial(named)).rejects.toThrow('has no address that the policy public');
    await expect(strict.dial(a.address())).rejects.toThrow('forbids');
    expect(strict.addresses()).toEqual([]);
    await strict.stop();
    expect(asked).toEqual(['colonies.invalid', 'colonies.invalid']);
  });

  it('refuse options that cannot work before anything is opened', async () => {
    world = makeWorld();
    const fails = async (options: Parameters<World['node']>[0], message: string) =>
      expect(world.node(options)).rejects.toThrow(message);
    await fails({ network: 'Not A Name' }, 'network name');
    await fails({ sharedKey: 'short' }, 'shared key');
    await fails({ mdns: true, policy: 'public' }, 'local network');
    await fails({ policy: 'public', announce: ['/ip4/10.0.0.1/tcp/1'] }, 'cannot be announced');
    await fails({ listen: ['127.0.0.1'] }, 'not a multiaddress');
  });

  it('say in their own words where they cannot listen', async () => {
    world = makeWorld();
    const first = await world.node({});
    const taken = first.address().replace(/\/p2p\/.*/, '');
    await expect(world.node({ listen: [taken] })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        new RegExp(`^the overlay cannot listen on ${taken}: EADDRINUSE: address already in use`),
      ),
    });
  });
});
