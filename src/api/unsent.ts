// Replies that wait for their readers: all together within a bound, and each for a bounded time
// without progress. A reply that is given up is lost, as any on a broken connection.

import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Limits } from '../node/limits.ts';
import { onOver } from './http-origin.ts';

export interface Unsent {
  /**
   * Called just before a reply of so many bytes is sent. False when too much waits for slow
   * readers: the connection is ended then.
   */
  begin(bytes: number, response: ServerResponse, socket: Socket): boolean;
  /** Called just after a small one was sent. */
  sent(socket: Socket): void;
  /** Follows a response that is sent in parts. */
  parts(response: ServerResponse, socket: Socket): UnsentParts;
}

/** The parts of one response. */
export interface UnsentParts {
  /** As `begin`, for the next part: gives what to call when the system took it, else undefined. */
  begin(bytes: number): (() => void) | undefined;
}

/**
 * Ends connections that stood still for their time. With an error, so that nobody takes what was on
 * its way for delivered: a connection that is ended quietly counts as read to the end.
 */
export const endSilent = (server: Server): void => {
  server.on('timeout', (socket: Socket) => {
    socket.destroy(new Error('nothing moved on the connection in its time'));
  });
};

/**
 * Follows the replies of one server; small ones cost nothing unless they are not taken. `givenUp`
 * is told of each that there was no room for.
 */
export const makeUnsent = (
  { bodyFreeBytes, repliesBytesMax, replyStallMs }: Limits,
  givenUp: (bytes: number) => void,
): Unsent => {
  let held = 0;

  // Progress counts as activity, so this is a bound on silence, not on the whole time. The server
  // itself watches the connection between requests; a call that waits is not watched at all.
  const watch = (socket: Socket): void => {
    socket.setTimeout(replyStallMs);
  };
  const unwatch = (socket: Socket): void => {
    if (socket.timeout === replyStallMs) socket.setTimeout(0);
  };

  // One alone is always sent: asked for again it would be as large.
  const hasRoom = (bytes: number, socket: Socket): boolean => {
    if (held === 0 || held + bytes <= repliesBytesMax) return true;
    socket.destroy(new Error('too much waits for slow readers'));
    givenUp(bytes);
    return false;
  };

  return {
    begin: (bytes, response, socket) => {
      if (bytes <= bodyFreeBytes) return true;
      if (!hasRoom(bytes, socket)) return false;
      held += bytes;
      response.once('finish', () => unwatch(socket));
      onOver(response, () => {
        held -= bytes;
      });
      watch(socket);
      return true;
    },
    sent: (socket) => {
      if (socket.writableLength > 0 && socket.timeout !== replyStallMs) watch(socket);
    },
    parts: (response, socket) => {
      let waiting = 0;
      let counted = 0;
      const add = (bytes: number): void => {
        waiting += bytes;
        const large = waiting > bodyFreeBytes ? waiting : 0;
        held += large - counted;
        counted = large;
      };
      let isOver = false;
      onOver(response, () => {
        isOver = true;
        add(-waiting);
      });
      const taken = (bytes: number): void => {
        if (isOver) return;
        add(-bytes);
        // Until its next part the response waits for this server, not for its reader.
        if (waiting === 0) unwatch(socket);
      };
      return {
        begin: (bytes) => {
          if (waiting + bytes > bodyFreeBytes && !hasRoom(bytes, socket)) return undefined;
          add(bytes);
          watch(socket);
          return () => taken(bytes);
        },
      };
    },
  };
};
