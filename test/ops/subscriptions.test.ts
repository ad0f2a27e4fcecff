// Subscriptions of the executor dialect over real sockets.

import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { errorBody } from '../../src/node/model/envelope.ts';
import { type Served, type ServeOptions, serve } from '../support/served.ts';
import { type Answer, answerOf, idOf, openWorld, type World } from '../support/world.ts';

let w: World;
let at: Served;
const start = async (options?: ServeOptions): Promise<void> => {
  at = await serve(w, options);
};
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
});
afterEach(async () => {
  await at.close();
  expect(w.complaints()).toEqual([]);
  await w.close();
});

interface Frame extends Answer {
  readonly binary: boolean;
}

/** A subscriber: its frames so far, and how its connection ended. */
const open = async () => {
  const socket = new WebSocket(`${at.url.replace('http', 'ws')}/pubsub`);
  const frames: Frame[] = [];
  let wake = (): void => undefined;
  socket.on('message', (data, binary) => {
    frames.push({ ...answerOf(200, data.toString()), binary });
    wake();
  });
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  return {
    socket,
    frames,
    closed,
    send: (text: string) => socket.send(text),
    /** The first `n` frames, once they are here. */
    got: async (n: number): Promise<readonly Frame[]> => {
      while (frames.length < n) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return frames;
    },
    /** Waits until the server has taken everything that was sent: it answers a ping after it. */
    taken: async () => {
      socket.ping();
      await once(socket, 'pong');
      for (let n = 0; n < 20; n += 1) await new Promise((resolve) => setImmediate(resolve));
    },
  };
};

const PROCESS = 'subscribeprocessmsg';
const PROCESSES = 'subscribeprocessesmsg';

const asking = (type: string, fields: object, who = 'alice'): string =>
  w.sealed(who, type, JSON.stringify({ timeout: 10, ...fields, msgtype: type }));

test('a process that is in the state already is sent at once', async () => {
  await start();
  const { processid } = await w.submit('alice');
  const me = await open();
  me.send(asking(PROCESS, { processid, state: 0 }));
  const [frame] = await me.got(1);
  expect(frame).toMatchObject({
    payloadtype: PROCESS,
    error: false,
    binary: false,
    payload: { processid, state: 0 },
  });
});

test('a process is sent when it enters the state, as it is stored then', async () => {
  await start();
  const { processid } = await w.submit('alice');
  const me = await open();
  me.send(asking(PROCESS, { processid, state: 2, executortype: 'of no meaning here' }));
  await me.taken();
  await w.assign('e1');
  await w.as('e1').close({ processid, out: ['result'] });
  const [frame] = await me.got(1);
  expect(frame?.payload).toMatchObject({ processid, state: 2, out: ['result'] });
  expect(frame?.payload).toEqual(await w.as('alice').getProcess({ processid }));
});

test('every subscriber of a colony gets every event of its type and state', async () => {
  await start();
  const watchers = [await open(), await open()];
  for (const me of watchers) {
    me.send(asking(PROCESSES, { colonyname: 'dev', executortype: 'worker', state: 0 }));
    await me.taken();
  }
  await w.submit('alice', {}, { executortype: 'other' });
  await w.executor('e1', 'other');
  await w.as('foreign').submit({
    spec: { conditions: { colonyname: 'other', executortype: 'worker' } },
  });
  const first = await w.submit('alice');
  const second = await w.submit('alice');
  for (const me of watchers) {
    const frames = await me.got(2);
    expect(frames.map(({ payload }) => payload.processid)).toEqual([
      first.processid,
      second.processid,
    ]);
    expect(frames[0]?.payloadtype).toBe(PROCESS);
  }
});

test('a subscriber never takes a wake-up from an executor', async () => {
  await start();
  const me = await open();
  me.send(asking(PROCESSES, { colonyname: 'dev', executortype: 'worker', state: 0 }));
  await me.taken();
  const waiting = w.as('e1').assign({ colonyname: 'dev', timeout: 10 });
  const { processid } = await w.submit('alice');
  expect(await waiting).toMatchObject({ processid });
  expect((await me.got(1))[0]?.payload.processid).toBe(processid);
});

