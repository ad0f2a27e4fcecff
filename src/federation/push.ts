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
   * Tells a newly connected node what it should know: our own records, and of the
   * revocations those in use here, then the latest that each neighbour brought.
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

/** Puts into the book, or into the trust state, what a peer brought. */
const makeTake = ({ book, trust }: PushDeps) => {
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

  const take = async (bytes: Uint8Array, from: string): Promise<Verdict> => {
    const kind = kindOfFrame(bytes);
    if (kind === 'endorsement') return takeEndorsement(bytes);
    const id = idOfFrame(bytes);
    if (kind === undefined || id === undefined || !isNamespace(kind)) return 'bad';
    const { outcome, reason } = await book.offer(kind, id, bytes, { from });
    if (outcome === 'new' || outcome === 'fork') return 'new';
    if (outcome !== 'refused') return 'known';
    return EXCUSABLE.test(reason) ? 'excused' : 'bad';
  };

  /** What several bring counts against who has least, so that nobody can take it along. */
  const alsoBy = (peer: string, bytes: Uint8Array): void => {
    const kind = kindOfFrame(bytes);
    const id = idOfFrame(bytes);
    if (kind !== undefined && id !== undefined && isNamespace(kind)) book.alsoBy(kind, id, peer);
  };
  return { take, alsoBy };
};

/** What a newcomer is told. */
const makeGreet = ({ book, trust, pushes, serverid }: PushDeps): Pusher['greet'] => {
  /** Revocations for a newcomer: those of our anchors before all others. */
  const toTell = (): readonly string[] => {
    const anchors = trust.anchors().map(({ serverid: id }) => id);
    const ids = [...anchors.filter(book.isRevoked), ...book.revokedToTell(LIMITS.pushGreetMax)];
    return [...new Set(ids)].slice(0, LIMITS.pushGreetMax);
  };
  return async (peer) => {
    const own = await Promise.all([
      book.find('server', serverid),
      book.find('endorsements', serverid),
      ...toTell().map((id) => book.find('revocation', id)),
    ]);
    for (const held of own) if (held && !pushes.push(peer, held.record.bytes)) return;
  };
};

/** Push of records between connected nodes. */
export const makePusher = (deps: PushDeps): Pusher => {
  const { pushes, clock, log } = deps;
  const { take, alsoBy } = makeTake(deps);
  const recent = makeRecent();
  const perSecond = LIMITS.pushRecordsPerSecond;
  const burst = LIMITS.pushRecordsBurst;
  const rates = makeBuckets({ perSecond, burst, namesMax: LIMITS.lookupPayersMax }, clock);
  const counts = { received: 0, forwarded: 0, refused: 0, dropped: 0 };

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
        if (met !== 'bad') alsoBy(peer, bytes);
        if (met === 'unsent' || turns.isWaiting(hash)) forward(peer, hash, bytes);
        return met !== 'bad';
      }
      if (!rates.take(peer)) {
        counts.dropped += 1;
        return true;
      }
      recent.set(hash, 'good');
      const verdict = await take(bytes, peer);
      if (verdict === 'new') forward(peer, hash, bytes);
      if (verdict !== 'bad') return true;
      recent.set(hash, 'bad');
      counts.refused += 1;
      log.debug('a peer pushed a bad record', { peer, hash });
      return false;
    },
    announce: (bytes) => forward(SELF, hashHex(bytes), bytes),
    greet: makeGreet(deps),
    counts: () => ({ ...counts }),
    stop: turns.stop,
  };
};
