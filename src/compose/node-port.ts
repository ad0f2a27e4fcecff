// What the server owner's operations on overlay and federation do, over the parts of this node.

import type {
  AnchorShown,
  EndorsementShown,
  HostShown,
  NodePort,
  PeerShown,
  ResolutionShown,
} from '../api/node-port.ts';
import type { Overlay, OverlayPeer } from '../dht/overlay.ts';
import { fromBase64 } from '../federation/bytes.ts';
import type { Federation } from '../federation/federation.ts';
import { decodeFrame } from '../federation/frame.ts';
import type { SignedRecord } from '../federation/record.ts';
import type { Host, Resolution } from '../federation/resolve.ts';
import type { AnchorRow } from '../federation/trust.ts';
import { bytesToHex } from '../node/crypto/bytes.ts';
import { idOfPublicKey } from '../node/crypto/keys.ts';
import { fault } from '../node/errors.ts';
import { makeRecordsShown } from './records-shown.ts';

export interface NodePortDeps {
  readonly federation: Federation;
  readonly overlay: Overlay;
  readonly isServerOwner: (id: string) => boolean;
}

const SERVERS_MAX = 5_000;

const anchorShown = ({ serverid, depth, note, addedAt }: AnchorRow): AnchorShown => ({
  serverid,
  depth,
  note,
  addedat: addedAt,
});

const endorsementShown = ({ payload, hash }: SignedRecord<'endorsement'>): EndorsementShown => ({
  issuer: payload.id,
  subject: payload.sub,
  depth: payload.depth,
  scope: payload.scope,
  expiresat: payload.exp,
  hash,
});

const hostShown = (host: Host): HostShown => ({
  serverid: host.serverid,
  trusted: host.trusted,
  usable: host.usable,
  reason: host.reason,
  chain: host.chain,
  home: host.home,
  self: host.self,
  peerid: host.peer ?? '',
  urls: host.urls,
  addresses: host.addresses,
  consent: host.consent,
  fresh: host.fresh,
});

const resolutionShown = (found: Resolution): ResolutionShown => ({
  colonyid: found.colonyid,
  name: found.name,
  epoch: found.epoch,
  sequence: found.sequence,
  flags: found.flags,
  expiresat: found.expiresAt,
  confirmedat: found.confirmedAt,
  forked: found.forked,
  forks: found.forks,
  servers: found.hosts.map(hostShown),
});

const peerShown = (peer: OverlayPeer, serverid: string): PeerShown => ({
  peerid: peer.id,
  nodekey: peer.publicKey ?? '',
  serverid,
  addresses: peer.addresses,
  direction: peer.direction,
  connectedat: peer.connectedAt,
  member: peer.member,
  relayed: peer.relayed,
  rttms: peer.rttMs === undefined ? -1 : Math.round(peer.rttMs),
});

const bytesOf = (text: string): Uint8Array => {
  const bytes = fromBase64(text);
  if (bytes) return bytes;
  throw fault('bad-request', 'a record is not base64');
};

/** Only whose signature a record bears may hand it in, and the owner of this server. */
const checkHandedIn = (bytes: Uint8Array, caller: string, isOwner: boolean): void => {
  const frame = decodeFrame(bytes);
  if (typeof frame === 'string') throw fault('bad-request', `not a signed record: ${frame}`);
  if (isOwner || idOfPublicKey(bytesToHex(frame.publicKey)) === caller) return;
  throw fault('forbidden', 'only the signer of a record and the server owner may hand it in');
};

/** The port over the federation and the overlay of one node. */
export const makeNodePort = ({ federation, overlay, isServerOwner }: NodePortDeps): NodePort => {
  const { book, trust, resolver, publisher, certificates } = federation;
  const records = makeRecordsShown({ book, overlay, placed: publisher.report });

  const serversByPeer = async (): Promise<ReadonlyMap<string, string>> => {
    const servers = new Map<string, string>();
    for (const id of await book.ids('server', SERVERS_MAX)) {
      const held = await book.find('server', id);
      if (held) servers.set(held.record.payload.peer, id);
    }
    return servers;
  };

  return {
    peers: async () => {
      const servers = await serversByPeer();
      return overlay.peers().map((peer) => peerShown(peer, servers.get(peer.id) ?? ''));
    },
    records,
    trust: async () => ({
      mode: trust.policy.mode,
      depthmax: trust.policy.depthMax,
      scopes: trust.policy.scopes,
      anchors: trust.anchors().map(anchorShown),
      given: trust.given().map(endorsementShown),
      stapled: (await trust.staples()).map(endorsementShown),
    }),
    addAnchor: async (serverid, depth, note) =>
      anchorShown(
        await trust.addAnchor(serverid, { ...(depth === undefined ? {} : { depth }), note }),
      ),
    removeAnchor: trust.removeAnchor,
    trustPath: async (serverid) => hostShown(await resolver.server(serverid)),
    resolve: async (colonyid, anew) => {
      const found = await resolver.resolve(colonyid, { anew });
      return found && resolutionShown(found);
    },
    publish: async (texts, caller) => {
      const frames = texts.map(bytesOf);
      const isOwner = isServerOwner(caller);
      for (const bytes of frames) checkHandedIn(bytes, caller, isOwner);
      const published = [];
      for (const bytes of frames) {
        const { kind, id, hash, sequence, copies, asked } = await publisher.submit(bytes);
        published.push({ kind, id, hash, sequence, copies, asked });
      }
      return published;
    },
    certify: async (text) => {
      const { payload } = await certificates.accept(bytesOf(text));
      await publisher.tick();
      return { expiresat: payload.exp };
    },
  };
};
