// Operations on the node as a part of the overlay and the federation. Records certify themselves:
// whoever hands one in needs no more rights than its signer has.

import { z } from 'zod';
import { fault } from '../../node/errors.ts';
import { flag, int, list, longText, name, struct, text } from '../../node/model/wire.ts';
import type { NodePort } from '../node-port.ts';
import { type Cx, op } from '../op.ts';
import { DONE, Done, wrong } from './wrong.ts';

const RECORDS_MAX = 1_000;
const FRAMES_MAX = 64;

const nodeOf = (cx: Cx): NodePort => {
  if (cx.node !== undefined) return cx.node;
  throw fault('unavailable', 'The overlay of this server is switched off', {
    reason: 'no-overlay',
  });
};

const Peer = z.object({
  peerid: z.string(),
  nodekey: z.string(),
  serverid: z.string(),
  addresses: z.array(z.string()).readonly(),
  direction: z.enum(['in', 'out']),
  connectedat: z.int(),
  member: z.boolean(),
  relayed: z.boolean(),
  rttms: z.int(),
});

export const getNodePeers = op({
  type: 'getnodepeersmsg',
  doc: 'Lists the peers that are connected to this node over the overlay.',
  kind: 'read',
  wrong: wrong('Failed to get peers'),
  msg: struct({}),
  reply: z.array(Peer).readonly(),
  allow: { who: 'server-owner' },
  run: (cx) => nodeOf(cx).peers(),
});

const Record = z.object({
  kind: z.string(),
  id: z.string(),
  epoch: z.int(),
  sequence: z.int(),
  hash: z.string(),
  issuedat: z.int(),
  expiresat: z.int(),
  sizebytes: z.int(),
  seenat: z.int(),
  confirmedat: z.int(),
  forked: z.boolean(),
  published: z.boolean(),
  copies: z.int(),
  placedat: z.int(),
});

export const getNodeRecords = op({
  type: 'getnoderecordsmsg',
  doc: 'Lists the signed records that this node knows, by kind and id, at most 1000; `after` goes on behind an id.',
  kind: 'read',
  wrong: wrong('Failed to get records'),
  msg: struct({ kind: text(), count: int(), after: text() }),
  reply: z.array(Record).readonly(),
  allow: { who: 'server-owner' },
  run: (cx, { kind, count, after }) => {
    if (count < 0 || count > RECORDS_MAX) {
      throw fault('bad-request', `Failed to get records, count must be 0 to ${RECORDS_MAX}`);
    }
    return nodeOf(cx).records({ kind, count: count === 0 ? RECORDS_MAX : count, after });
  },
});

const Anchor = z.object({
  serverid: z.string(),
  depth: z.int(),
  note: z.string(),
  addedat: z.int(),
});
const Endorsement = z.object({
  issuer: z.string(),
  subject: z.string(),
  depth: z.int(),
  scope: z.array(z.string()).readonly(),
  expiresat: z.int(),
  hash: z.string(),
});

export const getTrust = op({
  type: 'gettrustmsg',
  doc: 'Shows whom this server trusts: mode, anchors, endorsements given and stapled.',
  kind: 'read',
  wrong: wrong('Failed to get trust'),
  msg: struct({}),
  reply: z.object({
    mode: z.string(),
    depthmax: z.int(),
    scopes: z.array(z.string()).readonly(),
    anchors: z.array(Anchor).readonly(),
    given: z.array(Endorsement).readonly(),
    stapled: z.array(Endorsement).readonly(),
  }),
  allow: { who: 'server-owner' },
  run: (cx) => nodeOf(cx).trust(),
});

export const addTrust = op({
  type: 'addtrustmsg',
  doc: 'Trusts a server as an anchor; up to `depth` links may hang from it, -1: as the policy says.',
  kind: 'write',
  wrong: wrong('Failed to add trust'),
  msg: struct({ serverid: text(), depth: int(), note: name() }),
  needs: ['serverid'],
  reply: Anchor,
  allow: { who: 'server-owner' },
  run: (cx, { serverid, depth, note }) =>
    nodeOf(cx).addAnchor(serverid, depth < 0 ? undefined : depth, note),
});

