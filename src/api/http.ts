// The HTTP server: routes bytes to the dispatcher and back, and bounds what a client may cost. It
// must not know an operation, a dialect or a payload.

import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../node/clock.ts';
import { LIMITS, type Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { errorBody, errorReply, type Reply } from '../node/model/envelope.ts';
import { makeBodies } from './bodies.ts';
import { corsHeaders } from './cors.ts';
import { makeDelivery, type Stake } from './delivery.ts';
import type { Dispatch } from './dispatch.ts';
import { originOf } from './http-origin.ts';
import { type HttpStream, type Outlet, pour } from './outpour.ts';
import { lacksHost, NO_HOST, refuseExpectations, refuseUnread } from './unread.ts';
import { endSilent, makeUnsent } from './unsent.ts';
import { serveUpgrades } from './upgrade.ts';
import type { Endpoint } from './ws.ts';

/** A request on a route that the composition adds. */
export interface HttpRequest {
  /** Path and query as received. */
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
  /** Numeric address of the peer. */
  readonly ip: string;
  /** Aborted when the client goes away; made when first read. */
  readonly signal: AbortSignal;
}

export interface HttpReply extends Stake {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** A route beside the RPC, such as `/metrics`. `path` may hold `:name` parts and a final `*`. */
export interface HttpRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly bodyBytesMax?: number;
  handle(request: HttpRequest): HttpReply | Promise<HttpReply | HttpStream>;
}

export interface HttpOptions {
  readonly dispatch: Dispatch;
  /** WebSocket endpoints by path. */
  readonly sockets: Readonly<Record<string, Endpoint>>;
  readonly routes?: readonly HttpRoute[];
  /** PEM texts; without them plain HTTP is served. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Ends every waiting call; asked when the server stops. */
  drain(): void;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
  readonly limits?: Limits;
}

export interface HttpServer {
  /**
   * Starts to serve; port 0 takes a free one. Rejects with the system's error when the address is
   * taken.
   */
  listen(at: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /** Stops accepting, ends waiting calls, closes connections; after a grace the rest is cut. */
  close(): Promise<void>;
}

const PLAIN = 'text/plain';
const TEXT = 'text/plain; charset=utf-8';
const OCTETS = 'application/octet-stream';
const RPC_PATH = '/api';

// For a path that is no URL.
const badUrl = (_error: unknown, _request: unknown, reply: unknown): void => {
  void (reply as FastifyReply).code(400).type(TEXT).send(errorBody(400, 'malformed URL'));
};

const makeApp = (options: HttpOptions, limits: Limits): FastifyInstance => {
  const arrival = {
    headersTimeout: limits.headersMs,
    // Asked for below, with an answer that says so.
    requireHostHeader: false,
    connectionsCheckingInterval: limits.arrivalCheckMs,
    keepAlive: true,
    keepAliveInitialDelay: limits.probeIdleMs,
  };
  const { tls } = options;
  return fastify({
    logger: false,
    exposeHeadRoutes: false,
    bodyLimit: limits.bodyBytesMax,
    keepAliveTimeout: limits.keepAliveMs,
    requestTimeout: limits.requestMs,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: badUrl,
    clientErrorHandler: refuseUnread(limits.replyStallMs),
    ...(tls === undefined
      ? { http: arrival }
      : { https: { ...arrival, handshakeTimeout: limits.requestMs, ...tls } }),
  }) as unknown as FastifyInstance;
};

// Every body is bytes to us, whatever its sender calls it, or when he calls it nothing at all.
const takeAnyContentType = (app: FastifyInstance, limits: Limits): void => {
  const bodies = makeBodies(limits);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(OCTETS, ({ routeOptions }, payload, done) =>
    bodies.read(payload, routeOptions.bodyLimit, done),
  );
  app.addHook('onRequest', (request, reply, done) => {
    const { headers, method } = request.raw;
    const cors = corsHeaders(method ?? '', headers.origin, headers.host);
    if (cors !== undefined) {
      reply.headers(cors);
      if (method === 'OPTIONS') {
        void reply.code(204).send();
        return;
      }
    }
    if (lacksHost(request.raw)) {
      void reply.code(400).type(TEXT).header('connection', 'close').send(errorBody(400, NO_HOST));
      return;
    }
    headers['content-type'] = OCTETS;
    bodies.begin(request.raw, reply.raw);
    done();
  });
};

const addPlainRoutes = (app: FastifyInstance): void => {
  app.get('/health', (_request, reply) => reply.type(TEXT).send(''));
  app.get('/pubsub', (_request, reply) =>
    reply
      .code(400)
      .type(TEXT)
      .headers({ 'sec-websocket-version': '13', 'x-content-type-options': 'nosniff' })
      .send('Bad Request\n'),
  );
  app.post(`${RPC_PATH}/`, (_request, reply) => reply.redirect(RPC_PATH, 307));
  for (const path of ['/health', '/pubsub']) {
    app.get(`${path}/`, (_request, reply) => reply.redirect(path, 301));
  }
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).header('content-type', PLAIN).send('404 page not found'),
  );
};

