// Whether a reply that gave something away reached its caller. The system takes bytes for callers
// that are gone; a reset shortly after says that nobody read them.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../node/clock.ts';
import type { Reply } from '../node/model/envelope.ts';
import { isGone } from './http-origin.ts';

/** What is at stake with a reply. */
export type Stake = Pick<Reply, 'onLost' | 'onDelivered'>;

/** Tells whether a reply arrived; `onError` hears when its loss cannot be undone. */
export const settleStake = (
  { onLost, onDelivered }: Stake,
  arrived: boolean,
  onError: (error: unknown) => void,
): void => {
  if (arrived) onDelivered?.();
  else onLost?.().catch(onError);
};

export interface Delivery {
  /** Follows a reply that is about to be sent, until its fate is known. */
  watch(reply: Stake, response: ServerResponse, socket: Socket): void;
  /**
   * The same for a part of a response. Gives what to call when the system took it; undefined when
   * nothing is at stake.
   */
  watchPart(part: Stake, response: ServerResponse, socket: Socket): (() => void) | undefined;
  /** Another request came on the connection: what was sent before was read. */
  goesOn(socket: Socket): void;
}

/** Follows replies with something at stake; others cost nothing. */
export const makeDelivery = (
  clock: Pick<Clock, 'after'>,
  graceMs: number,
  onError: (error: unknown) => void,
): Delivery => {
  const watched = new WeakMap<Socket, Set<() => void>>();
  const follow = (
    stake: Stake,
    response: ServerResponse,
    socket: Socket,
    isSent: () => boolean,
  ): (() => void) | undefined => {
    if (stake.onLost === undefined && stake.onDelivered === undefined) return undefined;
    let isKnown = false;
    let cancel = (): void => undefined;
    const settle = (read: boolean): void => {
      if (isKnown) return;
      isKnown = true;
      cancel();
      socket.off('close', onClose);
      watched.get(socket)?.delete(wasRead);
      settleStake(stake, read, onError);
    };
    const wasRead = (): void => settle(true);
    const onClose = (hadError: boolean): void => settle(!hadError && isSent());
    if (isGone(response)) {
      settle(false);
      return undefined;
    }
    socket.once('close', onClose);
    return () => {
      const sent = watched.get(socket) ?? new Set();
      watched.set(socket, sent.add(wasRead));
      cancel = clock.after(graceMs, wasRead);
    };
  };
  return {
    goesOn: (socket) => {
      for (const wasRead of watched.get(socket) ?? []) wasRead();
    },
    watch: (reply, response, socket) => {
      const onSent = follow(reply, response, socket, () => response.writableFinished);
      if (onSent !== undefined) response.once('finish', onSent);
    },
    watchPart: (part, response, socket) => {
      let isSent = false;
      const onSent = follow(part, response, socket, () => isSent);
      return (
        onSent &&
        (() => {
          isSent = true;
          onSent();
        })
      );
    },
  };
};
