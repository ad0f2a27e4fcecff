// Making and checking records. `validate` is pure and total: the same bytes, time and place always
// give the same answer, and it refuses by size, shape and times before any curve operation.

import { bytesToHex, hexToBytes, utf8Bytes } from '../node/crypto/bytes.ts';
import { idOfPublicKey } from '../node/crypto/keys.ts';
import { fault } from '../node/errors.ts';
import { fromBase64, textOf } from './bytes.ts';
import { canonicalText, parseCanonical } from './canonical.ts';
import { decodeFrame, encodeFrame, type Frame, type FrameFault, signingText } from './frame.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import { KINDS, type Kind, kindOfCode, type Payloads } from './payloads.ts';
import { peerIdOf } from './peer-id.ts';
import type { Signer } from './ports.ts';
import { hashHex, isOneForm, isSignedBy, type SignatureCheck } from './signature.ts';

/** A record that passed `validate`. */
export interface SignedRecord<K extends Kind = Kind> {
  readonly kind: K;
  /** The frame exactly as signed. */
  readonly bytes: Uint8Array;
  /** SHA3-256 of the frame. */
  readonly hash: string;
  /** Uncompressed public key of the signer, 130 hex digits. */
  readonly publicKey: string;
  /** Id of the signing key. */
  readonly signer: string;
  readonly payload: Readonly<Payloads[K]>;
  /** The certificate inside a server record or a node key's revocation. */
  readonly certificate: SignedRecord<'certificate'> | undefined;
}

/** Why a record is refused. The list is closed: vectors, logs and counters use these words. */
export type Refusal =
  | FrameFault
  | 'too-large'
  | 'not-utf8'
  | 'not-canonical'
  | 'bad-payload'
  | 'wrong-network'
  | 'wrong-id'
  | 'wrong-signer'
  | 'expired'
  | 'not-yet-valid'
  | 'lives-too-long'
  | 'sequence-too-high'
  | 'high-s'
  | 'wrong-peer'
  | 'bad-certificate'
  | 'bad-staple'
  | 'bad-signature';

export interface Refused {
  readonly ok: false;
  readonly reason: Refusal;
  readonly detail: string;
}

export type Checked<K extends Kind = Kind> =
  | { readonly ok: true; readonly record: SignedRecord<K> }
  | Refused;

/** Where a record was found: its network, its kind, and the id it stands under (undefined: any). */
export interface Where<K extends Kind = Kind> {
  readonly network: string;
  readonly ns: K;
  readonly key: string | undefined;
}

interface Draft<K extends Kind = Kind> extends Omit<SignedRecord<K>, 'certificate'> {
  readonly ok: true;
  readonly frame: Frame;
  readonly text: string;
}

const refuse = (reason: Refusal, detail: string): Refused => ({ ok: false, reason, detail });

