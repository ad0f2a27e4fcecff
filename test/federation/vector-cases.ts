// The cases of the invalid record vectors: each wrong in one way, otherwise right.

import { canonicalText } from '../../src/federation/canonical.ts';
import { encodeFrame, HEADER_BYTES, signingText } from '../../src/federation/frame.ts';
import { KINDS, type Kind } from '../../src/federation/payloads.ts';
import type { Signer } from '../../src/federation/ports.ts';
import type { Refusal, SignedRecord } from '../../src/federation/record.ts';
import { bytesToBase64, hexToBytes, utf8Bytes } from '../../src/node/crypto/bytes.ts';
import { idOfPublicKey } from '../../src/node/crypto/keys.ts';
import {
  certify,
  colonyPayload,
  DAY,
  endorse,
  HOUR,
  type Identity,
  keyOf,
  NETWORK,
  START,
  signColony,
  signList,
  signServer,
} from './world.ts';

export const NOW = START + HOUR;
export const colony = keyOf('vector colony');
export const owner = keyOf('vector server');
export const other = keyOf('vector other server');
export const node = keyOf('vector node');
export const stranger = keyOf('vector stranger');

export interface Raw {
  readonly ns: Kind;
  /** The payload as a value (made canonical) or as the exact text. */
  readonly payload: object | string;
  readonly signer: Signer;
  /** What the signature is over, when it is not the right text. */
  readonly signed?: string;
  readonly edit?: (frame: Uint8Array) => Uint8Array;
  readonly key?: string;
  readonly now?: number;
  readonly foundAs?: Kind;
}

/** A frame that no signer of ours would make, signed all the same. */
export const rawFrame = async ({ ns, payload, signer, signed, edit }: Raw): Promise<Uint8Array> => {
  const text = typeof payload === 'string' ? payload : canonicalText(payload);
  const { id = '' } =
    typeof payload === 'string' ? { id: colony.id } : (payload as { id?: string });
  const { net = NETWORK } = typeof payload === 'string' ? {} : (payload as { net?: string });
  const signature = await signer.sign(signed ?? signingText(ns, net, id, text));
  const frame = encodeFrame({
    code: KINDS[ns].code,
    publicKey: hexToBytes(signer.publicKey),
    signature: hexToBytes(signature.slice(0, 128)),
    payload: utf8Bytes(text),
  });
  return edit ? edit(frame) : frame;
};

export type Case = readonly [refusal: Refusal, name: string, why: string, raw: Raw];

const edited =
  (change: (frame: Uint8Array) => void) =>
  (frame: Uint8Array): Uint8Array => {
    const copy = frame.slice();
    change(copy);
    return copy;
  };

const setByte = (at: number, value: number) =>
  edited((frame) => {
    frame[at] = value;
  });

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const highS = edited((frame) => {
  const s = BigInt(`0x${Buffer.from(frame.subarray(103, 135)).toString('hex')}`);
  frame.set(hexToBytes((ORDER - s).toString(16).padStart(64, '0')), 103);
});

const NO_POINT = idOfPublicKey(`04${'ff'.repeat(64)}`);
const good = colonyPayload(colony, [owner]);
const text = canonicalText(good);
const colonyCase = (payload: object | string, more: Partial<Raw> = {}): Raw => ({
  ns: 'colony',
  payload,
  signer: colony,
  key: colony.id,
  ...more,
});

/** Wrong frames and signatures. */
export const frameCases: readonly Case[] = [
  [
    'too-small',
    'head-only',
    'no payload',
    colonyCase(good, { edit: (f) => f.slice(0, HEADER_BYTES) }),
  ],
  ['too-small', 'empty', 'no bytes at all', colonyCase(good, { edit: () => new Uint8Array() })],
  [
    'too-large',
    'colony-over-4-kib',
    'one byte over the limit of its kind',
    colonyCase(text + ' '.repeat(4096 - HEADER_BYTES - text.length + 1)),
  ],
  ['bad-magic', 'magic', 'another format', colonyCase(good, { edit: setByte(0, 0x44) })],
  ['bad-flags', 'flags', 'flags are not 0', colonyCase(good, { edit: setByte(5, 1) })],
  [
    'bad-public-key',
    'hybrid',
    'a key in the hybrid form',
    colonyCase(good, { edit: setByte(6, 6) }),
  ],
  ['wrong-type', 'unknown', 'no such type', colonyCase(good, { edit: setByte(4, 7) })],
  [
    'wrong-type',
    'found-as-server',
    'a colony record where a server record belongs',
    colonyCase(good, { foundAs: 'server' }),
  ],
  ['high-s', 'twin', 'the other s of the same signature', colonyCase(good, { edit: highS })],
  [
    'high-s',
    'r-zero',
    'r is 0',
    colonyCase(good, { edit: edited((frame) => frame.fill(0, 71, 103)) }),
  ],
  [
    'bad-signature',
    'payload-changed',
    'one letter of the name differs from what was signed',
    colonyCase(text.replace('"dev"', '"dew"'), {
      signed: signingText('colony', NETWORK, colony.id, text),
    }),
  ],
  [
    'bad-signature',
    'signed-as-another-kind',
    'the signature is over the text of another kind',
    colonyCase(good, { signed: signingText('endorsements', NETWORK, colony.id, text) }),
  ],
  [
    'bad-signature',
    'signed-for-another-network',
    'the signature is over the text of another network',
    colonyCase(good, { signed: signingText('colony', 'other', colony.id, text) }),
  ],
  [
    'bad-signature',
    'signed-as-rpc',
    'the signature is one of the RPC, over the base64 text of the payload',
    colonyCase(good, { signed: bytesToBase64(utf8Bytes(text)) }),
  ],
  [
    'bad-signature',
    'no-point',
    'the public key is no point of the curve',
    colonyCase(
      { ...good, id: NO_POINT },
      { edit: edited((frame) => frame.fill(0xff, 7, 71)), key: NO_POINT },
    ),
  ],
];

