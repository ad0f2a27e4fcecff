// What this node tells anybody who asks (`GET /federation/...`), over HTTP and over the overlay
// alike:
// signed records, who it is, whom it knows. Never which colonies it has.

import type { HttpReply, HttpRoute } from '../api/http.ts';
import type { Overlay } from '../dht/overlay.ts';
import type { Answers } from '../federation/answers.ts';
import type { Federation } from '../federation/federation.ts';
import { fault } from '../node/errors.ts';
import { errorBody } from '../node/model/envelope.ts';
import { PEERS_PATH } from './bootstrap-urls.ts';

export const STATUS_PATH = '/federation/status';
const PEERS_MAX = 20;

export interface PublicAnswer {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
  readonly proof: string | undefined;
  readonly etag: string | undefined;
}

/** The answer to a path with its query; `payer` is the address or peer that asks. Never throws. */
export type PublicAnswers = (path: string, payer: string) => Promise<PublicAnswer>;

export interface PublicDeps {
  readonly federation: Pick<Federation, 'answers' | 'certificates' | 'publisher' | 'trust'>;
  readonly overlay: Overlay;
  readonly serverid: () => string;
  readonly urls: () => readonly string[];
  readonly version: string;
}

/** The one object of `GET /federation/status`. */
const statusOf = ({ federation, overlay, serverid, urls, version }: PublicDeps) => {
  const { certificates, publisher, trust } = federation;
  const { network, policy, members, addresses } = overlay.status();
  const { state, expiresAt, hint } = certificates.state();
  const id = serverid();
  const own = publisher.report().find((placed) => placed.ns === 'server' && placed.id === id);
  return {
    serverid: id,
    peerid: overlay.peerId,
    nodekey: overlay.key.publicKey,
    network,
    mode: trust.policy.mode,
    policy,
    addresses,
    urls: urls(),
    peers: members,
    certificate: { state, expiresat: expiresAt ?? 0, help: hint ?? '' },
    published: {
      sequence: own?.sequence ?? 0,
      copies: own?.copies ?? 0,
      at: own?.placedAt ?? 0,
    },
    version,
  };
};

/** Nodes to join through: this one first, then those it is connected to. */
const peersOf = ({ overlay }: PublicDeps) => {
  const { network, addresses } = overlay.status();
  const known = overlay
    .peers()
    .filter(({ member, relayed, addresses: at }) => member && !relayed && at.length > 0)
    .slice(0, PEERS_MAX)
    .map(({ id, addresses: at }) => ({
      peerid: id,
      addresses: at.map((one) => (one.includes('/p2p/') ? one : `${one}/p2p/${id}`)),
    }));
  const own = addresses.length === 0 ? [] : [{ peerid: overlay.peerId, addresses }];
  return { network, peers: [...own, ...known] };
};

const plain = (value: unknown): PublicAnswer => ({
  status: 200,
  body: JSON.stringify(value),
  proof: undefined,
  etag: undefined,
});

const refused = (error: { status: number; message: string }): PublicAnswer => ({
  status: error.status,
  body: errorBody(error.status, error.message),
  proof: undefined,
  etag: undefined,
});

/** The public answers of one node. */
export const makePublicAnswers = (deps: PublicDeps): PublicAnswers => {
  const answers: Answers = deps.federation.answers;
  return async (path, payer) => {
    const name = path.split('?', 1)[0];
    if (name === STATUS_PATH) return plain(statusOf(deps));
    if (name === PEERS_PATH) return plain(peersOf(deps));
    const answer = await answers.answer(path, { address: payer });
    return answer ?? refused(fault('bad-request', 'expected an id of 64 lower-case hex digits'));
  };
};

const JSON_TYPE = 'application/json; charset=utf-8';
const CACHE_S = 30;

const httpReply = ({ status, body, proof, etag }: PublicAnswer, asked: unknown): HttpReply => {
  const isRecord = status === 200 && etag !== undefined && proof === undefined;
  const shared = {
    'cache-control': isRecord ? `max-age=${CACHE_S}` : 'no-store',
    ...(etag === undefined ? {} : { etag }),
  };
  if (etag !== undefined && asked === etag) return { status: 304, headers: shared, body: '' };
  const proven = proof && {
    'colonies-reply-proof': proof,
    'access-control-expose-headers': 'Colonies-Reply-Proof',
  };
  return { status, headers: { 'content-type': JSON_TYPE, ...shared, ...(proven || {}) }, body };
};

const PATHS = [
  STATUS_PATH,
  PEERS_PATH,
  '/federation/colonies/:id',
  '/federation/servers/:id',
  '/federation/endorsements/:id',
  '/federation/revocations/:id',
  '/federation/hosting/:id',
];

/** The same over HTTP. */
export const publicRoutes = (ask: PublicAnswers): readonly HttpRoute[] =>
  PATHS.map((path) => ({
    method: 'GET',
    path,
    handle: async ({ url, ip, headers }) => httpReply(await ask(url, ip), headers['if-none-match']),
  }));
