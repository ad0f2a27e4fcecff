// The rules of all four namespaces in the shape the overlay's store and lookups want them:
// bytes in, verdict or order out. Signatures once checked are remembered.

import type { Clock } from '../node/clock.ts';
import { bytesToHex } from '../node/crypto/bytes.ts';
import { isId } from '../node/crypto/ids.ts';
import { Fault, fault } from '../node/errors.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import { compare } from './order.ts';
import { KINDS, NAMESPACES, type Namespace } from './payloads.ts';
import { type Checked, type Refusal, validate, verify } from './record.ts';
import { hashHex, isSignedBy, type SignatureCheck } from './signature.ts';

/**
 * A signature check that remembers its last answers, good and bad. Two generations, so that the
 * memory is bounded and what is used stays.
 */
export const rememberSignatures = (
  check: SignatureCheck = isSignedBy,
  entriesMax: number = LIMITS.recordSignaturesRemembered,
): SignatureCheck => {
  let young = new Map<string, boolean>();
  let old = new Map<string, boolean>();
  return (publicKey, text, signature) => {
    const name = hashHex(`${bytesToHex(publicKey)} ${bytesToHex(signature)} ${text}`);
    const known = young.get(name) ?? old.get(name);
    const answer = known ?? check(publicKey, text, signature);
    if (young.size >= entriesMax / 2) {
      old = young;
      young = new Map();
    }
    young.set(name, answer);
    return answer;
  };
};

/** What the overlay takes as `RecordRules`. */
export interface Rules {
  validate(namespace: string, key: string, bytes: Uint8Array): void;
  isExcusable(error: unknown): boolean;
  compare(namespace: string, key: string, a: Uint8Array, b: Uint8Array): number;
  select(namespace: string, key: string, list: readonly Uint8Array[]): number;
  owner(namespace: string, key: string, bytes: Uint8Array): string;
  expiresAt(namespace: string, key: string, bytes: Uint8Array): number | undefined;
}

/** Refusals that a node with another clock, or a slow one, may cause in good faith. */
const CLOCKS: readonly Refusal[] = ['expired', 'not-yet-valid', 'sequence-too-high'];
const EXCUSABLE: ReadonlySet<unknown> = new Set(CLOCKS);

const isNamespace = (text: string): text is Namespace =>
  (NAMESPACES as readonly string[]).includes(text);

/** The largest frame of a namespace, in bytes. */
export const bytesMaxOf = (namespace: Namespace): number => KINDS[namespace].bytesMax;

/**
 * Record rules of one network. `compare` and `select` count a record that is not valid now below
 * every valid one, so they are total even when a copy expires between two calls.
 */
export const makeRules = (
  network: string,
  clock: Clock,
  isSigned: SignatureCheck = rememberSignatures(),
): Rules => {
  const check = (namespace: string, key: string, bytes: Uint8Array): Checked<Namespace> => {
    if (!isNamespace(namespace)) throw fault('bad-request', `no namespace ${namespace}`);
    if (!isId(key)) throw fault('bad-request', `no id: ${key.slice(0, 80)}`);
    return validate(bytes, clock.now(), { network, ns: namespace, key }, isSigned);
  };
  const order = (namespace: string, key: string, a: Uint8Array, b: Uint8Array): number => {
    const [left, right] = [check(namespace, key, a), check(namespace, key, b)];
    if (left.ok && right.ok) return compare(left.record, right.record);
    return Number(left.ok) - Number(right.ok);
  };
  return {
    validate: (namespace, key, bytes) => {
      if (!isNamespace(namespace)) throw fault('bad-request', `no namespace ${namespace}`);
      verify(bytes, clock.now(), { network, ns: namespace, key }, isSigned);
    },
    isExcusable: (error) => error instanceof Fault && EXCUSABLE.has(error.detail['reason']),
    compare: order,
    select: (namespace, key, list) => {
      let best = 0;
      list.forEach((bytes, i) => {
        if (i > 0 && order(namespace, key, bytes, list[best] ?? bytes) > 0) best = i;
      });
      return best;
    },
    owner: (namespace, key, bytes) => {
      const checked = check(namespace, key, bytes);
      return checked.ok ? checked.record.signer : key;
    },
    expiresAt: (namespace, key, bytes) => {
      const checked = check(namespace, key, bytes);
      return checked.ok && 'exp' in checked.record.payload ? checked.record.payload.exp : undefined;
    },
  };
};
