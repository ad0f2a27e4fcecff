// What a call may know of the HTTP request it came in, made so that calls which do not wait pay
// nothing.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Origin } from '../node/model/envelope.ts';

// Per connection: which dialect each identity last spoke on it.
const connections = new WeakMap<Socket, Map<string, string>>();

/** The state of a connection, made when first asked for. */
export const connectionOf = (socket: Socket): Map<string, string> => {
  let connection = connections.get(socket);
  if (connection === undefined) {
    connection = new Map();
    connections.set(socket, connection);
  }
  return connection;
};

/** Whether the response can no longer reach the client. */
export const isGone = (response: ServerResponse): boolean =>
  (response.destroyed || response.req.socket.destroyed) && !response.writableFinished;

/**
 * Calls `act` once when the response is over: sent, or never to be sent. A response that waits behind
 * another one of its connection is not told when that ends, so the connection is asked as well.
 */
export const onOver = (response: ServerResponse, act: () => void): void => {
  const { socket } = response.req;
  let isOver = false;
  const end = (): void => {
    // One of the two events comes in the middle of the other, when both lists are read already.
    if (isOver) return;
    isOver = true;
    response.off('close', end);
    socket.off('close', end);
    act();
  };
  response.once('close', end);
  socket.once('close', end);
};

/** Calls `act` when the client goes away before the response was handed to the system. */
export const onGone = (response: ServerResponse, act: () => void): void =>
  onOver(response, () => {
    if (!response.writableFinished) act();
  });

// A class for its getters: those of an object literal cost every request three hidden classes.
class HttpOrigin implements Origin {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #signal: AbortSignal | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  get connection(): Map<string, string> {
    return connectionOf(this.#request.socket);
  }

  get address(): string | undefined {
    return this.#request.socket.remoteAddress;
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      if (isGone(this.#response)) controller.abort();
      else onGone(this.#response, () => controller.abort());
    }
    return this.#signal;
  }
}

/** The origin of a request; the signal is made when first read. */
export const originOf = (request: IncomingMessage, response: ServerResponse): Origin =>
  new HttpOrigin(request, response);
