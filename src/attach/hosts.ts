// The hosts of one colony as this client last resolved them. Resolved at first use, looked at again
// in the
// background and at once when a host denies the colony; what is known serves meanwhile.

import type { Host, Resolution, Resolver } from '../federation/resolve.ts';
import type { Clock } from '../node/clock.ts';
import { Fault, fault } from '../node/errors.ts';
import type { Log } from '../node/log.ts';
import { LIMITS } from './limits.ts';

export interface Hosts {
  /**
   * The newest that is known; looks only when nothing is. Throws `not-found`, `forbidden`,
   * `unavailable`.
   */
  current(): Promise<Resolution>;
  /** Looks again, at most once at a time; gives what is known when nobody answers. */
  refresh(): Promise<Resolution>;
  /**
   * A host by server id: of the record known now, or of one that this client worked with before.
   */
  find(serverid: string): Host | undefined;
  /** Told when a record newly counts: moves, new hosts. The returned function ends it. */
  onChange(listener: (resolution: Resolution) => void): () => void;
}

export interface HostsDeps {
  readonly colonyid: string;
  readonly resolver: Pick<Resolver, 'resolve'>;
  readonly clock: Clock;
  readonly log: Log;
}

const FORMER_MAX = 64;

const summary = ({ sequence, epoch, hosts }: Resolution): string =>
  JSON.stringify([epoch, sequence, hosts.map(({ serverid, record }) => [serverid, record?.hash])]);

/** The hosts of a colony. */
export const makeHosts = ({ colonyid, resolver, clock, log }: HostsDeps): Hosts => {
  const listeners = new Set<(resolution: Resolution) => void>();
  const former = new Map<string, Host>();
  let known: Resolution | undefined;
  let lookedAt = 0;
  let running: Promise<Resolution> | undefined;

  const take = (fresh: Resolution): Resolution => {
    const isNew = known === undefined || summary(known) !== summary(fresh);
    known = fresh;
    for (const host of fresh.hosts) {
      if (host.record === undefined && former.has(host.serverid)) continue;
      former.delete(host.serverid);
      former.set(host.serverid, host);
      const oldest = former.size > FORMER_MAX ? former.keys().next().value : undefined;
      if (oldest !== undefined) former.delete(oldest);
    }
    if (isNew) for (const listener of [...listeners]) listener(fresh);
    return fresh;
  };

  const look = async (anew: boolean): Promise<Resolution> => {
    lookedAt = clock.now();
    const found = await resolver.resolve(colonyid, anew ? { anew } : { until: 'first' });
    if (found !== undefined) return take(found);
    if (known !== undefined) return known;
    throw fault('not-found', `no node that was asked knows colony ${colonyid}`);
  };

  const run = (anew: boolean): Promise<Resolution> => {
    running ??= look(anew).finally(() => {
      running = undefined;
    });
    return running;
  };

  const refresh = async (): Promise<Resolution> => {
    try {
      return await run(true);
    } catch (error) {
      // A colony whose key was revoked is one no longer; anything else is told when nothing is
      // known.
      const isRevoked = error instanceof Fault && error.code === 'forbidden';
      if (isRevoked || known === undefined) throw error;
      log.debug('the hosts of the colony could not be looked up again', { colonyid, error });
      return known;
    }
  };

  return {
    refresh,
    current: async () => {
      if (known === undefined) return run(false);
      if (clock.now() - lookedAt > LIMITS.attachRefreshMs && running === undefined) {
        refresh().catch((error: unknown) => {
          // Only a revocation comes here: the calls themselves will be refused.
          log.warn('the colony can no longer be used', { colonyid, error: String(error) });
        });
      }
      return known;
    },
    find: (serverid) =>
      known?.hosts.find((host) => host.serverid === serverid && host.record !== undefined) ??
      former.get(serverid),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
