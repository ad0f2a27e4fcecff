// A client that knows only a colony id: what it takes from whom, where its calls go, and what it
// refuses. Every node is scripted, every record and proof is real.

import { expect, test } from 'vitest';
import { ColoniesError } from '../../src/api/client/error.ts';
import { readBootstraps } from '../../src/attach/bootstraps.ts';
import { memoryStore } from '../../src/federation/memory-store.ts';
import { errorBody } from '../../src/node/model/envelope.ts';
import { type FakeNode, lost, makeWorld, passing, rekey, type World } from './world.ts';

const SPEC = { conditions: { colonyname: 'x' } } as const;

/** A home, a second host, and a node that hosts nothing. */
const three = async (w: World): Promise<[FakeNode, FakeNode, FakeNode]> => {
  const nodes: [FakeNode, FakeNode, FakeNode] = [
    await w.node('home'),
    await w.node('second'),
    await w.node('other'),
  ];
  await w.publish([nodes[0], nodes[1]]);
  return nodes;
};

const failure = async (w: World, call: Promise<unknown>): Promise<ColoniesError> => {
  try {
    await passing(w.clock, call);
  } catch (error) {
    if (error instanceof ColoniesError) return error;
    throw error;
  }
  throw new Error('the call succeeded');
};

const submit = (w: World, client: ReturnType<World['client']>) =>
  passing(w.clock, client.submit({ spec: SPEC }));

test('one bootstrap is enough: the hosts are found, verified and called directly', async () => {
  const w = makeWorld();
  const [home, , other] = await three(w);
  const attachment = await w.attach({ from: [other.base] });
  const client = w.client(attachment);
  expect(await submit(w, client)).toMatchObject({ on: 'home' });
  expect(attachment.attached()).toEqual({ serverid: home.owner.id, via: home.base });
  expect(attachment.network).toBe('colonies');
  expect(w.sent.map(({ to }) => to)).toEqual(['home']);
});

test('every call names its server, its time and a nonce of its own', async () => {
  const w = makeWorld();
  const [home] = await three(w);
  const client = w.client(await w.attach());
  await submit(w, client);
  await submit(w, client);
  const [first, second] = w.sent.map(({ payload }) => payload);
  expect(first).toMatchObject({ audience: home.owner.id, issuedat: w.clock.now() });
  expect(first.nonce).toMatch(/^[0-9a-f]{64}$/);
  expect(first.nonce).not.toBe(second.nonce);
});

test('before any call the host proves that it holds its node key', async () => {
  const w = makeWorld();
  const [home, second] = await three(w);
  home.key = second.key;
  const client = w.client(await w.attach({ from: [second.base] }));
  expect(await submit(w, client)).toMatchObject({ on: 'second' });
  expect(w.sent.map(({ to }) => to)).not.toContain('home');
});

test('the next host is used when no connection to the home can be made, and the home again', async () => {
  const w = makeWorld();
  const [home, , other] = await three(w);
  const attachment = await w.attach({ from: [other.base] });
  const client = w.client(attachment);
  home.down = true;
  expect(await submit(w, client)).toMatchObject({ on: 'second' });
  home.down = false;
  w.clock.advance(2_000);
  expect(await submit(w, client)).toMatchObject({ on: 'home' });
});

test('a call that was sent and not answered never goes to another host', async () => {
  const w = makeWorld();
  const [home, second] = await three(w);
  const client = w.client(await w.attach());
  home.onReply = () => {
    home.down = true;
    throw lost();
  };
  const error = await failure(w, client.submit({ spec: SPEC }));
  expect(error).toMatchObject({ code: 'outcome-unknown', status: 502, mayRetry: false });
  expect(home.done).toHaveLength(1);
  expect(second.done).toHaveLength(0);
});

