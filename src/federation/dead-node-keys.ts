// Which revoked key was the node key of which server: what explains why no record of a server counts
// when none was ever held here.

import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { Namespace } from './payloads.ts';
import type { SignedRecord } from './record.ts';

/** A bounded memory of the node keys that were met as revoked. */
export const makeDeadNodeKeys = () => {
  const keys = new Map<string, string>();
  return {
    /** Looks at a valid record: one that such a key signed, or the revocation by the owner. */
    note: (
      { kind, certificate, payload, signer }: SignedRecord<Namespace>,
      revoked: ReadonlyMap<string, unknown>,
    ): void => {
      const key = kind === 'revocation' ? payload.id : signer;
      if (certificate === undefined || (kind === 'server' && !revoked.has(key))) return;
      const server = certificate.payload.id;
      keys.delete(server);
      keys.set(server, key);
      const oldest = keys.size > LIMITS.bookDeadMax ? keys.keys().next().value : undefined;
      if (oldest !== undefined) keys.delete(oldest);
    },
    /** The revoked node key of a server; undefined when none is known. */
    of: (serverid: string): string | undefined => keys.get(serverid),
  };
};

export type DeadNodeKeys = ReturnType<typeof makeDeadNodeKeys>;
