// Answers to our Kademlia requests, read once. The library reads every peer id of an answer twice,
// and anew each time; the id of a secp256k1 key takes two square roots. A walk among twenty peers
// is told four hundred ids: that was most of the time and of the garbage of a node at rest.
// The wire is the library's: ./kad-inside.ts has its types.

import type { PeerId, PeerInfo } from '@libp2p/interface';
import { peerIdFromMultihash } from '@libp2p/peer-id';
import { lpStream } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import { decode as decodeMultihash } from 'multiformats/hashes/digest';
import { reader, writer } from 'protons-runtime';
import type { Limits } from '../node/limits.ts';
import { makeRecent } from '../node/recent.ts';
import type { Answer, KadInside, Message, MessageName } from './kad-inside.ts';

/** Message types by their number on the wire. */
const TYPES: readonly MessageName[] = [
  'PUT_VALUE',
  'GET_VALUE',
  'ADD_PROVIDER',
  'GET_PROVIDERS',
  'FIND_NODE',
  'PING',
];

const FIELD = { type: 1, key: 2, record: 3, closer: 8 } as const;
const PEER_FIELD = { id: 1, address: 2 } as const;
const NUMBER = 0;
const BYTES = 2;

const tag = (field: number, wire: number): number => field * 8 + wire;

/** What was read from bytes, kept for the last `max` different ones. */
const makeKept = <T>(max: number, read: (bytes: Uint8Array) => T): ((bytes: Uint8Array) => T) => {
  const known = makeRecent<T>(max);
  return (bytes) => {
    const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const before = known.get(name);
    if (before !== undefined) return before;
    const made = read(bytes);
    known.set(name, made);
    return made;
  };
};

/** A request as it is sent. What we ask names no peers. */
export const writeRequest = ({ type, key, record }: Message): Uint8Array => {
  const out = writer();
  // A zero is left out, as everywhere in this encoding.
  if (type !== TYPES[0]) out.uint32(tag(FIELD.type, NUMBER)).uint32(TYPES.indexOf(type));
  if (key !== undefined) out.uint32(tag(FIELD.key, BYTES)).bytes(key);
  if (record !== undefined) out.uint32(tag(FIELD.record, BYTES)).bytes(record);
  return out.finish();
};

type ReadId = (bytes: Uint8Array) => PeerId;

const readPeer = (bytes: Uint8Array, readId: ReadId): PeerInfo => {
  const from = reader(bytes);
  let id: Uint8Array = new Uint8Array(0);
  const multiaddrs: PeerInfo['multiaddrs'] = [];
  while (from.pos < from.len) {
    const next = from.uint32();
    if (next === tag(PEER_FIELD.id, BYTES)) id = from.bytes();
    else if (next === tag(PEER_FIELD.address, BYTES)) multiaddrs.push(multiaddr(from.bytes()));
    else from.skipType(next & 7);
  }
  return { id: readId(id), multiaddrs };
};

type AnswerLimits = Readonly<Record<'overlayCloserPeersMax' | 'overlayPeerIdsKeptMax', number>>;

/**
 * Reads answers with at most `peersMax` peers each; throws what the library would. A peer that is
 * told again in the same bytes is the same object again.
 */
export const makeReadAnswer = ({
  overlayCloserPeersMax: peersMax,
  overlayPeerIdsKeptMax,
}: AnswerLimits): ((bytes: Uint8Array) => Answer) => {
  const readId = makeKept(overlayPeerIdsKeptMax, (bytes) =>
    peerIdFromMultihash(decodeMultihash(bytes)),
  );
  const readPeerOnce = makeKept(overlayPeerIdsKeptMax, (bytes) => readPeer(bytes, readId));
  return (bytes) => {
    const from = reader(bytes);
    const closer: PeerInfo[] = [];
    let type = TYPES[0] as MessageName;
    let key: Uint8Array | undefined;
    let record: Uint8Array | undefined;
    while (from.pos < from.len) {
      const next = from.uint32();
      if (next === tag(FIELD.type, NUMBER)) {
        const name = TYPES[from.uint32()];
        if (name === undefined) throw new Error('Invalid enum value');
        type = name;
      } else if (next === tag(FIELD.key, BYTES)) key = from.bytes();
      else if (next === tag(FIELD.record, BYTES)) record = from.bytes();
      else if (next === tag(FIELD.closer, BYTES) && closer.length < peersMax) {
        const peer = readPeerOnce(from.bytes());
        // Told again: its id is not the next one to be forgotten.
        readId(peer.id.toMultihash().bytes);
        closer.push(peer);
      } else from.skipType(next & 7);
    }
    return {
      type,
      ...(key === undefined ? {} : { key }),
      ...(record === undefined ? {} : { record }),
      // The library maps them with its own reader, which would read the ids anew.
      closer: { map: () => closer },
      providers: [],
    };
  };
};

/** Makes the requests of a node read their answers here. */
export const readAnswersOnce = ({ network }: KadInside, limits: Limits): void => {
  const read = makeReadAnswer(limits);
  network._writeReadMessage = async (stream, message, options) => {
    const line = lpStream(stream);
    await line.write(writeRequest(message), options);
    return read((await line.read(options)).subarray());
  };
};
