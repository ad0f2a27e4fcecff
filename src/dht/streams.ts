// Streams of libp2p in the shape of the port: reading that the sender feels, sending that waits for
// room. The library's own iterator and `onDrain` do neither (one buffers without bound, the other
// resolves for ever after its first drain), so both are done here from its events.

import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface';
import type { Limits } from '../node/limits.ts';
import type { OpenLive } from './kad.ts';
import type { OverlayStream } from './overlay.ts';

const CLOSE_MS = 5_000;

const reader = (stream: Stream, unreadMax: number): AsyncIterator<Uint8Array> => {
  const queue: Uint8Array[] = [];
  let unread = 0;
  let isPaused = false;
  let ended = stream.readableEnded;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const awake = (): void => {
    wake?.();
    wake = undefined;
  };
  const resume = (): void => {
    isPaused = false;
    try {
      stream.resume();
    } catch {
      // The stream closed meanwhile; what it had left was delivered, or its close event says why
      // not.
    }
  };
  stream.addEventListener('message', (event) => {
    const bytes = event.data.subarray();
    queue.push(bytes);
    unread += bytes.length;
    if (unread > unreadMax && !isPaused && stream.readStatus === 'readable') {
      isPaused = true;
      stream.pause();
    }
    awake();
  });
  stream.addEventListener('end', () => {
    ended = true;
    awake();
  });
  stream.addEventListener('close', (event) => {
    failure = event.error;
    if (isPaused) resume();
    ended = true;
    awake();
  });
  return {
    next: async () => {
      for (;;) {
        const bytes = queue.shift();
        if (bytes !== undefined) {
          unread -= bytes.length;
          if (isPaused && unread <= unreadMax / 2) resume();
          return { done: false, value: bytes };
        }
        if (failure !== undefined) throw failure;
        if (ended) return { done: true, value: undefined };
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
};

/** Resolves when at most `unsentMax` bytes wait in the stream; rejects when it closes before. */
const room = (stream: Stream, unsentMax: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (run: () => void): void => {
      stream.removeEventListener('drain', onDrain);
      stream.removeEventListener('idle', check);
      stream.removeEventListener('close', onClose);
      run();
    };
    const check = (): void => {
      if (stream.writeBufferLength <= unsentMax) settle(resolve);
    };
    // The library goes on sending one microtask after the event.
    const onDrain = (): void => queueMicrotask(check);
    const onClose = (event: { error?: Error }): void =>
      settle(() => reject(event.error ?? new Error('the stream closed')));
    stream.addEventListener('drain', onDrain);
    stream.addEventListener('idle', check);
    stream.addEventListener('close', onClose);
  });

/** A libp2p stream as the port offers it. */
export const wrapStream = (stream: Stream, peer: string, limits: Limits): OverlayStream => {
  const read = reader(stream, limits.overlayStreamUnreadBytesMax);
  return {
    peer,
    protocol: stream.protocol,
    send: async (bytes) => {
      stream.send(bytes);
      if (stream.writeBufferLength > limits.overlayStreamUnsentBytes) {
        await room(stream, limits.overlayStreamUnsentBytes);
      }
    },
    close: async () => {
      try {
        await stream.close({ signal: AbortSignal.timeout(CLOSE_MS) });
      } catch (error) {
        // Nobody takes our last bytes: let the stream go.
        stream.abort(error as Error);
      }
    },
    abort: (reason) => stream.abort(reason),
    [Symbol.asyncIterator]: () => read,
  };
};

const DEAD = new Set(['ConnectionClosedError', 'MuxerClosedError']);

const isZombie = (connection: Connection): boolean =>
  (connection as { muxer?: { status: string } }).muxer?.status !== 'open';

/**
 * Opens streams on a node. A connection whose muxer died stays listed in the library and fails
 * every later attempt: such ones are closed, and the peer dialled anew, once.
 */
export const makeOpenLive =
  (node: () => Libp2p): OpenLive =>
  async (peer: PeerId, protocol, options) => {
    const open = (): Promise<Stream> =>
      node().dialProtocol(peer, protocol, { runOnLimitedConnection: true, ...options });
    try {
      return await open();
    } catch (error) {
      const zombies = DEAD.has((error as Error).name)
        ? node().getConnections(peer).filter(isZombie)
        : [];
      if (zombies.length === 0) throw error;
      for (const connection of zombies) connection.abort(error as Error);
      return open();
    }
  };
