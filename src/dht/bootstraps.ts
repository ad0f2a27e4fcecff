// The way into the overlay and back into it: given bootstraps and remembered members, dialled
// again and again while there are few peers, and the bootstraps now and then even when all is
// well, so that two halves of a split overlay find each other. (The library's module dials once,
// and drops entries without a peer id.)

import type { PeerId } from '@libp2p/interface';
import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { draw } from './draw.ts';
import { KAD } from './kad.ts';
import type { BootstrapState, Overlay } from './overlay.ts';
import { reasonOf } from './reasons.ts';

/** Turns what is no multiaddress (the URL of a node) into multiaddresses. */
export type ResolveBootstrap = (text: string, signal: AbortSignal) => Promise<readonly string[]>;

export interface BootstrapsDeps {
  readonly given: readonly string[];
  readonly resolve: ResolveBootstrap | undefined;
  readonly dial: Overlay['dial'];
  readonly self: string;
  readonly isConnected: (peer: string) => boolean;
  /** Marks the peer of a bootstrap as one to keep. */
  readonly keep: (peer: string) => void;
  readonly remembered: (max: number) => Promise<PeerId[]>;
  /** Whether a remembered peer failed so recently that it is left alone. */
  readonly isOut: (peer: string) => boolean;
  readonly tableSize: () => number;
  /** Looks for our own neighbours; what it meets enters the table. */
  readonly lookAround: (signal: AbortSignal) => Promise<void>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Bootstraps {
  start(): void;
  stop(): void;
  states(): BootstrapState[];
  /** One round at once; resolves when all its dials ended. */
  round(): Promise<void>;
  /** A peer left: if few are left, the next round is soon. */
  hurry(): void;
}

interface Entry {
  readonly address: string;
  peer: string | undefined;
  reachedAt: number | undefined;
  error: string | undefined;
}

const REMEMBERED_PER_ROUND = 5;
const REMEMBERED_LOOKED_AT = 50;

/** Dials one bootstrap, address by address, and writes into its entry how it went. */
const makeReach = (deps: BootstrapsDeps, signal: AbortSignal) => {
  const { resolve, dial, self, isConnected, clock, log } = deps;
  const targets = async (entry: Entry): Promise<readonly string[]> => {
    if (entry.address.startsWith('/')) return [entry.address];
    if (resolve === undefined) throw new Error('not a multiaddress');
    const found = await resolve(entry.address, signal);
    if (found.length === 0) throw new Error('gave no address');
    return found;
  };
  const reached = (entry: Entry, peer: string): void => {
    entry.peer = peer;
    entry.error = undefined;
    // A list that all nodes share names this one too.
    if (peer === self) return;
    entry.reachedAt = clock.now();
    deps.keep(peer);
  };
  return async (entry: Entry): Promise<void> => {
    if (entry.peer === self || (entry.peer !== undefined && isConnected(entry.peer))) return;
    let failure: unknown;
    try {
      for (const address of await targets(entry)) {
        if (address.endsWith(`/p2p/${self}`)) return reached(entry, self);
        try {
          return reached(entry, await dial(address, signal));
        } catch (error) {
          // The next address may answer.
          failure = error;
        }
      }
    } catch (error) {
      // The URL leads nowhere now.
      failure = error;
    }
    const reason = reasonOf(failure);
    if (entry.error !== reason && !signal.aborted) {
      log.warn('bootstrap not reached', { address: entry.address, reason });
    }
    entry.error = reason;
  };
};

/** The search for peers of one node. */
export const makeBootstraps = (deps: BootstrapsDeps): Bootstraps => {
  const { given, dial, limits, clock, log } = deps;
  const entries: Entry[] = given.map((address) => ({
    address,
    peer: undefined,
    reachedAt: undefined,
    error: undefined,
  }));
  const controller = new AbortController();
  const reach = makeReach(deps, controller.signal);
  let cancel: () => void = () => undefined;
  let delayMs = limits.overlayRedialMs;
  let isRunning = false;
  let isStopped = false;

  const reachRemembered = async (): Promise<void> => {
    const known = await deps.remembered(REMEMBERED_LOOKED_AT);
    const worth = known.map(String).filter((peer) => !deps.isOut(peer));
    await Promise.all(
      draw(worth, REMEMBERED_PER_ROUND, clock).map((peer) =>
        dial(peer, controller.signal).catch((error: Error) => {
          // Yesterday's peer is gone; others are tried in the next round.
          log.debug('a remembered peer was not reached', { peer, reason: reasonOf(error) });
        }),
      ),
    );
  };
  const isLow = (): boolean => deps.tableSize() < limits.overlayTableLow;
  const round = async (): Promise<void> => {
    await Promise.all(entries.map(reach));
    if (isLow()) await reachRemembered();
    // The library looks around once, when the first peer comes, which may know nobody yet itself.
    const size = deps.tableSize();
    if (size > 0 && size < KAD.bucketSize) await deps.lookAround(controller.signal);
  };
  const loop = (): void => {
    isRunning = true;
    round()
      .catch((error: Error) => log.warn('the search for peers failed', { error }))
      .finally(() => {
        isRunning = false;
        if (isStopped) return;
        // Ever later, but never long while there is nobody at all.
        const maxMs = deps.tableSize() === 0 ? 8 * limits.overlayRedialMs : Infinity;
        delayMs = Math.min(delayMs * 2, limits.overlayRedialMaxMs, maxMs);
        cancel = clock.after(delayMs, loop);
      });
  };
  return {
    start: loop,
    stop: () => {
      isStopped = true;
      cancel();
      controller.abort(new Error('the overlay stops'));
    },
    states: () => entries.map(({ address, reachedAt, error }) => ({ address, reachedAt, error })),
    round,
    hurry: () => {
      if (isStopped || isRunning || !isLow() || delayMs <= limits.overlayRedialMs) return;
      delayMs = limits.overlayRedialMs;
      cancel();
      cancel = clock.after(delayMs, loop);
    },
  };
};
