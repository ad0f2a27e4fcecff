// A node as a part of the overlay: introduces overlay, federation, relay and RPC to each other.
// Loads
// libp2p, so it is imported only when the settings ask for an overlay.

import type { Dispatch, Elsewhere } from '../api/dispatch.ts';
import type { HttpRoute } from '../api/http.ts';
import type { NodePort } from '../api/node-port.ts';
import type { Onward } from '../api/onward.ts';
import type { Protect, Prove } from '../api/run.ts';
import type { Endpoint, WatchElsewhere, Watching } from '../api/ws.ts';
import type { Calls } from '../dht/overlay.ts';
import type { Book } from '../federation/book.ts';
import { type Federation, openFederation } from '../federation/federation.ts';
import { colonyTag } from '../federation/ids.ts';
import { NAMESPACES } from '../federation/payloads.ts';
import { plainUrl } from '../federation/policy.ts';
import type { Place } from '../federation/ports.ts';
import { makeReplyProof } from '../federation/reply-proof.ts';
import { checkWith, signerOf } from '../federation/signature.ts';
import { stateCertificate } from '../federation/statements.ts';
import type { Clock } from '../node/clock.ts';
import type { Config } from '../node/config.ts';
import { bytesToBase64 } from '../node/crypto/bytes.ts';
import type { Engine as CryptoEngine } from '../node/crypto/engine.ts';
import type { Identify } from '../node/crypto/identify.ts';
import { idOfKey } from '../node/crypto/keys.ts';
import type { OpenedEngine } from '../node/engine/open.ts';
import { fault } from '../node/errors.ts';
import type { Part } from '../node/lifecycle.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { addressKind } from '../node/model/address.ts';
import { makeAsk } from './ask.ts';
import { makeInward, makeOutward, type Outward } from './elsewhere.ts';
import { gaugesOf } from './federated-gauges.ts';
import { makeFederationStore } from './federation-store.ts';
import { makeGuesses } from './guesses.ts';
import { type Hosted, makeHosted } from './hosted.ts';
import type { Gauge } from './metrics.ts';
import { makeNodePort } from './node-port.ts';
import { makeOutbound, type Outbound, type ResolveHost } from './outbound.ts';
import { makeOverlayParts, type OverlayParts } from './overlay-parts.ts';
import { makePublicAnswers, publicRoutes } from './public-answers.ts';
import { makeRelayIn } from './relay-in.ts';
import { makeRelayOut } from './relay-out.ts';
import { CALLS_PATH, WATCH_PATH } from './relay-post.ts';
import { makeRelayWatch } from './relay-watch.ts';
import { CALL_PROTOCOL, RECORDS_PROTOCOL } from './relay-wire.ts';
import { makeRelayers } from './relayers.ts';
import { makeProtect } from './replays.ts';
import { makeRoads } from './roads.ts';
import { selfUrls } from './self.ts';
import { makeUpkeep } from './upkeep.ts';
import { makeWebCalls, type WebCalls } from './web-calls.ts';

export interface FederatedDeps {
  readonly config: Config;
  readonly opened: OpenedEngine;
  readonly crypto: CryptoEngine;
  readonly identify: Identify;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
  readonly version: string;
  readonly tls: boolean;
  /** The port of the RPC, known once it listens. */
  readonly port: () => number;
  /** Key of the server owner, to certify the node key with; 64 hex digits. */
  readonly serverKey?: string | undefined;
  readonly resolveHost?: ResolveHost | undefined;
}

/** What the dispatchers get from the federation. */
export interface Seams {
  /** Whose calls are refused. */
  readonly isRevoked: (id: string) => boolean;
  /** Tells of each of them that is new. */
  readonly onRevoked: (listener: (id: string) => void) => void;
  readonly node: NodePort;
  readonly prove: Prove;
  readonly protect: Protect;
  readonly calls: Elsewhere;
  readonly watches: WatchElsewhere;
}