/** Wrong colony payloads. */
export const payloadCases: readonly Case[] = [
  [
    'not-utf8',
    'broken-name',
    'a byte that is no UTF-8',
    colonyCase(good, { edit: edited((frame) => frame.fill(0xff, -2, -1)) }),
  ],
  ['not-canonical', 'no-json', 'not JSON', colonyCase('{"v":1')],
  ['not-canonical', 'space', 'a space between', colonyCase(text.replace(',', ', '))],
  ['not-canonical', 'order', 'names out of order', colonyCase(`{"v":1,${text.slice(1, -7)}}`)],
  ['not-canonical', 'twice', 'a name twice', colonyCase(text.replace('"v":1', '"v":1,"v":1'))],
  [
    'not-canonical',
    'exponent',
    'a number with exponent',
    colonyCase(text.replace('"epoch":1', '"epoch":1e0')),
  ],
  ['not-canonical', 'fraction', 'a fraction', colonyCase(text.replace('"epoch":1', '"epoch":1.5'))],
  [
    'not-canonical',
    'unsafe',
    'an integer beyond 2^53',
    colonyCase(text.replace(`"seq":${START}`, '"seq":9007199254740993')),
  ],
  ['not-canonical', 'null', 'a null', colonyCase(text.replace('"name":"dev"', '"name":null'))],
  [
    'not-canonical',
    'escape',
    'an escape that is not needed',
    colonyCase(text.replace('"dev"', '"\\u0064ev"')),
  ],
  ['bad-payload', 'unknown-field', 'a field nobody knows', colonyCase({ ...good, y: 1 })],
  ['bad-payload', 'version', 'a version to come', colonyCase({ ...good, v: 2 })],
  [
    'bad-payload',
    'missing-field',
    'no list of servers',
    colonyCase(JSON.stringify({ ...good, servers: undefined }, Object.keys(good).sort())),
  ],
  ['bad-payload', 'name-too-long', '65 characters', colonyCase({ ...good, name: 'x'.repeat(65) })],
  ['bad-payload', 'name-control', 'a control character', colonyCase({ ...good, name: 'a\u0007' })],
  [
    'bad-payload',
    'upper-case-id',
    'an id in upper case',
    colonyCase({ ...good, servers: [owner.id.toUpperCase()] }),
  ],
  [
    'bad-payload',
    'server-twice',
    'a host twice',
    colonyCase({ ...good, servers: [owner.id, owner.id] }),
  ],
  [
    'bad-payload',
    'seventeen-hosts',
    'a host too many',
    colonyCase({ ...good, servers: Array.from({ length: 17 }, (_, i) => keyOf(`h ${i}`).id) }),
  ],
  [
    'bad-payload',
    'flags-unordered',
    'flags not ascending',
    colonyCase({ ...good, flags: ['nonces', 'a'] }),
  ],
  [
    'bad-payload',
    'extra-too-large',
    'more than 512 bytes of extra fields',
    colonyCase({ ...good, x: { a: 'x'.repeat(505) } }),
  ],
  ['wrong-network', 'other', 'a record of another network', colonyCase({ ...good, net: 'other' })],
  [
    'wrong-id',
    'of-another',
    'found under the id of another colony',
    colonyCase(good, { key: stranger.id }),
  ],
  ['wrong-signer', 'stranger', 'signed by a stranger', colonyCase(good, { signer: stranger })],
  ['expired', 'now', 'its last millisecond is over', colonyCase(good, { now: good.exp })],
  [
    'not-yet-valid',
    'future',
    'more than five minutes ahead',
    colonyCase({ ...good, iat: NOW + 300_001 }),
  ],
  [
    'lives-too-long',
    '401-days',
    'a day more than 400',
    colonyCase({ ...good, exp: START + 401 * DAY }),
  ],
  [
    'lives-too-long',
    'backwards',
    'expires before it was issued',
    colonyCase({ ...good, iat: NOW + 9, exp: NOW + 5 }),
  ],
  [
    'sequence-too-high',
    'tomorrow',
    'more than a day ahead of the clock',
    colonyCase({ ...good, seq: NOW + DAY + 1 }),
  ],
];

