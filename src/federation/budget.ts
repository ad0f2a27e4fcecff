// Budgets for what costs others: a lookup that starts here is paid for by the whole overlay.

import type { Clock } from '../node/clock.ts';
import { fault } from '../node/errors.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';

export interface BucketRules {
  readonly perSecond: number;
  /** Tokens a fresh or rested name has. */
  readonly burst: number;
  /** Names remembered; the one untouched for longest is forgotten, and starts afresh. */
  readonly namesMax: number;
}

export interface Buckets {
  /** Whether a token is there; takes none. */
  has(name: string): boolean;
  /** Takes a token; false when there is none. */
  take(name: string): boolean;
  size(): number;
}

/** Token buckets by name, in bounded memory. */
export const makeBuckets = (rules: BucketRules, clock: Clock): Buckets => {
  const buckets = new Map<string, { tokens: number; at: number }>();
  const filled = (name: string): number => {
    const bucket = buckets.get(name);
    if (!bucket) return rules.burst;
    const gained = (Math.max(0, clock.now() - bucket.at) / 1000) * rules.perSecond;
    return Math.min(rules.burst, bucket.tokens + gained);
  };
  return {
    has: (name) => filled(name) >= 1,
    take: (name) => {
      const tokens = filled(name);
      if (tokens < 1) return false;
      buckets.delete(name);
      buckets.set(name, { tokens: tokens - 1, at: clock.now() });
      const oldest = buckets.size > rules.namesMax ? buckets.keys().next().value : undefined;
      if (oldest !== undefined) buckets.delete(oldest);
      return true;
    },
    size: () => buckets.size,
  };
};

/** Who makes this node look something up; parts that are not known are left out. */
export interface Payer {
  /** Network address of the connection. */
  readonly address?: string | undefined;
  /** Recovered id of the caller. */
  readonly caller?: string | undefined;
}

export interface LookupBudget {
  /** Takes one lookup from every budget it falls under, or throws `too-many` and takes none. */
  spend(payer: Payer): void;
}

/** Budgets of lookups per address, per caller and for the whole node. */
export const makeLookupBudget = (clock: Clock): LookupBudget => {
  const namesMax = LIMITS.lookupPayersMax;
  const rules = (perSecond: number, burst: number): BucketRules => ({ perSecond, burst, namesMax });
  const near = rules(LIMITS.lookupsPerSecondOfOne, LIMITS.lookupsBurstOfOne);
  const byAddress = makeBuckets(near, clock);
  const byCaller = makeBuckets(near, clock);
  const ofNode = makeBuckets(rules(LIMITS.lookupsPerSecond, LIMITS.lookupsBurst), clock);
  return {
    spend: ({ address, caller }) => {
      const spent: [Buckets, string, string][] = [[ofNode, 'node', 'this node']];
      if (address !== undefined) spent.push([byAddress, address, 'this address']);
      if (caller !== undefined) spent.push([byCaller, caller, 'this caller']);
      const empty = spent.find(([buckets, name]) => !buckets.has(name));
      if (empty) {
        throw fault('too-many', `too many lookups of unknown ids for ${empty[2]}, try later`);
      }
      for (const [buckets, name] of spent) buckets.take(name);
    },
  };
};
