// Real nodes in this process: real stores, real sockets on loopback, real libp2p, policy `test`.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeRelayPass, RELAY_HEADERS } from '../../src/federation/relay-auth.ts';
import { signerOf } from '../../src/federation/signature.ts';
import {
  type ColonyStatement,
  certificateRequest,
  stateCertificate,
  stateColony,
} from '../../src/federation/statements.ts';
import { createNode, type Node, readConfig } from '../../src/index.ts';
import { systemClock } from '../../src/node/clock.ts';
import { makeSigner } from '../../src/node/crypto/sign.ts';
import { type LogLevel, makeLog } from '../../src/node/log.ts';
import { type Answer, answerOf, idOf, keyOf } from '../support/world.ts';

export const clock = systemClock();

export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a node answered, with the proof of it. */
export interface ProvenAnswer extends Answer {
  readonly proof: string | undefined;
  /** Body as received. */
  readonly text: string;
}

export interface NodeOptions {
  /** Name of the server owner; every name has its own key. */
  readonly owner: string;
  readonly network?: string;
  readonly bootstrap?: readonly string[];
  /** Settings by path, over the defaults of the tests. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Whether the node certifies itself; default true. */
  readonly certified?: boolean;
  readonly dir?: string;
}

/** A free TCP port of loopback. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** The signed envelope of a message by a named identity. */
export const sealed = (name: string, payloadtype: string, fields: object = {}): string => {
  const json = JSON.stringify({ ...fields, msgtype: payloadtype });
  const payload = Buffer.from(json).toString('base64');
  return JSON.stringify({ payloadtype, payload, signature: makeSigner(keyOf(name))(payload) });
};

/** Posts an envelope to a node. */
export const post = async (
  url: string,
  body: string | Uint8Array,
  init: RequestInit = {},
): Promise<ProvenAnswer> => {
  const reply = await fetch(`${url}/api`, { method: 'POST', body: body as BodyInit, ...init });
  const text = await reply.text();
  const proof = reply.headers.get('colonies-reply-proof') ?? undefined;
  return { ...answerOf(reply.status, text), proof, text };
};

export const getJson = async (url: string, path: string) => {
  const reply = await fetch(`${url}${path}`);
  // biome-ignore lint/suspicious/noExplicitAny: a body is whatever the test says it is
  return { status: reply.status, body: (await reply.json()) as any, headers: reply.headers };
};

/** Starts one node. */
export const startNode = async (options: NodeOptions) => {
  const { owner, network = 'testnet', bootstrap = [], settings = {}, certified = true } = options;
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'colonies-')));
  const lines: Line[] = [];
  const log = makeLog('debug', (level, message, fields) => lines.push({ level, message, fields }));
  const config = readConfig({
    flags: {
      dataDir: dir,
      'server.id': idOf(owner),
      'http.host': '127.0.0.1',
      'http.port': 0,
      'http.tls': false,
      'crypto.engine': 'auto',
      'overlay.listen': ['/ip4/127.0.0.1/tcp/0'],
      'overlay.addressPolicy': 'test',
      'overlay.network': network,
      'overlay.bootstrap': bootstrap,
      ...settings,
    },
  });
  const serverKey = certified ? { serverKey: keyOf(owner) } : {};
  const build = { version: '1.2.3', time: '' };
  const node: Node = await createNode(config, { clock, log, build, ...serverKey });
  const url = `http://127.0.0.1:${node.port}`;
  const send = (name: string, payloadtype: string, fields: object = {}) =>
    post(url, sealed(name, payloadtype, fields));
  return {
    owner,
    id: idOf(owner),
    node,
    url,
    dir,
    lines,
    options: { ...options, dir },
    send,
    status: async () => (await getJson(url, '/federation/status')).body,
    /** Ends it; its folder stays. */
    stop: node.stop,
    /** A colony owned by the identity of that name. */
    colony: (name: string) =>
      send(owner, 'addcolonymsg', { colony: { colonyid: idOf(name), name } }),
    user: (name: string, colony: string) =>
      send(colony, 'addusermsg', {
        user: { colonyname: idOf(colony), userid: idOf(name), name },
      }),
    /** An approved executor of type `worker`. */
    executor: async (name: string, colony: string) => {
      const executor = {
        executorid: idOf(name),
        executorname: name,
        executortype: 'worker',
        colonyname: idOf(colony),
      };
      await send(colony, 'addexecutormsg', { executor });
      const approve = { colonyname: idOf(colony), executorname: name };
      return send(colony, 'approveexecutormsg', approve);
    },
    complaints: () => lines.filter(({ level }) => level === 'error'),
  };
};