/** Wrong records of servers: records, lists, revocations, endorsements. */
export const serverCases = async (): Promise<Case[]> => {
  const cert = (record: SignedRecord): string => bytesToBase64(record.bytes);
  const record = await signServer(owner, node);
  const base = record.payload;
  const make = (over: object, signer: Identity = node): Raw => ({
    ns: 'server',
    payload: { ...base, ...over },
    signer,
    key: owner.id,
  });
  const nodeCert = await certify(owner, node);
  const list = (await signList(owner, [])).payload;
  const listCase = (over: object): Raw => ({
    ns: 'endorsements',
    payload: { ...list, ...over },
    signer: owner,
    key: owner.id,
  });
  return [
    [
      'bad-payload',
      'url-with-user',
      'a URL that carries a password',
      make({ urls: ['https://u:p@one.example.org'] }),
    ],
    [
      'bad-payload',
      'url-with-query',
      'a URL with a query',
      make({ urls: ['https://one.example.org/?a=1'] }),
    ],
    ['bad-payload', 'url-other-scheme', 'a URL of a file', make({ urls: ['file:///etc/passwd'] })],
    [
      'bad-payload',
      'url-not-plain',
      'a URL with its default port written out',
      make({ urls: ['https://one.example.org:443'] }),
    ],
    ['bad-payload', 'address', 'no multiaddress', make({ addrs: ['127.0.0.1:4000'] })],
    [
      'lives-too-long',
      'server-49-hours',
      'a server record of 49 hours',
      make({ exp: START + 49 * HOUR }),
    ],
    [
      'wrong-signer',
      'uncertified-node',
      'signed by a key that the certificate does not name',
      make({ peer: stranger.peer }, stranger),
    ],
    [
      'wrong-peer',
      'foreign-peer',
      'claims the peer id of somebody else',
      make({ peer: stranger.peer }),
    ],
    [
      'wrong-peer',
      'certified-for-another-peer',
      'the certificate names another peer id',
      make({ cert: cert(await certify(owner, node, { peer: stranger.peer })) }),
    ],
    [
      'bad-certificate',
      'by-a-stranger',
      'the certificate is of another server',
      make({ cert: cert(await certify(other, node)) }),
    ],
    [
      'bad-certificate',
      'expired',
      'the certificate expired',
      make({ cert: cert(await certify(owner, node, { exp: START + 1 })) }),
    ],
    [
      'bad-certificate',
      'signature',
      'the certificate was changed after it was signed',
      make({ cert: cert({ ...nodeCert, bytes: setByte(80, 0x55)(nodeCert.bytes) }) }),
    ],
    [
      'bad-certificate',
      'another-kind',
      'a colony record in its place',
      make({ cert: cert(await signColony(owner, [])) }),
    ],
    [
      'bad-staple',
      'another-kind',
      'a staple that is no endorsement',
      make({ staples: [cert(nodeCert)] }),
    ],
    [
      'bad-payload',
      'hashes-unordered',
      'hashes not ascending',
      listCase({ hashes: [other.id, owner.id].sort().reverse() }),
    ],
    [
      'too-large',
      'revocation-over-1-kib',
      'a revocation over 1 KiB',
      {
        ns: 'revocation',
        payload: { v: 1, id: colony.id, net: NETWORK, iat: START, reason: 'x'.repeat(1_024) },
        signer: colony,
        key: colony.id,
      },
    ],
    [
      'wrong-signer',
      'revocation-by-a-stranger',
      'a stranger declares the key dead',
      {
        ns: 'revocation',
        payload: { v: 1, id: colony.id, net: NETWORK, iat: START },
        signer: stranger,
        key: colony.id,
      },
    ],
    [
      'wrong-signer',
      'revocation-of-uncertified-key',
      'an owner declares a key dead that the shown certificate does not name',
      {
        ns: 'revocation',
        payload: { v: 1, id: colony.id, net: NETWORK, iat: START, cert: cert(nodeCert) },
        signer: owner,
        key: colony.id,
      },
    ],
    [
      'bad-payload',
      'endorsement-without-scope',
      'an endorsement for nothing',
      {
        ns: 'endorsement',
        payload: { ...(await endorse(other, owner)).payload, scope: [] },
        signer: other,
        key: other.id,
      },
    ],
  ];
};
