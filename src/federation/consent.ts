// Hosting needs consent: a server that a colony record lists counts only when it says so itself,
// with a proof by its node key. The same exchange is the challenge that comes before any client's
// bytes.

import type { Clock } from '../node/clock.ts';
import { hostingPath, readHosting } from './documents.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { Ask, Place } from './ports.ts';
import type { SignedRecord } from './record.ts';
import { replyProofProblem } from './reply-proof.ts';
import type { SignatureCheck } from './signature.ts';

export interface Consent {
  /** `unknown`: it could not be asked, or its answer was not proven. */
  readonly says: 'claims' | 'denies' | 'unknown';
  readonly reason: string;
  /** URL or multiaddress over which the proven answer came. */
  readonly via: string | undefined;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface ConsentDeps {
  readonly clock: Clock;
  readonly ask?: Ask | undefined;
  readonly isSigned?: SignatureCheck;
}

export interface Consents {
  /**
   * What the server says about the colony; asked at most once an hour, more often while it does not
   * claim it.
   */
  check(server: SignedRecord<'server'>, colonyid: string): Promise<Consent>;
  /** What it last said, if that still counts. */
  known(server: SignedRecord<'server'>, colonyid: string): Consent | undefined;
  /** Forgets an answer that turned out wrong, such as after a 421. */
  forget(serverid: string, colonyid: string): void;
}

/** Where a server record says its server can be asked. */
export const placeOf = ({ payload }: SignedRecord<'server'>): Place => ({
  serverid: payload.id,
  peer: payload.peer,
  urls: payload.urls,
  addresses: payload.addrs,
});

// A server may be given the colony a moment after its owner published that: a no counts briefly.
const lifeOf = ({ says }: Consent): number =>
  says === 'claims' ? LIMITS.consentMs : LIMITS.consentFailedMs;

/** Consents, cached and asked for at most once at a time per server and colony. */
export const makeConsents = ({ clock, ask, isSigned }: ConsentDeps): Consents => {
  const cache = new Map<string, Consent>();
  const running = new Map<string, Promise<Consent>>();
  // The node key is part of the name: a server whose key changed has to say it again.
  const nameOf = (server: SignedRecord<'server'>, colonyid: string): string =>
    `${server.payload.id}/${colonyid}/${server.signer}`;

  const known = (server: SignedRecord<'server'>, colonyid: string): Consent | undefined => {
    const consent = cache.get(nameOf(server, colonyid));
    return consent && clock.now() - consent.at < lifeOf(consent) ? consent : undefined;
  };

  const query = async (server: SignedRecord<'server'>, colonyid: string): Promise<Consent> => {
    const at = clock.now();
    const unknown = (reason: string): Consent => ({ says: 'unknown', reason, via: undefined, at });
    if (!ask) return unknown('not asked');
    const controller = new AbortController();
    const cancel = clock.after(LIMITS.consentAskMs, () => controller.abort());
    const path = hostingPath(colonyid, clock.newId());
    try {
      const { status, body, proof, via } = await ask(placeOf(server), path, controller.signal);
      const prover = { serverid: server.payload.id, publicKey: server.publicKey };
      const problem = replyProofProblem(proof, { request: path, status, body }, [prover], isSigned);
      if (problem !== undefined) return unknown(problem);
      const said = status === 200 ? readHosting(body) : undefined;
      if (said?.colonyid !== colonyid || said.serverid !== server.payload.id) {
        return unknown(`answered with status ${status}`);
      }
      return said.hosting
        ? { says: 'claims', reason: 'hosts this colony', via, at }
        : { says: 'denies', reason: 'does not claim this colony', via, at };
    } catch (error) {
      // Expected: down, slow, unreachable from here, or forbidden by the address policy.
      return unknown(`could not be reached: ${error instanceof Error ? error.message : 'failed'}`);
    } finally {
      cancel();
    }
  };

  return {
    known,
    check: (server, colonyid) => {
      const held = known(server, colonyid);
      if (held) return Promise.resolve(held);
      const name = nameOf(server, colonyid);
      const flight = running.get(name);
      if (flight !== undefined) return flight;
      const asked = query(server, colonyid).then((consent) => {
        running.delete(name);
        cache.delete(name);
        cache.set(name, consent);
        const oldest = cache.size > LIMITS.consentsMax ? cache.keys().next().value : undefined;
        if (oldest !== undefined) cache.delete(oldest);
        return consent;
      });
      running.set(name, asked);
      return asked;
    },
    forget: (serverid, colonyid) => {
      for (const name of cache.keys()) {
        if (name.startsWith(`${serverid}/${colonyid}/`)) cache.delete(name);
      }
    },
  };
};
