// A node for the scenarios of the runtime dialect: real engine over a real store, real signatures,
// the real dispatcher with both dialects, and a clock that moves when told to.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DispatchDeps, makeDispatch } from '../../src/api/dispatch.ts';
import { executorDialect } from '../../src/api/executor-dialect.ts';
import { byType, type Watch } from '../../src/api/op.ts';
import { OPS_BY_TYPE } from '../../src/api/ops/index.ts';
import * as watches from '../../src/api/ops/subscriptions.ts';
import { makeChoose } from '../../src/api/runtime-dialect/choose.ts';
import { runtimeDialect } from '../../src/api/runtime-dialect/dialect.ts';
import { createIdentify } from '../../src/node/crypto/identify.ts';
import { idOfKey } from '../../src/node/crypto/keys.ts';
import { sign } from '../../src/node/crypto/sign.ts';
import { openEngine } from '../../src/node/engine/open.ts';
import { silentLog } from '../../src/node/log.ts';
import { parseJson } from '../../src/node/model/json.ts';
import { manualClock } from '../support/clock.ts';

/** The key with this number. */
export const key = (n: number): string => n.toString(16).padStart(64, '0');
export const id = (n: number): string => idOfKey(key(n));

const SECOND_MS = 1000;

/** What a caller gets; `payload` is undefined for an empty body. */
export interface Answer {
  readonly status: number;
  readonly empty: boolean;
  readonly payloadtype: string;
  // biome-ignore lint/suspicious/noExplicitAny: a reply is whatever the test says it is
  readonly payload: any;
  /** The text of a refusal, '' for success. */
  readonly message: string;
}

/** The signed envelope of a payload, as its body. */
export const signed = (prvkey: string, payloadtype: string, json: string): string => {
  const payload = Buffer.from(json).toString('base64');
  return JSON.stringify({ payloadtype, payload, signature: sign(payload, prvkey) });
};

/** The signed envelope of a message, as its body. */
export const envelope = (prvkey: string, payloadtype: string, fields: object): string =>
  signed(prvkey, payloadtype, JSON.stringify({ ...fields, msgtype: payloadtype }));

/** Reads the body of a reply or frame. */
export const answerOf = (status: number, body: string): Answer => {
  if (body === '') {
    return { status, empty: true, payloadtype: '', payload: undefined, message: '' };
  }
  const reply = JSON.parse(body);
  const payload = parseJson(Buffer.from(reply.payload, 'base64').toString('utf8'));
  const message = reply.error === true ? (payload as { message: string }).message : '';
  return { status, empty: false, payloadtype: reply.payloadtype, payload, message };
};

/** Server owner, two colonies, and the runtimes of the first and of the second. */
export const WHO = { server: 1, colony: 2, other: 3, r1: 4, r2: 5, foreign: 6, stranger: 7 };

/** Opens a node over a new folder, or over the one that another left. */
export const openWorld = async (left?: string) => {
  const dir = left ?? (await mkdtemp(join(tmpdir(), 'colonies-')));
  const clock = manualClock();
  const log = silentLog();
  const opened = await openEngine({ dir, clock, log, serverId: id(WHO.server) });
  const { engine } = opened;
  const identify = await createIdentify({ clock, log, workers: 0 });
  const deps: DispatchDeps = {
    engine,
    identify,
    dialects: [executorDialect(OPS_BY_TYPE, byType<Watch>(watches)), runtimeDialect],
    choose: makeChoose(),
    server: {
      name: 'test',
      buildversion: 'v1',
      buildtime: '2022-05-25T00:00:00Z',
      host: '127.0.0.1',
      port: 50080,
      tls: false,
    },
    clock,
    log,
  };
  const dispatch = makeDispatch(deps);

  const post = async (body: string, signal = new AbortController().signal): Promise<Answer> => {
    const origin = { connection: new Map<string, string>(), signal };
    const reply = await dispatch.receive(body, origin);
    return answerOf(reply.status, reply.body);
  };

  const call = (who: number, type: string, fields: object = {}, signal?: AbortSignal) =>
    post(envelope(key(who), type, fields), signal);

  /** A call that has to succeed; gives its payload. */
  const ok = async (who: number, type: string, fields: object = {}) => {
    const answer = await call(who, type, fields);
    if (answer.status !== 200) throw new Error(`${type}: ${answer.status} ${answer.message}`);
    return answer.payload;
  };

  const addColony = (who: number, name: string) =>
    ok(WHO.server, 'addcolonymsg', { colony: { colonyid: id(who), name } });

  const addRuntime = (colony: number, who: number, more: object = {}) =>
    ok(colony, 'addruntimemsg', {
      runtime: {
        runtimeid: id(who),
        runtimetype: 'worker',
        name: `runtime ${who}`,
        colonyid: id(colony),
        ...more,
      },
    });

  const approve = (colony: number, who: number) =>
    ok(colony, 'approveruntimemsg', { runtimeid: id(who) });

  const spec = (more: object = {}, conditions: object = {}) => ({
    spec: {
      cmd: 'sleep',
      args: ['5'],
      maxexectime: -1,
      maxretries: -1,
      conditions: { colonyid: id(WHO.colony), runtimetype: 'worker', ...conditions },
      env: {},
      ...more,
    },
  });

  const submit = (who: number, more: object = {}, conditions: object = {}) =>
    ok(who, 'submitprocessespecmsg', spec(more, conditions));

  const assign = (who: number, more: object = {}) =>
    call(who, 'assignprocessmsg', { colonyid: id(WHO.colony), ...more });

  return {
    engine,
    clock,
    deps,
    dispatch,
    post,
    call,
    ok,
    addColony,
    addRuntime,
    approve,
    spec,
    submit,
    assign,
    /**
     * Adds what most scenarios need: both colonies, approved r1 and r2, and foreign in the other
     * colony.
     */
    settle: async () => {
      await addColony(WHO.colony, 'dev');
      await addColony(WHO.other, 'other');
      for (const who of [WHO.r1, WHO.r2]) {
        await addRuntime(WHO.colony, who);
        await approve(WHO.colony, who);
      }
      await addRuntime(WHO.other, WHO.foreign);
      await approve(WHO.other, WHO.foreign);
    },
    /** Lets time pass, a second at a time, as the node's own loop does. */
    pass: async (seconds: number) => {
      for (let i = 0; i < seconds; i += 1) {
        clock.advance(SECOND_MS);
        await engine.tick();
      }
    },
    /** Stops the node and gives its folder. */
    stop: async (): Promise<string> => {
      await identify.close();
      await opened.close();
      return dir;
    },
    close: async () => {
      await identify.close();
      await opened.close();
      await rm(dir, { recursive: true });
    },
  };
};

export type World = Awaited<ReturnType<typeof openWorld>>;
