// The bytes of one call in one direction: `Outbox` sends within the credit the reader gave,
// `Inbox` buffers at most one window and gives credit as its reader takes bytes out.

import type { Limits } from '../node/limits.ts';
import type { Queued, Writer } from './call-writer.ts';
import { encodeCredit, encodeFrame, FRAME, FrameError } from './frames.ts';
import type { CallBody } from './overlay.ts';

/** Unread bytes of all calls of a node. */
export interface Budget {
  bytes: number;
}

export interface Inbox extends AsyncIterable<Uint8Array> {
  /** Takes bytes from the wire. Throws a FrameError when they exceed the credit given. */
  push(bytes: Uint8Array): void;
  end(): void;
  /** Ends reading with an error and lets go of what is buffered. */
  fail(error: Error): void;
}

export interface InboxOptions {
  readonly id: number;
  readonly writer: Writer;
  readonly limits: Limits;
  readonly budget: Budget;
  /** Bytes that may come in all. */
  readonly bytesMax: number;
  /** Told once when the reader has taken everything. */
  readonly onDrained: () => void;
  /** Told once when more than `bytesMax` bytes came. */
  readonly onTooLarge: () => void;
}

/** The receiving side of a call's bytes; can be read once. */
export const makeInbox = (options: InboxOptions): Inbox => {
  const { id, writer, limits, budget } = options;
  const queue: Uint8Array[] = [];
  let credit: number = limits.callWindowBytes;
  let taken = 0;
  let total = 0;
  let isEnded = false;
  let isDone = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const awake = (): void => {
    wake?.();
    wake = undefined;
  };
  const discard = (): void => {
    for (const bytes of queue.splice(0)) budget.bytes -= bytes.length;
  };
  const give = (bytes: number): void => {
    taken += bytes;
    if (isEnded || taken < limits.callWindowBytes / 2) return;
    credit += taken;
    writer.control(encodeCredit(id, taken));
    taken = 0;
  };
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    for (;;) {
      if (failure !== undefined) throw failure;
      const bytes = queue.shift();
      if (bytes !== undefined) {
        budget.bytes -= bytes.length;
        give(bytes.length);
        return { done: false, value: bytes };
      }
      if (isEnded) {
        if (!isDone) options.onDrained();
        isDone = true;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const fail = (error: Error): void => {
    if (isDone || failure !== undefined) return;
    failure = error;
    discard();
    awake();
  };
  return {
    push: (bytes) => {
      if (failure !== undefined || isEnded) return;
      if (bytes.length > credit) throw new FrameError('more bytes than credit');
      credit -= bytes.length;
      total += bytes.length;
      if (total > options.bytesMax) {
        options.onTooLarge();
        return;
      }
      if (bytes.length === 0) return;
      // A copy: the frame is a view of a chunk that carries other calls too.
      queue.push(new Uint8Array(bytes));
      budget.bytes += bytes.length;
      awake();
    },
    end: () => {
      isEnded = true;
      awake();
    },
    fail,
    [Symbol.asyncIterator]: () => ({
      next,
      return: async () => {
        fail(new Error('no longer read'));
        return { done: true, value: undefined };
      },
    }),
  };
};

export interface Outbox {
  /** Sends the whole body and its end; false when it was stopped or the stream broke. */
  run(body: CallBody): Promise<boolean>;
  credit(bytes: number): void;
  stop(): void;
  /** Whether bytes wait for credit now. */
  isBlocked(): boolean;
  /** Bytes sent so far. */
  progress(): number;
}

const NOTHING_QUEUED = { sent: Promise.resolve(true) };

/** The sending side of a call's bytes. */
export const makeOutbox = (id: number, writer: Writer, limits: Limits): Outbox => {
  let credit: number = limits.callWindowBytes;
  let isStopped = false;
  let isWaiting = false;
  let progress = 0;
  let wake: (() => void) | undefined;
  const awake = (): void => {
    wake?.();
    wake = undefined;
  };
  const creditCame = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  /** Sends all frames of a piece but the last, which it queues; undefined when that is over. */
  const queuePiece = async (piece: Uint8Array): Promise<Pick<Queued, 'sent'> | undefined> => {
    let at = 0;
    for (;;) {
      if (at === piece.length) return NOTHING_QUEUED;
      while (credit === 0 && !isStopped) {
        isWaiting = true;
        await creditCame();
        isWaiting = false;
      }
      if (isStopped) return undefined;
      const size = Math.min(credit, limits.callFrameBytesMax, piece.length - at);
      credit -= size;
      progress += size;
      const frame = encodeFrame(FRAME.data, id, piece.subarray(at, at + size));
      at += size;
      const queued = writer.send(frame);
      if (at === piece.length) return queued;
      if (!(await queued.sent)) return undefined;
    }
  };
  const runPieces = async (pieces: AsyncIterator<Uint8Array>): Promise<boolean> => {
    let isWhole = false;
    try {
      let step = await pieces.next();
      while (step.done !== true) {
        const last = isStopped ? undefined : await queuePiece(step.value);
        if (last === undefined) return false;
        // Asked for before the last frame has left: an end that is known by then goes with it.
        step = await pieces.next();
        if (step.done !== true && !(await last.sent)) return false;
      }
      isWhole = true;
      return true;
    } finally {
      if (!isWhole) await pieces.return?.();
    }
  };
  return {
    run: async (body) => {
      if (body instanceof Uint8Array && body.length <= Math.min(credit, limits.callFrameBytesMax)) {
        // The common small body: all of it and its end in one batch.
        credit -= body.length;
        if (body.length > 0) writer.send(encodeFrame(FRAME.data, id, body));
        return writer.send(encodeFrame(FRAME.end, id)).sent;
      }
      const isWhole =
        body instanceof Uint8Array
          ? (await queuePiece(body)) !== undefined
          : await runPieces(body[Symbol.asyncIterator]());
      return isWhole && !isStopped && writer.send(encodeFrame(FRAME.end, id)).sent;
    },
    credit: (bytes) => {
      credit = Math.min(credit + bytes, limits.callBytesMax);
      awake();
    },
    stop: () => {
      isStopped = true;
      awake();
    },
    isBlocked: () => isWaiting,
    progress: () => progress,
  };
};
