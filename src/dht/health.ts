// Which peers answer. The library never removes a silent peer from its table, so that dead ones eat
// replicas and time; here failures are counted, and a peer that fails again and again leaves.

import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Counters } from './conduct.ts';
import type { Health } from './kad.ts';

/** How long hearsay about an evicted peer is not followed up. Milliseconds. */
const OUT_MS = 30_000;
/**
 * Failures closer together than this are one: requests under way at the same time fail together.
 */
const INCIDENT_MS = 1_000;
/** A turn of the event loop that comes this late was a stall, and for a while failures are ours. */
const STALL_MS = 500;
const STALL_SHADOW_MS = 5_000;

interface State {
  failures: number;
  failedAt: number;
  answeredAt: number;
  outUntil: number;
}

export interface HealthBook extends Health {
  /** Begins to watch the event loop: a node that stalls must not blame its peers. */
  start(): void;
  stop(): void;
  /** Epoch milliseconds of the last answer, 0 when none is remembered. */
  answeredAt(peer: string): number;
}

export interface HealthDeps {
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly limits: Limits;
  readonly counters: Counters;
  /** Takes a peer out of the routing table. */
  readonly evict: (peer: string) => void;
}

/**
 * Watches the event loop: closely while requests are under way, whose failures it explains, and at
 * rest so seldom that it costs nothing, to notice that the machine slept.
 */
const makeStallWatch = (
  clock: HealthDeps['clock'],
  limits: Limits,
  counters: Counters,
): Pick<HealthBook, 'start' | 'stop' | 'asked'> & { isOurs(now: number): boolean } => {
  let underWay = 0;
  let stalledAt = Number.NEGATIVE_INFINITY;
  let dueAt = Number.POSITIVE_INFINITY;
  let cancel: () => void = () => undefined;
  const look = (): void => {
    const now = clock.now();
    if (now - dueAt > STALL_MS) {
      stalledAt = now;
      counters.add('event-loop-stalls');
    }
    const { overlayStallCheckMs, overlayStallCheckRestMs } = limits;
    const delayMs = underWay > 0 ? overlayStallCheckMs : overlayStallCheckRestMs;
    dueAt = now + delayMs;
    cancel = clock.after(delayMs, look);
  };
  const isWatching = (): boolean => dueAt !== Number.POSITIVE_INFINITY;
  return {
    start: look,
    stop: () => {
      cancel();
      dueAt = Number.POSITIVE_INFINITY;
    },
    asked: () => {
      underWay += 1;
      if (underWay === 1 && isWatching()) {
        cancel();
        look();
      }
      let isOver = false;
      return () => {
        if (!isOver) underWay -= 1;
        isOver = true;
      };
    },
    // When a stall ends the timers of requests may come before ours.
    isOurs: (now) => now - stalledAt < STALL_SHADOW_MS || now - dueAt > STALL_MS,
  };
};

/** The health book of one node. */
export const makeHealth = ({ clock, limits, counters, evict }: HealthDeps): HealthBook => {
  const states = new Map<string, State>();
  const touch = (peer: string): State => {
    const state = states.get(peer) ?? {
      failures: 0,
      failedAt: 0,
      answeredAt: 0,
      outUntil: 0,
    };
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
  const stalls = makeStallWatch(clock, limits, counters);
  return {
    start: stalls.start,
    stop: stalls.stop,
    asked: stalls.asked,
    answered: (peer) => {
      const state = touch(peer);
      state.failures = 0;
      state.outUntil = 0;
      state.answeredAt = clock.now();
    },
    failed: (peer, fatal) => {
      const state = touch(peer);
      const now = clock.now();
      counters.add('peer-failures');
      if (!fatal && (now - state.failedAt < INCIDENT_MS || stalls.isOurs(now))) return;
      state.failedAt = now;
      state.failures += 1;
      if (!fatal && state.failures < limits.overlayFailuresMax) return;
      state.failures = 0;
      state.outUntil = now + OUT_MS;
      counters.add('peer-evicted');
      evict(peer);
    },
    isOut: (peer) => (states.get(peer)?.outUntil ?? 0) > clock.now(),
    answeredAt: (peer) => states.get(peer)?.answeredAt ?? 0,
  };
};
