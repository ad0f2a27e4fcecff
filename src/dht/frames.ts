// Frames of the call protocol: one type byte, a call number, a length, and so many bytes.
// Pure: text-book encoder and decoder with a bound per type, checked before anything is buffered.

import type { Limits } from '../node/limits.ts';

export const FRAME = {
  /** Begins a call: one flag byte, then the request's head. */
  open: 1,
  /** Begins an answer: its head. */
  reply: 2,
  data: 3,
  end: 4,
  /** Ends a call at once: one reason byte, then a text. */
  cancel: 5,
  /** Lets the other side send so many more bytes: 32 bits. */
  credit: 6,
  /** The caller holds the whole answer. */
  received: 7,
  ping: 8,
  pong: 9,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Why a call was ended. */
export const REASON = {
  cancelled: 1,
  busy: 2,
  tooLarge: 3,
  deadline: 4,
  failed: 5,
  stalled: 6,
} as const;

export interface Frame {
  readonly type: FrameType;
  readonly id: number;
  readonly bytes: Uint8Array;
}

export const HEADER_BYTES = 9;
const REASON_TEXT_MAX = 256;
const TYPES = new Set<number>(Object.values(FRAME));

const longest = (type: FrameType, limits: Limits): number => {
  switch (type) {
    case FRAME.open:
      return 1 + limits.callHeadBytesMax;
    case FRAME.reply:
      return limits.callHeadBytesMax;
    case FRAME.data:
      return limits.callFrameBytesMax;
    case FRAME.cancel:
      return 1 + REASON_TEXT_MAX;
    case FRAME.credit:
      return 4;
    default:
      return 0;
  }
};

/** The bytes of one frame; `parts` are joined to its content. */
export const encodeFrame = (type: FrameType, id: number, ...parts: Uint8Array[]): Buffer => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(id, 1);
  frame.writeUInt32BE(length, 5);
  let at = HEADER_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
};

/** A cancel frame; the text is cut to what fits. */
export const encodeCancel = (id: number, reason: number, text: string): Buffer =>
  encodeFrame(
    FRAME.cancel,
    id,
    Uint8Array.of(reason),
    Buffer.from(text, 'utf8').subarray(0, REASON_TEXT_MAX),
  );

/** A credit frame. */
export const encodeCredit = (id: number, bytes: number): Buffer => {
  const content = Buffer.allocUnsafe(4);
  content.writeUInt32BE(bytes, 0);
  return encodeFrame(FRAME.credit, id, content);
};

/** The other side broke the protocol. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/**
 * A decoder: takes chunks cut anywhere, gives the whole frames in them. Throws a FrameError at the
 * header of a frame that is unknown or longer than its type permits, and holds never more than one.
 */
export const makeDecoder = (limits: Limits): ((chunk: Uint8Array) => Frame[]) => {
  let held: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    held = held.length === 0 ? view : Buffer.concat([held, view]);
    const frames: Frame[] = [];
    while (held.length >= HEADER_BYTES) {
      const type = held.readUInt8(0);
      if (!TYPES.has(type)) throw new FrameError(`unknown frame type ${type}`);
      const length = held.readUInt32BE(5);
      if (length > longest(type as FrameType, limits)) {
        throw new FrameError(`frame of type ${type} with ${length} bytes`);
      }
      if (type === FRAME.credit && length !== 4) throw new FrameError('a credit of no amount');
      if (held.length < HEADER_BYTES + length) break;
      frames.push({
        type: type as FrameType,
        id: held.readUInt32BE(1),
        bytes: held.subarray(HEADER_BYTES, HEADER_BYTES + length),
      });
      held = held.subarray(HEADER_BYTES + length);
    }
    return frames;
  };
};
