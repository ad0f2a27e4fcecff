// Keys, times and ready-made payloads for the tests of the federation. Everything is fixed, so that
// a test reads like a story and fails the same way twice.

import type { Payloads } from '../../src/federation/payloads.ts';
import { peerIdOf } from '../../src/federation/peer-id.ts';
import type { Signer } from '../../src/federation/ports.ts';
import { type SignedRecord, signRecord } from '../../src/federation/record.ts';
import { hashHex, signerOf } from '../../src/federation/signature.ts';
import type { Clock } from '../../src/node/clock.ts';
import { bytesToBase64 } from '../../src/node/crypto/bytes.ts';
import { chooseEngine } from '../../src/node/crypto/engines.ts';
import { idOfPublicKey } from '../../src/node/crypto/keys.ts';

export const NETWORK = 'colonies';
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** 2026-01-01T00:00:00Z */
export const START = 1_767_225_600_000;

export interface Identity extends Signer {
  readonly id: string;
  readonly peer: string;
}

/** The fastest engine of this machine: signatures are the same with every one. */
export const engine = await chooseEngine();
const keys = new Map<string, Identity>();

/** The key of a name: always the same for the same name. */
export const keyOf = (name: string): Identity => {
  const known = keys.get(name);
  if (known) return known;
  const signer = signerOf(hashHex(`test key ${name}`), engine);
  const { publicKey } = signer;
  const key = { ...signer, id: idOfPublicKey(publicKey), peer: peerIdOf(publicKey) };
  keys.set(name, key);
  return key;
};

/** A clock that moves only when told, with counted ids and a counting "random". */
export interface TestClock extends Clock {
  advance(ms: number): void;
}

export const testClock = (start: number = START): TestClock => {
  let now = start;
  let count = 0;
  let waiting: { at: number; run: () => void }[] = [];
  return {
    now: () => now,
    nowUs: () => {
      count += 1;
      return now * 1000 + count;
    },
    newId: () => {
      count += 1;
      return hashHex(`id ${count}`);
    },
    random: (bytes) => {
      count += 1;
      const source = hashHex(`random ${count}`);
      for (let i = 0; i < bytes.length; i += 1) bytes[i] = source.charCodeAt(i % 64);
      return bytes;
    },
    after: (delayMs, run) => {
      const entry = { at: now + delayMs, run };
      waiting.push(entry);
      return () => {
        waiting = waiting.filter((other) => other !== entry);
      };
    },
    advance: (ms) => {
      now += ms;
      const due = waiting.filter((entry) => entry.at <= now);
      waiting = waiting.filter((entry) => entry.at > now);
      for (const entry of due.sort((a, b) => a.at - b.at)) entry.run();
    },
  };
};

export const colonyPayload = (
  owner: Identity,
  servers: readonly Identity[],
  over: Partial<Payloads['colony']> = {},
): Payloads['colony'] => ({
  v: 1,
  id: owner.id,
  net: NETWORK,
  epoch: 1,
  seq: START,
  iat: START,
  exp: START + 90 * DAY,
  name: 'dev',
  servers: servers.map((server) => server.id),
  flags: [],
  ...over,
});

export const signColony = (
  owner: Identity,
  servers: readonly Identity[],
  over: Partial<Payloads['colony']> = {},
): Promise<SignedRecord<'colony'>> =>
  signRecord('colony', colonyPayload(owner, servers, over), owner);

/** A certificate by the server's owner for a node key. */
export const certify = (
  owner: Identity,
  node: Identity,
  over: Partial<Payloads['certificate']> = {},
): Promise<SignedRecord<'certificate'>> =>
  signRecord(
    'certificate',
    {
      v: 1,
      id: owner.id,
      net: NETWORK,
      sub: node.id,
      peer: node.peer,
      nbf: START,
      exp: START + 365 * DAY,
      seq: 1,
      ...over,
    },
    owner,
  );

export interface ServerParts {
  readonly cert?: SignedRecord<'certificate'>;
  readonly staples?: readonly SignedRecord<'endorsement'>[];
  readonly over?: Partial<Payloads['server']>;
}

/** A server record signed by the node key, certified by the owner unless told otherwise. */
export const signServer = async (
  owner: Identity,
  node: Identity,
  { cert, staples = [], over = {} }: ServerParts = {},
): Promise<SignedRecord<'server'>> => {
  const certificate = cert ?? (await certify(owner, node));
  return signRecord(
    'server',
    {
      v: 1,
      id: owner.id,
      net: NETWORK,
      seq: START,
      iat: START,
      exp: START + DAY,
      peer: node.peer,
      addrs: [`/ip4/203.0.113.7/tcp/4001/p2p/${node.peer}`],
      urls: ['https://one.example.org'],
      versions: { node: '0.1.0' },
      cert: bytesToBase64(certificate.bytes),
      staples: staples.map((staple) => bytesToBase64(staple.bytes)),
      ...over,
    },
    node,
  );
};

export const endorse = (
  issuer: Identity,
  subject: Identity,
  over: Partial<Payloads['endorsement']> = {},
): Promise<SignedRecord<'endorsement'>> =>
  signRecord(
    'endorsement',
    {
      v: 1,
      id: issuer.id,
      net: NETWORK,
      sub: subject.id,
      depth: 0,
      scope: ['host'],
      nbf: START,
      exp: START + 90 * DAY,
      list: START,
      ...over,
    },
    issuer,
  );

export const signList = (
  issuer: Identity,
  live: readonly SignedRecord<'endorsement'>[],
  over: Partial<Payloads['endorsements']> = {},
): Promise<SignedRecord<'endorsements'>> =>
  signRecord(
    'endorsements',
    {
      v: 1,
      id: issuer.id,
      net: NETWORK,
      seq: START,
      iat: START,
      exp: START + 90 * DAY,
      hashes: live.map((record) => record.hash).sort(),
      ...over,
    },
    issuer,
  );

export const revoke = (
  dead: Identity,
  over: Partial<Payloads['revocation']> = {},
  signer: Signer = dead,
): Promise<SignedRecord<'revocation'>> =>
  signRecord('revocation', { v: 1, id: dead.id, net: NETWORK, iat: START, ...over }, signer);
