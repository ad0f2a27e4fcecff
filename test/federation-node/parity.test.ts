// A call through any node is the same as at its home: the bytes that go, the answers that come back,
// the words in which things are refused. Over HTTP and over the overlay.

import { once } from 'node:events';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { CALLS_PATH, RELAY_PATH } from '../../src/compose/relay-post.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { answerOf, idOf } from '../support/world.ts';
import {
  endNodes,
  freePort,
  guarded,
  post,
  publish,
  sealed,
  startNodes,
  type TestNode,
  until,
} from './nodes.ts';
import { type BadProxy, startProxy } from './proxy.ts';

let proxy: BadProxy;
let web: TestNode;
let deep: TestNode;
let relay: TestNode;

beforeAll(async () => {
  proxy = await startProxy();
  const port = await freePort();
  const address = `/ip4/127.0.0.1/tcp/${port}`;
  // `web` is reached over HTTP and seen on the way; `deep` publishes no URL.
  const settings: Record<string, object> = {
    web: { 'overlay.announce': [proxy.url] },
    deep: { 'overlay.listen': [address], 'overlay.announce': [address] },
  };
  const nodes = await startNodes(['relay', 'web', 'deep'], (owner) =>
    settings[owner] === undefined ? {} : { settings: settings[owner] as Record<string, unknown> },
  );
  [relay, web, deep] = nodes as [TestNode, TestNode, TestNode];
  proxy.to(web.url);
  for (const [home, colony] of [
    [web, 'near'],
    [deep, 'far'],
  ] as const) {
    await home.colony(colony);
    await home.user('alice', colony);
    for (const name of ['e1', 'e2']) await home.executor(name, colony);
    await publish(relay, colony, [home.id]);
  }
}, 60_000);
afterAll(async () => {
  await endNodes([relay, web, deep]);
  await proxy.close();
});