export interface Federated {
  /** For calls of clients. */
  readonly front: Seams & { readonly onward: Onward };
  /** For calls that other nodes bring. */
  readonly inner: Seams;
  /** Routes and sockets, given the dispatchers that were made from the seams. */
  serve(
    front: Dispatch,
    inner: { readonly dispatch: Dispatch; readonly watching: Watching },
  ): {
    readonly routes: readonly HttpRoute[];
    readonly sockets: Readonly<Record<string, Endpoint>>;
  };
  gauges(): readonly Gauge[];
  /** To be started after the RPC listens, and stopped before it stops. */
  readonly parts: readonly Part[];
}

const ANCHOR_NOTE = 'configuration';

/** Anchors of the settings come and go with them; those added while it ran stay. */
const setAnchors = async ({ trust }: Federation, wanted: readonly string[]): Promise<void> => {
  for (const { serverid, note } of trust.anchors()) {
    if (note === ANCHOR_NOTE && !wanted.includes(serverid)) await trust.removeAnchor(serverid);
  }
  const known = new Set(trust.anchors().map(({ serverid }) => serverid));
  for (const id of wanted) if (!known.has(id)) await trust.addAnchor(id, { note: ANCHOR_NOTE });
};

/** Whether this node itself can be reached on this machine only. */
const isOnLoopback = ({ overlay, http }: Config): boolean => {
  const hosts = overlay.listen.map((address) => address.split('/')[2] ?? '');
  return [...hosts, http.host].every((host) => addressKind(host) === 'loopback');
};

/** A record that lost in the overlay's store may be half of a fork that the book must know of. */
const noteLost = async (
  book: Book | undefined,
  namespace: string,
  id: string,
  bytes: Uint8Array,
): Promise<void> => {
  const ns = NAMESPACES.find((name) => name === namespace);
  if (ns !== undefined && (await book?.find(ns, id))) await book?.offer(ns, id, bytes);
};

/** Everything that is there before the federation is. */
interface Ground extends FederatedDeps {
  readonly serverid: string;
  readonly outbound: Outbound;
  readonly parts: OverlayParts;
  readonly calls: Calls;
  readonly counts: Record<string, number>;
  readonly count: (name: string) => void;
}

const whenRevoked = (book: Book, listener: (id: string) => void): void => {
  book.onNew(({ kind, payload }) => {
    if (kind === 'revocation') listener(payload.id);
  });
};

const isUrl = (text: string): boolean => /^https?:/.test(text);

/** Bootstraps that are URLs, as places to ask. */
const placesOf = (bootstraps: readonly string[]): readonly Place[] =>
  bootstraps
    .filter(isUrl)
    .flatMap((text) => plainUrl(text) ?? [])
    .map((url) => ({ serverid: undefined, peer: undefined, urls: [url], addresses: [] }));

const isHereIn =
  ({ engine }: OpenedEngine) =>
  (colonyid: string): boolean =>
    engine.colonies.find(colonyid)?.id === colonyid;

const urlsOf = ({ config, port, tls, parts }: Ground): readonly string[] =>
  selfUrls(
    {
      policy: config.overlay.addressPolicy,
      announce: config.overlay.announce,
      httpHost: config.http.host,
      httpPort: port,
      tls,
    },
    parts.overlay.addresses(),
  );

/** Settled after the federation is open: it asks about hosting, and hosting asks it. */
interface Late {
  hosted?: Hosted;
  federation?: Federation;
}

