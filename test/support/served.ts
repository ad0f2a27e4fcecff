// A world behind a real HTTP server on a free port of this machine, and sockets to talk to it with.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type HttpOptions, makeHttpServer } from '../../src/api/http.ts';
import { makeWatching, type WatchingDeps } from '../../src/api/ws.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import type { World } from './world.ts';

export interface ServeOptions {
  readonly limits?: Partial<Limits>;
  readonly routes?: HttpOptions['routes'];
  readonly tls?: HttpOptions['tls'];
  readonly elsewhere?: WatchingDeps['elsewhere'];
  readonly onRevoked?: WatchingDeps['onRevoked'];
  readonly dispatch?: HttpOptions['dispatch'];
}

/** Serves the world until `close`. */
export const serve = async (w: World, options: ServeOptions = {}) => {
  const limits: Limits = { ...LIMITS, ...options.limits };
  const { elsewhere, onRevoked, tls, routes } = options;
  const watching = makeWatching({ ...w.deps, clock: w.clock, elsewhere, onRevoked, limits });
  const server = makeHttpServer({
    dispatch: options.dispatch ?? w.dispatch,
    sockets: { '/pubsub': watching },
    drain: () => w.engine.drain(),
    clock: w.clock,
    log: w.deps.log,
    limits,
    ...(routes ? { routes } : {}),
    ...(tls ? { tls } : {}),
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const url = `http${tls ? 's' : ''}://127.0.0.1:${port}`;
  return { port, url, close: () => server.close() };
};

export type Served = Awaited<ReturnType<typeof serve>>;

/** A bare connection: what is written goes out as it is, what came in is kept as text. */
export interface Line {
  readonly socket: Socket;
  write(text: string): void;
  /** All text so far, once it holds `part` that many times. */
  until(part: string, times?: number): Promise<string>;
  /** All text, once the other side has ended. */
  ended(): Promise<string>;
}

/** Opens a bare connection. */
export const dial = async (port: number): Promise<Line> => {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let wake = (): void => undefined;
  socket.setEncoding('latin1');
  socket.on('data', (more) => {
    text += more;
    wake();
  });
  socket.on('close', () => wake());
  // A reset ends the connection like any other end.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const something = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  return {
    socket,
    write: (more) => {
      socket.write(more);
    },
    until: async (part, times = 1) => {
      while (text.split(part).length <= times) {
        if (socket.closed) throw new Error(`closed before ${part}: ${text}`);
        await something();
      }
      return text;
    },
    ended: async () => {
      while (!socket.closed) await something();
      return text;
    },
  };
};
