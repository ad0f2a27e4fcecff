// Where a call for a colony elsewhere goes, and what is said when it goes nowhere.

import { describe, expect, it } from 'vitest';
import { type Attempt, type Call, failedAttempt } from '../../src/federation/relay.ts';
import type { Host } from '../../src/federation/resolve.ts';
import { stateColony } from '../../src/federation/statements.ts';
import { fault } from '../../src/node/errors.ts';
import { addNode, type Member, makeWorld, settle, tickAll, type World } from './fakes.ts';
import { keyOf, NETWORK } from './world.ts';

const colony = keyOf('colony');

const name = async (world: World, through: Member, servers: readonly Member[]) => {
  const previous = (await through.federation.book.find('colony', colony.id))?.record;
  const ids = servers.map(({ owner }) => owner.id);
  const said = { network: NETWORK, now: world.clock.now(), servers: ids, previous };
  await through.federation.publisher.submit((await stateColony(colony, said)).bytes);
  await settle();
};

const start = async () => {
  const world = makeWorld();
  const [a, b, c] = [
    await addNode(world, 'a'),
    await addNode(world, 'b'),
    await addNode(world, 'c'),
  ];
  await tickAll(world);
  await name(world, a, [a, b]);
  a.hosted.add(colony.id);
  b.hosted.add(colony.id);
  return { world, a, b, c };
};

const call = (over: Partial<Call> = {}): Call => ({
  colonyid: colony.id,
  mutating: true,
  payer: { address: '192.0.2.1', caller: 'x' },
  signal: new AbortController().signal,
  ...over,
});

/** A transport that says what is scripted per server and counts. */
const script = (attempts: Record<string, Attempt<string> | (() => Attempt<string>)>) => {
  const sent: string[] = [];
  const send = async (host: Host): Promise<Attempt<string>> => {
    sent.push(host.serverid);
    const scripted = attempts[host.serverid];
    if (scripted === undefined) return { kind: 'unreachable', reason: 'refused' };
    return typeof scripted === 'function' ? scripted() : scripted;
  };
  return { sent, send };
};

const answer = (value: string, status = 200): Attempt<string> => ({
  kind: 'answer',
  status,
  value,
});

