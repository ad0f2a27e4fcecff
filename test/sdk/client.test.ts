// The client over real HTTP and WebSocket connections.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, ColoniesError, generateKey, idOfKey, makeClient } from '../../src/sdk.ts';
import { type Served, serve } from '../support/served.ts';
import { idOf, keyOf, openWorld, type World } from '../support/world.ts';

let w: World;
let at: Served;
let alice: Client;
let e1: Client;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
  at = await serve(w);
  alice = makeClient({ url: at.url, key: keyOf('alice') });
  e1 = makeClient({ host: '127.0.0.1', port: at.port, key: keyOf('e1') });
});
afterEach(async () => {
  await at.close();
  await w.close();
});

const failure = async (call: Promise<unknown>): Promise<ColoniesError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ColoniesError) return error;
  throw new Error(`expected a ColoniesError, got ${String(error)}`);
};

const spec = (more: object = {}) => ({
  spec: { funcname: 'f', ...more, conditions: { colonyname: 'dev', executortype: 'worker' } },
});

test('a client has one method for each operation, typed both ways', async () => {
  const { processid, spec: submitted } = await alice.submit(spec({ args: [1, 'two'] }));
  expect(submitted.args).toEqual([1, 'two']);
  const { state, prioritytime } = await alice.getProcess({ processid });
  expect(state).toBe(0);
  expect(typeof prioritytime).toBe('bigint');
  const [{ name } = { name: '' }] = await alice.getUsers({ colonyname: 'dev' });
  expect(name.length).toBe(5);
  const checked = () => {
    // @ts-expect-error: the field is needed
    void alice.getProcess({});
    // @ts-expect-error: there is no such field
    void alice.getProcess({ processid, colour: 'red' });
    // @ts-expect-error: there is no such method
    void alice.getWeather();
    // @ts-expect-error: the reply has no such field
    void alice.getColony({ colonyname: 'dev' }).then(({ weather }) => weather);
  };
  expect(checked).toBeInstanceOf(Function);
});

test('a client knows its id, and works unsigned without a key', async () => {
  expect(alice.id).toBe(idOf('alice'));
  const nobody = makeClient({ url: `${at.url}/` });
  expect(nobody.id).toBeUndefined();
  expect((await nobody.getServerInfo()).backends).toHaveLength(1);
  const refused = await failure(nobody.getColonies());
  expect(refused).toMatchObject({ status: 403, message: 'Invalid signature length' });
});

test('keys are made and known by their id', () => {
  const key = generateKey();
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(generateKey()).not.toBe(key);
  expect(idOfKey(key)).toMatch(/^[0-9a-f]{64}$/);
  expect(() => makeClient({ key: 'short' })).toThrow();
});

test('a refusal is an error with status, code and text', async () => {
  const denied = await failure(alice.getColonies());
  expect(denied).toMatchObject({
    name: 'ColoniesError',
    status: 403,
    code: 'forbidden',
    message: 'Access denied, not server owner',
    mayRetry: false,
  });
  const none = await failure(alice.getProcess({ processid: 'none' }));
  expect([none.status, none.code]).toEqual([404, 'not-found']);
  const idle = await failure(e1.assign({ colonyname: 'dev', timeout: -1 }));
  expect([idle.status, idle.code, idle.mayRetry]).toEqual([404, 'nothing-waiting', true]);
  const wrong = await failure(alice.send('submitfuncspecmsg', { spec: { priority: 'high' } }));
  expect([wrong.code, wrong.detail]).toEqual(['bad-request', 'spec.priority: expected an integer']);
});

test('numbers beyond 2^53 keep every digit, both ways', async () => {
  const big = 9_007_199_254_740_993n;
  const conditions = { colonyname: 'dev', walltime: big };
  const process = await alice.submit({ spec: { conditions } });
  expect(process.spec.conditions.walltime).toBe(big);
});

test('free values come back as they were', async () => {
  const args = [1.5, 1e21, -0.001, 'ü😀', null, { deep: [true] }];
  expect((await alice.submit(spec({ args }))).spec.args).toEqual(args);
});

