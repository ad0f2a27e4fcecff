// Batches of relayed calls: many clients' envelopes in one body, byte for byte, and the replies in
// whatever order they become ready. Both ends use this one file. Pure.
//
//   batch:  0, 1, 16 bits: number of calls; of each 32 bits: length, and so many bytes
//   reply:  16 bits: number of the call; 16 bits: status; 16 bits: length of the proof;
//           32 bits: length of the body; proof; body

import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Reply } from '../node/model/envelope.ts';
import { isProof, isStatus, PROOF_LENGTH_MAX } from './relay-wire.ts';

/** Content type of an answer to a batch: of its replies, not of what refuses it as a whole. */
export const BATCH_TYPE = 'application/vnd.colonies.relay-batch';
/** Header of answers to single calls: how many calls this node takes in one batch. */
export const BATCH_HEADER = 'colonies-relay-batch';

// No envelope begins with it, so that what is signed says itself what it is.
const MARK = 0;
const VERSION = 1;
const BATCH_HEAD_BYTES = 4;
const CALL_HEAD_BYTES = 4;
const REPLY_HEAD_BYTES = 10;

/** Whether the body of a relayed request is a batch. */
export const isBatch = (body: Uint8Array): boolean => body[0] === MARK;

/** The body of a batch. */
export const encodeCalls = (calls: readonly Uint8Array[]): Buffer => {
  const size = calls.reduce((sum, { length }) => sum + CALL_HEAD_BYTES + length, BATCH_HEAD_BYTES);
  const body = Buffer.allocUnsafe(size);
  body.writeUInt8(MARK, 0);
  body.writeUInt8(VERSION, 1);
  body.writeUInt16BE(calls.length, 2);
  let at = BATCH_HEAD_BYTES;
  for (const call of calls) {
    body.writeUInt32BE(call.length, at);
    body.set(call, at + CALL_HEAD_BYTES);
    at += CALL_HEAD_BYTES + call.length;
  }
  return body;
};

type BatchLimits = Pick<Limits, 'relayBatchCallsMax' | 'relayBatchBytesMax'>;

/** The calls in a batch, as views of it. Throws bad-request or too-large. */
export const decodeCalls = (bytes: Uint8Array, limits: BatchLimits): readonly Buffer[] => {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const malformed = (why: string) => fault('bad-request', `relayed batch: ${why}`);
  if (body.length < BATCH_HEAD_BYTES || body[0] !== MARK || body[1] !== VERSION) {
    throw malformed('not of a form that this node knows');
  }
  const count = body.readUInt16BE(2);
  if (count === 0) throw malformed('no call in it');
  if (count > limits.relayBatchCallsMax) {
    throw fault('too-large', `relayed batch: more than ${limits.relayBatchCallsMax} calls`);
  }
  const bytesMax = BATCH_HEAD_BYTES + count * CALL_HEAD_BYTES + limits.relayBatchBytesMax;
  if (body.length > bytesMax) throw fault('too-large', 'relayed batch: too many bytes');
  const calls: Buffer[] = [];
  let at = BATCH_HEAD_BYTES;
  for (let i = 0; i < count; i += 1) {
    if (at + CALL_HEAD_BYTES > body.length) throw malformed('it ends too early');
    const from = at + CALL_HEAD_BYTES;
    at = from + body.readUInt32BE(at);
    if (at > body.length) throw malformed('it ends too early');
    calls.push(body.subarray(from, at));
  }
  if (at !== body.length) throw malformed('bytes behind its end');
  return calls;
};

/** The reply to one call of a batch. */
export interface BatchedReply extends Pick<Reply, 'status' | 'body' | 'proof'> {
  /** Number of the call in its batch, from 0. */
  readonly index: number;
}

/** Some replies, ready for the wire. */
export const encodeReplies = (replies: readonly BatchedReply[]): Buffer => {
  const sizes = replies.map(({ body }) => Buffer.byteLength(body));
  const size = replies.reduce(
    (sum, { proof = '' }, i) => sum + REPLY_HEAD_BYTES + proof.length + (sizes[i] as number),
    0,
  );
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  replies.forEach(({ index, status, proof = '', body }, i) => {
    const length = sizes[i] as number;
    bytes.writeUInt16BE(index, at);
    bytes.writeUInt16BE(status, at + 2);
    bytes.writeUInt16BE(proof.length, at + 4);
    bytes.writeUInt32BE(length, at + 6);
    at += REPLY_HEAD_BYTES;
    at += bytes.write(proof, at, 'latin1');
    at += bytes.write(body, at, 'utf8');
  });
  return bytes;
};

/** The other node did not answer a batch as it should. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
}

/**
 * Reads the replies to a batch of `count` calls out of chunks cut anywhere, each call's at most
 * once and at most `bytesMax` long, and tells them one by one. Throws a BatchError after those that
 * came before what is wrong, and before it buffers what it will not take.
 */
export const makeReplyDecoder = (
  count: number,
  bytesMax: number,
  onReply: (reply: BatchedReply) => void,
): ((chunk: Buffer) => void) => {
  const seen = new Set<number>();
  let chunks: Buffer[] = [];
  let held = 0;
  let needed = REPLY_HEAD_BYTES;

  /** Bytes of the reply that begins here. */
  const sizeAt = (bytes: Buffer, at: number): number => {
    const [index, status] = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2)];
    const [proof, body] = [bytes.readUInt16BE(at + 4), bytes.readUInt32BE(at + 6)];
    if (index >= count) throw new BatchError('a reply to no call');
    if (seen.has(index)) throw new BatchError('a second reply to one call');
    if (!isStatus(status)) throw new BatchError(`a reply with status ${status}`);
    if (proof > PROOF_LENGTH_MAX) throw new BatchError('a proof longer than permitted');
    if (body > bytesMax) throw new BatchError('a reply longer than permitted');
    return REPLY_HEAD_BYTES + proof + body;
  };

  const replyAt = (bytes: Buffer, at: number, end: number): BatchedReply => {
    const index = bytes.readUInt16BE(at);
    seen.add(index);
    const from = at + REPLY_HEAD_BYTES;
    const bodyAt = from + bytes.readUInt16BE(at + 4);
    const proof = bodyAt === from ? undefined : bytes.toString('latin1', from, bodyAt);
    if (proof !== undefined && !isProof(proof)) throw new BatchError('a proof that is none');
    const body = bytes.toString('utf8', bodyAt, end);
    return { index, status: bytes.readUInt16BE(at + 2), proof, body };
  };

  return (chunk) => {
    chunks.push(chunk);
    held += chunk.length;
    if (held < needed) return;
    const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks, held);
    let at = 0;
    needed = REPLY_HEAD_BYTES;
    while (bytes.length - at >= REPLY_HEAD_BYTES) {
      const size = sizeAt(bytes, at);
      if (bytes.length - at < size) {
        needed = size;
        break;
      }
      onReply(replyAt(bytes, at, at + size));
      at += size;
    }
    // A copy of what is left: the rest of the chunk need not stay.
    chunks = at === bytes.length ? [] : [Buffer.from(bytes.subarray(at))];
    held = bytes.length - at;
  };
};
