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
  response.destroyed && !response.writableFinished;

/** Calls `act` when the client goes away before the response was handed to the system. */
export const onGone = (response: ServerResponse, act: () => void): void => {
  response.once('close', () => {
    if (!response.writableFinished) act();
  });
};

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