test('a client that names no colony means its own', async () => {
  await start();
  const me = await open();
  me.send(asking(PROCESSES, { executortype: 'worker', state: 0 }, 'e1'));
  await me.taken();
  const { processid } = await w.submit('alice');
  expect((await me.got(1))[0]?.payload.processid).toBe(processid);
  me.send(asking(PROCESSES, { executortype: 'worker', state: 0 }));
  expect((await me.got(2))[1]?.payload).toEqual({ status: 403, message: 'executor not found' });
});

test('only members of the colony may watch', async () => {
  await start();
  const { processid } = await w.submit('alice');
  const me = await open();
  const refused = 'Access denied, not a member of Colony with name <dev>';
  let n = 0;
  for (const who of ['foreign', 'nobody', 'dev', 'server']) {
    me.send(asking(PROCESS, { processid, state: 0, colonyname: 'other' }, who));
    me.send(asking(PROCESSES, { colonyname: 'dev', executortype: 'worker', state: 0 }, who));
    n += 2;
    const frames = await me.got(n);
    for (const { payload, payloadtype, error } of frames.slice(n - 2)) {
      expect([payload.message, payloadtype, error]).toEqual([refused, 'error', true]);
    }
  }
  me.send(asking(PROCESS, { processid: 'none', state: 0 }));
  expect((await me.got(n + 1))[n]?.payload).toEqual({
    status: 403,
    message: 'Invalid process with Id none',
  });
  expect(me.socket.readyState).toBe(WebSocket.OPEN);
});

test('answers come in the kind of frame that the question came in', async () => {
  await start();
  const { processid } = await w.submit('alice');
  const me = await open();
  me.socket.send(Buffer.from(asking(PROCESS, { processid, state: 0 })), { binary: true });
  me.send(asking(PROCESS, { processid, state: 0 }));
  me.socket.send(Buffer.from(asking(PROCESS, { processid: 'none', state: 0 })), { binary: true });
  expect((await me.got(3)).map(({ binary }) => binary)).toEqual([true, false, true]);
});

test('the colony is named as the subscription named it', async () => {
  await start();
  const me = await open();
  const colonyname = idOf('dev');
  me.send(asking(PROCESSES, { colonyname, executortype: 'worker', state: 0 }));
  await me.taken();
  const { processid } = await w.submit('alice');
  const [event] = await me.got(1);
  expect(event?.payload.spec.conditions.colonyname).toBe(colonyname);
  me.send(asking(PROCESS, { processid, state: 0, colonyname }));
  expect((await me.got(2))[1]?.payload.spec.conditions.colonyname).toBe(colonyname);
});

test('when a subscription runs out the connection is cut without a close frame', async () => {
  await start();
  const { processid } = await w.submit('alice');
  const me = await open();
  me.send(asking(PROCESS, { processid, state: 2, timeout: 5 }));
  me.send(asking(PROCESS, { processid, state: 2, timeout: 500 }));
  await me.taken();
  w.clock.advance(6_000);
  expect(await me.closed).toBe(1006);
});

test('a subscription without time ends at once, after what there is to say', async () => {
  await start();
  const { processid } = await w.submit('alice');
  const me = await open();
  me.send(asking(PROCESS, { processid, state: 0, timeout: 0 }));
  await me.got(1);
  w.clock.advance(1);
  expect(await me.closed).toBe(1006);
});

