// The subscriptions of 2022 over real sockets.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { makeMetrics } from '../../src/api/metrics.ts';
import { makeWatching } from '../../src/api/ws.ts';
import { type Answer, answerOf, envelope, id, key, openWorld, WHO, type World } from './world.ts';

const { server: owner, colony, r1, r2, foreign, stranger } = WHO;
const UNKNOWN = 'f'.repeat(64);

let w: World;
let listening: WebSocketServer;
let declareDead: (id: string) => void;
const open: WebSocket[] = [];

beforeEach(async () => {
  w = await openWorld();
  await w.settle();
  const { elsewhere: _none, ...deps } = w.deps;
  const watching = makeWatching({
    ...deps,
    clock: w.clock,
    metrics: makeMetrics(),
    onRevoked: (listener) => {
      declareDead = listener;
    },
  });
  listening = new WebSocketServer({ port: 0 });
  listening.on('connection', (socket) =>
    watching(socket, {
      connection: new Map(),
      signal: new AbortController().signal,
      hangUp: () => socket.terminate(),
    }),
  );
  await once(listening, 'listening');
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.terminate();
  listening.close();
  await w.close();
});

/** One connection and what came over it. */
const connect = async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${(listening.address() as AddressInfo).port}`);
  open.push(socket);
  const frames: Answer[] = [];
  const waiting: ((frame: Answer) => void)[] = [];
  socket.on('message', (data) => {
    const frame = answerOf(0, data.toString());
    const taker = waiting.shift();
    if (taker === undefined) frames.push(frame);
    else taker(frame);
  });
  const closed = once(socket, 'close');
  await once(socket, 'open');
  return {
    closed,
    frames,
    send: (who: number, type: string, fields: object) =>
      socket.send(envelope(key(who), type, fields)),
    /** The next frame, waiting for it. */
    next: (): Promise<Answer> => {
      const frame = frames.shift();
      return frame ? Promise.resolve(frame) : new Promise((resolve) => waiting.push(resolve));
    },
  };
};

const processes = (state: number, runtimetype = 'worker') =>
  ['subscribeprocessesmsg', { runtimetype, state, timeout: 100 }] as const;
const one = (processid: string, state: number) =>
  ['subscribeprocessmsg', { processid, state, timeout: -1 }] as const;

/** Subscribes and waits until the subscription stands: an event that comes at once tells. */
const standing = async (line: Awaited<ReturnType<typeof connect>>, who = r1) => {
  const { processid } = await w.submit(r2, {}, { runtimetype: 'marker' });
  line.send(who, ...one(processid, 0));
  expect((await line.next()).payload.processid).toBe(processid);
};

describe('subscribing to processes', () => {
  test('tells of every process of the type that is submitted, under the documented type', async () => {
    const line = await connect();
    line.send(r1, ...processes(0));
    await standing(line);
    await w.submit(r2, {}, { runtimetype: 'other' });
    const submitted = await w.submit(r2, { env: { A: '1' } });
    const event = await line.next();
    expect(event.payloadtype).toBe('subscribeprocessmsg');
    expect(event.payload).toEqual(submitted);
  });

  test('tells of what was put back, as it is stored', async () => {
    const line = await connect();
    const { processid } = await w.submit(r2, { maxexectime: 1 });
    await w.assign(r2);
    line.send(r1, ...processes(0));
    await standing(line);
    await w.pass(3);
    expect((await line.next()).payload).toMatchObject({
      processid,
      state: 0,
      assignedruntimeid: '',
      retries: 1,
    });
  });

  test('stays within the colony of the subscriber', async () => {
    const line = await connect();
    line.send(foreign, ...processes(0));
    line.send(r1, ...processes(0));
    await standing(line);
    const { processid } = await w.submit(r2);
    expect((await line.next()).payload.processid).toBe(processid);
    expect(line.frames).toEqual([]);
  });

  test('may be for any state, and failed ones are failed ones', async () => {
    const line = await connect();
    for (const state of [1, 3]) line.send(r1, ...processes(state));
    await standing(line);
    const { processid } = await w.submit(r2);
    await w.assign(r2);
    expect((await line.next()).payload).toMatchObject({ processid, state: 1 });
    await w.ok(r2, 'closefailedmsg', { processid });
    expect((await line.next()).payload).toMatchObject({ processid, state: 3 });
  });

  test('any number may stand at a time, on one connection and on several', async () => {
    const lines = [await connect(), await connect()];
    for (const line of lines) {
      line.send(r1, ...processes(0));
      line.send(r1, ...processes(0, 'other'));
      await standing(line);
    }
    const first = await w.submit(r2);
    const second = await w.submit(r2, {}, { runtimetype: 'other' });
    for (const line of lines) {
      expect((await line.next()).payload.processid).toBe(first.processid);
      expect((await line.next()).payload.processid).toBe(second.processid);
    }
  });
});

describe('subscribing to a process', () => {
  test('tells at once when it already is in the state', async () => {
    const { processid } = await w.submit(r2);
    await w.assign(r2);
    await w.ok(r2, 'closesuccessfulmsg', { processid });
    const line = await connect();
    line.send(r1, ...one(processid, 2));
    expect((await line.next()).payload).toMatchObject({ processid, state: 2 });
  });

  test('tells subscribers of state 3 of a failure, and those of state 2 nothing', async () => {
    const { processid } = await w.submit(r2);
    await w.assign(r2);
    const line = await connect();
    line.send(r1, ...one(processid, 2));
    line.send(r1, ...one(processid, 3));
    await standing(line);
    await w.ok(r2, 'closefailedmsg', { processid });
    expect((await line.next()).payload.state).toBe(3);
    expect((await w.call(r2, 'closesuccessfulmsg', { processid })).status).toBe(400);
    await standing(line);
    expect(line.frames).toEqual([]);
  });

  test('a cancelled process is told to those who wait for a failure', async () => {
    const { processid } = await w.submit(r2);
    const line = await connect();
    line.send(r1, ...one(processid, 3));
    await standing(line);
    await w.ok(r2, 'cancelprocessmsg', { processid });
    expect((await line.next()).payload).toMatchObject({ processid, state: 3 });
  });
});

describe('a refused subscription', () => {
  const refusal = async (who: number, type: string, fields: object) => {
    const line = await connect();
    line.send(who, type, fields);
    const { payloadtype, payload, message } = await line.next();
    await line.closed;
    expect(payloadtype).toBe('error');
    return [payload.status, message];
  };

  test('of an unknown process is told, and the server goes on', async () => {
    expect(await refusal(r1, ...one(UNKNOWN, 2))).toEqual([404, 'process is nil']);
    expect((await w.submit(r2)).state).toBe(0);
  });

  test('of someone who is no runtime is told', async () => {
    const { processid } = await w.submit(r2);
    for (const who of [stranger, colony, owner]) {
      expect(await refusal(who, ...processes(0))).toEqual([403, 'runtime not found']);
      const line = await connect();
      line.send(who, ...one(processid, 2));
      expect((await line.next()).payload.status).toBe(403);
    }
  });

  test('of a runtime that is not approved is told', async () => {
    await w.addRuntime(colony, 9);
    const { processid } = await w.submit(r2);
    const text = `Runtime with Id <${id(9)}> is not approved`;
    expect(await refusal(9, ...processes(0))).toEqual([403, text]);
    expect(await refusal(9, ...one(processid, 2))).toEqual([403, text]);
  });

  test('to a process of another colony is told', async () => {
    const { processid } = await w.submit(r2);
    const who = `Runtime with Id <${id(foreign)}> is not a member of Colony with Id <${id(colony)}>`;
    expect(await refusal(foreign, ...one(processid, 2))).toEqual([
      403,
      `${who}, (Recovered Id and Colony Id missmatches)`,
    ]);
  });
});

test('a key that is declared dead ends the connection of its subscriptions, and no other', async () => {
  const dead = await connect();
  const other = await connect();
  await standing(dead);
  await standing(other, r2);
  dead.send(r1, ...processes(0));
  other.send(r2, ...processes(0));
  await standing(dead);
  await standing(other, r2);
  declareDead(id(r1));
  expect(await dead.next()).toMatchObject({ payload: { status: 403, message: 'key revoked' } });
  await dead.closed;
  const { processid } = await w.submit(r2);
  expect((await other.next()).payload.processid).toBe(processid);
});
