// A subscriber without a network: frames go in as they would from a socket, and what comes back is kept.

import type { FrameSocket, Watching } from '../../src/api/ws.ts';
import { type Answer, answerOf } from './world.ts';

export interface Subscriber {
  /** Hands in a frame on a connection on which these identities spoke so before. */
  send(text: string, spoke?: Readonly<Record<string, string>>): void;
  /** The first frame that comes back; `meanwhile` runs until it is here. */
  first(meanwhile?: () => Promise<unknown>): Promise<Answer>;
  close(): void;
}

/** Opens a connection of one subscriber. */
export const subscriber = (watching: Watching): Subscriber => {
  const frames: Answer[] = [];
  const listeners: Record<string, ((...args: never[]) => void)[]> = {};
  const tell = (event: string, ...args: unknown[]): void => {
    for (const listener of listeners[event] ?? []) listener(...(args as never[]));
  };
  const nothing = (): void => undefined;
  const connection = new Map<string, string>();
  const socket: FrameSocket = {
    readyState: 1,
    OPEN: 1,
    bufferedAmount: 0,
    send: (body: unknown) => {
      frames.push(answerOf(200, String(body)));
    },
    close: nothing,
    terminate: nothing,
    pause: nothing,
    resume: nothing,
    on: (event: string, listener: (...args: never[]) => void) => {
      listeners[event] = [...(listeners[event] ?? []), listener];
    },
  } as FrameSocket;
  watching(socket, { connection, signal: new AbortController().signal, hangUp: nothing });
  return {
    send: (text, spoke = {}) => {
      for (const [id, dialect] of Object.entries(spoke)) connection.set(id, dialect);
      tell('message', Buffer.from(text), false);
    },
    first: async (meanwhile = async () => undefined) => {
      for (;;) {
        const [frame] = frames;
        if (frame !== undefined) return frame;
        await meanwhile();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    close: () => tell('close'),
  };
};
