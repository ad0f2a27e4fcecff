// Upgrades of HTTP connections: WebSocket where somebody serves it; any other wish to upgrade
// (such as h2c, which some clients ask for with every first request) is ignored and the request
// taken as it is.

import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { Fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { connectionOf } from './http-origin.ts';
import { rawRefusal } from './unread.ts';
import type { Endpoint, Guarded, SocketOrigin, Watching } from './ws.ts';

const GOING_AWAY = 1001;
const NOT_FORWARDED = new Set(['connection', 'upgrade', 'http2-settings']);

// As the route answers who does not ask for an upgrade at all.
const BAD_HANDSHAKE = [
  'HTTP/1.1 400 Bad Request',
  'Content-Type: text/plain; charset=utf-8',
  'Sec-Websocket-Version: 13',
  'X-Content-Type-Options: nosniff',
  'Content-Length: 12',
  'Connection: close',
  '',
  'Bad Request\n',
].join('\r\n');

const pathOf = (request: IncomingMessage): string => (request.url ?? '').replace(/\?.*$/s, '');

// The same request once more, without its wish: the parser that read it has let go of the
// connection.
const takeAsPlain = (
  server: Server,
  event: string,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void => {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(at, at + 2);
    if (!NOT_FORWARDED.has(name.toLowerCase())) lines.push(`${name}: ${value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit(event, socket);
};

const originOf = (request: IncomingMessage, opened: WebSocket): SocketOrigin => {
  const { socket, headers } = request;
  let signal: AbortSignal | undefined;
  return {
    connection: connectionOf(socket),
    headers,
    address: socket.remoteAddress,
    get signal() {
      if (signal === undefined) {
        const controller = new AbortController();
        signal = controller.signal;
        opened.once('close', () => controller.abort());
      }
      return signal;
    },
    hangUp: () => socket.end(),
  };
};

/** Refuses a request for a WebSocket with the envelope of every other refusal. */
const refuse = (socket: Duplex, error: unknown, log: Log): void => {
  if (!(error instanceof Fault)) log.error('a WebSocket could not be admitted', { error });
  const { status, message } =
    error instanceof Fault ? error : { status: 500, message: 'internal error' };
  // Whoever never hangs up would keep it open.
  socket.end(rawRefusal(status, message), () => socket.destroy());
};

/** Who serves a connection, once that is known; undefined when it was refused, or is gone. */
const admitted = async (
  { admit }: Guarded,
  request: IncomingMessage,
  socket: Duplex,
  log: Log,
): Promise<Watching | undefined> => {
  // Nobody else listens to it yet.
  const ignore = (): void => undefined;
  socket.on('error', ignore);
  try {
    const serve = await admit(request.headers, (listener) => {
      if (socket.destroyed) listener();
      else socket.once('close', listener);
    });
    if (socket.destroyed) return undefined;
    socket.off('error', ignore);
    return serve;
  } catch (error) {
    refuse(socket, error, log);
    return undefined;
  }
};

export interface Upgrades {
  /** Tells every subscriber that the server goes away. */
  closeAll(): void;
  /** Cuts those that did not go. */
  cutAll(): void;
}

/** Serves WebSocket on these paths of the server. */
export const serveUpgrades = (
  server: Server,
  sockets: Readonly<Record<string, Endpoint>>,
  { limits, log, tls }: { readonly limits: Limits; readonly log: Log; readonly tls: boolean },
): Upgrades => {
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: limits.frameBytesMax,
    perMessageDeflate: false,
  });
  const leaving = new WeakMap<WebSocket, () => void>();
  wss.on('wsClientError', (_error: Error, socket: Duplex) => {
    // Whoever never hangs up would keep it open.
    socket.end(BAD_HANDSHAKE, () => socket.destroy());
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = pathOf(request);
    const endpoint = Object.hasOwn(sockets, path) ? sockets[path] : undefined;
    const wanted = request.headers.upgrade?.toLowerCase() === 'websocket';
    if (endpoint === undefined || !wanted) {
      takeAsPlain(server, tls ? 'secureConnection' : 'connection', request, socket, head);
      return;
    }
    const take = (serve: Watching): void =>
      wss.handleUpgrade(request, socket, head, (opened) => {
        const leave = serve(opened, originOf(request, opened));
        if (leave !== undefined) leaving.set(opened, leave);
      });
    if (typeof endpoint === 'function') take(endpoint);
    else void admitted(endpoint, request, socket, log).then((serve) => serve && take(serve));
  });
  return {
    closeAll: () => {
      for (const client of wss.clients) {
        const leave = leaving.get(client);
        if (leave === undefined) client.close(GOING_AWAY, 'server is stopping');
        else leave();
      }
    },
    cutAll: () => {
      for (const client of wss.clients) client.terminate();
    },
  };
};
