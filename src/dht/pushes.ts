// One-way messages between connected peers: a length and so many bytes, on one stream per
// direction. A slow peer loses messages, never slows the sender; a loud one is slowed, then sent
// away.

import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import { makeBuckets } from './buckets.ts';
import type { Conduct, Counters } from './conduct.ts';
import type { Overlay, OverlayStream, Pushes } from './overlay.ts';
import { deadline } from './signals.ts';

const LENGTH_BYTES = 4;

/** A message as it travels: 32-bit length, then its bytes. */
export const encodePush = (bytes: Uint8Array): Buffer => {
  const message = Buffer.allocUnsafe(LENGTH_BYTES + bytes.length);
  message.writeUInt32BE(bytes.length, 0);
  message.set(bytes, LENGTH_BYTES);
  return message;
};

/** The other side announced a message of no or too much length. */
export class PushError extends Error {
  override readonly name = 'PushError';
}

/** Messages in a stream of chunks cut anywhere. Throws a PushError before buffering a long one. */
export async function* decodePushes(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk]);
    while (held.length >= LENGTH_BYTES) {
      const length = held.readUInt32BE(0);
      if (length === 0 || length > bytesMax) throw new PushError(`message of ${length} bytes`);
      if (held.length < LENGTH_BYTES + length) break;
      yield new Uint8Array(held.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
      held = held.subarray(LENGTH_BYTES + length);
    }
  }
}

export interface PushesDeps {
  readonly protocol: string;
  readonly streams: Pick<Overlay, 'handle' | 'open'>;
  /** Ids of connected peers that take part in our network. */
  readonly members: () => readonly string[];
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'now'>;
  readonly conduct: Conduct;
  readonly counters: Counters;
}

export interface OwnedPushes extends Pushes {
  /** Forgets what waits for a peer that went away. */
  forget(peer: string): void;
  stop(): void;
}

interface Outgoing {
  readonly queue: Uint8Array[];
  isRunning: boolean;
  stream: OverlayStream | undefined;
}

const makeSender = ({ protocol, streams, limits, counters }: PushesDeps) => {
  const outgoing = new Map<string, Outgoing>();
  const drain = async (peer: string, line: Outgoing): Promise<void> => {
    while (line.queue.length > 0) {
      line.stream ??= await streams.open(peer, protocol, deadline(limits.overlayDialMs));
      const bytes = line.queue.shift();
      if (bytes !== undefined) await line.stream.send(encodePush(bytes));
    }
    // In the same turn as the last look at the queue, or a message queued in between would wait.
    line.isRunning = false;
  };
  const forget = (peer: string): void => {
    const line = outgoing.get(peer);
    if (line === undefined) return;
    outgoing.delete(peer);
    line.queue.length = 0;
    line.stream?.abort(new Error('no more messages'));
  };
  return {
    push: (peer: string, bytes: Uint8Array): boolean => {
      const line = outgoing.get(peer) ?? { queue: [], isRunning: false, stream: undefined };
      if (line.queue.length >= limits.pushQueueMax) {
        counters.add('push-dropped');
        return false;
      }
      outgoing.set(peer, line);
      line.queue.push(bytes);
      counters.add('push-sent');
      if (line.isRunning) return true;
      line.isRunning = true;
      drain(peer, line).catch(() => {
        // The peer went away or does not speak the protocol: the overlay has the records anyway.
        counters.add('push-failed');
        forget(peer);
      });
      return true;
    },
    forget,
    stop: () => {
      for (const peer of [...outgoing.keys()]) forget(peer);
    },
  };
};

/** The push protocol `protocol` of one node. */
export const makePushes = (deps: PushesDeps): OwnedPushes => {
  const { protocol, streams, members, limits, clock, conduct, counters } = deps;
  const sender = makeSender(deps);
  const rate = makeBuckets({
    perSecond: limits.pushesPerSecond,
    burst: limits.pushesBurst,
    keysMax: limits.overlayTrackedPeersMax,
    now: clock.now,
  });
  const push = (peer: string, bytes: Uint8Array): boolean =>
    bytes.length <= limits.pushBytesMax && members().includes(peer) && sender.push(peer, bytes);
  const receive = async (
    stream: OverlayStream,
    onMessage: (peer: string, bytes: Uint8Array) => Promise<boolean>,
  ): Promise<void> => {
    const { peer } = stream;
    try {
      for await (const bytes of decodePushes(stream, limits.pushBytesMax)) {
        counters.add('push-received');
        if (!rate.take(peer)) {
          conduct.fault(peer, 'push-flood');
          continue;
        }
        if (!(await onMessage(peer, bytes))) conduct.fault(peer, 'push-refused');
      }
    } catch (error) {
      // A stream that merely broke is no fault of the peer.
      if (error instanceof PushError) conduct.fault(peer, 'push-frames', 5);
      throw error;
    }
  };
  return {
    serve: (onMessage) =>
      streams.handle(protocol, (stream) => receive(stream, onMessage), { inboundMax: 2 }),
    push,
    pushAll: (bytes, not) => {
      const reached = members().filter((peer) => peer !== not && push(peer, bytes));
      return reached.length;
    },
    forget: sender.forget,
    stop: sender.stop,
  };
};
