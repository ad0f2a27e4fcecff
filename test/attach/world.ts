// Nodes that are scripted to the last byte: real keys, records and proofs, no sockets, a clock that
// moves when told to. Nodes that do not host a colony pass calls on, as real ones do.

import { type Client, makeClient } from '../../src/api/client/client.ts';
import { type Attachment, type AttachOptions, attach } from '../../src/attach/attachment.ts';
import { readBootstraps } from '../../src/attach/bootstraps.ts';
import type { Wire, WireReply, WireRequest } from '../../src/attach/wire.ts';
import { readPath, writeDocument } from '../../src/federation/documents.ts';
import type { SignedRecord } from '../../src/federation/record.ts';
import { makeReplyProof } from '../../src/federation/reply-proof.ts';
import { fault } from '../../src/node/errors.ts';
import { type LogLevel, makeLog } from '../../src/node/log.ts';
import { errorBody, replyBody } from '../../src/node/model/envelope.ts';
import {
  certify,
  type Identity,
  keyOf,
  NETWORK,
  START,
  signColony,
  signServer,
  type TestClock,
  testClock,
} from '../federation/world.ts';
import { keyOf as privateKeyOf } from '../support/world.ts';

export interface Sent {
  readonly to: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a payload is whatever the test says it is
  readonly payload: any;
  readonly body: string;
}

export interface FakeNode {
  readonly name: string;
  readonly base: string;
  readonly owner: Identity;
  /** The key that signs its replies; a new one makes a new record. */
  key: Identity;
  record: SignedRecord<'server'>;
  /** Colonies it has. */
  readonly colonies: Set<string>;
  /** Whether connections to it are refused. */
  down: boolean;
  /** What becomes of a reply to a call, once it was made. */
  onReply: (reply: WireReply, sent: Sent) => WireReply;
  /** Calls that took effect here. */
  readonly done: Sent[];
  /** Names of calls that took effect, with what they made. */
  readonly once: Map<string, string>;
}

/** Thrown by `onReply`: the bytes were sent and no answer came. */
export const lost = (): Error => fault('outcome-unknown', 'the connection broke', { sent: 1 });

export interface World {
  readonly clock: TestClock;
  readonly nodes: Map<string, FakeNode>;
  readonly sent: Sent[];
  /** Every request, as `base path`. */
  readonly asked: string[];
  readonly lines: { readonly level: LogLevel; readonly message: string }[];
  readonly wire: Wire;
  readonly colony: Identity;
  node(name: string, base?: string): Promise<FakeNode>;
  /** Publishes a record of the colony: all nodes know it. */
  publish(servers: readonly FakeNode[], over?: Parameters<typeof signColony>[2]): Promise<void>;
  attach(
    over?: Partial<AttachOptions> & { readonly from?: readonly string[] },
  ): Promise<Attachment>;
  client(attachment: Attachment, name?: string): Client;
}

const json = (value: unknown, status = 200, proof?: string): WireReply => ({
  status,
  body: JSON.stringify(value),
  proof,
});

const refusedBy = (status: number, message: string): WireReply => ({
  status,
  body: errorBody(status, message),
  proof: undefined,
});

const unreachable = (base: string): Error =>
  fault('unavailable', `${base}: connection refused`, { sent: 0 });

const UNPROTECTED = refusedBy(500, 'a call without nonce, time and audience');

interface Effect {
  readonly status: number;
  readonly payload: unknown;
  readonly made?: string;
}

/** What calls do here: enough of the RPC to tell effects from repeats. */
const effectOf = (node: FakeNode, { type, payload }: Sent, count: number): Effect => {
  const processid = `${payload.processid ?? ''}`;
  switch (type) {
    case 'submitfuncspecmsg': {
      const made = `${node.name}-process-${count}`;
      return { status: 200, payload: { processid: made, on: node.name }, made };
    }
    case 'getprocessmsg':
      return processid.startsWith(`${node.name}-`)
        ? { status: 200, payload: { processid, on: node.name } }
        : { status: 404, payload: { status: 404, message: 'process not found' } };
    case 'assignprocessmsg':
      return { status: 200, payload: { processid: `${node.name}-work-${count}` } };
    default:
      return { status: 200, payload: {} };
  }
};

const bodyOf = (type: string, { status, payload }: Effect): string =>
  status === 200
    ? replyBody(type, JSON.stringify(payload), false)
    : replyBody('error', JSON.stringify(payload), true);

/** Answers a call as a host of the colony does. */
const answer = async (world: World, node: FakeNode, sent: Sent): Promise<WireReply> => {
  const { type, payload, body } = sent;
  const { payload: request } = JSON.parse(body) as { payload: string };
  const { nonce, issuedat, audience } = payload;
  if (nonce === undefined || issuedat === undefined || audience === undefined) return UNPROTECTED;
  const prove = async (effect: Effect): Promise<WireReply> => {
    const text = bodyOf(type, effect);
    const answered = { request, status: effect.status, body: text };
    const proof = await makeReplyProof(node.owner.id, answered, node.key);
    return { status: effect.status, body: text, proof };
  };
  if (audience !== node.owner.id) {
    return prove({ status: 403, payload: { status: 403, message: 'meant for another server' } });
  }
  const known = node.once.get(nonce);
  if (known !== undefined) {
    const message = `already done: ${known}`;
    return prove({ status: 409, payload: { status: 409, message, made: known } });
  }
  const effect = effectOf(node, sent, node.done.length);
  if (!type.startsWith('get')) {
    node.done.push(sent);
    node.once.set(nonce, effect.made ?? '');
  }
  const reply = await prove(effect);
  return node.onReply(reply, { ...sent, to: world.nodes.get(node.base)?.name ?? '' });
};

