// Which host gets a call for a colony that is not here, and what happens when it does not answer.
// The bytes and the way they travel are the caller's; this decides only where they go.

import type { Clock } from '../node/clock.ts';
import { Fault, fault } from '../node/errors.ts';
import type { Log } from '../node/log.ts';
import type { Payer } from './budget.ts';
import type { Consents } from './consent.ts';
import { serverTag } from './ids.ts';
import type { Host, Resolution, Resolver } from './resolve.ts';

/**
 * What came of one try. `unreachable`: no byte of the request left this node, another host may be
 * tried. `lost`: bytes were sent and no answer came, so what happened there is not known.
 */
export type Attempt<T> =
  | { readonly kind: 'answer'; readonly status: number; readonly value: T }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string };

/** Sends the call to one host, over whatever reaches it; `via` is the route that proved itself. */
export type Send<T> = (host: Host, via: string | undefined) => Promise<Attempt<T>>;

export interface Call {
  readonly colonyid: string;
  /** Whether sending it twice could do something twice. */
  readonly mutating: boolean;
  readonly payer: Payer;
  /** Tag of the server that has the thing asked for: when a host bears it, no other is asked. */
  readonly prefer?: string | undefined;
  /** Whether the host that was sent to has answered 421 already, where that comes late. */
  readonly denied?: boolean;
  /** Fires when the caller went away. */
  readonly signal: AbortSignal;
}

export interface RelayDeps {
  readonly resolver: Pick<Resolver, 'resolve'>;
  readonly consents: Consents;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Relay {
  /**
   * Gives the answer of the first host that could be reached. Throws `not-found` when nobody knows
   * the colony, `not-home` when all its hosts deny it, `unavailable` when one could not be asked,
   * and `outcome-unknown` when a call that changes something was sent and not answered.
   */
  route<T>(call: Call, send: Send<T>): Promise<T>;
}

interface Round<T> {
  readonly answer: { readonly value: T } | undefined;
  /** Hosts that say that they are not home, whatever the record says, each with its words. */
  readonly denials: readonly string[];
  /** Why no other host could be asked. */
  readonly reasons: readonly string[];
}

/** Whether a host says that it is not home of what was asked for. */
export const isDenied = (status: number): boolean => status === 421;

/** What is known of a call that was sent to a host and not answered, if it could change something. */
export const lostOn = ({ serverid }: Host, reason: string): Fault =>
  fault('outcome-unknown', `outcome unknown: ${reason}`, { server: serverid });

const DENIED = { answer: undefined, denials: [], reasons: [] } as const;

const gone = (): Fault => fault('unavailable', 'the caller went away');

const preferred = (hosts: readonly Host[], tag: string | undefined): readonly Host[] => {
  const having = tag === undefined ? [] : hosts.filter((host) => serverTag(host.serverid) === tag);
  return having.length > 0 ? having : hosts;
};

/** Why a host does not answer; `denies`: because it is not home of the colony. */
interface Refused {
  readonly reason: string;
  readonly denies: boolean;
}

const keyOf = (host: Host): string => `${host.serverid} ${host.record?.hash ?? ''}`;

/** What is said when no host answered. One that could not be asked may be the home. */
const noAnswer = (
  colonyid: string,
  denials: readonly string[],
  reasons: readonly string[],
): Fault => {
  if (denials.length > 0 && reasons.length === 0) {
    return fault('not-home', `not home of colony ${colonyid}`);
  }
  const why = reasons[0] ?? 'its record names no server';
  return fault('unavailable', `no host of colony ${colonyid} could be reached (${why})`);
};

/** Router over a resolver; see `Relay`. */
export const makeRelay = ({ resolver, consents, clock, log }: RelayDeps): Relay => {
  /** The route to a host that agreed to be one, or why there is none. Nothing is sent before. */
  const routeTo = async (
    host: Host,
    colonyid: string,
  ): Promise<{ via: string | undefined } | Refused> => {
    if (host.self) {
      return { reason: 'this server is named but does not host the colony', denies: true };
    }
    if (!host.usable || !host.record) {
      return { reason: host.reason, denies: host.consent === 'denies' };
    }
    const { says, via, reason } = await consents.check(host.record, colonyid);
    return says === 'claims' ? { via } : { reason, denies: says === 'denies' };
  };

  const tryHosts = async <T>(
    call: Call,
    { hosts }: Resolution,
    tried: Map<string, Refused>,
    send: Send<T>,
  ): Promise<Round<T>> => {
    const denials: string[] = [];
    const reasons: string[] = [];
    const note = ({ serverid }: Host, { reason, denies }: Refused): void => {
      (denies ? denials : reasons).push(`${serverid}: ${reason}`);
    };
    for (const host of preferred(hosts, call.prefer)) {
      const before = tried.get(keyOf(host));
      if (before !== undefined) {
        note(host, before);
        continue;
      }
      if (call.signal.aborted) throw gone();
      const route = await routeTo(host, call.colonyid);
      if ('denies' in route) {
        note(host, route);
        continue;
      }
      const attempt = await send(host, route.via);
      if (attempt.kind === 'answer' && !isDenied(attempt.status)) {
        return { answer: { value: attempt.value }, denials, reasons };
      }
      if (call.signal.aborted) throw gone();
      if (attempt.kind === 'lost' && call.mutating) {
        log.warn('a relayed call got no answer', { colony: call.colonyid, host: host.serverid });
        throw lostOn(host, attempt.reason);
      }
      consents.forget(host.serverid, call.colonyid);
      const denies = attempt.kind === 'answer';
      const refused = { reason: denies ? 'is not home of it' : attempt.reason, denies };
      // A question may be asked twice: a connection that was kept may have been closed as it left.
      if (attempt.kind !== 'lost') tried.set(keyOf(host), refused);
      note(host, refused);
    }
    return { answer: undefined, denials, reasons };
  };

  return {
    route: async <T>(call: Call, send: Send<T>): Promise<T> => {
      const { colonyid, payer } = call;
      const tried = new Map<string, Refused>();
      const startedAt = clock.now();
      const known = await resolver.resolve(colonyid, { until: 'first', payer });
      if (!known) throw fault('not-found', `nobody knows colony ${colonyid}`);
      const first = call.denied === true ? DENIED : await tryHosts(call, known, tried, send);
      if (first.answer) return first.answer.value;
      // A host that could not be asked a moment ago may be back.
      for (const { serverid } of known.hosts) consents.forget(serverid, colonyid);
      // Once more with what the overlay says now, then give up: two stale nodes never loop.
      const anew = await resolver.resolve(colonyid, { anew: true, payer });
      const second = anew && (await tryHosts(call, anew, tried, send));
      if (second?.answer) return second.answer.value;
      // What was tried in the first round is not tried again: what it said stands.
      const { denials, reasons } = second ?? first;
      const tookMs = clock.now() - startedAt;
      const said = [...denials, ...reasons];
      log.info('no host answered for a colony', { colony: colonyid, reasons: said, tookMs });
      throw noAnswer(colonyid, denials, reasons);
    },
  };
};

/**
 * The Attempt that a failed send stands for, read from `detail.sent` of its fault (1: bytes left).
 */
export const failedAttempt = <T>(error: unknown): Attempt<T> => {
  if (!(error instanceof Fault)) throw error;
  const kind = error.detail['sent'] === 0 ? 'unreachable' : 'lost';
  return { kind, reason: error.message };
};
