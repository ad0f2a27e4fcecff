// Whether a reply that gave something away reached its caller. The system takes bytes for callers
// that are gone; a reset shortly after says that nobody read them.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../node/clock.ts';
import type { Reply } from '../node/model/envelope.ts';
import { isGone } from './http-origin.ts';

/** What is at stake with a reply. */
export type Stake = Pick<Reply, 'onLost' | 'onDelivered'>;

export interface Delivery {
  /** Follows a reply that is about to be sent, until its fate is known. */
  watch(reply: Stake, response: ServerResponse, socket: Socket): void;
  /** Another request came on the connection: what was sent before was read. */
  goesOn(socket: Socket): void;
}

/** Follows replies with something at stake; others cost nothing. */
export const makeDelivery = (
  clock: Pick<Clock, 'after'>,
  graceMs: number,
  onError: (error: unknown) => void,
): Delivery => {
  const watched = new WeakMap<Socket, () => void>();
  return {
    goesOn: (socket) => watched.get(socket)?.(),
    watch: ({ onLost, onDelivered }, response, socket) => {
      if (onLost === undefined && onDelivered === undefined) return;
      let isKnown = false;
      let cancel = (): void => undefined;
      const settle = (read: boolean): void => {
        if (isKnown) return;
        isKnown = true;
        cancel();
        socket.off('close', onClose);
        watched.delete(socket);
        if (read) onDelivered?.();
        else onLost?.().catch(onError);
      };
      const onClose = (hadError: boolean): void => settle(!hadError && response.writableFinished);
      if (isGone(response)) {
        settle(false);
        return;
      }
      socket.once('close', onClose);
      response.once('finish', () => {
        watched.set(socket, () => settle(true));
        cancel = clock.after(graceMs, () => settle(true));
      });
    },
  };
};
