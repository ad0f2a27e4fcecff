// How nodes talk over the call protocol of the overlay: the heads of calls and answers, and the
// frames of a subscription inside a body. Both ends use this one file.

import { z } from 'zod';
import { Fault, fault } from '../node/errors.ts';

/** The protocol between nodes for questions, relayed calls and subscriptions. */
export const CALL_PROTOCOL = '/colonies/rpc/1';
/** The protocol on which nodes push new records to each other. */
export const RECORDS_PROTOCOL = '/colonies/records/1';

const CallHead = z.discriminatedUnion('kind', [
  /** A GET between nodes; the path begins with `/federation/`. */
  z.object({ kind: z.literal('get'), path: z.string().max(512) }),
  /** A client's envelope by the client itself: as `POST /api`. */
  z.object({ kind: z.literal('api') }),
  /** A client's envelope; the caller proves with its certificate that it is a node. */
  z.object({ kind: z.literal('rpc'), certificate: z.string().max(2_048) }),
  /** A client's subscription; the answer's body are its frames. */
  z.object({ kind: z.literal('watch'), certificate: z.string().max(2_048) }),
]);
export type CallHead = z.output<typeof CallHead>;

/** Longest reply proof that is read, in characters of ASCII. */
export const PROOF_LENGTH_MAX = 400;

/** Whether a node may answer a call so; whatever else comes is from something in between, or hostile. */
export const isStatus = (status: number): boolean =>
  (status >= 200 && status < 300) || (status >= 400 && status < 600);

/** A proof goes into a header of the answer to the client. */
const PROOF = /^[ -~]*$/;

/** Whether this can be a reply proof. */
export const isProof = (text: string): boolean =>
  text.length <= PROOF_LENGTH_MAX && PROOF.test(text);

const AnswerHead = z.object({
  status: z.int().refine(isStatus),
  proof: z.string().refine(isProof).optional(),
  /** In answers to single calls: how many calls this node takes in one batch. */
  batch: z.int().min(1).optional(),
  /** Whether the body are the replies to a batch. */
  replies: z.literal(true).optional(),
});
export type AnswerHead = z.output<typeof AnswerHead>;

export const encodeHead = (head: CallHead | AnswerHead): Uint8Array =>
  Buffer.from(JSON.stringify(head), 'utf8');

const decode = <T>(schema: z.ZodType<T>, bytes: Uint8Array): T | undefined => {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data;
  } catch {
    // SyntaxError: not JSON.
    return undefined;
  }
};

/**
 * A reader of the heads of calls: undefined for one that is none of ours. A node's calls all have
 * the same head, so those of nodes are remembered, at most `max` of them.
 */
export const makeCallHeads = (max: number): ((bytes: Uint8Array) => CallHead | undefined) => {
  const known = new Map<string, CallHead>();
  return (bytes) => {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const found = known.get(key);
    if (found !== undefined) return found;
    const head = decode(CallHead, bytes);
    if (head?.kind === 'rpc') {
      if (known.size >= max) known.clear();
      known.set(key, head);
    }
    return head;
  };
};

/** The head of an answer. Throws outcome-unknown for one that cannot be read. */
export const decodeAnswerHead = (bytes: Uint8Array): AnswerHead => {
  const head = decode(AnswerHead, bytes);
  if (head) return head;
  throw fault('outcome-unknown', 'the other node answered in a way this one does not know', {
    sent: 1,
  });
};

const LEFT = { sent: 1 } as const;

/** All bytes of a body, which the overlay bounds. Throws too-large beyond `bytesMax`. */
export const readBody = async (
  body: AsyncIterable<Uint8Array>,
  bytesMax = Number.POSITIVE_INFINITY,
): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > bytesMax) throw fault('too-large', 'the answer is longer than permitted', LEFT);
    chunks.push(chunk);
  }
  const [first] = chunks;
  if (first === undefined || chunks.length > 1) return Buffer.concat(chunks);
  return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
};

const LENGTH_BYTES = 4;

/** One frame of a subscription: 32-bit length, then so many bytes. */
export const encodeFrame = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'utf8');
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + bytes.length);
  frame.writeUInt32BE(bytes.length, 0);
  bytes.copy(frame, LENGTH_BYTES);
  return frame;
};

/** The frames in a body of chunks cut anywhere. Throws before it buffers more than `bytesMax`. */
export async function* decodeFrames(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<string> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    while (held.length >= LENGTH_BYTES) {
      const length = held.readUInt32BE(0);
      if (length > bytesMax) throw new RangeError(`a frame of ${length} bytes`);
      if (held.length < LENGTH_BYTES + length) break;
      yield held.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length);
      held = held.subarray(LENGTH_BYTES + length);
    }
  }
}

/** Whether an error means that no byte of a request left this node. */
export const isUnsent = (error: unknown): error is Fault =>
  error instanceof Fault && error.detail['sent'] === 0;
