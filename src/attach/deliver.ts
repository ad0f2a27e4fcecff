// Brings one call to one host: directly where it can be reached, else through another node. A call
// that
// changes something may be sent there again, because it takes effect once; it never goes to another
// host.

import type { Letter } from '../api/client/courier.ts';
import type { Host } from '../federation/resolve.ts';
import type { SignatureCheck } from '../federation/signature.ts';
import type { Clock } from '../node/clock.ts';
import type { Log } from '../node/log.ts';
import { judge } from './judge.ts';
import { type Sealed, seal } from './letter.ts';
import { LIMITS } from './limits.ts';
import { problemOf } from './nodes.ts';
import { NO_WAY, proverOf, type Route, type Ways } from './ways.ts';
import { isUnsent, type Wire, type WireReply } from './wire.ts';

/** A call that was not answered by its host. */
export interface Undelivered {
  /**
   * `unreachable`: it took no effect there. `denied`: the host is not one of the colony's. `lost`:
   * it was sent
   * and nobody knows what became of it. `refused`: what came back was not the host's word.
   */
  readonly kind: 'unreachable' | 'denied' | 'lost' | 'refused';
  readonly reason: string;
}

/** A proven answer. */
export interface Delivered {
  readonly kind: 'answer';
  readonly reply: WireReply;
  readonly via: string;
  /** Whether an earlier sending of the same envelope may have been the one that took effect. */
  readonly again: boolean;
}

export type Delivery = Delivered | Undelivered;

/**
 * Told after each round of tries why a host could not be reached at all; undefined when it was.
 */
export type OnReach = (serverid: string, problem: string | undefined) => void;

export interface DeliverDeps {
  readonly ways: Ways;
  readonly wire: Wire;
  readonly isSigned: SignatureCheck;
  readonly clock: Clock;
  readonly log: Log;
  /** The hosts that the colony's record names now. */
  readonly named: () => readonly Host[];
  readonly onReach?: OnReach | undefined;
  /** The host as its newest record shows it, looked up anew: its key may have changed. */
  readonly renew: (serverid: string) => Promise<Host | undefined>;
}

/** One call, sealed for one host. */
interface Errand {
  readonly letter: Letter;
  readonly sealed: Sealed;
  readonly host: Host;
  readonly signal: AbortSignal;
}

type Weighed = { readonly kind: 'answer'; readonly reply: WireReply } | Undelivered;

const TOLD_MAX = 100;

/** Warns of refused replies, once for each way and reason. */
const makeWarning = (log: Log) => {
  const told = new Set<string>();
  return (host: Host, { base }: Route, reason: string): void => {
    const name = `${base} ${reason}`;
    if (told.has(name) || told.size >= TOLD_MAX) return;
    told.add(name);
    log.warn('A reply was refused', { server: host.serverid, via: base, reason });
  };
};

/** Judges replies, with the newest key of a host when the known one does not fit. */
const makeWeigh = (deps: DeliverDeps) => {
  const { isSigned, named, renew, log } = deps;
  const warn = makeWarning(log);
  return async (reply: WireReply, { sealed, host }: Errand, route: Route): Promise<Weighed> => {
    const provers = named()
      .filter(({ record }) => record !== undefined)
      .map(proverOf);
    const facts = { named: provers, relayed: route.relayed, isSigned };
    let judged = judge(reply, sealed.payload, { ...facts, host: proverOf(host) });
    if (judged.kind === 'refused' && reply.proof !== undefined) {
      const renewed = await renew(host.serverid);
      if (renewed?.record && renewed.record.publicKey !== host.record?.publicKey) {
        judged = judge(reply, sealed.payload, { ...facts, host: proverOf(renewed) });
      }
    }
    if (judged.kind === 'proven') return { kind: 'answer', reply };
    if (judged.kind === 'denied') return { kind: 'denied', reason: `${route.base}: not home` };
    if (judged.kind === 'refused') warn(host, route, judged.reason);
    const reason = `${route.base}: ${judged.reason}`;
    return { kind: judged.kind === 'elsewhere' ? 'unreachable' : judged.kind, reason };
  };
};

/** Settles after `ms`; rejects with the reason of the signal. */
const pause = (clock: Pick<Clock, 'after'>, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

const RANK = { unreachable: 0, refused: 1, denied: 1, lost: 2 } as const;

/** Deliveries to the hosts of one colony. */
export const makeDeliver = (deps: DeliverDeps) => {
  const { ways, wire, clock } = deps;
  const weigh = makeWeigh(deps);

  const attempt = async (errand: Errand, route: Route): Promise<Weighed> => {
    const { letter, sealed, host, signal } = errand;
    const problem = await ways.problem(host, route, signal);
    if (problem !== undefined) return { kind: 'unreachable', reason: problem };
    const request = { path: '/api', body: sealed.body, waits: letter.kind === 'wait' };
    try {
      const weighed = await weigh(await wire(route.base, request, signal), errand, route);
      if (weighed.kind === 'answer') ways.good(host, route);
      else if (weighed.kind === 'unreachable') ways.bad(host, route, weighed.reason);
      return weighed;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const reason = problemOf(error);
      if (!isUnsent(error)) {
        ways.doubt(host, route);
        return { kind: 'lost', reason };
      }
      ways.bad(host, route, reason);
      return { kind: 'unreachable', reason };
    }
  };

  /** One round over the ways to a host. A way that failed without effect leads to the next one. */
  const tryAll = async (errand: Errand): Promise<Delivery> => {
    const reasons: string[] = [];
    let worst: Undelivered | undefined;
    for (const route of ways.routes(errand.host)) {
      if (!ways.isPromising(errand.host, route)) continue;
      const tried = await attempt(errand, route);
      if (tried.kind === 'answer') {
        const again = worst !== undefined && worst.kind !== 'unreachable';
        return { ...tried, via: route.base, again };
      }
      if (tried.kind === 'denied') return tried;
      // A poll that may have been granted something must not be granted something else meanwhile.
      if (tried.kind === 'lost' && errand.letter.kind === 'wait') return tried;
      reasons.push(tried.reason);
      if (worst === undefined || RANK[tried.kind] > RANK[worst.kind]) worst = tried;
    }
    if (worst === undefined) return { kind: 'unreachable', reason: NO_WAY };
    return worst.kind === 'unreachable' ? { ...worst, reason: reasons.join('; ') } : worst;
  };

  const round = async (errand: Errand): Promise<Delivery> => {
    const delivery = await tryAll(errand);
    const { serverid } = errand.host;
    if (delivery.kind === 'answer') deps.onReach?.(serverid, undefined);
    else if (delivery.kind === 'unreachable') deps.onReach?.(serverid, delivery.reason);
    return delivery;
  };

  return async (letter: Letter, host: Host, signal: AbortSignal): Promise<Delivery> => {
    const errand = { letter, host, signal, sealed: seal(letter, host.serverid, clock) };
    const first = await round(errand);
    const mayRepeat = first.kind === 'lost' || first.kind === 'refused';
    if (letter.kind === 'wait' || !mayRepeat) return first;
    // Sent, and not known what became of it: the same envelope finds out, for it takes effect once.
    const until = clock.now() + (letter.kind === 'read' ? 0 : LIMITS.attachRepeatMs);
    do {
      await pause(clock, LIMITS.attachRepeatEveryMs, signal);
      const next = await round(errand);
      if (next.kind === 'answer') return { ...next, again: true };
    } while (clock.now() < until);
    return first;
  };
};

export type Deliver = ReturnType<typeof makeDeliver>;