test('a call whose answer was lost is repeated at its host and takes effect once', async () => {
  const w = makeWorld();
  const [home] = await three(w);
  const client = w.client(await w.attach());
  let times = 0;
  home.onReply = (reply) => {
    times += 1;
    if (times === 1) throw lost();
    return reply;
  };
  expect(await submit(w, client)).toMatchObject({ processid: 'home-process-0', on: 'home' });
  expect(home.done).toHaveLength(1);
  const bodies = w.sent.filter(({ type }) => type === 'submitfuncspecmsg').map(({ body }) => body);
  expect(bodies).toHaveLength(2);
  expect(bodies[1]).toBe(bodies[0]);
});

test('what a repeat finds done is a success, in the shape of the first reply', async () => {
  const w = makeWorld();
  const [home] = await three(w);
  const client = w.client(await w.attach());
  let times = 0;
  home.onReply = (reply) => {
    times += 1;
    if (times === 1) throw lost();
    return reply;
  };
  const executor = { executorid: 'e', executorname: 'n', executortype: 't', colonyname: 'c' };
  const added = await passing(w.clock, client.addExecutor({ executor }));
  expect(added).toEqual(executor);
  times = 0;
  const closed = await passing(w.clock, client.close({ processid: 'home-process-9', out: [] }));
  expect(closed).toEqual({});
});

test('a poll is never repeated: the next one is another', async () => {
  const w = makeWorld();
  const [home, second] = await three(w);
  const client = w.client(await w.attach());
  home.onReply = () => {
    throw lost();
  };
  const error = await failure(w, client.assign({ colonyname: 'c', timeout: 10 }));
  expect(error).toMatchObject({ code: 'unreachable', mayRetry: true });
  expect(home.done).toHaveLength(1);
  expect(second.done).toHaveLength(0);
});

test('a host that cannot be reached directly is reached through a node', async () => {
  const w = makeWorld();
  const home = await w.node('home', 'https://home.test');
  const other = await w.node('other', 'https://other.test');
  await w.publish([home]);
  const plain = home.base;
  const wire: World['wire'] = (base, request, signal) => {
    if (base === plain) return w.wire('http://nowhere.test', request, signal);
    return w.wire(base, request, signal);
  };
  const attachment = await w.attach({ from: [other.base], wire });
  expect(await submit(w, w.client(attachment))).toMatchObject({ on: 'home' });
  expect(attachment.attached()).toEqual({ serverid: home.owner.id, via: other.base });
});

test('an assignment that a node on the way altered is not taken', async () => {
  const w = makeWorld();
  const home = await w.node('home', 'https://home.test');
  const other = await w.node('other', 'https://other.test');
  await w.publish([home]);
  const wire: World['wire'] = (base, request, signal) =>
    w.wire(base === home.base ? 'http://nowhere.test' : base, request, signal);
  const client = w.client(await w.attach({ from: [other.base], wire }));
  other.onReply = (reply) => ({ ...reply, body: reply.body.replace(/.(?="\s*,"error)/, 'x') });
  const error = await failure(w, client.assign({ colonyname: 'c', timeout: 10 }));
  expect(error).toMatchObject({ code: 'bad-reply' });
  expect(error.message).toMatch(/the reply was altered or is not by this server/);
  other.onReply = (reply) => reply;
  const taken = await passing(w.clock, client.assign({ colonyname: 'c', timeout: 10 }));
  expect(taken.processid).toBe('home-work-1');
});

test.each([
  ['without a proof', () => undefined],
  ['with the proof of another reply', (proof: string | undefined) => proof?.replace(/;0;/, ';1;')],
])('a reply %s counts for nothing, a refusal neither', async (_name, change) => {
  const w = makeWorld();
  const [home] = await three(w);
  const client = w.client(await w.attach());
  home.onReply = (reply) => ({ ...reply, proof: change(reply.proof) });
  expect(await failure(w, client.getProcess({ processid: 'home-process-0' }))).toMatchObject({
    code: 'bad-reply',
  });
  home.onReply = () => ({ status: 403, body: errorBody(403, 'you are nobody'), proof: undefined });
  const error = await failure(w, client.getProcess({ processid: 'home-process-0' }));
  expect(error).toMatchObject({ code: 'bad-reply' });
});

