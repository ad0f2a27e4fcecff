// Proof that a reply is the home's: the RPC signs requests only, and a forged assign reply would be
// remote code execution. The node key signs what was asked, the status, and what was answered.
//
//   Colonies-Reply-Proof: v1;<server id>;<counter>;<signature, 130 hex digits>

import { hexToBytes } from '../node/crypto/bytes.ts';
import { isId } from '../node/crypto/ids.ts';
import type { Signer } from './ports.ts';
import { hashHex, isSignedBy, type SignatureCheck } from './signature.ts';

export const REPLY_PROOF_HEADER = 'Colonies-Reply-Proof';

/** An answer to be proven. */
export interface Answered {
  /** The text of the request: the envelope's payload text, or the path and query of a GET. */
  readonly request: string;
  readonly status: number;
  /** The body's bytes, or its text. */
  readonly body: string | Uint8Array;
  /** 0 for a single answer; frames of a WebSocket count from 1. */
  readonly counter?: number;
}

const proofText = (serverid: string, { request, status, body, counter = 0 }: Answered): string =>
  [
    'colonies-reply-proof-v1',
    serverid,
    hashHex(request),
    String(status),
    hashHex(body),
    String(counter),
  ].join('\n');

/** The proof of an answer by this server. */
export const makeReplyProof = async (
  serverid: string,
  answered: Answered,
  nodeKey: Signer,
): Promise<string> => {
  const signature = await nodeKey.sign(proofText(serverid, answered));
  return `v1;${serverid};${answered.counter ?? 0};${signature}`;
};

const PROOF = /^v1;([0-9a-f]{64});(0|[1-9]\d{0,14});([0-9a-f]{130})$/;

export interface ReadProof {
  readonly serverid: string;
  readonly counter: number;
  readonly signature: string;
}

/** What a proof says; undefined when it is malformed. Proves nothing yet. */
export const readReplyProof = (proof: string): ReadProof | undefined => {
  const [, serverid, counter, signature] = PROOF.exec(proof) ?? [];
  if (serverid === undefined || counter === undefined || signature === undefined) return undefined;
  return { serverid, counter: Number(counter), signature };
};

/** The server and node key an answer has to come from, out of a server record that was verified. */
export interface Prover {
  readonly serverid: string;
  /** Public key of the node, 130 hex digits. */
  readonly publicKey: string;
}

/**
 * What is wrong with the proof of an answer (a sentence), or undefined when it holds. `expected`
 * are the servers that may answer: those the colony's record names.
 */
export const replyProofProblem = (
  proof: string | undefined,
  answered: Answered,
  expected: readonly Prover[],
  isSigned: SignatureCheck = isSignedBy,
): string | undefined => {
  if (proof === undefined) return 'the reply carries no proof';
  const read = readReplyProof(proof);
  if (!read || !isId(read.serverid)) return 'the reply proof is malformed';
  if (read.counter !== (answered.counter ?? 0)) return 'the reply proof is for another frame';
  const prover = expected.find(({ serverid }) => serverid === read.serverid);
  if (!prover) return `the reply is by ${read.serverid}, which the colony does not name`;
  const text = proofText(read.serverid, answered);
  const signature = hexToBytes(read.signature).subarray(0, 64);
  return isSigned(hexToBytes(prover.publicKey), text, signature)
    ? undefined
    : 'the reply proof does not hold: the reply was altered or is not by this server';
};
