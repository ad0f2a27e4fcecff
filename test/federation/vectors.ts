// The record vectors of test/vectors/records, made from fixed keys and times. `npx vitest run
// test/federation/vectors.test.ts -u` writes them anew; a change of any byte is a change of the format.

import { HEADER_BYTES, signingText } from '../../src/federation/frame.ts';
import { type Kind, NONCES_REQUIRED } from '../../src/federation/payloads.ts';
import type { Refusal, SignedRecord } from '../../src/federation/record.ts';
import { bytesToBase64 } from '../../src/node/crypto/bytes.ts';
import {
  colony,
  frameCases,
  NOW,
  node,
  other,
  owner,
  payloadCases,
  rawFrame,
  serverCases,
  stranger,
} from './vector-cases.ts';
import {
  certify,
  DAY,
  endorse,
  keyOf,
  NETWORK,
  revoke,
  signColony,
  signList,
  signServer,
} from './world.ts';

export interface Vector {
  /** `valid` or `invalid`, then a name that says the reason. */
  readonly file: string;
  readonly why: string;
  readonly network: string;
  readonly ns: Kind;
  readonly key: string;
  /** Epoch milliseconds at which the record is looked at. */
  readonly now: number;
  /** The frame, base64. */
  readonly frame: string;
  /** Valid only: what a reader gets out of it. */
  readonly signer?: string;
  readonly hash?: string;
  readonly payload?: string;
  readonly signed?: string;
  /** Invalid only. */
  readonly refusal?: Refusal;
}

const valid = (name: string, why: string, record: SignedRecord, now: number = NOW): Vector => {
  const payload = new TextDecoder().decode(record.bytes.subarray(HEADER_BYTES));
  return {
    file: `valid/${name}`,
    why,
    network: NETWORK,
    ns: record.kind,
    key: record.payload.id,
    now,
    frame: bytesToBase64(record.bytes),
    signer: record.signer,
    hash: record.hash,
    payload,
    signed: signingText(record.kind, NETWORK, record.payload.id, payload),
  };
};

const makeValid = async (): Promise<Vector[]> => {
  const link = await endorse(other, owner, { depth: 2, scope: ['host', 'relay'] });
  const cert = bytesToBase64((await certify(owner, node)).bytes);
  const sixteen = Array.from({ length: 16 }, (_, i) => keyOf(`vector host ${i}`));
  return [
    valid('colony-one-host', 'the usual record', await signColony(colony, [owner])),
    valid(
      'colony-sixteen-hosts',
      'the most hosts, a name beyond ASCII, a flag, a successor, a recovery hash, extra fields',
      await signColony(colony, sixteen, {
        name: 'kolonin på ön 🏝',
        epoch: 3,
        flags: [NONCES_REQUIRED],
        successor: stranger.id,
        recovery: other.id,
        x: { b: '2', a: '\u2028"\\' },
      }),
    ),
    valid('colony-no-hosts', 'withdrawn: an empty list of hosts', await signColony(colony, [])),
    valid(
      'colony-from-five-minutes-ahead',
      'the clock of the publisher may be five minutes ahead',
      await signColony(colony, [owner], { iat: NOW + 300_000, exp: NOW + DAY }),
    ),
    valid('server', 'certificate inside, no staples', await signServer(owner, node)),
    valid(
      'server-stapled',
      'one endorsement stapled',
      await signServer(owner, node, { staples: [link] }),
    ),
    valid('endorsements', 'a list of one', await signList(other, [link])),
    valid('endorsements-empty', 'an empty list withdraws everything', await signList(other, [])),
    valid('revocation-by-itself', 'the key declares itself dead', await revoke(colony)),
    valid(
      'revocation-after-a-century',
      'revocations do not expire',
      await revoke(colony, { reason: 'lost laptop' }),
      NOW + 36_500 * DAY,
    ),
    valid(
      'revocation-of-node-key-by-owner',
      'the server owner declares a node key dead and shows that it certified it',
      await revoke(node, { cert }, owner),
      NOW + 1_000 * DAY,
    ),
    valid('certificate', 'the owner certifies a node key', await certify(owner, node)),
    valid('endorsement', 'one server vouches for another', link),
  ];
};

const makeInvalid = async (): Promise<Vector[]> => {
  const cases = [...frameCases, ...payloadCases, ...(await serverCases())];
  return Promise.all(
    cases.map(async ([refusal, name, why, raw]): Promise<Vector> => {
      const frame = await rawFrame(raw);
      return {
        file: `invalid/${refusal}-${name}`,
        why,
        network: NETWORK,
        ns: raw.foundAs ?? raw.ns,
        key: raw.key ?? '',
        now: raw.now ?? NOW,
        frame: bytesToBase64(frame),
        refusal,
      };
    }),
  );
};

/** All vectors, valid ones first. */
export const makeVectors = async (): Promise<Vector[]> => [
  ...(await makeValid()),
  ...(await makeInvalid()),
];