const readPayload = <K extends Kind>(ns: K, frame: Frame): Payloads[K] | Refused => {
  const text = textOf(frame.payload);
  if (text === undefined) return refuse('not-utf8', 'the payload is not UTF-8');
  const value = parseCanonical(text);
  if (value === undefined) return refuse('not-canonical', 'the payload is not canonical JSON');
  const parsed = KINDS[ns].schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return refuse('bad-payload', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
};

const isRefused = (value: object): value is Refused => 'ok' in value && value.ok === false;

/**
 * Size, head, payload shape, network and id: everything that needs neither a clock nor the curve.
 */
const inspect = <K extends Kind>(bytes: Uint8Array, where: Where<K>): Draft<K> | Refused => {
  const rules = KINDS[where.ns];
  if (bytes.length > rules.bytesMax) {
    return refuse('too-large', `${bytes.length} bytes, at most ${rules.bytesMax}`);
  }
  const frame = decodeFrame(bytes);
  if (typeof frame === 'string') return refuse(frame, 'the frame is malformed');
  if (frame.code !== rules.code) {
    return refuse(
      'wrong-type',
      `a ${kindOfCode(frame.code)} record in place of a ${where.ns} record`,
    );
  }
  if (!isOneForm(frame.signature)) return refuse('high-s', 'the signature is not in its one form');
  const payload = readPayload(where.ns, frame);
  if (isRefused(payload)) return payload;
  if (payload.net !== where.network) {
    return refuse('wrong-network', `of network ${payload.net}, not ${where.network}`);
  }
  if (where.key !== undefined && payload.id !== where.key) {
    return refuse('wrong-id', `about ${payload.id}, found under ${where.key}`);
  }
  const publicKey = bytesToHex(frame.publicKey);
  return {
    ok: true,
    kind: where.ns,
    bytes,
    hash: hashHex(bytes),
    publicKey,
    signer: idOfPublicKey(publicKey),
    payload,
    frame,
    text: signingText(where.ns, payload.net, payload.id, textOf(frame.payload) ?? ''),
  };
};

interface Times {
  readonly v: 1;
  readonly iat?: number;
  readonly nbf?: number;
  readonly exp?: number;
  readonly seq?: number;
}

const DAY_MS = 86_400_000;

const daysOf = (ms: number): string => `${Math.round((10 * ms) / DAY_MS) / 10} days`;

const startOf = (times: Times): number => times.iat ?? times.nbf ?? 0;

const checkTimes = (times: Times, lifeMs: number | undefined, now: number): Refused | undefined => {
  const start = startOf(times);
  if (start > now + LIMITS.recordFutureMs) {
    return refuse('not-yet-valid', `starts ${start - now} ms in the future`);
  }
  if (times.seq !== undefined && times.seq > now + LIMITS.recordSequenceAheadMs) {
    return refuse('sequence-too-high', 'the sequence is more than a day ahead of the clock');
  }
  if (times.exp === undefined) return undefined;
  if (times.exp <= now) return refuse('expired', `expired ${now - times.exp} ms ago`);
  if (times.exp <= start || (lifeMs !== undefined && times.exp - start > lifeMs)) {
    const most = lifeMs === undefined ? '' : `, at most ${daysOf(lifeMs)}`;
    return refuse('lives-too-long', `lives ${daysOf(times.exp - start)}${most}`);
  }
  return undefined;
};

/** Certificate inside a server record or a revocation; its own times are the caller's question. */
const readCertificate = (
  text: string,
  network: string,
  serverid: string,
): Draft<'certificate'> | Refused => {
  const bytes = fromBase64(text);
  if (!bytes) return refuse('bad-certificate', 'the certificate is not base64');
  const draft = inspect(bytes, { network, ns: 'certificate', key: serverid });
  if (!draft.ok) return refuse('bad-certificate', `${draft.reason}: ${draft.detail}`);
  return draft.signer === serverid
    ? draft
    : refuse('bad-certificate', `signed by ${draft.signer}, not by server ${serverid}`);
};

const checkServer = (draft: Draft<'server'>, now: number): Draft<'certificate'> | Refused => {
  const { payload } = draft;
  const cert = readCertificate(payload.cert, payload.net, payload.id);
  if (!cert.ok) return cert;
  const late = checkTimes(cert.payload, KINDS.certificate.lifeMs, now);
  if (late) return refuse('bad-certificate', `${late.reason}: ${late.detail}`);
  if (cert.payload.sub !== draft.signer) {
    return refuse('wrong-signer', `signed by ${draft.signer}, certified is ${cert.payload.sub}`);
  }
  const derived = peerIdOf(draft.frame.publicKey);
  if (payload.peer !== derived || cert.payload.peer !== derived) {
    return refuse('wrong-peer', `the key derives peer ${derived}`);
  }
  return cert;
};

const checkRevocation = (
  draft: Draft<'revocation'>,
): Draft<'certificate'> | Refused | undefined => {
  const { payload } = draft;
  if (payload.cert === undefined) {
    return draft.signer === payload.id
      ? undefined
      : refuse('wrong-signer', `only ${payload.id} itself may revoke without a certificate`);
  }
  const cert = readCertificate(payload.cert, payload.net, draft.signer);
  if (!cert.ok) return cert;
  return cert.payload.sub === payload.id
    ? cert
    : refuse('wrong-signer', `the certificate is for ${cert.payload.sub}, not ${payload.id}`);
};

/** Who may sign this: undefined when the signer is right and no certificate is involved. */
const checkSigner = (draft: Draft, now: number): Draft<'certificate'> | Refused | undefined => {
  if (draft.kind === 'server') return checkServer(draft as Draft<'server'>, now);
  if (draft.kind === 'revocation') return checkRevocation(draft as Draft<'revocation'>);
  return draft.signer === draft.payload.id
    ? undefined
    : refuse('wrong-signer', `signed by ${draft.signer}, not by ${draft.payload.id}`);
};

const checkStaples = (draft: Draft): Refused | undefined => {
  if (draft.kind !== 'server') return undefined;
  for (const text of (draft as Draft<'server'>).payload.staples) {
    const bytes = fromBase64(text);
    const staple =
      bytes && inspect(bytes, { network: draft.payload.net, ns: 'endorsement', key: undefined });
    if (!staple?.ok) return refuse('bad-staple', 'a staple is not an endorsement of this network');
  }
  return undefined;
};

const recordOf = <K extends Kind>(
  { kind, bytes, hash, publicKey, signer, payload }: Draft<K>,
  cert: Draft<'certificate'> | undefined,
): SignedRecord<K> => {
  const certificate = cert && recordOf(cert, undefined);
  return { kind, bytes, hash, publicKey, signer, payload, certificate };
};

/**
 * Whether `bytes` may stand at `where` at the time `now` (epoch ms). Never throws. Staples are
 * checked for their shape only: their signatures count when a chain is computed (./chain.ts).
 */
export const validate = <K extends Kind>(
  bytes: Uint8Array,
  now: number,
  where: Where<K>,
  isSigned: SignatureCheck = isSignedBy,
): Checked<K> => {
  const draft = inspect(bytes, where);
  if (!draft.ok) return draft;
  const late = checkTimes(draft.payload, KINDS[where.ns].lifeMs, now);
  if (late) return late;
  const cert = checkSigner(draft, now);
  if (cert && !cert.ok) return cert;
  if (!isSigned(draft.frame.publicKey, draft.text, draft.frame.signature)) {
    return refuse('bad-signature', `not signed by ${draft.signer}`);
  }
  if (cert && !isSigned(cert.frame.publicKey, cert.text, cert.frame.signature)) {
    return refuse('bad-certificate', 'bad-signature');
  }
  const staples = checkStaples(draft);
  if (staples) return staples;
  return { ok: true, record: recordOf(draft, cert) };
};

/**
 * As `validate` at the record's own issue time: for a signature over what is past, such as the last
 * known addresses of a server or an expired link of a chain. Says nothing about now.
 */
export const validateTimeless = <K extends Kind>(
  bytes: Uint8Array,
  where: Where<K>,
  isSigned: SignatureCheck = isSignedBy,
): Checked<K> => {
  const draft = inspect(bytes, where);
  return draft.ok ? validate(bytes, startOf(draft.payload), where, isSigned) : draft;
};

/** As `validate`, but gives the record or throws a `bad-request` fault that says what is wrong. */
export const verify = <K extends Kind>(
  bytes: Uint8Array,
  now: number,
  where: Where<K>,
  isSigned: SignatureCheck = isSignedBy,
): SignedRecord<K> => {
  const checked = validate(bytes, now, where, isSigned);
  if (checked.ok) return checked.record;
  throw fault('bad-request', `${where.ns} record refused: ${checked.reason} (${checked.detail})`, {
    reason: checked.reason,
  });
};

/**
 * Signs a payload and gives the record, checked as any reader will check it at its own issue time.
 * Throws a `bad-request` fault for a payload that no reader would accept.
 */
export const signRecord = async <K extends Kind>(
  ns: K,
  payload: Payloads[K],
  signer: Signer,
): Promise<SignedRecord<K>> => {
  const json = canonicalText(payload);
  const signed = await signer.sign(signingText(ns, payload.net, payload.id, json));
  const bytes = encodeFrame({
    code: KINDS[ns].code,
    publicKey: hexToBytes(signer.publicKey),
    signature: hexToBytes(signed.slice(0, 128)),
    payload: utf8Bytes(json),
  });
  return verify(bytes, startOf(payload), {
    network: payload.net,
    ns,
    key: payload.id,
  });
};

/** Kind and network-free head of any frame, for a push whose kind is not known beforehand. */
export const kindOfFrame = (bytes: Uint8Array): Kind | undefined => kindOfCode(bytes[4] ?? 0);

/** Id that a frame says it stands under, read without any check; undefined when unreadable. */
export const idOfFrame = (bytes: Uint8Array): string | undefined => {
  const kind = kindOfFrame(bytes);
  if (kind === undefined || bytes.length > KINDS[kind].bytesMax) return undefined;
  const frame = decodeFrame(bytes);
  if (typeof frame === 'string') return undefined;
  const payload = readPayload(kind, frame);
  return isRefused(payload) ? undefined : payload.id;
};