test('what cannot be reached, or is no Colonies server, is told apart', async () => {
  const nowhere = makeClient({ url: 'http://127.0.0.1:9', key: keyOf('alice') });
  expect((await failure(nowhere.getColonies())).code).toBe('unreachable');
  const other = createServer((_request, reply) => reply.end('<html>hello</html>'));
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  const { port } = other.address() as AddressInfo;
  const strange = await failure(makeClient({ port, host: '127.0.0.1' }).getServerInfo());
  expect(strange.code).toBe('bad-reply');
  expect(strange.message).toContain('<html>hello</html>');
  other.close();
  other.closeAllConnections();
});

test('a call is given up by its caller, or after its time', async () => {
  const mine = new AbortController();
  const given = e1.assign({ colonyname: 'dev', timeout: 50 }, { signal: mine.signal });
  mine.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  const late = await failure(e1.assign({ colonyname: 'dev', timeout: 50 }, { timeoutMs: 50 }));
  expect(late.code).toBe('unreachable');
  await expect(alice.getColonies({}, { signal: mine.signal })).rejects.toThrow('enough');
});

test('one long poll gives the next process, or nothing', async () => {
  const waiting = e1.next({ colonyname: 'dev', waitS: 20 });
  const { processid } = await alice.submit(spec());
  expect((await waiting)?.processid).toBe(processid);
  const idle = e1.next({ colonyname: 'dev', waitS: 5 });
  expect(await w.passUntil(idle)).toBeUndefined();
});

test('identical polls send the very same signed envelope, other calls are signed anew', async () => {
  const bodies: string[] = [];
  const spy = makeClient({
    key: keyOf('e1'),
    transport: async (body) => {
      bodies.push(body);
      const { status, body: text } = await w.dispatch.receive(body, {
        connection: new Map(),
        signal: new AbortController().signal,
      });
      return { status, body: text };
    },
  });
  await failure(spy.assign({ colonyname: 'dev', timeout: -1 }));
  await failure(spy.assign({ colonyname: 'dev', timeout: -1 }));
  await spy.getColony({ colonyname: 'dev' });
  expect(bodies[0]).toBe(bodies[1]);
  expect(bodies[2]).not.toBe(bodies[0]);
});

test('the events of a process are an async iterable', async () => {
  const { processid } = await alice.submit(spec());
  const events = alice.subscribeProcess({ processid, state: 1 });
  await e1.next({ colonyname: 'dev' });
  for await (const process of events) {
    expect(process).toMatchObject({ processid, state: 1 });
    break;
  }
});

test('so are those of a colony, until the time is over', async () => {
  const message = { colonyname: 'dev', executortype: 'worker', state: 0, timeout: 1 };
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { processid } of alice.subscribeProcesses(message)) seen.push(processid);
  })();
  while (w.clock.timers() < 1) await new Promise((resolve) => setImmediate(resolve));
  const { processid } = await alice.submit(spec());
  while (seen.length < 1) await new Promise((resolve) => setImmediate(resolve));
  await w.passUntil(reading);
  expect(seen).toEqual([processid]);
});

test('a refused subscription, a lost one and one given up are errors', async () => {
  const refused = alice.subscribeProcess({ processid: 'none', state: 0 });
  expect((await failure(refused.next())).message).toBe('Invalid process with Id none');
  const { processid } = await alice.submit(spec());
  const lost = alice.subscribeProcess({ processid, state: 4 });
  const mine = new AbortController();
  const given = alice.subscribeProcess({ processid, state: 4 }, { signal: mine.signal });
  const ending = given.next();
  mine.abort(new Error('enough'));
  await expect(ending).rejects.toThrow('enough');
  const waiting = failure(lost.next());
  while (w.clock.timers() < 1) await new Promise((resolve) => setImmediate(resolve));
  await at.close();
  expect((await waiting).code).toBe('unreachable');
  const gone = alice.subscribeProcess({ processid, state: 4 });
  expect((await failure(gone.next())).code).toBe('unreachable');
});

test('waiting for a process gives it finished, however it ends', async () => {
  const first = await alice.submit(spec());
  const waiting = alice.waitForProcess({ processid: first.processid });
  await e1.next({ colonyname: 'dev' });
  await e1.fail({ processid: first.processid, errors: ['no'] });
  expect(await waiting).toMatchObject({ state: 3, errors: ['no'] });
  expect(await alice.waitForProcess({ processid: first.processid })).toMatchObject({ state: 3 });
  const second = await alice.submit(spec());
  const late = failure(alice.waitForProcess({ processid: second.processid, timeout: 1 }));
  expect((await w.passUntil(late)).code).toBe('nothing-waiting');
});