// In this order: after one that broke no stream is tried for a while.
describe.each([
  ['on a stream', true],
  ['posted', false],
])('%s', (_name, isStreamed) => {
  beforeAll(async () => {
    if (!isStreamed) {
      proxy.onPath(CALLS_PATH, 'drop');
      proxy.cut();
    }
    const question = sealed('alice', 'getcolonymsg', { colonyname: idOf('near') });
    await until(async () => {
      await post(relay.url, question);
      const posted = proxy.body(RELAY_PATH)?.toString() ?? '';
      return isStreamed ? proxy.streamed().includes(question) : posted.includes(question);
    });
  }, 60_000);

  test('bytes reach the home as they left the client', async () => {
    const colonyname = idOf('near');
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string());
    const junk = fc.dictionary(text, fc.jsonValue({ stringUnit: 'binary' }), { maxKeys: 4 });
    const blank = fc.stringMatching(/^[ \t\r\n]{0,20}$/);
    const property = fc.asyncProperty(
      junk,
      junk,
      blank,
      fc.boolean(),
      async (inner, outer, ws, odd) => {
        const { __proto__: _inner, ...fields } = inner;
        const { __proto__: _outer, ...beside } = outer;
        const envelope = JSON.parse(sealed('alice', 'getcolonymsg', { ...fields, colonyname }));
        const body = Buffer.from(
          `${ws}${JSON.stringify({ ...beside, ...envelope, '@@': 0 }, null, ws.length % 3)}${ws}`,
        );
        // Bytes that are no UTF-8, inside a name that nobody reads.
        if (odd) body.fill(0xfe, body.lastIndexOf('@@'), body.lastIndexOf('@@') + 2);
        const { status } = await post(relay.url, new Uint8Array(body));
        expect(status).toBe(200);
        if (isStreamed) expect(proxy.streamed().includes(body)).toBe(true);
        else expect(proxy.body(RELAY_PATH)?.equals(body)).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  }, 60_000);
});

test('a name never leaves the node', async () => {
  const before = proxy.seen.length;
  for (const name of ['near', 'far', 'x', 'F'.repeat(64)]) {
    const direct = await web.send('alice', 'getcolonymsg', { colonyname: `${name}-nowhere` });
    const answer = await relay.send('alice', 'getcolonymsg', { colonyname: name });
    expect([answer.status, answer.error]).toEqual([direct.status, true]);
    expect(answer.payload.message).toBe(`Colony with name <${name}> does not exists`);
  }
  expect(proxy.seen.slice(before)).toEqual([]);
});

describe.each([
  ['HTTP', 'near', () => web],
  ['the overlay', 'far', () => deep],
] as const)('over %s', (_way, colony, homeOf) => {
  const COLONY = idOf(colony);
  const conditions = { colonyname: COLONY, executortype: 'worker' };
  const submit = async (node: TestNode, more: object = {}): Promise<string> =>
    (
      await node.send('alice', 'submitfuncspecmsg', {
        spec: { funcname: 'f', conditions, ...more },
      })
    ).payload.processid;
  const both = async (body: string) => {
    const direct = await post(homeOf().url, body);
    return [await post(relay.url, body), direct] as const;
  };

  test('answers and refusals are those of the home, byte for byte', async () => {
    const processid = await submit(homeOf());
    await homeOf().send('e1', 'assignprocessmsg', { colonyname: COLONY, timeout: 5 });
    const log = { processid, message: 'x' };
    const asked: (readonly [status: number, who: string, type: string, fields: object])[] = [
      [200, 'alice', 'getcolonymsg', { colonyname: COLONY }],
      [200, 'alice', 'getexecutorsmsg', { colonyname: COLONY }],
      [200, 'alice', 'getprocessmsg', { processid }],
      [200, 'alice', 'getcolonystatsmsg', { colonyname: COLONY }],
      [403, 'mallory', 'getcolonymsg', { colonyname: COLONY }],
      [403, 'mallory', 'getprocessmsg', { processid }],
      [403, 'alice', 'addusermsg', { user: { colonyname: COLONY, name: 'x' } }],
      [403, 'e2', 'addlogmsg', log],
      [403, 'e2', 'closesuccessfulmsg', { processid }],
      [404, 'alice', 'getprocessmsg', { processid: `${processid.slice(0, 16)}${'0'.repeat(48)}` }],
      [404, 'e2', 'assignprocessmsg', { colonyname: COLONY, timeout: -1 }],
      [404, 'alice', 'getexecutormsg', { colonyname: COLONY, executorname: 'nobody' }],
      [400, 'alice', 'getprocessesmsg', { colonyname: COLONY, count: 'many' }],
      [400, 'alice', 'submitfuncspecmsg', { spec: { conditions, funcname: 'f', maxretries: 'x' } }],
      [400, 'alice', 'getcolonymsg', { colonyname: COLONY, nonce: '!' }],
    ];
    for (const [status, who, type, fields] of asked) {
      const [relayed, direct] = await both(sealed(who, type, fields));
      expect([type, relayed]).toEqual([type, direct]);
      expect([type, direct.status]).toEqual([type, status]);
    }
    const proven = sealed('alice', 'getcolonymsg', { colonyname: COLONY, ...guarded(homeOf().id) });
    const [relayed, direct] = await both(proven);
    expect(relayed).toEqual(direct);
    expect(direct.proof).toBeDefined();
    await homeOf().send('e1', 'closesuccessfulmsg', { processid });
  });

  test('a colony is named in replies as the request named it', async () => {
    const processid = await submit(relay);
    const found = await relay.send('alice', 'getprocessesmsg', { ...all, colonyname: COLONY });
    expect(found.payload[0].spec.conditions.colonyname).toBe(COLONY);
    const byName = await homeOf().send('alice', 'getprocessesmsg', { ...all, colonyname: colony });
    expect(byName.payload[0].spec.conditions.colonyname).toBe(colony);
    await homeOf().send(colony, 'removeprocessmsg', { processid });
  });
  const all = { count: 10, state: 0 };

  test('the largest body arrives, one byte more is refused as at the home', async () => {
    const text = sealed('alice', 'getcolonymsg', { colonyname: COLONY });
    const largest = text + ' '.repeat(LIMITS.bodyBytesMax - text.length);
    const [relayed, direct] = await both(largest);
    expect(relayed).toEqual(direct);
    expect(direct.status).toBe(200);
    const [over, overDirect] = await both(`${largest} `);
    expect(over).toEqual(overDirect);
    expect(over.status).toBe(413);
  }, 60_000);

  /** The frames that a node gives to these subscriptions of one connection. */
  const framesOf = async (node: TestNode, bodies: readonly string[], count: number) => {
    const socket = new WebSocket(`${node.url.replace('http', 'ws')}/pubsub`);
    await once(socket, 'open');
    const frames: string[] = [];
    socket.on('message', (data) => frames.push(String(data)));
    for (const body of bodies) socket.send(body);
    await until(() => frames.length >= count);
    socket.close();
    await once(socket, 'close');
    return frames;
  };

  test('subscriptions are refused in the same words', async () => {
    const fields = { colonyname: COLONY, executortype: 'worker', state: 0, timeout: 60 };
    const gone = { processid: `${COLONY.slice(0, 10)}${homeOf().id.slice(0, 6)}${'0'.repeat(48)}` };
    for (const [who, type, more] of [
      ['mallory', 'subscribeprocessesmsg', fields],
      ['alice', 'subscribeprocessesmsg', { ...fields, state: 'x' }],
      ['alice', 'subscribeprocessmsg', { ...fields, ...gone }],
      ['alice', 'subscribeprocessesmsg', { ...fields, ...guarded(relay.id) }],
    ] as const) {
      const body = sealed(who, type, more);
      const [direct] = await framesOf(homeOf(), [body], 1);
      const [relayed] = await framesOf(relay, [body], 1);
      const told = (frame = '') => {
        const { time: _time, ...payload } = answerOf(403, frame).payload;
        return payload;
      };
      expect(told(relayed)).toEqual(told(direct));
      expect(told(relayed).status).toBe(403);
    }
  });

  test('events are the same, and name the colony as it was asked for', async () => {
    const processid = await submit(homeOf());
    const fields = { processid, colonyname: COLONY, executortype: 'worker', state: 0, timeout: 60 };
    const body = sealed('alice', 'subscribeprocessmsg', fields);
    const direct = await framesOf(homeOf(), [body, body], 2);
    expect(await framesOf(relay, [body, body], 2)).toEqual(direct);
    const event = answerOf(200, direct[0] ?? '').payload;
    expect(event.spec.conditions.colonyname).toBe(COLONY);
    await homeOf().send(colony, 'removeprocessmsg', { processid });
    expect(proxy.seen.includes('/federation/relay/pubsub')).toBe(true);
  });

  test('an executor that names no colony subscribes to its own', async () => {
    await relay.send('e2', 'getexecutorsmsg', { colonyname: COLONY });
    const socket = new WebSocket(`${relay.url.replace('http', 'ws')}/pubsub`);
    await once(socket, 'open');
    const frames: string[] = [];
    socket.on('message', (data) => frames.push(String(data)));
    const fields = { executortype: 'quiet', state: 0, timeout: 60 };
    socket.send(sealed('e2', 'subscribeprocessesmsg', fields));
    const own = { conditions: { ...conditions, executortype: 'quiet' } };
    await until(async () => {
      await submit(homeOf(), own);
      return frames.length > 0;
    });
    socket.close();
    await once(socket, 'close');
  });
});