const bodyOf = (request: FastifyRequest): Buffer =>
  Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);

const provenBy = (proof: string): Record<string, string> => ({
  'colonies-reply-proof': proof,
  'access-control-expose-headers': 'Colonies-Reply-Proof',
});

/**
 * Sends a reply whose head is set, and follows it: whether its caller got it, and how long it waits
 * for a slow reader. False when too much waits already: then the connection is gone.
 */
const sendFollowed = (
  { delivery, unsent }: Outlet,
  stake: Stake,
  body: string | Uint8Array,
  reply: FastifyReply,
): boolean => {
  const { socket } = reply.request.raw;
  delivery.watch(stake, reply.raw, socket);
  if (!unsent.begin(body.length, reply.raw, socket)) return false;
  // An empty text would get a content type.
  void (body === '' ? reply.send() : reply.send(body));
  unsent.sent(socket);
  return true;
};

const addRoute = (app: FastifyInstance, route: HttpRoute, outlet: Outlet): void => {
  app.route({
    method: route.method,
    url: route.path,
    ...(route.bodyBytesMax === undefined ? {} : { bodyLimit: route.bodyBytesMax }),
    handler: async (request, reply) => {
      const { socket } = request.raw;
      outlet.delivery.goesOn(socket);
      const origin = originOf(request.raw, reply.raw);
      const answer = await route.handle({
        url: request.url,
        params: request.params as Record<string, string>,
        query: request.query as HttpRequest['query'],
        headers: request.headers,
        body: bodyOf(request),
        ip: request.ip,
        get signal() {
          return origin.signal;
        },
      });
      if ('begin' in answer) {
        pour(answer, reply.raw, socket, outlet);
        return reply.hijack();
      }
      reply.code(answer.status).headers(answer.headers ?? {});
      return sendFollowed(outlet, answer, answer.body, reply) ? reply : reply.hijack();
    },
  });
};

const addErrors = (app: FastifyInstance, log: Log): void => {
  app.setErrorHandler((error: { statusCode?: number; message: string }, request, reply) => {
    // What is left of a body is read and dropped, within the time of every request: closed on
    // unread bytes, a connection is reset, and the answer lost with it.
    reply.removeHeader('connection');
    const status = error.statusCode ?? 500;
    const isBug = status >= 500 && status !== 503;
    if (isBug) log.error('http request failed', { url: request.url, error });
    const answer = errorReply(status, isBug ? 'internal error' : error.message);
    return reply.code(status).type(TEXT).send(answer.body);
  });
};

/** Makes the server of a node; nothing listens before `listen`. */
export const makeHttpServer = (options: HttpOptions): HttpServer => {
  const { dispatch, log, clock, limits = LIMITS } = options;
  const app = makeApp(options, limits);
  let stopping = false;

  const delivery = makeDelivery(clock, limits.deliveryGraceMs, (error) =>
    log.error('cannot undo an undelivered reply', { error }),
  );

  const unsent = makeUnsent(limits, (bytes) =>
    log.warn('a reply was given up: too much waits for slow readers', { bytes }),
  );

  const deliver = (answer: Reply, reply: FastifyReply): void => {
    if (stopping) reply.header('connection', 'close');
    if (answer.proof !== undefined) reply.headers(provenBy(answer.proof));
    if (answer.body !== '') reply.type(TEXT);
    reply.code(answer.status);
    sendFollowed({ delivery, unsent }, answer, answer.body, reply);
  };

  takeAnyContentType(app, limits);
  addErrors(app, log);
  addPlainRoutes(app);
  for (const route of options.routes ?? []) addRoute(app, route, { delivery, unsent });
  app.post(RPC_PATH, (request, reply) => {
    delivery.goesOn(request.raw.socket);
    dispatch
      .receive(bodyOf(request), originOf(request.raw, reply.raw))
      .then((answer) => deliver(answer, reply))
      .catch((error: unknown) => {
        log.error('dispatch failed', { error });
        reply.removeHeader('colonies-reply-proof');
        deliver(errorReply(500, 'internal error'), reply);
      });
  });
  const server = app.server as Server;
  refuseExpectations(server);
  endSilent(server);
  server.maxConnections = limits.connectionsMax;
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    // Calls that wait on one connection each want to hear of its end.
    socket.setMaxListeners(0);
    socket.once('close', () => open.delete(socket));
  });
  const upgrades = serveUpgrades(server, options.sockets, {
    ...{ limits, log, tls: options.tls !== undefined },
  });

  return {
    listen: async ({ host, port }) => {
      await app.listen({ host, port });
      return { port: (server.address() as AddressInfo).port };
    },
    close: async () => {
      stopping = true;
      options.drain();
      upgrades.closeAll();
      // A connection on which nothing ever came is busy in the eyes of Node.js.
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
      const cancel = clock.after(limits.shutdownGraceMs, () => {
        server.closeAllConnections();
        upgrades.cutAll();
        for (const socket of open) socket.destroy();
      });
      await app.close();
      cancel();
    },
  };
};
