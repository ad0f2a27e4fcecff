// What follows when a key is dead: who may have declared it, and who, if anybody, comes after it.
// A revocation works for everything signed by the key and cannot appoint an heir. Pure.

import { sha3Hex } from '../node/crypto/hash.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { SignedRecord } from './record.ts';

/** A statement of a key, while it lived, about who comes after it, as this reader saw it. */
export interface HeirStatement {
  /** Id of the successor, stated openly. */
  readonly successor: string | undefined;
  /** SHA3-256 of the text of the successor's id: its key stays unknown until it is needed. */
  readonly recovery: string | undefined;
  /** When this reader first saw it. Epoch milliseconds. */
  readonly seenAt: number;
  /** When the record that holds it says it was issued. Epoch milliseconds. */
  readonly issuedAt: number;
}

export interface Succession {
  readonly successor: string | undefined;
  readonly reason: string;
}

const NONE = 'revoked, no successor';

/**
 * The heir statement of a colony record or an endorsement list; naming nobody is a statement too.
 */
export const heirStatement = (
  record: SignedRecord<'colony'> | SignedRecord<'endorsements'>,
  seenAt: number,
): HeirStatement => {
  const { successor, recovery, iat } = record.payload;
  return { successor, recovery, seenAt, issuedAt: iat };
};

const revealed = (statement: HeirStatement, claimed: string | undefined): string | undefined => {
  if (statement.successor !== undefined) return statement.successor;
  return claimed !== undefined && sha3Hex(claimed) === statement.recovery ? claimed : undefined;
};

/**
 * Who comes after a revoked key. Only a statement that this reader had seen at least 7 days before
 * the revocation counts, the latest of those; what a thief writes in the last days is ignored.
 *
 * @param revocation The death of the key; its `successor` only reveals what a `recovery` hash hid.
 * @param statements What the reader saw of the key, in any order.
 * @param seenAt When the reader first saw the revocation, epoch milliseconds.
 */
export const successorOf = (
  revocation: SignedRecord<'revocation'>,
  statements: readonly HeirStatement[],
  seenAt: number,
): Succession => {
  const deadline = Math.min(seenAt, revocation.payload.iat) - LIMITS.successorStandsMs;
  const counting = statements
    .filter((statement) => Math.max(statement.seenAt, statement.issuedAt) <= deadline)
    .sort((a, b) => b.issuedAt - a.issuedAt || b.seenAt - a.seenAt);
  const last = counting[0];
  if (!last || (last.successor === undefined && last.recovery === undefined)) {
    return { successor: undefined, reason: NONE };
  }
  const successor = revealed(last, revocation.payload.successor);
  if (successor === undefined) {
    return { successor, reason: `${NONE} (its recovery key was not shown yet)` };
  }
  return { successor, reason: `revoked, succeeded by ${successor}` };
};
