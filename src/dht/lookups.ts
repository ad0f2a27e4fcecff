// Finding and placing records. The library's own `get` fails when one holder refuses a correction
// and finds nothing without peers, even what lies on our own disk; its `put` checks nothing and
// waits for ever on an empty table. So both are built here from its walk and its messages.

import type { PeerId } from '@libp2p/interface';
import type { Clock } from '../node/clock.ts';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Counters } from './conduct.ts';
import { KAD } from './kad.ts';
import type { KadInside } from './kad-inside.ts';
import { kadRecord } from './kad-store.ts';
import type { Copy, Found, GetOptions, NamespaceQuota, Overlay, RecordRules } from './overlay.ts';
import { nameBytes, placeInKeySpace, type RecordName } from './record-keys.ts';
import type { RecordStore } from './records.ts';
import { deadline } from './signals.ts';
import { NO_PATH, type Sounding } from './soundings.ts';

export interface LookupDeps {
  readonly kad: () => KadInside;
  /** Our peer id. */
  readonly self: () => string;
  readonly records: RecordStore;
  readonly rules: RecordRules;
  readonly quotas: Readonly<Record<string, NamespaceQuota>>;
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'now'>;
  readonly counters: Counters;
  readonly sound: Sounding;
}

export type Lookups = Pick<Overlay, 'local' | 'get' | 'search' | 'put' | 'keep' | 'disown'> & {
  /** Lookups and placings under way. */
  running(): number;
};

const REPAIRS_MAX = 5;
/** Holders that a record is sent to at the same time. */
const PUTS_AT_ONCE = 10;

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

interface Variant {
  readonly bytes: Uint8Array;
  copies: number;
}

/** The distinct byte strings of one lookup, the best first, at most `max` besides the best. */
const makeTally = (better: (a: Uint8Array, b: Uint8Array) => boolean, max: number) => {
  const variants: Variant[] = [];
  let copies = 0;
  return {
    add: (bytes: Uint8Array): Variant | undefined => {
      copies += 1;
      const known = variants.find((variant) => isSame(variant.bytes, bytes));
      if (known !== undefined) {
        known.copies += 1;
        return known;
      }
      const variant = { bytes, copies: 1 };
      const at = variants.findIndex((other) => better(bytes, other.bytes));
      variants.splice(at < 0 ? variants.length : at, 0, variant);
      if (variants.length > max + 1) variants.pop();
      return variants.includes(variant) ? variant : undefined;
    },
    best: () => variants[0],
    others: () => variants.slice(1).map((variant) => variant.bytes),
    copies: () => copies,
  };
};

/** Every answer of a walk with a record in it, and how many answered at all. */
interface Answer {
  readonly from: PeerId;
  /** Undefined when the peer answered without a record. */
  readonly bytes: Uint8Array | undefined;
}

const makeWalk = ({ kad }: LookupDeps) =>
  async function* walk(name: RecordName, signal: AbortSignal): AsyncGenerator<Answer> {
    // On an empty table the library would wait for a first peer; there is nobody to ask.
    if (kad().routingTable.size === 0) return;
    try {
      for await (const event of kad().contentFetching.getMany(nameBytes(name), { signal })) {
        if (event.name !== 'PEER_RESPONSE') continue;
        yield { from: event.from, bytes: event.record?.value };
      }
    } catch (error) {
      // Time ran out or the caller has enough: what came until then stands.
      if (!signal.aborted) throw error;
    }
  };

/** Sends the best record to some holders of worse ones, without waiting for it. */
const repair = (deps: LookupDeps, name: RecordName, best: Uint8Array, worse: PeerId[]): void => {
  const { kad, limits, clock, counters } = deps;
  const record = kadRecord(name, best, clock.now());
  const message = { type: 'PUT_VALUE' as const, key: nameBytes(name), record };
  for (const peer of worse.slice(0, REPAIRS_MAX)) {
    const options = { signal: deadline(limits.overlayPingMs), path: NO_PATH };
    const send = async (): Promise<void> => {
      for await (const event of kad().network.sendRequest(peer, message, options)) {
        if (event.name === 'PEER_RESPONSE') counters.add('repairs');
      }
    };
    // A holder that refuses keeps its copy: readers compare anyway.
    send().catch(() => counters.add('repairs-failed'));
  }
};

