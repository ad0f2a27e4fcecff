// The nodes that bring calls here: whose calls are taken, and what is remembered of each.

import { makeCertifiedNode, type RelayedBy } from '../federation/relay-auth.ts';
import type { SignatureCheck } from '../federation/signature.ts';
import type { Clock } from '../node/clock.ts';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import { makeRecent } from '../node/recent.ts';

/** Whose relayed calls are taken: of every certified node, of trusted ones, of nobody. */
export type RelayPolicy = 'certified' | 'trusted' | 'off';

export interface RelayersDeps {
  readonly network: string;
  readonly policy: RelayPolicy;
  /** Whether the trust policy of this node accepts a server. */
  readonly isTrusted: (serverid: string) => Promise<boolean>;
  readonly isRevoked: (id: string) => boolean;
  readonly isSigned: SignatureCheck;
  readonly clock: Pick<Clock, 'now'>;
  readonly limits: Limits;
}

export interface Relayers {
  /** Throws forbidden when this node takes no calls from it. */
  admit(by: RelayedBy): Promise<void>;
  /** The node behind a certificate (base64) on a connection of this peer. Throws forbidden. */
  certified(certificate: string, peer: string): RelayedBy;
  /** What dialects its callers spoke last. */
  connection(serverid: string): Map<string, string>;
}

/** The relaying nodes that one node knows. */
export const makeRelayers = (deps: RelayersDeps): Relayers => {
  const { policy, isTrusted, clock, limits } = deps;
  const certified = makeCertifiedNode(deps);
  const connections = makeRecent<Map<string, string>>(limits.relayersMax);
  const verdicts = makeRecent<{ readonly trusted: boolean; readonly until: number }>(
    limits.relayersMax,
  );
  const refuse = (why: string) => fault('forbidden', `relay refused: ${why}`);

  return {
    admit: async ({ serverid }) => {
      if (policy === 'certified') return;
      if (policy === 'off') throw refuse('this server takes no relayed calls');
      let verdict = verdicts.get(serverid);
      if (verdict === undefined || verdict.until <= clock.now()) {
        const until = clock.now() + limits.relayVerdictMs;
        verdict = { trusted: await isTrusted(serverid), until };
        verdicts.set(serverid, verdict);
      }
      if (!verdict.trusted) throw refuse(`server ${serverid} is not trusted here`);
    },
    certified: (certificate, peer) => {
      const by = certified(certificate);
      if (by.peer !== peer) throw refuse('the certificate is for another peer');
      return by;
    },
    connection: (serverid) => {
      const known = connections.get(serverid) ?? new Map<string, string>();
      connections.set(serverid, known);
      return known;
    },
  };
};
