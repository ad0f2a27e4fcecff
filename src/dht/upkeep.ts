// The upkeep of table and stores, a little at a time: silent peers out, far parts of the table
// exercised, dead records and long forgotten peers dropped. The library's own refresh makes one
// random far lookup, pings old peers only when a bucket is full, and never closes a connection on
// which nobody answers.

import { createHash } from 'node:crypto';
import type { PeerId } from '@libp2p/interface';
import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { HealthBook } from './health.ts';
import { KAD } from './kad.ts';
import type { Contact, KadInside } from './kad-inside.ts';
import { deadline } from './signals.ts';
import type { Sounding } from './soundings.ts';
import { parsePeer } from './wires.ts';

export interface UpkeepDeps {
  readonly kad: () => KadInside;
  /** The key that lies where we do, and the place. */
  readonly ownKey: Uint8Array;
  readonly here: Uint8Array;
  readonly sound: Sounding;
  readonly ping: (peer: PeerId, signal: AbortSignal) => Promise<unknown>;
  readonly health: HealthBook;
  /** Closes the connections of a peer that is connected but silent. */
  readonly drop: (peer: string, reason: string) => void;
  /** Ids of connected peers that said who they are, and of those that take part in our network. */
  readonly connected: () => readonly string[];
  readonly members: () => readonly string[];
  readonly sweepRecords: () => Promise<number>;
  readonly forgetPeers: () => Promise<void>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Upkeep {
  start(): void;
  stop(): void;
  /** One round at once. */
  round(): Promise<void>;
}

const TRIES = 4_096;
/** Rounds between two looks at a random part of the table, … */
const REFRESH_EVERY = 3;
/** … between two looks at our own part, … */
const LOOK_AROUND_EVERY = 5;
/** … and between two looks at all remembered peers, which read every one of them. */
const FORGET_EVERY = 30;

/** How many leading bits two places share. */
export const commonBits = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < a.length; i += 1) {
    const difference = (a[i] ?? 0) ^ (b[i] ?? 0);
    if (difference !== 0) return i * 8 + Math.clz32(difference) - 24;
  }
  return a.length * 8;
};

/**
 * Random bytes whose place shares exactly `bits` leading bits with `here`, if a few tries find
 * some.
 */
export const keyAtDistance = (
  here: Uint8Array,
  bits: number,
  clock: Pick<Clock, 'random'>,
): Uint8Array => {
  const key = clock.random(new Uint8Array(32));
  const counter = Buffer.from(key.buffer, key.byteOffset, 4);
  for (let i = 0; i < TRIES; i += 1) {
    counter.writeUInt32BE(i);
    if (commonBits(createHash('sha256').update(key).digest(), here) === bits) break;
  }
  return key;
};

/** A lookup for its own sake: what it meets enters the table. Ends after `overlayGetMs`. */
const walkTo = async (
  kad: KadInside,
  key: Uint8Array,
  limits: Limits,
  given: AbortSignal,
): Promise<void> => {
  const signal = deadline(limits.overlayGetMs, given);
  try {
    for await (const _event of kad.getClosestPeers(key, { signal })) {
      // The library adds whom it meets.
    }
  } catch (error) {
    // A walk that took too long exercised the table all the same.
    if (!signal.aborted) throw error;
  }
};

/** The same, unless a few peers are enough to say that it would meet nobody new. */
export const explore = async (
  kad: KadInside,
  key: Uint8Array,
  { limits, sound }: Pick<UpkeepDeps, 'limits' | 'sound'>,
  given: AbortSignal,
): Promise<void> => {
  if (kad.routingTable.size === 0) return;
  if (!(await sound(key, deadline(limits.overlayGetMs, given)))) {
    await walkTo(kad, key, limits, given);
  }
};

type Table = ReadonlyMap<string, Contact>;

const tableOf = (kad: KadInside): Table =>
  new Map([...kad.routingTable.kb.toIterable()].map((each) => [String(each.peerId), each]));