/** Passes a call on to the host it is for. */
const pass = async (world: World, node: FakeNode, sent: Sent): Promise<WireReply> => {
  const hosts = [...world.nodes.values()].filter((one) => one.colonies.has(world.colony.id));
  const host = hosts.find((one) => one.owner.id === sent.payload.audience);
  if (host === undefined) return refusedBy(404, 'nobody knows it');
  if (host.down) return refusedBy(503, 'no host could be reached');
  const reply = await answer(world, host, sent);
  return node.onReply(reply, sent);
};

const call = (world: World, node: FakeNode, body: string): Promise<WireReply> => {
  const envelope = JSON.parse(body) as { payloadtype: string; payload: string };
  const payload = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'));
  const sent: Sent = { to: node.name, type: envelope.payloadtype, payload, body };
  world.sent.push(sent);
  return node.colonies.has(world.colony.id) ? answer(world, node, sent) : pass(world, node, sent);
};

const ask = async (
  world: World,
  node: FakeNode,
  path: string,
  colony: SignedRecord<'colony'> | undefined,
): Promise<WireReply> => {
  const serverid = node.owner.id;
  if (path === '/federation/status') {
    const urls = [node.base];
    return json({ serverid, peerid: node.key.peer, network: NETWORK, urls, nodekey: '' });
  }
  const question = readPath(path);
  if (question?.kind === 'hosting') {
    const body = JSON.stringify({
      colonyid: question.id,
      serverid,
      hosting: node.colonies.has(question.id),
    });
    const answered = { request: path, status: 200, body };
    return { status: 200, body, proof: await makeReplyProof(serverid, answered, node.key) };
  }
  const servers = [...world.nodes.values()].map(({ record }) => record);
  if (question?.kind === 'record' && question.ns === 'colony' && colony) {
    const named = colony.payload.servers.flatMap((id) =>
      servers.filter((record) => record.payload.id === id).map(({ bytes }) => bytes),
    );
    const body = writeDocument({ colony: colony.bytes, servers: named });
    return { status: 200, body, proof: undefined };
  }
  if (question?.kind === 'record' && question.ns === 'server') {
    const record = servers.find(({ payload }) => payload.id === question.id);
    if (record)
      return { status: 200, body: writeDocument({ server: record.bytes }), proof: undefined };
  }
  return refusedBy(404, 'not known');
};

/** A world without nodes. */
export const makeWorld = (): World => {
  const clock = testClock();
  const colony = keyOf('the colony');
  let record: SignedRecord<'colony'> | undefined;
  const lines: World['lines'] = [];
  const log = makeLog('debug', (level, message) => lines.push({ level, message }));
  const serve = async (base: string, { path, body }: WireRequest): Promise<WireReply> => {
    world.asked.push(`${base} ${path.split('?')[0]}`);
    const node = world.nodes.get(base);
    if (node === undefined || node.down) throw unreachable(base);
    return body === undefined ? ask(world, node, path, record) : call(world, node, body);
  };
  const world: World = {
    clock,
    colony,
    lines,
    nodes: new Map(),
    sent: [],
    asked: [],
    wire: async (base, request, signal) => {
      signal.throwIfAborted();
      return serve(base, request);
    },
    node: async (name, base = `http://${name}.test`) => {
      const owner = keyOf(`owner of ${name}`);
      const key = keyOf(`node ${name}`);
      const node: FakeNode = {
        ...{ name, base, owner, key, down: false, onReply: (reply) => reply },
        record: await signServer(owner, key, { over: { urls: [base] } }),
        ...{ colonies: new Set(), done: [], once: new Map() },
      };
      world.nodes.set(base, node);
      return node;
    },
    publish: async (servers, over = {}) => {
      const seq = (record?.payload.seq ?? START) + 1;
      const owners = servers.map(({ owner }) => owner);
      record = await signColony(colony, owners, { seq, ...over });
      for (const node of servers) node.colonies.add(colony.id);
    },
    attach: ({ from = [...world.nodes.keys()], ...over } = {}) =>
      attach({
        colonyid: colony.id,
        bootstraps: readBootstraps(from),
        wire: world.wire,
        clock,
        log,
        ...over,
      }),
    client: (courier, name = 'somebody') => makeClient({ key: privateKeyOf(name), courier }),
  };
  return world;
};

/** A new node key for a node, and the record that says so. */
export const rekey = async (node: FakeNode): Promise<void> => {
  node.key = keyOf(`new key of ${node.name}`);
  const cert = await certify(node.owner, node.key, { seq: 2 });
  node.record = await signServer(node.owner, node.key, {
    cert,
    over: { urls: [node.base], seq: START + 1 },
  });
};

/** The outcome of a promise, with the clock moving on while it waits. */
export const passing = async <T>(clock: TestClock, promise: Promise<T>): Promise<T> => {
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  promise.then(end, end);
  while (!isOver) {
    for (let i = 0; i < 20 && !isOver; i += 1) await new Promise((done) => setImmediate(done));
    if (!isOver) clock.advance(100);
  }
  return promise;
};
