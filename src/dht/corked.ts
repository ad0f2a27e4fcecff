// Sockets of the overlay that write once for all that a moment brings. The library hands every
// encrypted message to its socket in two pieces, a length of two bytes and the rest: two system
// calls to send one, and often two to read it.

import type { Socket } from 'node:net';
import type { MultiaddrConnection, Upgrader } from '@libp2p/interface';

interface OverSocket {
  readonly socket?: Socket;
  sendData(data: unknown): unknown;
}

/** The same connection; what it sends within one turn leaves at its end. */
const corked = (connection: MultiaddrConnection): MultiaddrConnection => {
  const over = connection as unknown as OverSocket;
  const { socket } = over;
  if (socket === undefined) return connection;
  const sendData = over.sendData.bind(over);
  let isCorked = false;
  const uncork = (): void => {
    isCorked = false;
    socket.uncork();
  };
  over.sendData = (data) => {
    if (!isCorked) {
      isCorked = true;
      socket.cork();
      // After everything that is ready now, before the loop goes on.
      process.nextTick(uncork);
    }
    return sendData(data);
  };
  return connection;
};

/** An upgrader for connections over TCP that are to be written so. */
export const corking = (upgrader: Upgrader): Upgrader => ({
  upgradeInbound: (connection: MultiaddrConnection, options: never) =>
    upgrader.upgradeInbound(corked(connection), options),
  upgradeOutbound: (connection: MultiaddrConnection, options: never) =>
    upgrader.upgradeOutbound(corked(connection), options),
  createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
  getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
  getStreamMuxers: () => upgrader.getStreamMuxers(),
});
