// The one writer of a call stream: control frames first, then the frames of all calls in turn, in
// batches, at the pace of the stream. A call has at most one data frame waiting, so turns are fair.

import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { OverlayStream } from './overlay.ts';

const BATCH_BYTES = 64 * 1024;

export interface Writer {
  /** Credit and probes: before everything that waits. */
  control(frame: Buffer): void;
  /** Queues a frame. */
  send(frame: Buffer): Queued;
  /** Queues a frame that may wait a moment for others to leave with. */
  lazily(frame: Buffer): void;
  /** Lets what waits leave now, for whoever gathered before he queued. */
  flush(): void;
}

export interface Queued {
  /**
   * Resolves when the stream took the frame, with false when it was dropped or the stream broke.
   */
  readonly sent: Promise<boolean>;
  /** Whether it was handed to the stream: from then on it may have arrived. */
  hasLeft(): boolean;
  /** Takes the frame back; false when it is too late. */
  drop(): boolean;
}

interface Waiting {
  readonly frame: Buffer;
  readonly settle: (sent: boolean) => void;
  dropped: boolean;
  taken: boolean;
}

/** A frame that waits, and what became of it. */
const inLine = (frame: Buffer): { readonly waiting: Waiting; readonly sent: Promise<boolean> } => {
  let settle: (sent: boolean) => void = () => undefined;
  const sent = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  return { waiting: { frame, settle, dropped: false, taken: false }, sent };
};

const takeBack = (waiting: Waiting): boolean => {
  if (waiting.taken) return false;
  waiting.dropped = true;
  waiting.settle(false);
  return true;
};

/** Adds the frames of one batch to `frames`: those that wait, and how many places they had. */
const nextOf = (queue: readonly Waiting[], frames: Buffer[]) => {
  const taken: Waiting[] = [];
  let bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
  let used = 0;
  for (const waiting of queue) {
    if (bytes >= BATCH_BYTES) break;
    used += 1;
    if (waiting.dropped) continue;
    waiting.taken = true;
    taken.push(waiting);
    frames.push(waiting.frame);
    bytes += waiting.frame.length;
  }
  return { taken, used };
};

export interface WriterDeps {
  readonly clock: Pick<Clock, 'after'>;
  readonly limits: Pick<Limits, 'callReceiptMs' | 'callFramesQueuedMax'>;
}

/** A writer on a stream; `onBroken` is told once when the stream takes no more. */
export const makeWriter = (
  stream: Pick<OverlayStream, 'send'>,
  { clock, limits }: WriterDeps,
  onBroken: (error: Error) => void,
): Writer => {
  const controls: Buffer[] = [];
  let hurry: (() => void) | undefined;
  let queue: Waiting[] = [];
  let leaving: Waiting[] = [];
  let isStarting = false;
  let isPumping = false;
  let isBroken = false;

  const batch = (): { frames: Buffer[]; taken: Waiting[] } => {
    hurry?.();
    hurry = undefined;
    const frames = controls.splice(0);
    const { taken, used } = nextOf(queue, frames);
    queue = queue.slice(used);
    return { frames, taken };
  };

  const pump = async (): Promise<void> => {
    while (controls.length > 0 || queue.length > 0) {
      const { frames, taken } = batch();
      if (frames.length === 0) continue;
      leaving = taken;
      await stream.send(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
      for (const waiting of taken) waiting.settle(true);
      leaving = [];
    }
    // In the same turn as the last look at the queue, or a frame queued in between would wait for
    // ever.
    isPumping = false;
  };

  const breakOff = (error: Error): void => {
    isBroken = true;
    controls.length = 0;
    for (const waiting of [...leaving, ...queue.splice(0)]) waiting.settle(false);
    onBroken(error);
  };

  const flush = (): void => {
    isStarting = false;
    if (isPumping || isBroken) return;
    isPumping = true;
    pump().catch((error: Error) => {
      if (!isBroken) breakOff(error);
    });
  };

  const start = (): void => {
    if (controls.length + queue.length > limits.callFramesQueuedMax) {
      breakOff(new Error('too many frames wait for a peer that does not read'));
    }
    if (isStarting || isPumping || isBroken) return;
    isStarting = true;
    // Begun at the end of the turn, so that the frames of all calls that it brought forth leave
    // together: every write costs encryption and a system call.
    setImmediate(flush);
  };

  return {
    control: (frame) => {
      if (isBroken) return;
      controls.push(frame);
      start();
    },
    send: (frame) => {
      const { waiting, sent } = inLine(frame);
      if (isBroken) waiting.settle(false);
      else queue.push(waiting);
      start();
      return {
        sent,
        hasLeft: () => waiting.taken,
        drop: () => !isBroken && takeBack(waiting),
      };
    },
    lazily: (frame) => {
      if (isBroken) return;
      controls.push(frame);
      hurry ??= clock.after(limits.callReceiptMs, start);
    },
    flush,
  };
};