const openParts = async (ground: Ground, late: Late): Promise<Federation> => {
  const { config, opened, crypto, clock, limits, outbound, parts, calls, serverid, version } =
    ground;
  const { overlay, network, isSigned, bootstraps } = parts;
  const { mode, depth, scopes } = config.federation;
  const places = placesOf(bootstraps);
  return openFederation({
    network,
    serverid,
    nodeKey: signerOf(overlay.key.privateKey, crypto),
    policy: { mode, depthMax: depth, scopes },
    store: makeFederationStore(opened.store),
    clock,
    log: ground.log.child({ part: 'federation' }),
    overlay,
    pushes: overlay.pushes(RECORDS_PROTOCOL),
    ask: makeAsk({ outbound, calls: () => calls, clock, limits }),
    bootstraps: () => places,
    self: () => ({
      addresses: overlay.addresses(),
      urls: urlsOf(ground),
      versions: { node: version.slice(0, 32) || '0' },
    }),
    hosts: async (id) => (await late.hosted?.claims(id)) === true,
    hosted: () => opened.engine.colonies.list().map(({ id }) => id),
    isSigned,
    isSignedOnce: checkWith(crypto),
  });
};

/** Certifies the node key with the owner's, when that is at hand and it is time. */
const certify = async (ground: Ground, { certificates }: Federation): Promise<void> => {
  const { serverKey, serverid, crypto, clock, log } = ground;
  if (serverKey === undefined || certificates.state().state === 'valid') return;
  if (!/^[0-9a-f]{64}$/i.test(serverKey) || idOfKey(serverKey) !== serverid) {
    log.warn(
      'the key given for the server owner belongs to another id: the node is not certified',
      {
        serverid,
      },
    );
    return;
  }
  const owner = signerOf(serverKey, crypto);
  const made = await stateCertificate(owner, certificates.request(), { now: clock.now() });
  await certificates.accept(made.bytes);
  log.info('node key certified', { serverid, expiresAt: made.payload.exp });
};

const seamsOf = (ground: Ground, federation: Federation, hosted: Hosted, outward: Outward) => {
  const { opened, clock, parts, serverid, crypto } = ground;
  const { engine } = opened;
  const { book, certificates } = federation;
  const nodeKey = signerOf(parts.overlay.key.privateKey, crypto);
  const protect = makeProtect({ clock, serverid: engine.server.id, demands: hosted.demands });
  const { isServerOwner } = engine.roles;
  const shared = {
    isRevoked: book.isRevoked,
    onRevoked: (listener: (id: string) => void): void => whenRevoked(book, listener),
    node: makeNodePort({ federation, overlay: parts.overlay, isServerOwner }),
    // Without a certificate nobody could check it.
    prove: ((request, status, body, counter) =>
      certificates.current() === undefined
        ? undefined
        : makeReplyProof(serverid, { request, status, body, counter }, nodeKey)) as Prove,
  };
  const hasTag = (tag: string): boolean =>
    engine.colonies.list().some(({ id }) => colonyTag(id) === tag);
  const notHome: Protect = (fields, facts) => {
    const { colonyid } = facts;
    if (colonyid !== undefined && hosted.isMovedAway(colonyid)) {
      throw fault('not-home', `not home of colony ${colonyid}`);
    }
    return protect(fields, facts);
  };
  const { calls, onward, watches } = outward;
  const isHere = isHereIn(opened);
  const inward = makeInward((id) => isHere(id) && !hosted.isMovedAway(id), hasTag);
  return {
    front: { ...shared, protect, calls, onward, watches },
    inner: { ...shared, protect: notHome, calls: inward.calls, watches: inward.watches },
  };
};

const makeOut = (ground: Ground, federation: Federation, web: WebCalls): Outward => {
  const { opened, outbound, calls, clock, log, limits, serverid, count } = ground;
  const { book, relay, routes, tags, relayPass, certificates } = federation;
  const out = {
    outbound,
    calls: () => calls,
    webCalls: web.calls,
    pass: relayPass,
    certificate: () => {
      const own = certificates.current();
      return own && bytesToBase64(own.bytes);
    },
    clock,
    log,
    limits,
  };
  const isHere = isHereIn(opened);
  return makeOutward({
    relay,
    isMemberHere: opened.engine.roles.isKnown,
    guesses: makeGuesses({ routes, tags, serverid: () => serverid, isHere, limits }),
    roads: makeRoads({ isHere, isRevoked: book.isRevoked, clock, limits }),
    sendCall: makeRelayOut(out),
    sendWatch: makeRelayWatch(out),
    count: (name) => count(`out-${name}`),
    log,
    limits,
  });
};

