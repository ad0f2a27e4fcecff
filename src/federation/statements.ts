// Making the statements that owners sign: what the command line and the tests build records with.
// Pure but for the signing; times and keys come in.

import { z } from 'zod';
import { bytesToBase64 } from '../node/crypto/bytes.ts';
import { isId } from '../node/crypto/ids.ts';
import { idOfPublicKey } from '../node/crypto/keys.ts';
import { fault } from '../node/errors.ts';
import type { Payloads } from './payloads.ts';
import { peerIdOf } from './peer-id.ts';
import type { Signer } from './ports.ts';
import { type SignedRecord, signRecord } from './record.ts';

const DAY = 86_400_000;
/** Lives that the commands give when nothing else is asked for. */
export const DEFAULT_LIFE_MS = {
  colony: 90 * DAY,
  endorsements: 90 * DAY,
  endorsement: 90 * DAY,
  certificate: 365 * DAY,
} as const;

interface Common {
  readonly network: string;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly lifeMs?: number | undefined;
}

/**
 * The sequence after `last`: the clock's milliseconds, so that a publisher that lost its state
 * recovers.
 */
export const nextSequence = (last: number | undefined, now: number): number =>
  Math.max((last ?? 0) + 1, now);

export interface ColonyStatement extends Common {
  /** Server ids in order; the first is the home, an empty list withdraws the colony. */
  readonly servers: readonly string[];
  /** The record known now: its name, flags and heirs are kept where nothing else is said. */
  readonly previous?: SignedRecord<'colony'> | undefined;
  readonly name?: string | undefined;
  readonly flags?: readonly string[] | undefined;
  readonly successor?: string | undefined;
  readonly recovery?: string | undefined;
}

/** A colony record signed by its owner. The epoch rises when the home changes, and only then. */
export const stateColony = (
  owner: Signer,
  { network, now, lifeMs, servers, previous, ...said }: ColonyStatement,
): Promise<SignedRecord<'colony'>> => {
  const before = previous?.payload;
  const moved = before !== undefined && before.servers[0] !== servers[0];
  const successor = said.successor ?? before?.successor;
  const recovery = said.recovery ?? before?.recovery;
  const payload: Payloads['colony'] = {
    v: 1,
    id: idOfPublicKey(owner.publicKey),
    net: network,
    epoch: (before?.epoch ?? 1) + (moved ? 1 : 0),
    seq: nextSequence(before?.seq, now),
    iat: now,
    exp: now + (lifeMs ?? DEFAULT_LIFE_MS.colony),
    name: said.name ?? before?.name ?? '',
    servers: [...servers],
    flags: [...new Set(said.flags ?? before?.flags ?? [])].sort(),
    ...(successor !== undefined && { successor }),
    ...(recovery !== undefined && { recovery }),
    ...(before?.x && { x: before.x }),
  };
  return signRecord('colony', payload, owner);
};

const Request = z.strictObject({
  network: z.string(),
  /** Public key of the node, 130 hex digits. */
  publickey: z.string().regex(/^04[0-9a-f]{128}$/),
  peerid: z.string(),
});
export type CertificateRequest = z.output<typeof Request>;

/** What a node gives to whoever holds its server owner's key, on paper if need be. */
export const certificateRequest = (network: string, publicKey: string): CertificateRequest => ({
  network,
  publickey: publicKey,
  peerid: peerIdOf(publicKey),
});

/** Reads a request; throws `bad-request` when it is malformed or its peer id is not the key's. */
export const readCertificateRequest = (value: unknown): CertificateRequest => {
  const parsed = Request.safeParse(value);
  if (!parsed.success) throw fault('bad-request', 'not a certificate request of a node');
  if (peerIdOf(parsed.data.publickey) !== parsed.data.peerid) {
    throw fault('bad-request', 'certificate request: the peer id does not belong to the key');
  }
  return parsed.data;
};