test('a server that the record does not name is never believed', async () => {
  const w = makeWorld();
  const [home, second, other] = await three(w);
  const client = w.client(await w.attach({ from: [other.base] }));
  // The other node answers for the colony itself, with a valid proof of its own.
  home.down = true;
  other.colonies.add(w.colony.id);
  const error = await failure(w, client.submit({ spec: SPEC }));
  expect(error).toMatchObject({ code: 'outcome-unknown' });
  expect(error.message).toMatch(/which the colony does not name/);
  expect(second.done).toEqual([]);
});

test('an answer to a read that was lost is asked for once more', async () => {
  const w = makeWorld();
  const [home] = await three(w);
  const client = w.client(await w.attach());
  const { processid } = await submit(w, client);
  let times = 0;
  home.onReply = (reply) => {
    times += 1;
    if (times === 1) throw lost();
    return reply;
  };
  expect(await passing(w.clock, client.getProcess({ processid }))).toMatchObject({ processid });
  home.onReply = () => {
    throw lost();
  };
  const error = await failure(w, client.getProcess({ processid }));
  expect(error).toMatchObject({ code: 'unreachable' });
});

test('a node key that was replaced is looked up and then believed', async () => {
  const w = makeWorld();
  const [home] = await three(w);
  const client = w.client(await w.attach());
  await submit(w, client);
  await rekey(home);
  expect(await submit(w, client)).toMatchObject({ on: 'home' });
});

test('a move is followed when the old home denies the colony', async () => {
  const w = makeWorld();
  const [home, second] = await three(w);
  const client = w.client(await w.attach());
  expect(await submit(w, client)).toMatchObject({ on: 'home' });
  await w.publish([second], { epoch: 2 });
  home.onReply = () => ({ status: 421, body: errorBody(421, 'not home'), proof: undefined });
  w.clock.advance(1_000);
  expect(await submit(w, client)).toMatchObject({ on: 'second' });
});

test('a move is followed within half a minute when the old home still answers', async () => {
  const w = makeWorld();
  const [, second] = await three(w);
  const attachment = await w.attach();
  const client = w.client(attachment);
  await submit(w, client);
  await w.publish([second], { epoch: 2 });
  w.clock.advance(31_000);
  await submit(w, client);
  await passing(w.clock, attachment.hosts.refresh());
  expect(await submit(w, client)).toMatchObject({ on: 'second' });
});

test('what lives on one server is looked for there, whoever is home', async () => {
  const w = makeWorld();
  const [home, second] = await three(w);
  const client = w.client(await w.attach());
  home.down = true;
  const { processid } = await submit(w, client);
  home.down = false;
  w.clock.advance(3_000);
  await submit(w, client);
  expect(await passing(w.clock, client.getProcess({ processid }))).toMatchObject({ on: 'second' });
  second.down = true;
  w.clock.advance(70_000);
  const error = await failure(w, client.getProcess({ processid }));
  expect(error).toMatchObject({ code: 'unreachable' });
});

test('when no host can be reached the error names each and why', async () => {
  const w = makeWorld();
  const [home, second, other] = await three(w);
  const client = w.client(await w.attach({ from: [other.base] }));
  home.down = true;
  second.down = true;
  const error = await failure(w, client.submit({ spec: SPEC }));
  expect(error).toMatchObject({ code: 'unreachable', mayRetry: true });
  expect(error.message).toMatch(/http:\/\/home\.test: connection refused/);
  expect(error.message).toMatch(/http:\/\/second\.test: connection refused/);
});

