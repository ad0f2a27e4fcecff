// A carrier of frames that is no WebSocket: what a relayed subscription is served on when it comes
// over the overlay. One frame goes in; the frames that come out are read as a body.

import { EventEmitter } from 'node:events';
import type { FrameSocket } from '../api/ws.ts';
import { encodeFrame } from './relay-wire.ts';

const OPEN = 1;
const CLOSED = 3;

export interface PipeSocket {
  readonly socket: FrameSocket;
  /** The frames as the bytes of a body; ends when the subscription does. */
  readonly frames: AsyncIterable<Uint8Array>;
  /** Hands the client's frame in, once somebody serves the socket. */
  take(frame: Uint8Array): void;
  /** Ends it from outside. */
  end(): void;
}

/** Makes an open carrier. */
export const makePipeSocket = (): PipeSocket => {
  const events = new EventEmitter();
  const queue: Uint8Array[] = [];
  let buffered = 0;
  let state = OPEN;
  let wake = (): void => undefined;

  const end = (): void => {
    if (state === CLOSED) return;
    state = CLOSED;
    wake();
    events.emit('close');
  };

  async function* frames(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const frame = queue.shift();
        if (frame !== undefined) {
          buffered -= frame.length;
          yield frame;
          continue;
        }
        if (state === CLOSED) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      end();
    }
  }

  const socket = {
    OPEN,
    get readyState() {
      return state;
    },
    get bufferedAmount() {
      return buffered;
    },
    on: (event: string, listener: (...args: never[]) => void) =>
      events.on(event, listener as () => void),
    send: (data: unknown) => {
      if (state === CLOSED) return;
      const frame = encodeFrame(String(data));
      buffered += frame.length;
      queue.push(frame);
      wake();
    },
    close: end,
    terminate: end,
    pause: () => undefined,
    resume: () => undefined,
  };
  return {
    socket: socket as unknown as FrameSocket,
    frames: frames(),
    take: (frame) => void events.emit('message', Buffer.from(frame), false),
    end,
  };
};
