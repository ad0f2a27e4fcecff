// Records that travel by themselves: what is new here is told to every connected node, what comes
// in new is passed on once. That is what makes a revocation a matter of seconds.

import type { Clock } from '../node/clock.ts';
import { Fault } from '../node/errors.ts';
import type { Log } from '../node/log.ts';
import type { Book } from './book.ts';
import { makeBuckets } from './budget.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import { NAMESPACES, type Namespace } from './payloads.ts';
import type { Pushes } from './ports.ts';
import { makeTurns } from './push-turns.ts';
import { idOfFrame, kindOfFrame } from './record.ts';
import { hashHex } from './signature.ts';
import type { Trust } from './trust.ts';

export interface PushDeps {
  readonly book: Book;
  readonly trust: Trust;
  readonly pushes: Pushes;
  readonly clock: Clock;
  readonly log: Log;
  /** This server, whose own record and list greet a new peer. */
  readonly serverid: string;
}

export interface PushCounts {
  readonly received: number;
  readonly forwarded: number;
  readonly refused: number;
  readonly dropped: number;
}

export interface Pusher {
  /** Handles a message from a peer; false when the peer sent what no honest node sends. */
  received(peer: string, bytes: Uint8Array): Promise<boolean>;
  /** Tells every connected node; each hash goes out once. */
  announce(bytes: Uint8Array): void;
  /**
   * Tells a newly connected node what it should know: our own records and the latest revocations.
   */
  greet(peer: string): Promise<void>;
  counts(): PushCounts;
  /** Forgets what waits to be passed on. */
  stop(): void;
}

/** `unsent`: good, and to be passed on, but its sender had too much waiting. */
type Met = 'good' | 'bad' | 'unsent';

/** Hashes met lately and what they were, in bounded memory: two generations. */
const makeRecent = () => {
  let young = new Map<string, Met>();
  let old = new Map<string, Met>();
  return {
    get: (hash: string): Met | undefined => young.get(hash) ?? old.get(hash),
    set: (hash: string, met: Met): void => {
      if (young.size >= LIMITS.pushHashesRemembered) {
        old = young;
        young = new Map();
      }
      young.set(hash, met);
    },
  };
};

/** The sender of what this node itself has to say. */
const SELF = 'self';

/** Refusals that an honest node with another clock or another memory may cause. */
const EXCUSABLE = /^(?:expired|not-yet-valid|sequence-too-high|the key is revoked)/;

const isNamespace = (kind: string): kind is Namespace =>
  (NAMESPACES as readonly string[]).includes(kind);

type Verdict = 'new' | 'known' | 'excused' | 'bad';

/** Push of records between connected nodes. */
export const makePusher = (deps: PushDeps): Pusher => {
  const { book, trust, pushes, clock, log, serverid } = deps;
  const recent = makeRecent();
  const perSecond = LIMITS.pushRecordsPerSecond;
  const burst = LIMITS.pushRecordsBurst;
  const rates = makeBuckets({ perSecond, burst, namesMax: LIMITS.lookupPayersMax }, clock);
  const counts = { received: 0, forwarded: 0, refused: 0, dropped: 0 };

  const takeEndorsement = async (bytes: Uint8Array): Promise<Verdict> => {
    try {
      await trust.accept(bytes);
      return 'new';
    } catch (error) {
      // accept() throws faults for what is not valid, or no longer; anything else is a bug.
      if (!(error instanceof Fault)) throw error;
      return /expired|not-yet-valid|revoked/.test(error.message) ? 'excused' : 'bad';
    }
  };

  const take = async (bytes: Uint8Array): Promise<Verdict> => {
    const kind = kindOfFrame(bytes);
    if (kind === 'endorsement') return takeEndorsement(bytes);
    const id = idOfFrame(bytes);
    if (kind === undefined || id === undefined || !isNamespace(kind)) return 'bad';
    const { outcome, reason } = await book.offer(kind, id, bytes);
    if (outcome === 'new' || outcome === 'fork') return 'new';
    if (outcome !== 'refused') return 'known';
    return EXCUSABLE.test(reason) ? 'excused' : 'bad';
  };

  const turns = makeTurns({
    clock,
    send: (bytes, from) => {
      counts.forwarded += pushes.pushAll(bytes, from === SELF ? undefined : from);
    },
    dropped: (hash) => {
      counts.dropped += 1;
      recent.set(hash, 'unsent');
    },
  });
  /** Passes on at the turn of `from`; what has no room there may come again from somebody else. */
  const forward = (from: string, hash: string, bytes: Uint8Array): void => {
    const isTaken = turns.add(from, hash, bytes) || turns.isWaiting(hash);
    recent.set(hash, isTaken ? 'good' : 'unsent');
    if (!isTaken) counts.dropped += 1;
  };

  return {
    received: async (peer, bytes) => {
      counts.received += 1;
      if (bytes.length > LIMITS.recordListBytesMax) return false;
      const hash = hashHex(bytes);
      const met = recent.get(hash);
      if (met !== undefined) {
        if (met === 'unsent' || turns.isWaiting(hash)) forward(peer, hash, bytes);
        return met !== 'bad';
      }
      if (!rates.take(peer)) {
        counts.dropped += 1;
        return true;
      }
      recent.set(hash, 'good');
      const verdict = await take(bytes);
      if (verdict === 'new') forward(peer, hash, bytes);
      if (verdict !== 'bad') return true;
      recent.set(hash, 'bad');
      counts.refused += 1;
      log.debug('a peer pushed a bad record', { peer, hash });
      return false;
    },
    announce: (bytes) => forward(SELF, hashHex(bytes), bytes),
    greet: async (peer) => {
      const own = [
        await book.find('server', serverid),
        await book.find('endorsements', serverid),
        ...(await Promise.all(
          book.lastRevoked(LIMITS.pushGreetMax).map((id) => book.find('revocation', id)),
        )),
      ];
      for (const held of own) if (held && !pushes.push(peer, held.record.bytes)) return;
    },
    counts: () => ({ ...counts }),
    stop: turns.stop,
  };
};