test('whoever watches is told of each try why a host could not be reached', async () => {
  const w = makeWorld();
  const [home, second, other] = await three(w);
  const told: [string, string | undefined][] = [];
  const onReach = (serverid: string, problem: string | undefined): void => {
    told.push([serverid, problem]);
  };
  const client = w.client(await w.attach({ from: [other.base], onReach }));
  home.down = true;
  await submit(w, client);
  expect(told).toContainEqual([home.owner.id, expect.stringContaining('connection refused')]);
  expect(told.at(-1)).toEqual([second.owner.id, undefined]);
});

test('a colony that nobody knows is not found', async () => {
  const w = makeWorld();
  await w.node('other');
  const client = w.client(await w.attach());
  const error = await failure(w, client.submit({ spec: SPEC }));
  expect(error).toMatchObject({ code: 'not-found', status: 404 });
});

test('without a bootstrap, or without one that answers, nothing is invented', async () => {
  const w = makeWorld();
  expect(await failure(w, w.attach({ from: [] }))).toMatchObject({
    code: 'unavailable',
    message: 'no bootstrap known: pass --bootstrap or start the first node',
  });
  const error = await failure(w, w.attach({ from: ['http://nobody.test'] }));
  expect(error.message).toMatch(/^no bootstrap answers: http:\/\/nobody\.test: connection refused/);
});

test('a node of another network is refused when one is asked for', async () => {
  const w = makeWorld();
  const [, , other] = await three(w);
  const error = await failure(w, w.attach({ from: [other.base], network: 'elsewhere' }));
  expect(error).toMatchObject({ code: 'bad-request' });
  expect(error.message).toBe(
    'the node at http://other.test is of the network colonies, not of elsewhere',
  );
});

test('what was verified serves on when no bootstrap answers any more', async () => {
  const w = makeWorld();
  const [, , other] = await three(w);
  const store = memoryStore();
  const openStore = () => store;
  await submit(w, w.client(await w.attach({ from: [other.base], openStore })));
  other.down = true;
  const again = await passing(
    w.clock,
    w.attach({ from: [other.base], network: 'colonies', openStore }),
  );
  expect(await submit(w, w.client(again))).toMatchObject({ on: 'home' });
});

test('a client that started from an https node uses no plain HTTP', async () => {
  const w = makeWorld();
  const home = await w.node('home', 'http://home.test');
  const other = await w.node('other', 'https://other.test');
  await w.publish([home]);
  const attachment = await w.attach({ from: [other.base] });
  expect(await submit(w, w.client(attachment))).toMatchObject({ on: 'home' });
  expect(attachment.attached()?.via).toBe(other.base);
  expect(w.asked.filter((line) => line.startsWith('http://'))).toEqual([]);
});

test('an older record than the one seen before is not followed', async () => {
  const w = makeWorld();
  const [home, second] = await three(w);
  const attachment = await w.attach();
  const client = w.client(attachment);
  await submit(w, client);
  await w.publish([second, home], { seq: 1 });
  await passing(w.clock, attachment.hosts.refresh());
  expect(await submit(w, client)).toMatchObject({ on: 'home' });
});

test('in federated mode a host without a chain is not used', async () => {
  const w = makeWorld();
  const [home, second] = await three(w);
  const policy = { mode: 'federated', depthMax: 3, scopes: [] } as const;
  const attachment = await w.attach({ policy, anchors: [second.owner.id] });
  expect(await submit(w, w.client(attachment))).toMatchObject({ on: 'second' });
  const { hosts } = await attachment.hosts.current();
  expect(hosts.find(({ serverid }) => serverid === home.owner.id)).toMatchObject({
    usable: false,
    trusted: false,
  });
});

test('several bootstraps: the first that answers is enough', async () => {
  const w = makeWorld();
  const [, , other] = await three(w);
  const from = ['http://nobody.test', other.base];
  expect(readBootstraps(from)).toHaveLength(2);
  const attachment = await passing(w.clock, w.attach({ from }));
  expect(attachment.nodes.answered()).toEqual([other.base]);
  expect(await submit(w, w.client(attachment))).toMatchObject({ on: 'home' });
});