const serveWith =
  (ground: Ground, federation: Federation, web: WebCalls): Federated['serve'] =>
  (front, inner) => {
    const { config, parts, calls, clock, log, limits, serverid, version, count } = ground;
    const { overlay, network, isSigned } = parts;
    const { relayGuard, resolver, book } = federation;
    const urls = (): readonly string[] => urlsOf(ground);
    const told = { federation, overlay, serverid: () => serverid, urls, version };
    const ask = makePublicAnswers(told);
    const relayers = makeRelayers({
      network,
      policy: config.federation.relay,
      isTrusted: async (id) => (await resolver.server(id)).trusted,
      isRevoked: book.isRevoked,
      isSigned,
      clock,
      limits,
    });
    const counted = (name: string): void => count(`in-${name}`);
    const shared = { guard: relayGuard, relayers, ask, count: counted, clock, log, limits };
    const relayIn = makeRelayIn({ ...shared, front, inner });
    const unserved = (error: unknown): void =>
      log.error('the call protocol cannot be served', { error });
    calls.serve(relayIn.serve).catch(unserved);
    web.calls.serve(relayIn.serveWeb).catch(unserved);
    return {
      routes: [...publicRoutes(ask), ...relayIn.routes],
      sockets: {
        [WATCH_PATH]: relayIn.watching,
        [CALLS_PATH]: web.endpoint(relayIn.admit),
      },
    };
  };

/** Opens the federation of a node. Nothing runs before its parts are started. */
export const openFederated = async (deps: FederatedDeps): Promise<Federated> => {
  const { config, opened, clock, log, limits, crypto } = deps;
  const late: Late = {};
  const outbound = makeOutbound({
    policy: { policy: config.overlay.addressPolicy, onLoopback: isOnLoopback(config) },
    clock,
    limits,
    resolveHost: deps.resolveHost,
  });
  const lost = (ns: string, id: string, bytes: Uint8Array): void => {
    noteLost(late.federation?.book, ns, id, bytes).catch((error: unknown) =>
      log.warn('a lost record was not looked at', { ns, id, error }),
    );
  };
  const parts = await makeOverlayParts({ config, crypto, outbound, clock, log, limits, lost });
  const counts: Record<string, number> = {};
  const count = (name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  const serverid = opened.engine.server.id();
  if (serverid === '') throw fault('bad-request', 'an overlay needs a server with an owner');
  const calls = parts.overlay.calls(CALL_PROTOCOL);
  const ground: Ground = { ...deps, serverid, outbound, parts, calls, counts, count };
  const federation = await openParts(ground, late);
  const isHere = isHereIn(opened);
  const hosted = makeHosted({
    book: federation.book,
    lookups: federation.lookups,
    serverid: () => serverid,
    isHere,
    hosted: () => opened.engine.colonies.list().map(({ id }) => id),
  });
  Object.assign(late, { hosted, federation });
  // What was admitted before must not be given work any more.
  whenRevoked(federation.book, opened.engine.processes.endWaits);
  await certify(ground, federation);
  await setAnchors(federation, config.federation.anchors);
  const { named, overlay } = parts;
  await named?.follow(federation);
  const web = makeWebCalls({ ...ground, pass: federation.relayPass });
  const outward = makeOut(ground, federation, web);
  const { front, inner } = seamsOf(ground, federation, hosted, outward);
  const hangUp = (): void => {
    web.calls.stop();
    outbound.close();
  };
  const upkeep = { federation, hosted, overlay, named, hangUp, clock, log, limits };
  return {
    front,
    inner,
    serve: serveWith(ground, federation, web),
    gauges: () => gaugesOf(overlay, federation, outward, counts),
    parts: makeUpkeep(upkeep),
  };
};
