// What is made of an answer to a Kademlia request: peers told again are not read again.

import type { PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { writer } from 'protons-runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeReadAnswer, readAnswersOnce, writeRequest } from '../../src/dht/answers.ts';
import { peerIdOf } from '../../src/dht/host.ts';
import type { Message } from '../../src/dht/kad-inside.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { makeWorld, until, type World, type WorldNode } from '../support/overlay-world.ts';
import { makeRawPeer, type RawPeer } from '../support/raw-peer.ts';
import { keyOf } from '../support/world.ts';

const PATH = { index: -1, queued: 0, running: 0, total: 0 };
const ADDRESS = multiaddr('/ip4/127.0.0.1/tcp/4001');

/** An answer to FIND_NODE as it comes in. */
const answerOf = (ids: readonly Uint8Array[]): Uint8Array => {
  const out = writer().uint32(8).uint32(4);
  for (const id of ids) {
    out.uint32(66).fork().uint32(10).bytes(id).uint32(18).bytes(ADDRESS.bytes).ldelim();
  }
  return out.finish();
};

const idsOf = (count: number): PeerId[] =>
  Array.from({ length: count }, (_, i) => peerIdOf(keyOf(`peer ${i}`)));
const bytesOf = (id: PeerId): Uint8Array => id.toMultihash().bytes;

describe('an answer', () => {
  it('tells type, key, record and peers', () => {
    const [id] = idsOf(1) as [PeerId];
    const start = writer().uint32(18).bytes(Buffer.from('key')).uint32(26);
    const bytes = Buffer.concat([
      start.bytes(Buffer.from('record')).finish(),
      answerOf([bytesOf(id)]),
    ]);
    const { closer, ...rest } = makeReadAnswer(LIMITS)(bytes);
    const found = { type: 'FIND_NODE', key: Buffer.from('key'), record: Buffer.from('record') };
    expect({
      ...rest,
      key: Buffer.from(rest.key ?? []),
      record: Buffer.from(rest.record ?? []),
    }).toEqual({ ...found, providers: [] });
    expect(closer.map().map((peer) => [peer.id.toString(), peer.multiaddrs.map(String)])).toEqual([
      [id.toString(), [ADDRESS.toString()]],
    ]);
  });

  it('gives the very ids that earlier ones gave', () => {
    const read = makeReadAnswer(LIMITS);
    const bytes = answerOf(idsOf(3).map(bytesOf));
    const [first, again] = [read(bytes), read(bytes)].map(({ closer }) => closer.map());
    expect(again?.every(({ id }, at) => id === first?.[at]?.id)).toBe(true);
  });

  it('gives the very peer that an earlier one gave, unless its addresses changed', () => {
    const read = makeReadAnswer(LIMITS);
    const [id] = idsOf(1) as [PeerId];
    const told = (address: string) =>
      read(
        writer()
          .uint32(66)
          .fork()
          .uint32(10)
          .bytes(bytesOf(id))
          .uint32(18)
          .bytes(multiaddr(address).bytes)
          .ldelim()
          .finish(),
      ).closer.map()[0];
    const first = told('/ip4/127.0.0.1/tcp/4001');
    expect(told('/ip4/127.0.0.1/tcp/4001')).toBe(first);
    const moved = told('/ip4/127.0.0.1/tcp/4002');
    expect(moved?.multiaddrs.map(String)).toEqual(['/ip4/127.0.0.1/tcp/4002']);
    expect(moved?.id).toBe(first?.id);
  });

  it('is remembered no further than the limit', () => {
    const read = makeReadAnswer({ ...LIMITS, overlayPeerIdsKeptMax: 2 });
    const [a, b, c] = idsOf(3).map(bytesOf) as [Uint8Array, Uint8Array, Uint8Array];
    const one = (bytes: Uint8Array) => read(answerOf([bytes])).closer.map()[0]?.id;
    const [first, second] = [one(a), one(b)];
    expect(one(a)).toBe(first);
    // The third drives out the second, which was not told since.
    one(c);
    expect(one(a)).toBe(first);
    expect(one(b)).not.toBe(second);
    expect(String(one(b))).toBe(String(second));
  });

  it('with more peers than an honest node tells is cut', () => {
    const bytes = answerOf(idsOf(25).map(bytesOf));
    expect(makeReadAnswer(LIMITS)(bytes).closer.map()).toHaveLength(LIMITS.overlayCloserPeersMax);
  });

  it('is refused when it is no message, or names no peers', () => {
    const read = makeReadAnswer(LIMITS);
    for (const bytes of [
      Buffer.from('ffffffffffffffff', 'hex'),
      answerOf([bytesOf(idsOf(1)[0] as PeerId)]).subarray(0, -3),
      answerOf([new Uint8Array(0)]),
      answerOf([Buffer.from('0102', 'hex')]),
      writer().uint32(8).uint32(9).finish(),
    ]) {
      expect(() => read(bytes)).toThrow();
    }
  });

  it('passes over fields that nobody knows', () => {
    const strange = writer().uint32(122).bytes(Buffer.from('new')).uint32(80).uint32(3).finish();
    const bytes = Buffer.concat([strange, answerOf(idsOf(2).map(bytesOf))]);
    expect(makeReadAnswer(LIMITS)(bytes).closer.map()).toHaveLength(2);
  });
});

describe('a request', () => {
  let world: World;
  let nodes: WorldNode[];
  let peer: RawPeer;

  beforeAll(async () => {
    world = makeWorld();
    nodes = await world.nodes(4);
    peer = await makeRawPeer({ network: nodes[0]?.overlay.network ?? '' });
    // What the library made of the first answer stands beside what is made of the next.
    await peer.dial(nodes[0]?.address() ?? '');
    await until('all are known', () => (nodes[0]?.overlay.status().table ?? 0) >= 3, 30_000);
  });
  afterAll(async () => {
    await peer.stop();
    await world.end();
  });

  const ask = async (message: Message) => {
    const to = peerIdFromString(nodes[0]?.overlay.peerId ?? '');
    const options = { signal: AbortSignal.timeout(5_000), path: PATH };
    for await (const event of peer.kad().network.sendRequest(to, message, options)) {
      if (event.name === 'QUERY_ERROR') throw event.error;
      if (event.name === 'PEER_RESPONSE') return event;
    }
    throw new Error('no answer');
  };

  it('is understood as the one of the library, and so is what comes of it', async () => {
    const key = Buffer.from('/thing/a');
    const requests: Message[] = [
      { type: 'FIND_NODE', key },
      { type: 'GET_VALUE', key },
      { type: 'PUT_VALUE', key, record: peer.record('a', Buffer.from('{"key":"a","seq":1}')) },
      { type: 'GET_VALUE', key },
      { type: 'PING' },
    ];
    const told = async () => {
      const events = [];
      for (const request of requests) {
        const { closer, providers, record, messageType, from } = await ask(request);
        const peers = closer.map(({ id, multiaddrs }) => [`${id}`, multiaddrs.map(String)]);
        const value = record && Buffer.from(record.value).toString();
        events.push({ peers: peers.sort(), providers, value, messageType, from: `${from}` });
      }
      return events;
    };
    await until('the answers settle', async () => {
      const [before, after] = [await told(), await told()].map((each) => JSON.stringify(each));
      return before === after;
    });
    const byLibrary = await told();
    readAnswersOnce(peer.kad(), LIMITS);
    expect(await told()).toEqual(byLibrary);
    expect(byLibrary[0]?.peers.length).toBeGreaterThanOrEqual(3);
    expect(byLibrary[3]?.value).toBe('{"key":"a","seq":1}');
  });

  it('has no field more than the library sends', () => {
    expect(Buffer.from(writeRequest({ type: 'PUT_VALUE' })).toString('hex')).toBe('');
    const bytes = writeRequest({ type: 'FIND_NODE', key: Buffer.from('k') });
    expect(Buffer.from(bytes).toString('hex')).toBe('080412016b');
  });
});
