// Which peers answer. The library never removes a silent peer from its table, so that dead ones eat
// replicas and time; here failures are counted, and a peer that fails again and again leaves.

import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Counters } from './conduct.ts';
import type { Health } from './kad.ts';

/** How long hearsay about an evicted peer is not followed up. Milliseconds. */
const OUT_MS = 60_000;

interface State {
  failures: number;
  answeredAt: number;
  outUntil: number;
}

export interface HealthBook extends Health {
  /** Epoch milliseconds of the last answer, 0 when none is remembered. */
  answeredAt(peer: string): number;
}

export interface HealthDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly limits: Limits;
  readonly counters: Counters;
  /** Takes a peer out of the routing table. */
  readonly evict: (peer: string) => void;
}

/** The health book of one node. */
export const makeHealth = ({ clock, limits, counters, evict }: HealthDeps): HealthBook => {
  const states = new Map<string, State>();
  const touch = (peer: string): State => {
    const state = states.get(peer) ?? { failures: 0, answeredAt: 0, outUntil: 0 };
    states.delete(peer);
    states.set(peer, state);
    if (states.size > limits.overlayTrackedPeersMax) {
      for (const oldest of states.keys()) {
        states.delete(oldest);
        break;
      }
    }
    return state;
  };
  return {
    answered: (peer) => {
      const state = touch(peer);
      state.failures = 0;
      state.outUntil = 0;
      state.answeredAt = clock.now();
    },
    failed: (peer, fatal) => {
      const state = touch(peer);
      state.failures += 1;
      counters.add('peer-failures');
      if (!fatal && state.failures < limits.overlayFailuresMax) return;
      state.failures = 0;
      state.outUntil = clock.now() + OUT_MS;
      counters.add('peer-evicted');
      evict(peer);
    },
    isOut: (peer) => (states.get(peer)?.outUntil ?? 0) > clock.now(),
    answeredAt: (peer) => states.get(peer)?.answeredAt ?? 0,
  };
};
