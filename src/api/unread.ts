// Requests that never get as far as a route: what is no HTTP, what is too large or too slow, what
// names no host. Each is answered in the envelope of every other refusal, then the connection ends.

import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { errorBody } from '../node/model/envelope.ts';

const TEXT = 'text/plain; charset=utf-8';

/** What the parser of Node.js tells about a request it gave up. */
interface ParseError extends Error {
  readonly code?: string;
  readonly reason?: string;
}

const KNOWN: Readonly<Record<string, readonly [status: number, why: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'the extensions of chunks are too large'],
  HPE_HEADER_OVERFLOW: [431, 'request headers are too large'],
};

const refusalOf = ({ code, reason, message }: ParseError): readonly [number, string] =>
  KNOWN[code ?? ''] ?? [400, `malformed HTTP request: ${reason ?? message}`];

/** A whole refusal, for a connection whose parser is gone. */
export const rawRefusal = (status: number, why: string): string => {
  const body = errorBody(status, why);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${TEXT}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
};

/** Answers a request that could not be read; what is not taken in `stallMs` is given up. */
export const refuseUnread =
  (stallMs: number) =>
  (error: Error, socket: Socket): void => {
    // Who reset the connection reads no more.
    if (socket.destroyed || !socket.writable || (error as ParseError).code === 'ECONNRESET') return;
    // Nothing is ever sent to who did not agree on keys, nor to who takes nothing.
    socket.setTimeout(stallMs, () => socket.destroy());
    socket.write(rawRefusal(...refusalOf(error)));
    socket.destroySoon();
  };

/** Whether a request lacks the host that HTTP/1.1 asks for. */
export const lacksHost = ({ headers, httpVersion }: IncomingMessage): boolean =>
  headers.host === undefined && httpVersion === '1.1';

export const NO_HOST = 'missing Host header';

/** Refuses what a server is asked to promise, but for 100-continue, which Node.js answers. */
export const refuseExpectations = (server: Server): void => {
  server.on('checkExpectation', (_request: IncomingMessage, reply: ServerResponse) => {
    const body = errorBody(417, 'the only expectation that is met is 100-continue');
    const length = String(body.length);
    const head = { 'content-type': TEXT, 'content-length': length, connection: 'close' };
    reply.writeHead(417, head).end(body);
  });
};
