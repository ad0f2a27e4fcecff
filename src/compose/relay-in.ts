// Calls that other nodes bring: over HTTP with a pass for each body, over the overlay on a
// connection that proves the peer. They meet a dispatcher that never sends anything on.

import { setMaxListeners } from 'node:events';
import { settleStake } from '../api/delivery.ts';
import type { Dispatch } from '../api/dispatch.ts';
import type { HttpReply, HttpRequest, HttpRoute } from '../api/http.ts';
import type { HttpStream } from '../api/outpour.ts';
import type { Watching } from '../api/ws.ts';
import type { CallAnswer, CallRequest } from '../dht/overlay.ts';
import { RELAY_HEADERS, type RelayedBy, type RelayGuard } from '../federation/relay-auth.ts';
import type { Clock } from '../node/clock.ts';
import { Fault, fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { errorBody, type Origin, type Reply } from '../node/model/envelope.ts';
import { headerOf } from './ask.ts';
import { makePipeSocket } from './pipe-socket.ts';
import type { PublicAnswers } from './public-answers.ts';
import { makeBatchIn, type ServeBatch } from './relay-batch-in.ts';
import { BATCH_HEADER, isBatch } from './relay-batch-wire.ts';
import { makePieces, type Unread } from './relay-pieces.ts';
import { CANCEL_PATH, RELAY_PATH } from './relay-post.ts';
import { makeReceipts } from './relay-receipts.ts';
import { type AnswerHead, encodeHead, makeCallHeads, readBody } from './relay-wire.ts';
import type { Relayers } from './relayers.ts';

export interface RelayInDeps {
  readonly guard: RelayGuard;
  readonly relayers: Relayers;
  readonly ask: PublicAnswers;
  /** The dispatcher of clients. */
  readonly front: Dispatch;
  /** Dispatcher and subscriptions that refuse what is not here. */
  readonly inner: { readonly dispatch: Dispatch; readonly watching: Watching };
  readonly count: (name: string) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
}

export interface RelayIn {
  readonly routes: readonly HttpRoute[];
  /** The WebSocket endpoint for relayed subscriptions. */
  readonly watching: Watching;
  /** Who brings a body over HTTP. Throws forbidden. */
  admit(headers: HttpRequest['headers'], body: Uint8Array): Promise<RelayedBy>;
  /** Serves the call protocol of the overlay. */
  serve(request: CallRequest): Promise<CallAnswer>;
  /** The same on streams over HTTP, which carry relayed calls only. */
  serveWeb(request: CallRequest): Promise<CallAnswer>;
}

const TEXT = 'text/plain; charset=utf-8';
const NOTHING = new Uint8Array(0);

const httpReply = ({ status, body, proof }: Reply): HttpReply => ({
  status,
  headers: { 'content-type': TEXT, ...(proof ? { 'colonies-reply-proof': proof } : {}) },
  body,
});

/** The reply to a caller that may not relay, or did it wrong; throws on for what is a bug. */
const refusal = (error: unknown): Reply => {
  if (!(error instanceof Fault)) throw error;
  return { status: error.status, body: errorBody(error.status, error.message) };
};

const passOf = (headers: HttpRequest['headers']) => ({
  certificate: headerOf(headers[RELAY_HEADERS.certificate]) ?? '',
  auth: headerOf(headers[RELAY_HEADERS.auth]) ?? '',
});

/** Who brings a body over HTTP. Throws forbidden. */
const makeAdmit =
  ({ guard, relayers }: RelayInDeps) =>
  async (headers: HttpRequest['headers'], body: Uint8Array): Promise<RelayedBy> => {
    const by = guard.admit(passOf(headers), body);
    await relayers.admit(by);
    return by;
  };

/** All calls of a batch that wait listen to whatever brought it. */
const originOfBatch = (
  connection: Map<string, string>,
  from: { readonly signal: AbortSignal },
  address?: string,
): Origin => ({
  connection,
  address,
  get signal() {
    setMaxListeners(0, from.signal);
    return from.signal;
  },
});

const makeHttpRoutes = (deps: RelayInDeps, serveBatch: ServeBatch): readonly HttpRoute[] => {
  const { inner, relayers, count, log, limits } = deps;
  const admit = makeAdmit(deps);
  const receipts = makeReceipts(deps);
  const served = (): void => count('served-http');
  const takes = { [BATCH_HEADER]: String(limits.relayBatchCallsMax) };

  const single = async (request: HttpRequest, by: RelayedBy): Promise<HttpReply> => {
    served();
    const name = `${by.serverid} ${passOf(request.headers).auth}`;
    const receipt = receipts.open(name, () => request.signal);
    // Read only by calls that wait.
    const origin: Origin = {
      connection: relayers.connection(by.serverid),
      get signal() {
        return receipt.signal();
      },
    };
    const reply = await inner.dispatch.receive(request.body, origin);
    const onLost = receipt.answered(reply);
    const { status, headers, body } = httpReply(reply);
    const answer = { status, headers: { ...headers, ...takes }, body };
    return onLost === undefined ? answer : { ...answer, onLost };
  };

  const batch = (request: HttpRequest, { serverid }: RelayedBy): HttpStream => {
    const origin = originOfBatch(relayers.connection(serverid), request);
    return serveBatch(request.body, { serverid, origin, each: served });
  };

  const relay = async (request: HttpRequest): Promise<HttpReply | HttpStream> => {
    let by: RelayedBy;
    try {
      by = await admit(request.headers, request.body);
      if (isBatch(request.body)) return batch(request, by);
    } catch (error) {
      count('refused');
      return httpReply(refusal(error));
    }
    return single(request, by);
  };

  const cancel = async ({ headers, body }: HttpRequest): Promise<HttpReply> => {
    try {
      const by = await admit(headers, body);
      receipts.cancel(`${by.serverid} ${Buffer.from(body).toString('utf8')}`);
      return { status: 204, body: '' };
    } catch (error) {
      log.debug('a relayed call was not cancelled', { error: String(error) });
      return httpReply(refusal(error));
    }
  };

  return [
    { method: 'POST', path: RELAY_PATH, handle: relay },
    { method: 'POST', path: CANCEL_PATH, bodyBytesMax: 4_096, handle: cancel },
  ];
};

const makeWatching = (deps: RelayInDeps): Watching => {
  const { inner, relayers, count, log } = deps;
  const admit = makeAdmit(deps);
  return (socket, origin) => {
    // Nothing is read before the pass was looked at. What breaks ends in a close.
    socket.on('error', () => undefined);
    socket.pause();
    admit(origin.headers ?? {}, NOTHING).then(
      (by) => {
        count('watched-http');
        const { signal, hangUp } = origin;
        inner.watching(socket, { connection: relayers.connection(by.serverid), signal, hangUp });
        socket.resume();
      },
      (error: unknown) => {
        count('refused');
        log.debug('a relayed subscription was refused', { error: String(error) });
        socket.resume();
        socket.close(1008, error instanceof Fault ? error.message.slice(0, 100) : 'refused');
      },
    );
    return undefined;
  };
};

const answerOf = (
  head: AnswerHead,
  body: string,
  delivered?: (ok: boolean) => void,
): CallAnswer => ({
  head: encodeHead(head),
  body: Buffer.from(body, 'utf8'),
  ...(delivered && { delivered }),
});

const undoing =
  (log: Log) =>
  (error: unknown): void => {
    log.error('cannot undo an undelivered reply', { error });
  };

/** What carries the call protocol: connections of the overlay, or streams over HTTP. */
type Carrier = 'overlay' | 'http';

/** Serves calls that hold a batch. */
const makeBatchCalls = (
  { relayers, count, log, limits }: RelayInDeps,
  serveBatch: ServeBatch,
  unread: Unread,
  carrier: Carrier,
): ((request: CallRequest, body: Uint8Array, serverid: string) => Promise<CallAnswer>) => {
  const onError = undoing(log);
  const served = (): void => count(`served-${carrier}`);
  return async (request, body, serverid) => {
    const origin = originOfBatch(relayers.connection(serverid), request, request.peer);
    const { status, begin } = serveBatch(body, {
      ...{ serverid, origin, each: served },
      // The call that brings them was counted as one.
      mayBegin: (calls) => request.charge(calls - 1),
    });
    const pieces = makePieces({ unread, limits, onError });
    begin(pieces.out);
    // The head leaves with the first replies.
    await pieces.begun;
    const head = encodeHead({ status, replies: true });
    return { head, body: pieces.body, delivered: pieces.settle };
  };
};

const makeServe = (
  deps: RelayInDeps,
  serveBatch: ServeBatch,
  unread: Unread,
  carrier: Carrier,
): RelayIn['serve'] => {
  const { inner, front, relayers, ask, count, log, limits } = deps;
  const decodeCallHead = makeCallHeads(limits.relayersMax);
  const batch = makeBatchCalls(deps, serveBatch, unread, carrier);
  const onError = undoing(log);

  const get = async (path: string, peer: string): Promise<CallAnswer> => {
    const { status, proof, body } = await ask(path, peer);
    return answerOf({ status, proof }, body);
  };

  const call = async (
    dispatch: Dispatch,
    { signal, peer }: CallRequest,
    body: Uint8Array,
    name: string,
    takes: Pick<AnswerHead, 'batch'> = {},
  ): Promise<CallAnswer> => {
    const origin = { connection: relayers.connection(name), signal, address: peer };
    const reply = await dispatch.receive(body, origin);
    const { status, proof } = reply;
    return answerOf({ status, proof, ...takes }, reply.body, (ok) =>
      settleStake(reply, ok, onError),
    );
  };

  const relayed = async (request: CallRequest, { serverid }: RelayedBy): Promise<CallAnswer> => {
    const body = await readBody(request.body);
    if (isBatch(body)) return batch(request, body, serverid);
    count(`served-${carrier}`);
    const takes = { batch: limits.relayBatchCallsMax };
    return call(inner.dispatch, request, body, serverid, takes);
  };

  const watch = async (request: CallRequest, by: RelayedBy): Promise<CallAnswer> => {
    count('watched-overlay');
    const frame = await readBody(request.body);
    const pipe = makePipeSocket();
    const { signal } = request;
    signal.addEventListener('abort', pipe.end, { once: true });
    const connection = relayers.connection(by.serverid);
    inner.watching(pipe.socket, { connection, signal, hangUp: pipe.end });
    pipe.take(frame);
    return { head: encodeHead({ status: 200 }), body: pipe.frames };
  };

  return async (request) => {
    const head = decodeCallHead(request.head);
    try {
      // Over HTTP everything else has a way of its own.
      if (head === undefined || (carrier === 'http' && head.kind !== 'rpc')) {
        throw fault('bad-request', 'not a call that this node knows');
      }
      const { peer } = request;
      if (head.kind === 'get') return await get(head.path, peer);
      if (head.kind === 'api') {
        count('served-clients');
        return await call(front, request, await readBody(request.body), peer);
      }
      const by = relayers.certified(head.certificate, peer);
      await relayers.admit(by);
      if (head.kind === 'watch') return await watch(request, by);
      return await relayed(request, by);
    } catch (error) {
      count('refused');
      const reply = refusal(error);
      return answerOf(reply, reply.body);
    }
  };
};

/** The inner side of the relay of one node. */
export const makeRelayIn = (deps: RelayInDeps): RelayIn => {
  const { inner, log, limits } = deps;
  const serveBatch = makeBatchIn({ dispatch: inner.dispatch, log, limits });
  const unread: Unread = { bytes: 0 };
  return {
    routes: makeHttpRoutes(deps, serveBatch),
    watching: makeWatching(deps),
    admit: makeAdmit(deps),
    serve: makeServe(deps, serveBatch, unread, 'overlay'),
    serveWeb: makeServe(deps, serveBatch, unread, 'http'),
  };
};