/** A node certificate signed by the server's owner. A later one outranks every earlier one. */
export const stateCertificate = (
  owner: Signer,
  request: CertificateRequest,
  { now, lifeMs }: Omit<Common, 'network'>,
): Promise<SignedRecord<'certificate'>> =>
  signRecord(
    'certificate',
    {
      v: 1,
      id: idOfPublicKey(owner.publicKey),
      net: request.network,
      sub: idOfPublicKey(request.publickey),
      peer: request.peerid,
      nbf: now,
      exp: now + (lifeMs ?? DEFAULT_LIFE_MS.certificate),
      seq: now,
    },
    owner,
  );

export interface EndorsementStatement extends Common {
  /** Server id that is vouched for. */
  readonly subject: string;
  /** Further links that may hang from the subject. */
  readonly depth?: number | undefined;
  readonly scope?: readonly string[] | undefined;
  /** The issuer's list known now. */
  readonly previous?: SignedRecord<'endorsements'> | undefined;
}

export interface Endorsed {
  readonly endorsement: SignedRecord<'endorsement'>;
  /** The issuer's new list, which holds it. */
  readonly list: SignedRecord<'endorsements'>;
}

interface ListChange {
  readonly add?: readonly string[];
  readonly drop?: readonly string[];
}

/** The issuer's next list: what the previous one held, changed. */
export const stateList = (
  issuer: Signer,
  previous: SignedRecord<'endorsements'> | undefined,
  { add = [], drop = [] }: ListChange,
  { network, now, lifeMs }: Common,
): Promise<SignedRecord<'endorsements'>> => {
  const before = previous?.payload;
  const hashes = new Set([...(before?.hashes ?? []), ...add]);
  for (const hash of drop) hashes.delete(hash);
  return signRecord(
    'endorsements',
    {
      v: 1,
      id: idOfPublicKey(issuer.publicKey),
      net: network,
      seq: nextSequence(before?.seq, now),
      iat: now,
      exp: now + (lifeMs ?? DEFAULT_LIFE_MS.endorsements),
      hashes: [...hashes].sort(),
      ...(before?.successor !== undefined && { successor: before.successor }),
      ...(before?.recovery !== undefined && { recovery: before.recovery }),
    },
    issuer,
  );
};

/** An endorsement and the list that makes it live, both signed by the issuer's owner. */
export const stateEndorsement = async (
  issuer: Signer,
  statement: EndorsementStatement,
): Promise<Endorsed> => {
  const { network, now, lifeMs, subject, previous, depth = 0, scope = ['host'] } = statement;
  if (!isId(subject)) throw fault('bad-request', 'a server id has 64 lower-case hex digits');
  const endorsement = await signRecord(
    'endorsement',
    {
      v: 1,
      id: idOfPublicKey(issuer.publicKey),
      net: network,
      sub: subject,
      depth,
      scope: [...new Set(scope)].sort(),
      nbf: now,
      exp: now + (lifeMs ?? DEFAULT_LIFE_MS.endorsement),
      list: nextSequence(previous?.payload.seq, now),
    },
    issuer,
  );
  const change = { add: [endorsement.hash] };
  const list = await stateList(issuer, previous, change, { network, now });
  return { endorsement, list };
};

export interface RevocationStatement {
  readonly network: string;
  readonly now: number;
  /** The dead key, when it is a node key that the signer's certificate names. */
  readonly certificate?: SignedRecord<'certificate'> | undefined;
  readonly reason?: string | undefined;
  /** Reveals the successor that a `recovery` hash stood for. */
  readonly successor?: string | undefined;
}

/** Declares a key dead: the signer's own, or a node key that the signer certified. */
export const stateRevocation = (
  signer: Signer,
  { network, now, certificate, reason, successor }: RevocationStatement,
): Promise<SignedRecord<'revocation'>> =>
  signRecord(
    'revocation',
    {
      v: 1,
      id: certificate?.payload.sub ?? idOfPublicKey(signer.publicKey),
      net: network,
      iat: now,
      ...(certificate && { cert: bytesToBase64(certificate.bytes) }),
      ...(reason !== undefined && { reason }),
      ...(successor !== undefined && { successor }),
    },
    signer,
  );