describe('routing', () => {
  it('takes the home and hands its answer back, whatever its status', async () => {
    const { a, c } = await start();
    for (const status of [200, 403, 404, 500, 429]) {
      const { sent, send } = script({ [a.owner.id]: answer('home', status) });
      expect(await c.federation.relay.route(call(), send)).toBe('home');
      expect(sent).toEqual([a.owner.id]);
    }
  });

  it('gives the route that proved itself', async () => {
    const { a, c } = await start();
    const routes: (string | undefined)[] = [];
    await c.federation.relay.route(call(), async (_host, via) => {
      routes.push(via);
      return answer('ok');
    });
    expect(routes).toEqual([a.url]);
  });

  it('takes the next host only when the first could not be reached', async () => {
    const { a, b, c } = await start();
    const { sent, send } = script({ [b.owner.id]: answer('second') });
    expect(await c.federation.relay.route(call(), send)).toBe('second');
    expect(sent).toEqual([a.owner.id, b.owner.id]);
  });

  it('sends nothing to a host that does not answer the challenge', async () => {
    const { world, b, c } = await start();
    world.down.add('a');
    const { sent, send } = script({ [b.owner.id]: answer('second') });
    expect(await c.federation.relay.route(call(), send)).toBe('second');
    expect(sent).toEqual([b.owner.id]);
  });

  it('never sends a call that changes something twice', async () => {
    const { a, b, c } = await start();
    const lost: Attempt<string> = { kind: 'lost', reason: 'connection reset' };
    const { sent, send } = script({ [a.owner.id]: lost, [b.owner.id]: answer('second') });
    await expect(c.federation.relay.route(call(), send)).rejects.toMatchObject({
      code: 'outcome-unknown',
      message: 'outcome unknown: connection reset',
    });
    expect(sent).toEqual([a.owner.id]);
    const read = script({ [a.owner.id]: lost, [b.owner.id]: answer('second') });
    expect(await c.federation.relay.route(call({ mutating: false }), read.send)).toBe('second');
  });

  it('asks the same host once more when the answer to a question was lost, and no more', async () => {
    const { a, b, c } = await start();
    const lost: Attempt<string> = { kind: 'lost', reason: 'connection reset' };
    const answers = [lost, answer('at last')];
    const question = call({ mutating: false });
    const once = script({ [a.owner.id]: () => answers.shift() ?? lost });
    expect(await c.federation.relay.route(question, once.send)).toBe('at last');
    expect(once.sent).toEqual([a.owner.id, b.owner.id, a.owner.id]);
    const never = script({ [a.owner.id]: lost });
    await expect(c.federation.relay.route(question, never.send)).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(never.sent.filter((id) => id === a.owner.id)).toHaveLength(2);
  });

  it('resolves once more after 421 and follows the move', async () => {
    const { world, a, b, c } = await start();
    await c.federation.resolver.resolve(colony.id);
    world.down.add('c');
    world.clock.advance(1_000);
    await name(world, b, [b]);
    world.down.delete('c');
    const { sent, send } = script({
      [a.owner.id]: answer('no', 421),
      [b.owner.id]: answer('moved'),
    });
    expect(await c.federation.relay.route(call(), send)).toBe('moved');
    expect(sent.at(-1)).toBe(b.owner.id);
  });

  it('gives up after the second look: stale nodes never loop', async () => {
    const { a, b, c } = await start();
    const { sent, send } = script({
      [a.owner.id]: answer('no', 421),
      [b.owner.id]: answer('no', 421),
    });
    await expect(c.federation.relay.route(call(), send)).rejects.toMatchObject({
      code: 'not-home',
      message: `not home of colony ${colony.id}`,
    });
    expect(sent).toEqual([a.owner.id, b.owner.id]);
  });

  it('says the same of a colony that its hosts deny, whoever asks, at first and later', async () => {
    const { a, b, c } = await start();
    const { sent, send } = script({
      [a.owner.id]: answer('no', 421),
      [b.owner.id]: answer('no', 421),
    });
    const refused = { code: 'not-home', message: `not home of colony ${colony.id}` };
    // They agreed to it a moment ago.
    await c.federation.resolver.resolve(colony.id);
    a.hosted.clear();
    b.hosted.clear();
    for (const through of [c, c, a, b]) {
      await expect(through.federation.relay.route(call(), send)).rejects.toMatchObject(refused);
    }
    // Nothing is sent to whoever says beforehand that it is not home.
    expect(sent.length).toBeLessThanOrEqual(2);
  });

  it('leaves it open while one of the hosts cannot be asked', async () => {
    const { world, a, b, c } = await start();
    const { send } = script({ [a.owner.id]: answer('no', 421), [b.owner.id]: answer('no', 421) });
    a.hosted.clear();
    world.down.add('b');
    for (let i = 0; i < 2; i += 1) {
      await expect(c.federation.relay.route(call(), send)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(`(${b.owner.id}: could not be reached`),
      });
    }
  });

  it('does not send to itself, and says that it does not host what it is named for', async () => {
    const { a, b } = await start();
    a.hosted.clear();
    const { sent, send } = script({ [b.owner.id]: answer('second') });
    expect(await a.federation.relay.route(call(), send)).toBe('second');
    expect(sent).toEqual([b.owner.id]);
  });

  it('says when nobody knows the colony, and when no host can be reached', async () => {
    const { world, c } = await start();
    const { send } = script({});
    const unknown = call({ colonyid: keyOf('nobody').id });
    await expect(c.federation.relay.route(unknown, send)).rejects.toMatchObject({
      code: 'not-found',
    });
    world.down.add('a').add('b');
    await expect(c.federation.relay.route(call(), send)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('could not be reached'),
    });
  });

  it('says why no host could be reached, also when the second look shows nothing new', async () => {
    const { a, c } = await start();
    const { send } = script({
      [a.owner.id]: { kind: 'unreachable', reason: 'no certificate' },
    });
    await expect(c.federation.relay.route(call(), send)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`(${a.owner.id}: no certificate)`),
    });
  });

  it('stops when the caller goes away', async () => {
    const { a, b, c } = await start();
    const controller = new AbortController();
    const { sent, send } = script({
      [a.owner.id]: () => {
        controller.abort();
        return { kind: 'unreachable', reason: 'aborted' };
      },
      [b.owner.id]: answer('second'),
    });
    const gone = c.federation.relay.route(call({ signal: controller.signal }), send);
    await expect(gone).rejects.toThrow(/went away/);
    expect(sent).toEqual([a.owner.id]);
  });

  it('reads from a fault whether bytes were sent', () => {
    expect(failedAttempt(fault('unavailable', 'x', { sent: 0 })).kind).toBe('unreachable');
    expect(failedAttempt(fault('unavailable', 'x', { sent: 1 })).kind).toBe('lost');
    expect(failedAttempt(fault('unavailable', 'x')).kind).toBe('lost');
    expect(() => failedAttempt(new Error('bug'))).toThrow('bug');
  });
});
