// The recorded WebSocket cases, played against a real socket.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { idOfKey } from '../../src/node/crypto/keys.ts';
import { SAMPLE_KEYS } from './identities.ts';
import { type ReplayNode, startReplayNode } from './node.ts';
import { envelope, payloadOf } from './replay.ts';
import { recordedFrames, type Seen } from './ws-probe.ts';

const MEMBER = SAMPLE_KEYS.user;
const STRANGER = '7'.padStart(64, '0');

let node: ReplayNode;

const call = async (
  type: string,
  fields: object,
  key: string,
): Promise<Record<string, unknown>> => {
  const { status, body } = await node.call(envelope(type, { msgtype: type, ...fields }, key));
  expect(status).toBe(200);
  return payloadOf(body) as Record<string, unknown>;
};

beforeEach(async () => {
  node = await startReplayNode();
  const colony = { colonyid: idOfKey(SAMPLE_KEYS.colony), name: 'test' };
  await call('addcolonymsg', { colony }, SAMPLE_KEYS.server);
  const executor = {
    executorid: idOfKey(MEMBER),
    executorname: 'w',
    executortype: 'cli',
    colonyname: 'test',
  };
  await call('addexecutormsg', { executor }, SAMPLE_KEYS.colony);
  const named = { colonyname: 'test', executorname: 'w' };
  await call('approveexecutormsg', named, SAMPLE_KEYS.colony);
});
afterEach(async () => {
  await node.close();
});

const submit = async (): Promise<string> => {
  const conditions = { colonyname: 'test', executortype: 'cli' };
  const spec = { funcname: 'f', maxexectime: -1, conditions };
  return String((await call('submitfuncspecmsg', { spec }, MEMBER))['processid']);
};
const assign = (): Promise<unknown> =>
  call('assignprocessmsg', { colonyname: 'test', timeout: 1 }, MEMBER);
const close = (processid: string): Promise<unknown> =>
  call('closesuccessfulmsg', { processid, out: [] }, MEMBER);

/** Sends one frame and tells what comes back until the connection is cut or `quietMs` pass. */
const watch = (frame: string, then: () => Promise<unknown>, quietMs: number): Promise<Seen[]> =>
  new Promise((resolve, reject) => {
    const seen: Seen[] = [];
    const socket = new WebSocket(node.pubsub);
    const over = (last: Seen): void => {
      socket.removeAllListeners('close');
      socket.terminate();
      resolve([...seen, last]);
    };
    socket.on('open', () => {
      socket.send(frame);
      setTimeout(() => over({ kind: 'silence' }), quietMs);
      then().catch(reject);
    });
    socket.on('message', (data) => {
      const reply = JSON.parse(String(data)) as { payloadtype: string; error: boolean };
      const { status } = payloadOf(String(data)) as { status?: number };
      seen.push({
        kind: 'frame',
        payloadtype: reply.payloadtype,
        error: reply.error,
        ...(status === undefined ? {} : { status }),
      });
    });
    // 1006: the connection ended without a close frame.
    socket.on('close', (code) => over(code === 1006 ? { kind: 'cut' } : { kind: 'silence' }));
    socket.on('error', reject);
  });

const one = (processid: string, state: number, timeout: number, key: string = MEMBER): string =>
  envelope(
    'subscribeprocessmsg',
    {
      msgtype: 'subscribeprocessmsg',
      colonyname: 'test',
      processid,
      state,
      timeout,
      executortype: 'cli',
    },
    key,
  );
const many = (fields: object): string =>
  envelope('subscribeprocessesmsg', { msgtype: 'subscribeprocessesmsg', ...fields }, MEMBER);

const soon = (then: () => Promise<unknown>) => async (): Promise<unknown> => {
  await new Promise((resolve) => setTimeout(resolve, 200));
  return then();
};
const nothing = async (): Promise<void> => undefined;
const LONG_MS = 4_000;
const SHORT_MS = 700;

/** Each case: what is done, and how it is listened for. */
const PLAYS: Readonly<Record<string, () => Promise<Seen[]>>> = {
  'subscribeprocess state=SUCCESS timeout=2, never happens': async () =>
    watch(one(await submit(), 2, 1), nothing, LONG_MS),
  'subscribeprocess state already WAITING': async () =>
    watch(one(await submit(), 0, 1), nothing, LONG_MS),
  'subscribeprocess RUNNING, assigned after .4s': async () =>
    watch(one(await submit(), 1, 1), soon(assign), LONG_MS),
  'subscribeprocess SUCCESS already done': async () => {
    const id = await submit();
    await assign();
    await close(id);
    return watch(one(id, 2, 1), nothing, LONG_MS);
  },
  'unknown process': () => watch(one('a'.repeat(64), 2, 1), nothing, SHORT_MS),
  'subscribeprocesses (plural) cli WAITING': () =>
    watch(
      many({ colonyname: 'test', executortype: 'cli', state: 0, timeout: 1 }),
      soon(submit),
      LONG_MS,
    ),
  'subscribeprocesses (plural) without colonyname (colonies.js form)': () =>
    watch(many({ executortype: 'cli', state: 0, timeout: 1 }), soon(submit), LONG_MS),
};

describe('the recorded WebSocket cases', () => {
  const recorded = recordedFrames();
  test.each(Object.keys(PLAYS))('%s', async (title) => {
    expect(recorded.has(title)).toBe(true);
    expect(await PLAYS[title]?.()).toEqual(recorded.get(title));
  });
});

describe('where our sockets answer and the original did not', () => {
  const refused = (status: number): Seen[] => [
    { kind: 'frame', payloadtype: 'error', error: true, status },
    { kind: 'silence' },
  ];

  test('a stranger is refused instead of served', async () => {
    const id = await submit();
    expect(await watch(one(id, 0, 1, STRANGER), nothing, SHORT_MS)).toEqual(refused(403));
  });

  test('an unknown payload type is told so', async () => {
    const frame = envelope('nosuchmsg', { msgtype: 'nosuchmsg' }, MEMBER);
    expect(await watch(frame, nothing, SHORT_MS)).toEqual(refused(403));
  });

  test('a payload that is no JSON is told so', async () => {
    const frame = envelope('subscribeprocessmsg', 'no object', MEMBER);
    expect(await watch(frame, nothing, SHORT_MS)).toEqual(refused(403));
  });
});