test('a closed connection leaves nothing behind', async () => {
  await start();
  const me = await open();
  me.send(asking(PROCESSES, { colonyname: 'dev', executortype: 'worker', state: 0 }));
  await me.taken();
  expect(w.clock.timers()).toBe(1);
  me.socket.close();
  await me.closed;
  while (w.clock.timers() > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('what is no envelope, or not signed, is told so and ends the connection', async () => {
  await start();
  const cases = [
    ['hello', "invalid character 'h' looking for beginning of value"],
    [JSON.stringify({ payloadtype: PROCESS, payload: '' }), 'Invalid signature length'],
  ] as const;
  for (const [text, told] of cases) {
    const me = await open();
    me.send(text);
    const [frame] = await me.got(1);
    expect(frame).toMatchObject({ payloadtype: 'error', payload: { message: told } });
    expect(await me.closed).toBe(1008);
  }
});

test('other refusals leave the connection open', async () => {
  await start();
  const { processid } = await w.submit('alice');
  const me = await open();
  me.send(w.sealed('alice', 'getcolonymsg', '{}'));
  me.send(w.sealed('alice', PROCESS, 'null'));
  me.send(w.sealed('alice', PROCESS, '{"processid":1}'));
  me.send(w.sealed('alice', PROCESS, '{"processid":"x"}'));
  me.send(w.sealed('alice', PROCESSES, '{"colonyname":"dev"}'));
  me.send(asking(PROCESS, { processid, state: 0 }));
  const frames = await me.got(6);
  expect(frames.slice(0, 5).map(({ payload }) => [payload.status, payload.message])).toEqual([
    [403, 'invalid rpcMsg.PayloadType: getcolonymsg'],
    [403, 'failed to parse JSON'],
    [403, expect.stringContaining('processid')],
    [403, 'Failed to subscribe to process, msg.msgType does not match rpcMsg.PayloadType'],
    [403, 'Failed to subscribe to processes, msg.msgType does not match rpcMsg.PayloadType'],
  ]);
  expect(frames[5]?.payload).toMatchObject({ processid });
});

test('a connection has room for a number of subscriptions', async () => {
  await start({ limits: { subscriptionsPerSocketMax: 2 } });
  const { processid } = await w.submit('alice');
  const me = await open();
  for (let n = 0; n < 3; n += 1) me.send(asking(PROCESS, { processid, state: 0 }));
  const frames = await me.got(3);
  expect(frames.map(({ error }) => error)).toEqual([false, false, true]);
  expect(frames[2]?.payload).toEqual({
    status: 429,
    message: 'a connection may have at most 2 subscriptions',
  });
});

test('a frame that is too large ends the connection', async () => {
  await start({ limits: { frameBytesMax: 1000 } });
  const me = await open();
  me.send('x'.repeat(2000));
  expect(await me.closed).toBe(1009);
});

test('a reader that does not read is cut off', async () => {
  await start({ limits: { socketBufferBytesMax: 100_000 } });
  const me = await open();
  me.send(asking(PROCESSES, { colonyname: 'dev', executortype: 'worker', state: 0 }));
  await me.taken();
  me.socket.pause();
  const args = ['x'.repeat(500_000)];
  for (let n = 0; n < 30; n += 1) await w.submit('alice', { args });
  w.clock.advance(2_000);
  me.socket.resume();
  expect([1006, 1008]).toContain(await me.closed);
});

test('stopping the server tells every subscriber', async () => {
  await start();
  const me = await open();
  me.send(asking(PROCESSES, { colonyname: 'dev', executortype: 'worker', state: 0 }));
  await me.taken();
  await at.close();
  expect(await me.closed).toBe(1001);
});

test('a process of another node is watched there', async () => {
  const far = 'f'.repeat(64);
  const ends: string[] = [];
  let tell: { frame: (body: string) => void; ended: () => void } | undefined;
  await start({
    elsewhere: async (target, call) => {
      if (!('process' in target) || target.process !== far) return undefined;
      tell = call;
      call.frame(errorBody(299, `watching for ${call.caller}`));
      return () => ends.push('ended');
    },
  });
  const me = await open();
  me.send(asking(PROCESS, { processid: far, state: 2 }));
  expect((await me.got(1))[0]?.payload.message).toBe(`watching for ${idOf('alice')}`);
  tell?.frame(errorBody(299, 'more'));
  expect((await me.got(2))[1]?.payload.message).toBe('more');
  tell?.ended();
  expect(await me.closed).toBe(1006);
  expect(ends).toEqual(['ended']);
});

test('a key that is declared dead ends its subscriptions, not those of others beside them', async () => {
  let declareDead = (_id: string): void => undefined;
  await start({
    onRevoked: (listener) => {
      declareDead = listener;
    },
  });
  const me = await open();
  const fields = { colonyname: 'dev', executortype: 'worker', state: 0 };
  for (const who of ['alice', 'e1', 'alice']) me.send(asking(PROCESSES, fields, who));
  await me.taken();
  await w.submit('e2');
  await me.got(3);
  declareDead(idOf('alice'));
  const refused = { status: 403, message: 'key revoked' };
  expect((await me.got(5)).slice(3).map(({ payload }) => payload)).toEqual([refused, refused]);
  const { processid } = await w.submit('e2');
  expect((await me.got(6))[5]?.payload.processid).toBe(processid);
  await me.taken();
  expect(me.frames).toHaveLength(6);
});
