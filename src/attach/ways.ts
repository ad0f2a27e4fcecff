// The ways to a host, and which of them are open: directly, where it has proven itself a moment
// ago, or through
// another node that answers. Asks, but brings no call.

import { hostingPath } from '../federation/documents.ts';
import { type Prover, replyProofProblem } from '../federation/reply-proof.ts';
import type { Host } from '../federation/resolve.ts';
import type { SignatureCheck } from '../federation/signature.ts';
import type { Clock } from '../node/clock.ts';
import { forbiddenUrl, type Reach } from './bootstraps.ts';
import { LIMITS } from './limits.ts';
import { type Nodes, problemOf, readStatus, within } from './nodes.ts';
import type { Wire } from './wire.ts';

/** One way to a host. */
export interface Route {
  readonly base: string;
  /** Whether another node lies between. */
  readonly relayed: boolean;
}

export interface Ways {
  /** The ways to a host, best first. */
  routes(host: Host): readonly Route[];
  /**
   * Whether a way is worth a try now: a host that was met directly a moment ago and is silent is
   * down, and no node in between reaches it.
   */
  isPromising(host: Host, route: Route): boolean;
  /** Why nothing is to be sent this way now; undefined when it is open. */
  problem(host: Host, route: Route, signal: AbortSignal): Promise<string | undefined>;
  /** A call went well this way. */
  good(host: Host, route: Route): void;
  /** A call got lost this way: it has to prove itself again. */
  doubt(host: Host, route: Route): void;
  /** A call failed this way: it is left alone for a moment. */
  bad(host: Host, route: Route, reason: string): void;
  /** The first way over HTTP that is open, or why none is. */
  open(host: Host, signal: AbortSignal): Promise<Route | string>;
}

export interface WaysDeps {
  readonly colonyid: string;
  readonly nodes: Nodes;
  readonly reach: Reach;
  readonly wire: Wire;
  readonly isSigned: SignatureCheck;
  readonly clock: Clock;
}

export const NO_WAY = 'it has no address that can be used from here';

/** Who has to sign for a host. */
export const proverOf = ({ serverid, record }: Host): Prover => ({
  serverid,
  publicKey: record?.publicKey ?? '',
});

/** When each way was last found open, and until when it is left alone. */
const makeHealth = (clock: Clock) => {
  const openAt = new Map<string, number>();
  const shut = new Map<string, { readonly until: number; readonly reason: string }>();
  const good = (name: string): void => {
    shut.delete(name);
    openAt.set(name, clock.now());
  };
  const bad = (name: string, reason: string): void => {
    openAt.delete(name);
    shut.set(name, { until: clock.now() + LIMITS.attachDownMs, reason });
  };
  const doubt = (name: string): boolean => openAt.delete(name);
  const shutReason = (name: string): string | undefined => {
    const found = shut.get(name);
    return found !== undefined && found.until > clock.now() ? found.reason : undefined;
  };
  const isOpen = (name: string): boolean =>
    clock.now() - (openAt.get(name) ?? Number.NEGATIVE_INFINITY) < LIMITS.attachAliveMs;
  /** What is wrong with a way, as found a moment ago or by `look`. */
  const check = async (
    name: string,
    signal: AbortSignal,
    look: () => Promise<string | undefined>,
  ): Promise<string | undefined> => {
    const known = isOpen(name) ? '' : shutReason(name);
    if (known !== undefined) return known === '' ? undefined : known;
    let problem: string | undefined;
    try {
      problem = await look();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // Expected: it is down, or cannot be reached from here.
      problem = problemOf(error);
    }
    if (problem === undefined) good(name);
    else bad(name, problem);
    return problem;
  };
  return { good, bad, doubt, check, shutReason };
};

const routesTo = (host: Host, nodes: Nodes, reach: Reach): readonly Route[] => {
  const carriers = nodes.carriers();
  const own = carriers.filter(({ serverid }) => serverid === host.serverid);
  const urls = host.urls.filter((url) => forbiddenUrl(url, reach) === undefined);
  const direct = new Set([...urls, ...own.map(({ base }) => base)]);
  const between = carriers.filter(({ serverid }) => serverid !== host.serverid);
  return [
    ...[...direct].map((base) => ({ base, relayed: false })),
    ...between.map(({ base }) => ({ base, relayed: true })),
  ];
};

/** The ways to the hosts of one colony. */
export const makeWays = (deps: WaysDeps): Ways => {
  const { colonyid, nodes, reach, wire, isSigned, clock } = deps;
  const health = makeHealth(clock);
  /** When each host was last met without a node in between; there are as many as hosts. */
  const metAt = new Map<string, number>();
  const nameOf = (host: Host, base: string): string => `${host.serverid} ${base}`;

  /** The signed challenge that comes before any call. */
  const challenge = async (
    host: Host,
    base: string,
    signal: AbortSignal,
  ): Promise<string | undefined> => {
    const path = hostingPath(colonyid, clock.newId());
    const { status, body, proof } = await within(clock, LIMITS.attachProbeMs, signal, (until) =>
      wire(base, { path }, until),
    );
    const answered = { request: path, status, body };
    return replyProofProblem(proof, answered, [proverOf(host)], isSigned);
  };

  const problem: Ways['problem'] = async (host, { base, relayed }, signal) => {
    const name = nameOf(host, base);
    if (!relayed) {
      const found = await health.check(name, signal, () => challenge(host, base, signal));
      if (found === undefined) metAt.set(host.serverid, clock.now());
      return found;
    }
    // A call that is sent to a dead node is lost: it has to answer first.
    const shut = health.shutReason(name);
    if (shut !== undefined) return shut;
    return health.check(base, signal, async () => {
      await within(clock, LIMITS.attachProbeMs, signal, (until) => readStatus(wire, base, until));
      return undefined;
    });
  };

  const routes = (host: Host): readonly Route[] => routesTo(host, nodes, reach);

  const isPromising = (host: Host, { relayed }: Route): boolean => {
    const metMs = metAt.get(host.serverid) ?? Number.NEGATIVE_INFINITY;
    return !relayed || clock.now() - metMs >= LIMITS.attachDirectMs;
  };

  return {
    routes,
    isPromising,
    problem,
    good: (host, { base, relayed }) => {
      health.good(nameOf(host, base));
      if (!relayed) metAt.set(host.serverid, clock.now());
    },
    doubt: (host, { base }) => void health.doubt(nameOf(host, base)),
    bad: (host, { base }, reason) => health.bad(nameOf(host, base), reason),
    open: async (host, signal) => {
      const reasons: string[] = [];
      for (const route of routes(host)) {
        if (route.base.startsWith('/') || !isPromising(host, route)) continue;
        const reason = await problem(host, route, signal);
        if (reason === undefined) return route;
        reasons.push(reason);
      }
      return reasons.join('; ') || NO_WAY;
    },
  };
};
