// A WebSocket as a stream of texts, over the platform's own or, in Node.js 20, the ws package.

import { ColoniesError } from './error.ts';

/** The part of a WebSocket that the client uses; browsers, Node.js and ws all have it. */
interface Socket {
  send(text: string): void;
  close(): void;
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
}
type SocketMaker = new (url: string) => Socket;

/** Frames that wait for a slow reader; beyond it the stream fails rather than grow. */
const FRAMES_MAX = 10_000;

const socketMaker = async (): Promise<SocketMaker> => {
  const own = (globalThis as { WebSocket?: SocketMaker }).WebSocket;
  if (own !== undefined) return own;
  const { WebSocket } = await import('ws');
  return WebSocket as unknown as SocketMaker;
};

/**
 * Opens a connection, sends `hello` and gives the texts that come in. It ends when the connection
 * is closed; it throws `unreachable` when it could not be opened. Leaving the loop closes the
 * connection.
 */
export const openFrames = async (
  url: string,
  hello: readonly string[],
  signal: AbortSignal | undefined,
): Promise<AsyncIterableIterator<string>> => {
  const Maker = await socketMaker();
  signal?.throwIfAborted();
  const socket = new Maker(url);
  const frames: string[] = [];
  let opened = false;
  let over = false;
  let failure: unknown;
  let wake: (() => void) | undefined;
  const end = (error?: unknown): void => {
    if (over) return;
    over = true;
    failure = error;
    signal?.removeEventListener('abort', stop);
    socket.close();
    wake?.();
  };
  const stop = (): void => end(signal?.reason);
  signal?.addEventListener('abort', stop);
  const broken = (): void =>
    end(opened ? undefined : new ColoniesError('unreachable', `cannot reach ${url}`));
  socket.addEventListener('open', () => {
    opened = true;
    for (const text of hello) socket.send(text);
  });
  socket.addEventListener('error', broken);
  socket.addEventListener('close', broken);
  socket.addEventListener('message', ({ data }) => {
    if (frames.length >= FRAMES_MAX) {
      end(new ColoniesError('too-many', `more than ${FRAMES_MAX} events wait to be read`));
      return;
    }
    frames.push(String(data));
    wake?.();
  });
  const arrived = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const stream: AsyncIterableIterator<string> = {
    next: async () => {
      while (frames.length === 0 && !over) await arrived();
      const value = frames.shift();
      if (value !== undefined) return { done: false, value };
      if (failure !== undefined) throw failure;
      return { done: true, value: undefined };
    },
    return: async () => {
      end();
      frames.length = 0;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
};