/** Our own copy, when it is valid now. */
type Local = (name: RecordName) => Promise<Uint8Array | undefined>;

const makeGet =
  (deps: LookupDeps, walk: ReturnType<typeof makeWalk>, local: Local) =>
  async (name: RecordName, options: GetOptions): Promise<Found> => {
    const { rules, limits, records } = deps;
    const { namespace, key } = name;
    const quorum = options.quorum ?? limits.overlayQuorum;
    const signal = deadline(limits.overlayGetMs, options.signal);
    const compare = (a: Uint8Array, b: Uint8Array): number => rules.compare(namespace, key, a, b);
    const tally = makeTally((a, b) => compare(a, b) > 0, limits.overlayVariantsMax);
    const holders: { peer: PeerId; bytes: Uint8Array }[] = [];
    const own = await local(name);
    const ours = own && tally.add(own);
    let answered = 0;
    let isAgreed = false;
    for await (const { from, bytes } of walk(name, signal)) {
      answered += 1;
      if (bytes === undefined) continue;
      holders.push({ peer: from, bytes });
      tally.add(bytes);
      const best = tally.best();
      const others = (best?.copies ?? 0) - (best === ours ? 1 : 0);
      isAgreed = others >= quorum;
      if (isAgreed) break;
    }
    const best = tally.best();
    if (best !== undefined && options.repair !== false) {
      const worse = holders.filter(({ bytes }) => compare(best.bytes, bytes) > 0);
      repair(
        deps,
        name,
        best.bytes,
        worse.map(({ peer }) => peer),
      );
      // What others agree on is kept here too, if we are near enough to hold it.
      if (best !== ours) await records.put(name, best.bytes, false);
    }
    return {
      best: best?.bytes,
      copies: tally.copies(),
      agree: best?.copies ?? 0,
      answered,
      others: tally.others(),
      complete: isAgreed || !signal.aborted,
    };
  };

/**
 * Who should hold a key, the nearest first. While the table is so small that it may hold the whole
 * overlay, and a few peers name nobody who is not in it, no walk is needed to tell; then those that
 * come after the nearest are there too, for when some of them are gone.
 */
const nearestTo = async (
  { kad, sound }: LookupDeps,
  key: Uint8Array,
  signal: AbortSignal,
): Promise<PeerId[]> => {
  const { routingTable } = kad();
  const few = 2 * KAD.bucketSize;
  if (routingTable.size <= few && (await sound(key, signal))) {
    return routingTable.closestPeers(placeInKeySpace(key), { count: few });
  }
  const met: PeerId[] = [];
  for await (const event of kad().getClosestPeers(key, { signal })) {
    if (event.name === 'FINAL_PEER') met.push(event.peer.id);
  }
  return met;
};

