// What a reply is worth. A reply counts only when a host that the colony's record names has signed
// it; what
// is not proven can open no door: at most it says that this way leads nowhere now.

import {
  type Answered,
  type Prover,
  readReplyProof,
  replyProofProblem,
} from '../federation/reply-proof.ts';
import type { SignatureCheck } from '../federation/signature.ts';
import type { WireReply } from './wire.ts';

export type Judged =
  /** Proven by the host it was meant for. */
  | { readonly kind: 'proven' }
  /** The host, or a node on the way, says that it is not home of the colony. */
  | { readonly kind: 'denied' }
  /** Nothing was done on this way; another may lead there. */
  | { readonly kind: 'elsewhere'; readonly reason: string }
  /** Nobody knows whether it was done. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** Altered, or by somebody whom the colony does not name. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface JudgeFacts {
  readonly host: Prover;
  /** All servers that the colony's record names. */
  readonly named: readonly Prover[];
  /** Whether the reply came through a node that is not the host. */
  readonly relayed: boolean;
  readonly isSigned: SignatureCheck;
}

const MISDIRECTED = 421;
// A node that could not pass a call on says so itself: unknown colony, too many calls, no host
// reached.
const NOT_PASSED_ON = [404, 429, 503];
const UNKNOWN_OUTCOME = [502, 504];

/** Judges the reply to a request whose payload text was `request`. */
export const judge = (
  { status, body, proof }: WireReply,
  request: string,
  { host, named, relayed, isSigned }: JudgeFacts,
): Judged => {
  const answered: Answered = { request, status, body };
  const problem = replyProofProblem(proof, answered, [host], isSigned);
  if (problem === undefined) return { kind: status === MISDIRECTED ? 'denied' : 'proven' };
  const by = proof === undefined ? undefined : readReplyProof(proof)?.serverid;
  const other = named.find(({ serverid }) => serverid === by && serverid !== host.serverid);
  if (other && replyProofProblem(proof, answered, [other], isSigned) === undefined) {
    // The audience kept it from taking effect there.
    return { kind: 'elsewhere', reason: `another host answered: ${other.serverid}` };
  }
  if (proof !== undefined) return { kind: 'refused', reason: problem };
  if (status === MISDIRECTED) return { kind: 'denied' };
  if (UNKNOWN_OUTCOME.includes(status))
    return { kind: 'lost', reason: `HTTP ${status} on the way` };
  const isBusy = status === 429 || status === 503;
  if (relayed ? NOT_PASSED_ON.includes(status) : isBusy) {
    return { kind: 'elsewhere', reason: `HTTP ${status} on the way` };
  }
  return { kind: 'refused', reason: problem };
};
