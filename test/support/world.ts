// A node for the stories of the operations: real engine over a real store, real signatures, the
// real dispatcher with both dialects, and a clock that moves when told to. Identities are named.

import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, makeClient } from '../../src/api/client/client.ts';
import { ColoniesError } from '../../src/api/client/error.ts';
import { type DispatchDeps, makeDispatch } from '../../src/api/dispatch.ts';
import { executorDialect } from '../../src/api/executor-dialect.ts';
import { makeMetrics } from '../../src/api/metrics.ts';
import { OPS_BY_TYPE, WATCHES_BY_TYPE } from '../../src/api/ops/index.ts';
import { makeChoose } from '../../src/api/runtime-dialect/choose.ts';
import { runtimeDialect } from '../../src/api/runtime-dialect/dialect.ts';
import { chooseEngine } from '../../src/node/crypto/engines.ts';
import { createIdentify } from '../../src/node/crypto/identify.ts';
import { idOfKey } from '../../src/node/crypto/keys.ts';
import { makeSigner } from '../../src/node/crypto/sign.ts';
import { openEngine } from '../../src/node/engine/open.ts';
import { type LogLevel, makeLog } from '../../src/node/log.ts';
import type { Origin } from '../../src/node/model/envelope.ts';
import { parseJson, stringifyJson } from '../../src/node/model/json.ts';
import { manualClock } from './clock.ts';

const SECOND_MS = 1000;

/** The private key of a name: the same in every run. */
export const keyOf = (name: string): string =>
  createHash('sha256').update(`colonies ${name}`).digest('hex');
export const idOf = (name: string): string => idOfKey(keyOf(name));

/** What a raw call gets back; `payload` is undefined for an empty body. */
export interface Answer {
  readonly status: number;
  readonly payloadtype: string;
  readonly error: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: a reply is whatever the test says it is
  readonly payload: any;
}

/** Reads the body of a reply or frame. */
export const answerOf = (status: number, body: string): Answer => {
  if (body === '') return { status, payloadtype: '', error: false, payload: undefined };
  const reply = JSON.parse(body);
  const payload = parseJson(Buffer.from(reply.payload, 'base64').toString('utf8'));
  return { status, payloadtype: reply.payloadtype, error: reply.error, payload };
};

/** What a refused call says: status and text. Fails when the call succeeds. */
export const refusal = async (call: Promise<unknown>): Promise<readonly [number, string]> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof ColoniesError) return [error.status, error.message];
    throw error;
  }
  throw new Error('the call succeeded');
};

/** The place of a call that comes over no network. */
export const nowhere = (signal = new AbortController().signal): Origin => ({
  connection: new Map(),
  signal,
});

export interface WorldOptions {
  readonly deps?: Partial<DispatchDeps>;
}

