// An answer in parts as the body of one call of the overlay. Its reader says once whether all of it
// arrived; parts that wait for slow readers are bounded for the whole node.

import { type Stake, settleStake } from '../api/delivery.ts';
import type { Outpour } from '../api/outpour.ts';
import type { Limits } from '../node/limits.ts';

/** Bytes of all answers in parts of a node that their readers have not taken. */
export interface Unread {
  bytes: number;
}

export interface PiecesDeps {
  readonly unread: Unread;
  readonly limits: Pick<Limits, 'repliesBytesMax'>;
  readonly onError: (error: unknown) => void;
}

export interface Pieces {
  /** Where the parts go. */
  readonly out: Outpour;
  /** Resolves with the first part, or when there will be none. */
  readonly begun: Promise<void>;
  /** The parts as they come, to be read once. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Tells, once, whether the whole answer arrived. */
  settle(arrived: boolean): void;
}

/** Makes an answer that has no part yet. */
export const makePieces = ({ unread, limits, onError }: PiecesDeps): Pieces => {
  const queue: Uint8Array[] = [];
  const stakes: Stake[] = [];
  let held = 0;
  let fate: boolean | undefined;
  let failure: Error | undefined;
  let isEnded = false;
  let wake: (() => void) | undefined;
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });

  const count = (bytes: number): void => {
    held += bytes;
    unread.bytes += bytes;
  };
  const awake = (): void => {
    begin();
    wake?.();
    wake = undefined;
  };

  async function* body(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (failure !== undefined) throw failure;
      const bytes = queue.shift();
      if (bytes !== undefined) {
        yield bytes;
        if (fate === undefined) count(-bytes.length);
        continue;
      }
      if (isEnded) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  return {
    out: {
      send: (bytes, more) => {
        if (fate !== undefined) {
          for (const stake of more) settleStake(stake, false, onError);
          return;
        }
        stakes.push(...more);
        // One alone is always sent: asked for again it would be as large.
        if (unread.bytes > 0 && unread.bytes + bytes.length > limits.repliesBytesMax) {
          failure = new Error('too much waits for slow readers');
        } else {
          count(bytes.length);
          queue.push(bytes);
        }
        awake();
      },
      end: () => {
        isEnded = true;
        awake();
      },
    },
    begun,
    body: body(),
    settle: (arrived) => {
      if (fate !== undefined) return;
      fate = arrived;
      queue.length = 0;
      count(-held);
      for (const stake of stakes.splice(0)) settleStake(stake, arrived, onError);
    },
  };
};