export const removeTrust = op({
  type: 'removetrustmsg',
  doc: 'Trusts a server as an anchor no longer.',
  kind: 'write',
  wrong: wrong('Failed to remove trust'),
  msg: struct({ serverid: text() }),
  needs: ['serverid'],
  reply: Done,
  allow: { who: 'server-owner' },
  run: async (cx, { serverid }) => {
    if (await nodeOf(cx).removeAnchor(serverid)) return DONE;
    throw fault('not-found', `Failed to remove trust, <${serverid}> is no anchor`);
  },
});

const TRUST_PATH = {
  serverid: z.string(),
  trusted: z.boolean(),
  usable: z.boolean(),
  reason: z.string(),
  chain: z.array(z.string()).readonly(),
};

export const getTrustPath = op({
  type: 'gettrustpathmsg',
  doc: 'Gives this server’s verdict on another one: the chain of endorsements, or the first thing that broke.',
  kind: 'read',
  wrong: wrong('Failed to get trust path'),
  msg: struct({ serverid: text() }),
  needs: ['serverid'],
  reply: z.object(TRUST_PATH),
  allow: { who: 'server-owner' },
  run: (cx, { serverid }) => nodeOf(cx).trustPath(serverid),
});

const Host = z.object({
  ...TRUST_PATH,
  home: z.boolean(),
  self: z.boolean(),
  peerid: z.string(),
  urls: z.array(z.string()).readonly(),
  addresses: z.array(z.string()).readonly(),
  consent: z.string(),
  fresh: z.boolean(),
});

export const resolveColony = op({
  type: 'resolvecolonymsg',
  doc: 'Resolves a colony id as this node sees it; `anew` asks other nodes again.',
  kind: 'read',
  wrong: wrong('Failed to resolve colony'),
  msg: struct({ colonyid: text(), anew: flag() }),
  needs: ['colonyid'],
  reply: z.object({
    colonyid: z.string(),
    name: z.string(),
    epoch: z.int(),
    sequence: z.int(),
    flags: z.array(z.string()).readonly(),
    expiresat: z.int(),
    confirmedat: z.int(),
    forked: z.boolean(),
    forks: z.array(z.string()).readonly(),
    servers: z.array(Host).readonly(),
  }),
  allow: { who: 'server-owner' },
  run: async (cx, { colonyid, anew }) => {
    const found = await nodeOf(cx).resolve(colonyid, anew);
    if (found !== undefined) return found;
    throw fault('not-found', `no record of colony ${colonyid} was found`);
  },
});

const Published = z.object({
  kind: z.string(),
  id: z.string(),
  sequence: z.int(),
  hash: z.string(),
  copies: z.int(),
  asked: z.int(),
});

export const publishRecords = op({
  type: 'publishrecordsmsg',
  doc: 'Hands in signed records (base64): colony records, endorsements and their lists, revocations. Only the signer of a record and the server owner may.',
  kind: 'write',
  wrong: wrong('Failed to publish records'),
  msg: struct({ records: list(longText()) }),
  needs: ['records'],
  reply: z.array(Published).readonly(),
  allow: { who: 'identity' },
  run: (cx, { records }) => {
    if (records.length === 0 || records.length > FRAMES_MAX) {
      throw fault('bad-request', `Failed to publish records, expected 1 to ${FRAMES_MAX} records`);
    }
    return nodeOf(cx).publish(records, cx.caller);
  },
});

export const setNodeCertificate = op({
  type: 'setnodecertificatemsg',
  doc: 'Puts a certificate of this node’s key (base64) into force. Unsigned: only the server owner can have made it.',
  kind: 'write',
  wrong: wrong('Failed to set node certificate'),
  msg: struct({ certificate: longText() }),
  needs: ['certificate'],
  reply: z.object({ expiresat: z.int() }),
  allow: { who: 'anyone' },
  run: (cx, { certificate }) => nodeOf(cx).certify(certificate),
});