export type TestNode = Awaited<ReturnType<typeof startNode>>;

/** Starts nodes that join through the first one, and waits until each knows another. */
export const startNodes = async (
  owners: readonly string[],
  more: (owner: string, index: number) => Partial<NodeOptions> = () => ({}),
): Promise<TestNode[]> => {
  const [first = '', ...others] = owners;
  const head = await startNode({ owner: first, ...more(first, 0) });
  const rest = await Promise.all(
    others.map((owner, i) => startNode({ owner, bootstrap: [head.url], ...more(owner, i + 1) })),
  );
  const nodes = [head, ...rest];
  await until(async () => {
    const all = await Promise.all(nodes.map((one) => one.status()));
    return all.every(({ peers }) => peers > 0);
  });
  return nodes;
};

/** Stops nodes and removes what they kept. */
export const endNodes = async (nodes: readonly TestNode[]): Promise<void> => {
  await Promise.all(nodes.map((one) => one.stop()));
  await Promise.all(nodes.map(({ dir }) => rm(dir, { recursive: true, force: true })));
};

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Waits until something holds; fails after `withinMs`. */
export const until = async (
  holds: () => Promise<boolean> | boolean,
  withinMs = 20_000,
): Promise<void> => {
  const deadline = clock.now() + withinMs;
  while (!(await holds())) {
    if (clock.now() > deadline) throw new Error('it never came about');
    await sleep(50);
  }
};

/** The signed record of a colony, in base64. */
export const colonyRecord = async (
  colony: string,
  servers: readonly string[],
  more: Partial<ColonyStatement> = {},
): Promise<string> => {
  const owner = signerOf(keyOf(colony));
  const now = clock.now();
  const statement = { network: 'testnet', now, servers, name: colony, ...more };
  const { bytes } = await stateColony(owner, statement);
  return Buffer.from(bytes).toString('base64');
};

/** Publishes a colony through a node, as its owner. */
export const publish = async (
  node: TestNode,
  colony: string,
  servers: readonly string[],
  more: Partial<ColonyStatement> = {},
) => {
  const records = [await colonyRecord(colony, servers, more)];
  const answer = await node.send(colony, 'publishrecordsmsg', { records });
  if (answer.status !== 200) throw new Error(`not published: ${JSON.stringify(answer.payload)}`);
  return answer.payload[0];
};

/** The fields that protect a call. */
export const guarded = (audience: string, nonce = clock.newId().slice(0, 32)) => ({
  nonce,
  issuedat: clock.now(),
  audience,
});

/** What a certified node of its own would send to `target`. */
export const passFor = async (target: TestNode, body: string | Uint8Array, owner = 'stranger') => {
  const nodeKey = signerOf(keyOf(`${owner} node`));
  const request = certificateRequest('testnet', nodeKey.publicKey);
  const certificate = await stateCertificate(signerOf(keyOf(owner)), request, { now: clock.now() });
  const pass = await makeRelayPass({ certificate, nodeKey, clock }, target.id, body);
  return { [RELAY_HEADERS.certificate]: pass.certificate, [RELAY_HEADERS.auth]: pass.auth };
};
