// What the six kinds of records say: one schema, one code and one set of bounds per kind.
// Field names are part of the format (docs/federation.md); no field may be added without a version.

import { z } from 'zod';
import { utf8Bytes } from '../node/crypto/bytes.ts';
import { isId } from '../node/crypto/ids.ts';
import { canonicalText } from './canonical.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';

const LABEL = /^[a-z0-9][a-z0-9.-]{0,31}$/;
const NETWORK = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const PEER = /^[1-9A-HJ-NP-Za-km-z]{20,80}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const MULTIADDRESS = /^(?:\/[!-.0-~]+){2,20}$/;
const PLAIN = /^[^\p{Cc}\p{Cs}]*$/u;
const EXTRA_BYTES_MAX = 512;

const ascending = (list: readonly string[]): boolean =>
  list.every((text, i) => i === 0 || (list[i - 1] ?? '') < text);
const distinct = (list: readonly string[]): boolean => new Set(list).size === list.length;

const id = z.string().refine(isId, 'expected 64 lower-case hex digits');
const network = z.string().regex(NETWORK, 'expected a network name');
const label = z.string().regex(LABEL, 'expected a short lower-case label');
const peer = z.string().regex(PEER, 'expected a peer id');
const frame = z.string().max(1_368).regex(BASE64, 'expected base64');
const time = z.int().min(0);
const sequence = z.int().min(1);
const address = z.string().max(256).regex(MULTIADDRESS, 'expected a multiaddress');
const labels = (max: number) =>
  z.array(label).max(max).refine(ascending, 'expected ascending distinct labels');

/**
 * Whether a URL is in the one form that records carry: http or https, no user, query, fragment or
 * last slash.
 */
export const isPlainUrl = (text: string): boolean => {
  if (text.length > 200 || !/^https?:\/\/[!-~]+$/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  const path = url.pathname === '/' ? '' : url.pathname;
  return `${url.protocol}//${url.host}${path}` === text && !path.endsWith('/');
};

const url = z.string().refine(isPlainUrl, 'expected a plain http or https URL');

const extra = z
  .record(label, z.string().regex(PLAIN))
  .refine(
    (x) => utf8Bytes(canonicalText(x)).length <= EXTRA_BYTES_MAX,
    'expected at most 512 bytes',
  )
  .exactOptional();

const common = { v: z.literal(1), id, net: network };

const Colony = z.strictObject({
  ...common,
  epoch: z.int().min(1).max(1_000_000_000),
  seq: sequence,
  iat: time,
  exp: time,
  name: z.string().max(64).regex(PLAIN, 'expected a name without control characters'),
  servers: z.array(id).max(16).refine(distinct, 'expected distinct server ids'),
  flags: labels(8),
  successor: id.exactOptional(),
  recovery: id.exactOptional(),
  x: extra,
});

const Server = z.strictObject({
  ...common,
  seq: sequence,
  iat: time,
  exp: time,
  peer,
  addrs: z.array(address).max(16).refine(distinct, 'expected distinct addresses'),
  urls: z.array(url).max(4).refine(distinct, 'expected distinct URLs'),
  versions: z
    .record(label, z.string().max(32).regex(PLAIN))
    .refine((map) => Object.keys(map).length <= 8, 'expected at most 8 versions'),
  cert: frame,
  staples: z.array(frame).max(24).refine(distinct, 'expected distinct endorsements'),
  x: extra,
});

const Endorsements = z.strictObject({
  ...common,
  seq: sequence,
  iat: time,
  exp: time,
  hashes: z.array(id).max(450).refine(ascending, 'expected ascending distinct hashes'),
  successor: id.exactOptional(),
  recovery: id.exactOptional(),
  x: extra,
});

const Revocation = z.strictObject({
  ...common,
  iat: time,
  cert: frame.exactOptional(),
  reason: z.string().max(64).regex(PLAIN).exactOptional(),
  successor: id.exactOptional(),
});

const Certificate = z.strictObject({
  ...common,
  sub: id,
  peer,
  nbf: time,
  exp: time,
  seq: sequence,
});

const Endorsement = z.strictObject({
  ...common,
  sub: id,
  depth: z.int().min(0).max(7),
  scope: labels(8).refine((list) => list.length > 0, 'expected at least one scope'),
  nbf: time,
  exp: time,
  list: sequence,
});

export interface Payloads {
  colony: z.output<typeof Colony>;
  server: z.output<typeof Server>;
  endorsements: z.output<typeof Endorsements>;
  revocation: z.output<typeof Revocation>;
  certificate: z.output<typeof Certificate>;
  endorsement: z.output<typeof Endorsement>;
}

/** Flag of a colony whose owner demands nonce, issuedat and audience in every call. */
export const NONCES_REQUIRED = 'nonces-required';

/** The six kinds of records. The first four are also the namespaces of the overlay. */
export type Kind = keyof Payloads;
export type Namespace = 'colony' | 'server' | 'endorsements' | 'revocation';
export const NAMESPACES: readonly Namespace[] = ['colony', 'server', 'endorsements', 'revocation'];

export interface KindRules<K extends Kind = Kind> {
  /** The type byte of the frame. */
  readonly code: number;
  readonly schema: z.ZodType<Payloads[K]>;
  /** Whole frame. */
  readonly bytesMax: number;
  /** Longest time from issue to expiry; undefined = no expiry. */
  readonly lifeMs: number | undefined;
}

export const KINDS: { readonly [K in Kind]: KindRules<K> } = {
  colony: {
    code: 1,
    schema: Colony,
    bytesMax: LIMITS.recordColonyBytesMax,
    lifeMs: LIMITS.recordColonyLifeMs,
  },
  server: {
    code: 2,
    schema: Server,
    bytesMax: LIMITS.recordServerBytesMax,
    lifeMs: LIMITS.recordServerLifeMs,
  },
  endorsements: {
    code: 3,
    schema: Endorsements,
    bytesMax: LIMITS.recordListBytesMax,
    lifeMs: LIMITS.recordYearLifeMs,
  },
  revocation: {
    code: 4,
    schema: Revocation,
    bytesMax: LIMITS.recordStatementBytesMax,
    lifeMs: undefined,
  },
  certificate: {
    code: 5,
    schema: Certificate,
    bytesMax: LIMITS.recordStatementBytesMax,
    lifeMs: LIMITS.recordYearLifeMs,
  },
  endorsement: {
    code: 6,
    schema: Endorsement,
    bytesMax: LIMITS.recordStatementBytesMax,
    lifeMs: LIMITS.recordEndorsementLifeMs,
  },
};

const BY_CODE = new Map<number, Kind>(
  (Object.keys(KINDS) as Kind[]).map((kind) => [KINDS[kind].code, kind]),
);

/** The kind of a type byte, or undefined. */
export const kindOfCode = (code: number): Kind | undefined => BY_CODE.get(code);

export const isNetworkName = (text: string): boolean => NETWORK.test(text);
