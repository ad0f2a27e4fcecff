// How a relaying node shows the home who it is: its certificate, and a signature of the node key
// over the body's hash, the target, a time and a nonce. It says who brought the bytes, never who
// wrote them.

import type { Clock } from '../node/clock.ts';
import { bytesToBase64, hexToBytes } from '../node/crypto/bytes.ts';
import { idOfPublicKey } from '../node/crypto/keys.ts';
import { fault } from '../node/errors.ts';
import { makeRecent } from '../node/recent.ts';
import { fromBase64 } from './bytes.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import { peerIdOf } from './peer-id.ts';
import type { Signer } from './ports.ts';
import { type SignedRecord, validate } from './record.ts';
import { hashHex, isSignedBy, type SignatureCheck } from './signature.ts';

/** Headers of `POST /federation/relay`; the same names are used in frames over the overlay. */
export const RELAY_HEADERS = {
  certificate: 'colonies-relay-certificate',
  auth: 'colonies-relay-auth',
} as const;

const AUTH = /^v1;(04[0-9a-f]{128});(\d{1,16});([0-9a-f]{64});([0-9a-f]{130})$/;

interface RelayText {
  readonly network: string;
  readonly target: string;
  readonly relayer: string;
  readonly time: number;
  readonly nonce: string;
  readonly body: string | Uint8Array;
}

const relayText = ({ network, target, relayer, time, nonce, body }: RelayText): string =>
  ['colonies-relay-v1', network, target, relayer, String(time), nonce, hashHex(body)].join('\n');

export interface RelayPass {
  readonly certificate: string;
  readonly auth: string;
}

export interface Relayer {
  readonly certificate: SignedRecord<'certificate'>;
  readonly nodeKey: Signer;
  readonly clock: Clock;
}

/** The two header values that pass a body to `target` (a server id). */
export const makeRelayPass = async (
  { certificate, nodeKey, clock }: Relayer,
  target: string,
  body: string | Uint8Array,
): Promise<RelayPass> => {
  const { id: relayer, net: network } = certificate.payload;
  const [time, nonce] = [clock.now(), clock.newId()];
  const text = relayText({ network, target, relayer, time, nonce, body });
  const signature = await nodeKey.sign(text);
  return {
    certificate: bytesToBase64(certificate.bytes),
    auth: `v1;${nodeKey.publicKey};${time};${nonce};${signature}`,
  };
};

/** A relaying node whose pass held. */
export interface RelayedBy {
  readonly serverid: string;
  /** Id of its node key. */
  readonly nodeid: string;
  readonly peer: string;
}

export interface CertificateDeps {
  readonly network: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly isRevoked: (id: string) => boolean;
  readonly isSigned?: SignatureCheck;
}

/** The node that a certificate (base64) certifies. Throws `forbidden`. */
export type CertifiedNode = (certificate: string) => RelayedBy;

const refuse = (why: string): Error => fault('forbidden', `relay pass refused: ${why}`);

/** Reads certificates of relaying nodes; those that held are remembered until they expire. */
export const makeCertifiedNode = (deps: CertificateDeps): CertifiedNode => {
  const { network, clock, isRevoked, isSigned = isSignedBy } = deps;
  const known = new Map<string, { readonly by: RelayedBy; readonly expiresAt: number }>();
  const where = { network, ns: 'certificate', key: undefined } as const;

  const check = (certificate: string) => {
    const bytes = fromBase64(certificate);
    const checked = bytes && validate(bytes, clock.now(), where, isSigned);
    if (!checked?.ok) throw refuse(`certificate ${checked?.reason ?? 'malformed'}`);
    const { id: serverid, sub: nodeid, peer, exp } = checked.record.payload;
    const made = { by: { serverid, nodeid, peer }, expiresAt: exp };
    known.set(certificate, made);
    const oldest = known.size > LIMITS.relayCertificatesMax ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    return made;
  };

  return (certificate) => {
    let found = known.get(certificate);
    if (found && found.expiresAt <= clock.now()) {
      known.delete(certificate);
      found = undefined;
    }
    const { by } = found ?? check(certificate);
    if (isRevoked(by.serverid) || isRevoked(by.nodeid))
      throw refuse('the key of the relaying server is revoked');
    return by;
  };
};

export interface RelayGuardDeps extends CertificateDeps {
  /** This server: passes for others are refused. */
  readonly serverid: string;
  readonly clock: Clock;
}

export interface RelayGuard {
  /** Who relays this body here. Throws `forbidden` with what is wrong; each pass works once. */
  admit(pass: Partial<RelayPass>, body: string | Uint8Array): RelayedBy;
}

const NONCE_DIGITS = 13;

/**
 * Nonces seen within the window, in bounded memory: two generations, each as old as two windows. Of
 * each nonce 52 bits are kept, as a number: a clash by chance is rarer than a lost packet.
 */
const makeNonces = (clock: Clock) => {
  let young = new Set<number>();
  let old = new Set<number>();
  let turnedAt = clock.now();
  return (nonce: string): boolean => {
    const overdue = clock.now() - turnedAt > 2 * LIMITS.relayWindowMs;
    if (overdue) {
      [old, young, turnedAt] = [young, new Set(), clock.now()];
    }
    const short = Number.parseInt(nonce.slice(0, NONCE_DIGITS), 16);
    if (young.has(short) || old.has(short)) return false;
    if (young.size >= LIMITS.relayNoncesMax) throw fault('unavailable', 'too many relayed calls');
    young.add(short);
    return true;
  };
};

/** Checks the passes of relaying nodes at their target, cheap things first. */
export const makeRelayGuard = (deps: RelayGuardDeps): RelayGuard => {
  const { network, serverid, clock, isSigned = isSignedBy } = deps;
  const isNew = makeNonces(clock);
  const certified = makeCertifiedNode(deps);
  const peers = makeRecent<string>(LIMITS.relayCertificatesMax);
  const peerOf = (publicKey: string): string => {
    const peer = peers.get(publicKey) ?? peerIdOf(publicKey);
    peers.set(publicKey, peer);
    return peer;
  };
  return {
    admit: ({ certificate = '', auth = '' }, body) => {
      const [, publicKey = '', time = '', nonce = '', signature = ''] = AUTH.exec(auth) ?? [];
      if (publicKey === '') throw refuse('missing or malformed');
      if (Math.abs(clock.now() - Number(time)) > LIMITS.relayWindowMs) {
        throw refuse('its time is out of the window');
      }
      const by = certified(certificate);
      if (idOfPublicKey(publicKey) !== by.nodeid) {
        throw refuse('the certificate is for another key');
      }
      // What is counted and remembered of a relaying node goes by its peer id, which its owner wrote.
      if (peerOf(publicKey) !== by.peer) throw refuse('the certificate is for another peer');
      const [at, relayer] = [Number(time), by.serverid];
      const text = relayText({ network, target: serverid, relayer, time: at, nonce, body });
      if (!isSigned(hexToBytes(publicKey), text, hexToBytes(signature).subarray(0, 64))) {
        throw refuse('the signature does not hold');
      }
      if (!isNew(nonce)) throw refuse('used before');
      return by;
    },
  };
};
