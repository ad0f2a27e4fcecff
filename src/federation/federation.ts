// The federation of one node, put together from its parts over the ports that the composition
// brings.

import type { Clock } from '../node/clock.ts';
import type { Engine } from '../node/crypto/engine.ts';
import type { Log } from '../node/log.ts';
import { type Answers, makeAnswers } from './answers.ts';
import { type Book, openBook } from './book.ts';
import { briefly } from './brief-resolver.ts';
import { type LookupBudget, makeLookupBudget } from './budget.ts';
import { type Certificates, openCertificates } from './certificate.ts';
import { type Consents, makeConsents, placeOf } from './consent.ts';
import { makeTagBook, type TagBook } from './ids.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import { type Lookups, makeLookups } from './lookup.ts';
import type { Namespace } from './payloads.ts';
import { peerIdOf } from './peer-id.ts';
import type { Ask, Overlay, Place, Pushes, Signer, Store } from './ports.ts';
import { makePublisher, type Publisher, type SelfFacts } from './publish.ts';
import { makePusher, type Pusher } from './push.ts';
import { makeRelay, type Relay } from './relay.ts';
import { makeRelayGuard, makeRelayPass, type RelayGuard, type RelayPass } from './relay-auth.ts';
import { makeResolver, type Resolver } from './resolve.ts';
import { makeRoutes, type Routes } from './routes.ts';
import { makeRules, type Rules, rememberSignatures } from './rules.ts';
import { checkWith, type SignatureCheck } from './signature.ts';
import { openTrust, type Trust, type TrustPolicy } from './trust.ts';

export interface FederationDeps {
  readonly network: string;
  readonly serverid: string;
  readonly nodeKey: Signer;
  readonly policy: TrustPolicy;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly overlay: Overlay;
  readonly pushes: Pushes;
  readonly ask: Ask;
  /** Other nodes that may be asked over HTTP beside the overlay: bootstraps given as URLs. */
  readonly bootstraps: () => readonly Place[];
  readonly self: () => SelfFacts;
  readonly hosts: (colonyid: string) => Promise<boolean> | boolean;
  readonly hosted: () => Promise<readonly string[]> | readonly string[];
  readonly isSigned: SignatureCheck;
  /** A check that remembers nothing, for what is signed once: the passes of relayed calls. */
  readonly isSignedOnce?: SignatureCheck;
}

export interface Federation {
  readonly book: Book;
  readonly trust: Trust;
  readonly certificates: Certificates;
  readonly lookups: Lookups;
  readonly consents: Consents;
  readonly resolver: Resolver;
  readonly publisher: Publisher;
  readonly pusher: Pusher;
  readonly answers: Answers;
  readonly relay: Relay;
  readonly relayGuard: RelayGuard;
  /** Header values that pass a body to another server; undefined without a certificate. */
  readonly relayPass: (target: string, body: string | Uint8Array) => Promise<RelayPass | undefined>;
  readonly budget: LookupBudget;
  readonly tags: TagBook;
  readonly routes: Routes;
  /** Housekeeping: publishes what is due; now and then drops what expired long ago. */
  tick(): Promise<void>;
}

/**
 * Record rules for the overlay and the signature check they share with the federation of the node.
 */
export const makeRecordRules = (
  network: string,
  clock: Clock,
  engine?: Pick<Engine, 'verify'>,
): { readonly rules: Rules; readonly isSigned: SignatureCheck } => {
  const isSigned = rememberSignatures(checkWith(engine));
  return { rules: makeRules(network, clock, isSigned), isSigned };
};

/** Whom to ask over HTTP: the issuer of a list itself, then the bootstraps. */
const othersOf =
  (book: Book, { serverid, bootstraps }: FederationDeps) =>
  async (ns: Namespace, id: string): Promise<readonly Place[]> => {
    const nodes = bootstraps().filter((place) => place.serverid !== serverid);
    if ((ns !== 'endorsements' && ns !== 'server') || id === serverid) return nodes;
    const held = await book.hint('server', id);
    return held ? [placeOf(held.record), ...nodes] : nodes;
  };

const makeTick = (publisher: Publisher, book: Book, clock: Clock): (() => Promise<void>) => {
  let sweptAt = clock.now();
  return async () => {
    await publisher.tick();
    if (clock.now() - sweptAt < LIMITS.bookSweepEveryMs) return;
    sweptAt = clock.now();
    await book.sweep();
  };
};

/** Opens what is on disk and wires the parts; nothing runs before the first call. */
export const openFederation = async (deps: FederationDeps): Promise<Federation> => {
  const { network, serverid, nodeKey, policy, store, clock, log, overlay, isSigned, hosts } = deps;
  const { ask, pushes } = deps;
  const book = await openBook({ network, store, clock, isSigned });
  const { publicKey } = nodeKey;
  const certificates = await openCertificates({ store, clock, book, serverid, publicKey });
  const budget = makeLookupBudget(clock);
  const others = othersOf(book, deps);
  const lookups = makeLookups({ book, clock, log, serverid, overlay, ask, others, budget });
  const trust = await openTrust({ serverid, policy, store, clock, book, lookups, isSigned });
  const consents = makeConsents({ clock, ask, isSigned });
  const resolver = makeResolver({ book, lookups, trust, consents, clock, serverid, hosts });
  const pusher = makePusher({ book, trust, pushes, clock, log, serverid });
  const publisher = makePublisher({
    ...{ book, trust, certificates, lookups, overlay, store, clock, log, serverid, nodeKey },
    announce: pusher.announce,
    peer: peerIdOf(publicKey),
    self: deps.self,
    hosted: deps.hosted,
  });
  const prover = (): Signer | undefined => (certificates.current() ? nodeKey : undefined);
  const tags = makeTagBook(store);
  return {
    ...{ book, trust, certificates, lookups, consents, resolver, publisher, pusher, budget, tags },
    answers: makeAnswers({ book, lookups, trust, serverid, nodeKey: prover, hosts }),
    relay: makeRelay({ resolver: briefly(resolver, clock), consents, clock, log }),
    relayGuard: makeRelayGuard({
      ...{ network, serverid, clock, isRevoked: book.isRevoked },
      isSigned: deps.isSignedOnce ?? isSigned,
    }),
    relayPass: async (target, body) => {
      const certificate = certificates.current();
      return certificate && makeRelayPass({ certificate, nodeKey, clock }, target, body);
    },
    routes: makeRoutes(tags),
    tick: makeTick(publisher, book, clock),
  };
};
