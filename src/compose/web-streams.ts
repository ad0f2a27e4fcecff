// Streams between two nodes over HTTP: a WebSocket that is opened with a pass and then carries the
// call protocol of the overlay. Its two ends are proven once, not with every call.

import type { WebSocket } from 'ws';
import type { HttpRequest } from '../api/http.ts';
import { bytesOf, type FrameSocket, type Guarded, type Watching } from '../api/ws.ts';
import type { Overlay, OverlayStream } from '../dht/overlay.ts';
import type { RelayedBy, RelayPass } from '../federation/relay-auth.ts';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { Outbound } from './outbound.ts';
import { CALLS_PATH, passHeaders } from './relay-post.ts';

type Streams = Pick<Overlay, 'handle' | 'open'>;
type StreamLimits = Pick<Limits, 'overlayStreamUnreadBytesMax' | 'overlayStreamsPerPeerMax'>;

/** The one text frame: this end takes no new calls, and waits for those under way. */
const LEAVING = 'leaving';
const NOTHING = new Uint8Array(0);

/** An open WebSocket in the shape of a stream. */
export const streamOn = (
  socket: FrameSocket,
  peer: string,
  limits: StreamLimits,
): OverlayStream => {
  const unreadMax = limits.overlayStreamUnreadBytesMax;
  const queue: Uint8Array[] = [];
  let unread = 0;
  let isPaused = false;
  let isEnded = socket.readyState !== socket.OPEN;
  let isLeaving = false;
  let onLeaving = (): void => undefined;
  let wake = (): void => undefined;
  socket.on('message', (data, binary) => {
    if (!binary) {
      if (String(data) !== LEAVING) return socket.terminate();
      isLeaving = true;
      return onLeaving();
    }
    const bytes = bytesOf(data);
    queue.push(bytes);
    unread += bytes.length;
    if (unread > unreadMax && !isPaused) {
      isPaused = true;
      socket.pause();
    }
    wake();
  });
  // What follows a broken frame is a close, which ends it.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isEnded = true;
    wake();
  });
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    for (;;) {
      const bytes = queue.shift();
      if (bytes !== undefined) {
        unread -= bytes.length;
        if (isPaused && unread <= unreadMax / 2) {
          isPaused = false;
          socket.resume();
        }
        return { done: false, value: bytes };
      }
      if (isEnded) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    peer,
    protocol: CALLS_PATH,
    send: (bytes) =>
      new Promise((resolve, reject) => {
        if (socket.readyState !== socket.OPEN) throw new Error('the stream is closed');
        socket.send(bytes, { binary: true }, (error) => {
          if (error) reject(error);
          else resolve();
        });
        if (socket.bufferedAmount <= unreadMax) resolve();
      }),
    close: async () => socket.close(),
    abort: () => socket.terminate(),
    whenLeft: (listener) => {
      onLeaving = listener;
      if (isLeaving) listener();
    },
    [Symbol.asyncIterator]: () => ({ next }),
  };
};

/** Where a WebSocket to another node is opened, and the headers that go with the wish for it. */
export interface SocketPlace {
  readonly base: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * A WebSocket once it is open; given up when the signal fires before. Rejects with a Fault, nothing
 * sent, when it does not open.
 */
export const openSocket = async (
  outbound: Pick<Outbound, 'socket'>,
  { base, path, headers }: SocketPlace,
  signal: AbortSignal,
): Promise<WebSocket> => {
  const socket = outbound.socket(base, path, headers);
  const give = (): void => socket.terminate();
  signal.addEventListener('abort', give, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', (error) =>
        reject(fault('unavailable', `${base} cannot be reached: ${error.message}`, { sent: 0 })),
      );
    });
  } finally {
    signal.removeEventListener('abort', give);
  }
  return socket;
};

export interface WebStreamsDeps {
  readonly outbound: Pick<Outbound, 'socket'>;
  readonly pass: (target: string, body: Uint8Array) => Promise<RelayPass | undefined>;
  readonly limits: StreamLimits;
  readonly log: Log;
}

/** Who opens a stream with a pass here. Rejects with forbidden. */
export type Admit = (headers: HttpRequest['headers'], body: Uint8Array) => Promise<RelayedBy>;

export interface WebStreams {
  /** For the call protocol; a peer to open a stream to is `endOf` a server and its base URL. */
  readonly streams: Streams;
  /** The WebSocket endpoint. */
  endpoint(admit: Admit): Guarded;
}

const SEPARATOR = ' ';

/** The name of a server (by its id) behind a base URL. */
export const endOf = (serverid: string, base: string): string => serverid + SEPARATOR + base;

const opening =
  ({ outbound, pass, limits }: WebStreamsDeps): Streams['open'] =>
  async (end, _protocol, signal) => {
    const at = end.indexOf(SEPARATOR);
    const [target, base] = [end.slice(0, at), end.slice(at + 1)];
    const headers = passHeaders(await pass(target, NOTHING));
    const socket = await openSocket(outbound, { base, path: CALLS_PATH, headers }, signal);
    return streamOn(socket, end, limits);
  };

/** Places for the streams of each peer. */
const makePlaces = () => {
  const ofPeer = new Map<string, number>();
  const add = (peer: string, by: number): void => {
    const count = (ofPeer.get(peer) ?? 0) + by;
    if (count === 0) ofPeer.delete(peer);
    else ofPeer.set(peer, count);
  };
  return {
    take: (peer: string, max: number): (() => void) | undefined => {
      if ((ofPeer.get(peer) ?? 0) >= max) return undefined;
      add(peer, 1);
      return () => add(peer, -1);
    },
  };
};

/** The streams of one node, both ways. */
export const makeWebStreams = (deps: WebStreamsDeps): WebStreams => {
  const { limits, log } = deps;
  const places = makePlaces();
  let serve: ((stream: OverlayStream) => Promise<void>) | undefined;
  let placesMax = 0;

  const watching =
    (peer: string): Watching =>
    (socket) => {
      serve?.(streamOn(socket, peer, limits)).catch((error: unknown) => {
        log.error('a stream of relayed calls failed', { peer, error });
        socket.terminate();
      });
      return () => {
        if (socket.readyState === socket.OPEN) socket.send(LEAVING, { binary: false });
      };
    };

  return {
    streams: {
      open: opening(deps),
      handle: async (
        _protocol,
        onStream,
        { inboundMax = limits.overlayStreamsPerPeerMax } = {},
      ) => {
        serve = onStream;
        placesMax = inboundMax;
      },
    },
    endpoint: (admit) => ({
      admit: async (headers, whenGone) => {
        const { peer } = await admit(headers, NOTHING);
        const leave = serve && places.take(peer, placesMax);
        if (leave === undefined) throw fault('too-many', 'too many streams of relayed calls');
        whenGone(leave);
        return watching(peer);
      },
    }),
  };
};