/** Looks for life, a few peers at a time, and sends away who is silent. */
const makeLifeCheck = (deps: UpkeepDeps, stopped: AbortSignal): (() => Promise<void>) => {
  const { kad, ping, health, drop, limits, clock } = deps;
  const checkOne = async (peer: string, contact: Contact | undefined): Promise<void> => {
    const heard = (): void => {
      if (contact !== undefined) contact.lastPing = clock.now();
      health.answered(peer);
    };
    const over = health.asked();
    try {
      const signal = deadline(limits.overlayPingMs, stopped);
      await ping(contact?.peerId ?? parsePeer(peer), signal);
      heard();
    } catch (error) {
      // Who refuses to be pinged has answered; silence is what is looked for here.
      if ((error as Error).name === 'UnsupportedProtocolError') return heard();
      if (stopped.aborted) return;
      health.failed(peer, false);
      if (health.isOut(peer)) drop(peer, 'connected but silent');
    } finally {
      over();
    }
  };
  /**
   * Pings who was not heard of for longest: of the table, and of those connected that are not in
   * it, such as a member that lost its place to failed requests. On its connection nobody may ever
   * answer, and while it is there the library makes no new one.
   */
  return async () => {
    const table = tableOf(kad());
    const quiet = [...new Set([...table.keys(), ...deps.connected()])]
      .map((peer) => {
        const contact = table.get(peer);
        return {
          peer,
          contact,
          heardAt: Math.max(contact?.lastPing ?? 0, health.answeredAt(peer)),
        };
      })
      .filter(({ heardAt }) => heardAt < clock.now() - limits.overlayUpkeepMs);
    quiet.sort((a, b) => a.heardAt - b.heardAt);
    const first = quiet.slice(0, limits.overlayPingsPerRound);
    await Promise.all(first.map(({ peer, contact }) => checkOne(peer, contact)));
  };
};

/** The upkeep of one node. */
export const makeUpkeep = (deps: UpkeepDeps): Upkeep => {
  const { kad, here, limits, clock, log } = deps;
  const controller = new AbortController();
  const checkOldest = makeLifeCheck(deps, controller.signal);
  let cancel: () => void = () => undefined;
  let isStopped = false;

  /** A lookup near a random branch of the table: deep branches as often as shallow ones. */
  const refresh = async (): Promise<void> => {
    const depth = Math.min(
      KAD.prefixLength,
      Math.ceil(Math.log2(1 + kad().routingTable.size / KAD.bucketSize)) + 1,
    );
    const [byte = 0] = clock.random(new Uint8Array(1));
    await explore(kad(), keyAtDistance(here, byte % depth, clock), deps, controller.signal);
  };
  /** A member that was evicted in a bad minute, but is connected, gets another chance. */
  const readmit = (): void => {
    const table = tableOf(kad());
    for (const peer of deps.members()) {
      if (!table.has(peer)) kad().routingTable.queueRoutingTableUpdate(parsePeer(peer));
    }
  };
  let rounds = 0;
  const round = async (): Promise<void> => {
    rounds += 1;
    await deps.sweepRecords();
    await checkOldest();
    readmit();
    if (rounds % REFRESH_EVERY === 0) await refresh();
    if (rounds % LOOK_AROUND_EVERY === 0) {
      await explore(kad(), deps.ownKey, deps, controller.signal);
    }
    if (rounds % FORGET_EVERY === 0) await deps.forgetPeers();
  };
  const next = (): void => {
    const [jitter = 0] = clock.random(new Uint8Array(1));
    const delayMs = limits.overlayUpkeepMs * (0.75 + jitter / 512);
    cancel = clock.after(delayMs, () => {
      round()
        .catch((error: Error) => log.warn('upkeep of the overlay failed', { error }))
        .finally(() => {
          if (!isStopped) next();
        });
    });
  };
  return {
    start: next,
    stop: () => {
      isStopped = true;
      cancel();
      controller.abort(new Error('the overlay stops'));
    },
    round,
  };
};
