// What a federated node does by itself: joins the overlay, greets its neighbours with what they
// should
// know, publishes what is due.

import type { Overlay, PeerEvent } from '../dht/overlay.ts';
import type { Federation } from '../federation/federation.ts';
import type { Clock } from '../node/clock.ts';
import type { Part } from '../node/lifecycle.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { Hosted } from './hosted.ts';
import type { NamedPeers } from './named-peers.ts';
import { RECORDS_PROTOCOL } from './relay-wire.ts';

export interface UpkeepDeps {
  readonly federation: Federation;
  readonly hosted: Hosted;
  readonly overlay: Overlay;
  /** Given in the mode `closed`. */
  readonly named: NamedPeers | undefined;
  /** Ends the connections to other nodes over HTTP. */
  readonly hangUp: () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
}

/** Runs `task` every `everyMs`, and soon when told; one at a time. */
const makeRounds = (
  { clock, log }: UpkeepDeps,
  everyMs: number,
  task: () => Promise<void>,
): { start(): void; soon(delayMs: number): void; stop(): Promise<void> } => {
  let cancel = (): void => undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;
  let isStopped = false;
  let next = everyMs;

  const run = async (): Promise<void> => {
    dueAt = Number.POSITIVE_INFINITY;
    next = everyMs;
    try {
      await task();
    } catch (error) {
      // A round has no caller to tell: a human must look, and the next one tries again.
      log.error('a round of the federation failed', { error });
    }
    running = undefined;
    schedule(next);
  };
  const schedule = (delayMs: number): void => {
    // Asked for while a round runs: the next one follows that soon.
    if (running !== undefined) next = Math.min(next, delayMs);
    if (isStopped || running !== undefined || clock.now() + delayMs >= dueAt) return;
    cancel();
    dueAt = clock.now() + delayMs;
    cancel = clock.after(delayMs, () => {
      running = run();
    });
  };
  return {
    start: () => schedule(0),
    soon: schedule,
    stop: async () => {
      isStopped = true;
      cancel();
      await running;
    },
  };
};

const makeGreeting =
  ({ federation, log }: UpkeepDeps, soon: () => void) =>
  ({ event, peer }: PeerEvent): void => {
    if (event !== 'connect' || !peer.member) return;
    federation.pusher
      .greet(peer.id)
      .catch((error: unknown) => log.warn('a peer was not greeted', { peer: peer.id, error }));
    soon();
  };

/** The parts that run a federated node, in the order of their start. */
export const makeUpkeep = (deps: UpkeepDeps): readonly Part[] => {
  const { federation, hosted, overlay, named, hangUp, clock, log, limits } = deps;
  const { publisher, pusher } = federation;
  const pushes = overlay.pushes(RECORDS_PROTOCOL);
  let reviewedAt = 0;
  let forgetPeers = (): void => undefined;

  const rounds = makeRounds(deps, limits.federationTickMs, async () => {
    await named?.round(overlay);
    publisher.grown(overlay.status().table);
    await federation.tick();
    if (clock.now() - reviewedAt < limits.hostedReviewMs) return;
    reviewedAt = clock.now();
    await hosted.review();
  });

  return [
    {
      name: 'overlay',
      start: async () => {
        await hosted.review();
        await pushes.serve(pusher.received);
        const greet = makeGreeting(deps, () => rounds.soon(limits.federationSoonMs));
        forgetPeers = overlay.onPeer(greet);
        await overlay.start();
        log.info('Overlay is ready', { peerid: overlay.peerId, addresses: overlay.addresses() });
      },
      stop: async () => {
        forgetPeers();
        pusher.stop();
        hangUp();
        await overlay.stop();
      },
    },
    { name: 'federation', start: rounds.start, stop: rounds.stop },
  ];
};