/** Places a record that is in our store at the nodes closest to its key. */
const makePlace = (deps: LookupDeps) => {
  const { kad, limits, clock } = deps;
  return async (name: RecordName, bytes: Uint8Array, given: AbortSignal | undefined) => {
    let asked = 0;
    let copies = 0;
    if (kad().routingTable.size === 0) return { copies, asked };
    const signal = deadline(limits.overlayPutMs, given);
    const key = nameBytes(name);
    const record = kadRecord(name, bytes, clock.now());
    const message = { type: 'PUT_VALUE' as const, key, record };
    /** Whether the peer took part, with or without a copy in the end. */
    const putTo = async (peer: PeerId): Promise<boolean> => {
      let isAnswered = false;
      const options = { signal, path: NO_PATH };
      for await (const event of kad().network.sendRequest(peer, message, options)) {
        if (event.name === 'SEND_QUERY') asked += 1;
        if (event.name !== 'PEER_RESPONSE') continue;
        isAnswered = true;
        // Only an echo of exactly these bytes says that the peer holds them.
        if (event.record !== undefined && isSame(event.record.value, bytes)) copies += 1;
      }
      return isAnswered;
    };
    try {
      const peers = (await nearestTo(deps, key, signal)).values();
      let wanted = KAD.bucketSize;
      const worker = async (): Promise<void> => {
        while (wanted > 0 && !signal.aborted) {
          const { value: peer } = peers.next();
          if (peer === undefined) return;
          wanted -= 1;
          // The next one stands in for who is gone or refuses.
          if (!(await putTo(peer))) wanted += 1;
        }
      };
      await Promise.all(Array.from({ length: PUTS_AT_ONCE }, worker));
    } catch (error) {
      // Time ran out: the copies that were confirmed stand.
      if (!signal.aborted) throw error;
    }
    return { copies, asked };
  };
};

/** Counts what runs, and refuses to start more than `overlayQueriesMax`. */
const makeMeter = (limits: Limits) => {
  let running = 0;
  return {
    enter: (): (() => void) => {
      if (running >= limits.overlayQueriesMax) {
        throw fault('too-many', 'too many lookups are under way');
      }
      running += 1;
      return () => {
        running -= 1;
      };
    },
    running: () => running,
  };
};

/** The lookups of one node. */
export const makeLookups = (deps: LookupDeps): Lookups => {
  const { records, rules, quotas, limits, self } = deps;
  const meter = makeMeter(limits);
  const walk = makeWalk(deps);
  const place = makePlace(deps);
  const check = async (name: RecordName, bytes: Uint8Array): Promise<void> => {
    const quota = quotas[name.namespace];
    if (quota === undefined) throw fault('bad-request', `no namespace ${name.namespace}`);
    if (bytes.length > quota.bytesMax) throw fault('too-large', 'the record is too large');
    await rules.validate(name.namespace, name.key, bytes);
  };
  const isValid = async (name: RecordName, bytes: Uint8Array): Promise<boolean> => {
    try {
      await check(name, bytes);
      return true;
    } catch {
      // The reason was for whoever sent it; here only that it is not valid (any more).
      return false;
    }
  };
  const local: Local = async (name) => {
    const held = await records.get(name);
    return held !== undefined && (await isValid(name, held.bytes)) ? held.bytes : undefined;
  };
  const get = makeGet(deps, walk, local);
  return {
    running: meter.running,
    local: (namespace, key) => local({ namespace, key }),
    get: async (namespace, key, options = {}) => {
      const leave = meter.enter();
      try {
        return await get({ namespace, key }, options);
      } finally {
        leave();
      }
    },
    search: async function* (namespace, key, given): AsyncGenerator<Copy> {
      const name = { namespace, key };
      const signal = deadline(limits.overlayGetMs, given);
      const leave = meter.enter();
      try {
        const own = await local(name);
        if (own !== undefined) yield { bytes: own, from: self() };
        for await (const { from, bytes } of walk(name, signal)) {
          if (bytes !== undefined) yield { bytes, from: from.toString() };
        }
      } finally {
        leave();
      }
    },
    put: async (namespace, key, bytes, options = {}) => {
      const name = { namespace, key };
      await check(name, bytes);
      const outcome = await records.put(name, bytes, true);
      if (outcome === 'older') throw fault('conflict', 'a newer record is held here');
      const leave = meter.enter();
      try {
        return await place(name, bytes, options.signal);
      } finally {
        leave();
      }
    },
    keep: async (namespace, key, bytes) => {
      const name = { namespace, key };
      if (!(await isValid(name, bytes))) return false;
      const outcome = await records.put(name, bytes, false);
      return outcome === 'stored' || outcome === 'renewed';
    },
    disown: (namespace, key) => records.disown({ namespace, key }),
  };
};
