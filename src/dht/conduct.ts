// How peers behave: counts their faults, logs the first of each, sends away who does not stop.
// It decides and remembers; closing connections is `drop`, given from outside.

import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';

export interface Counters {
  add(name: string, count?: number): void;
  all(): Record<string, number>;
}

/** Event counts by name; names come from this code, never from a peer, so they are few. */
export const makeCounters = (): Counters => {
  const counts = new Map<string, number>();
  return {
    add: (name, count = 1) => {
      counts.set(name, (counts.get(name) ?? 0) + count);
    },
    all: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
};

export interface Conduct {
  /** Notes a fault of a peer. `weight` at `overlayFaultsMax` sends it away at once. */
  fault(peer: string, what: string, weight?: number): void;
  banned(peer: string): boolean;
}

interface Sheet {
  faults: number;
  since: number;
  bannedUntil: number;
  logged: boolean;
}

export interface ConductDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly limits: Limits;
  readonly counters: Counters;
  /** Closes all connections of a peer. */
  readonly drop: (peer: string, reason: string) => void;
}

/** The book of conduct of one node. */
export const makeConduct = ({ clock, log, limits, counters, drop }: ConductDeps): Conduct => {
  const sheets = new Map<string, Sheet>();
  const sheetOf = (peer: string, now: number): Sheet => {
    const known = sheets.get(peer) ?? { faults: 0, since: now, bannedUntil: 0, logged: false };
    sheets.delete(peer);
    sheets.set(peer, known);
    if (sheets.size > limits.overlayTrackedPeersMax) {
      // The longest silent one goes, a banned one only when the few next to it are banned too.
      const oldest = [...sheets.keys()].slice(0, 16);
      const free = oldest.find((id) => (sheets.get(id)?.bannedUntil ?? 0) <= now);
      sheets.delete(free ?? oldest[0] ?? peer);
    }
    if (now - known.since > limits.overlayFaultWindowMs) {
      known.faults = 0;
      known.since = now;
    }
    return known;
  };
  return {
    fault: (peer, what, weight = 1) => {
      const now = clock.now();
      counters.add(`fault-${what}`);
      const sheet = sheetOf(peer, now);
      sheet.faults += weight;
      if (!sheet.logged) {
        sheet.logged = true;
        log.warn('a peer misbehaves', { peer, what });
      }
      if (sheet.faults < limits.overlayFaultsMax || sheet.bannedUntil > now) return;
      sheet.bannedUntil = now + limits.overlayBanMs;
      sheet.faults = 0;
      counters.add('peer-banned');
      drop(peer, what);
    },
    banned: (peer) => (sheets.get(peer)?.bannedUntil ?? 0) > clock.now(),
  };
};