/** Opens a node owned by the identity `server`. */
export const openWorld = async ({ deps: more = {} }: WorldOptions = {}) => {
  const dir = await mkdtemp(join(tmpdir(), 'colonies-'));
  const clock = manualClock();
  const lines: { level: LogLevel; message: string; fields: Readonly<Record<string, unknown>> }[] =
    [];
  const log = makeLog('debug', (level, message, fields) => lines.push({ level, message, fields }));
  const opened = await openEngine({ dir, clock, log, serverId: idOf('server') });
  const { engine } = opened;
  const signing = await chooseEngine();
  const identify = await createIdentify({ clock, log, workers: 0 });
  const deps: DispatchDeps & { metrics: NonNullable<DispatchDeps['metrics']> } = {
    engine,
    identify,
    dialects: [executorDialect(OPS_BY_TYPE, WATCHES_BY_TYPE), runtimeDialect],
    choose: makeChoose(),
    metrics: makeMetrics(),
    server: {
      name: 'test',
      buildversion: 'v1',
      buildtime: '2030-01-01T00:00:00Z',
      host: '127.0.0.1',
      port: 50080,
      tls: false,
    },
    clock,
    log,
    ...more,
  };
  const dispatch = makeDispatch(deps);
  const clients = new Map<string, Client>();
  const signers = new Map<string, (text: string) => string>();

  const signer = (name: string): ((text: string) => string) => {
    const sign = signers.get(name) ?? makeSigner(keyOf(name), signing);
    signers.set(name, sign);
    return sign;
  };

  /** The client of a named identity. */
  const as = (name: string): Client => {
    const known = clients.get(name);
    if (known !== undefined) return known;
    const made = makeClient({
      key: keyOf(name),
      sign: signer(name),
      transport: (body, signal) => dispatch.receive(body, nowhere(signal)),
    });
    clients.set(name, made);
    return made;
  };

  /** The signed envelope of a payload text. */
  const sealed = (name: string, payloadtype: string, json: string): string => {
    const payload = Buffer.from(json).toString('base64');
    return JSON.stringify({ payloadtype, payload, signature: signer(name)(payload) });
  };

  const post = async (body: string, origin = nowhere()): Promise<Answer> => {
    const { status, body: text } = await dispatch.receive(body, origin);
    return answerOf(status, text);
  };

  /** A signed message with these fields. */
  const send = (name: string, payloadtype: string, fields: object = {}, origin = nowhere()) =>
    post(sealed(name, payloadtype, stringifyJson({ ...fields, msgtype: payloadtype })), origin);

  /** A colony owned by the identity of that name. */
  const colony = (name: string) =>
    as('server').addColony({ colony: { colonyid: idOf(name), name } });

  const user = (name: string, colonyname = 'dev') =>
    as(colonyname).addUser({ user: { colonyname, userid: idOf(name), name } });

  /** An approved executor of that name; its type is `worker` unless said otherwise. */
  const executor = async (name: string, colonyname = 'dev', more: object = {}) => {
    const sent = { executorid: idOf(name), executorname: name, executortype: 'worker', colonyname };
    await as(colonyname).addExecutor({ executor: { ...sent, ...more } });
    await as(colonyname).approveExecutor({ colonyname, executorname: name });
  };

  const submit = (name: string, spec: object = {}, conditions: object = {}) =>
    as(name).submit({
      spec: {
        funcname: 'f',
        ...spec,
        conditions: { colonyname: 'dev', executortype: 'worker', ...conditions },
      },
    });

  /** One attempt of an executor to get work. */
  const assign = (name: string, colonyname = 'dev') => as(name).assign({ colonyname, timeout: -1 });

  return {
    engine,
    store: opened.store,
    clock,
    deps,
    dispatch,
    lines,
    as,
    post,
    send,
    sealed,
    colony,
    user,
    executor,
    submit,
    assign,
    /** Colony `dev` with user `alice` and executors `e1` and `e2`, colony `other` with `stranger`. */
    settle: async () => {
      await colony('dev');
      await colony('other');
      await user('alice');
      for (const name of ['e1', 'e2']) await executor(name);
      await executor('foreign', 'other');
    },
    /** Lets time pass, a second at a time, as the node's own loop does. */
    pass: async (seconds: number) => {
      for (let i = 0; i < seconds; i += 1) {
        clock.advance(SECOND_MS);
        await engine.tick();
      }
    },
    /** Lets time pass until something that waits over the network has ended. */
    passUntil: async <T>(ending: Promise<T>): Promise<T> => {
      let over = false;
      const end = (): void => {
        over = true;
      };
      ending.then(end, end);
      while (!over) {
        clock.advance(SECOND_MS);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      return ending;
    },
    /** Log lines at warn and above. */
    complaints: () => lines.filter(({ level }) => level === 'warn' || level === 'error'),
    close: async () => {
      await identify.close();
      await opened.close();
      await rm(dir, { recursive: true });
    },
  };
};

export type World = Awaited<ReturnType<typeof openWorld>>;
