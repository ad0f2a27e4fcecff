// The nodes that a client asks and works through: who its bootstraps are, which of them answer, and
// in
// which network it is. What they say about themselves opens doors, it proves nothing.

import { z } from 'zod';
import type { Ask, Asked, Place } from '../federation/ports.ts';
import type { Clock } from '../node/clock.ts';
import { Fault, fault } from '../node/errors.ts';
import type { Log } from '../node/log.ts';
import { type Bootstrap, forbiddenUrl, NO_BOOTSTRAP, type Reach } from './bootstraps.ts';
import { LIMITS } from './limits.ts';
import type { Wire } from './wire.ts';

const Status = z.object({
  serverid: z.string(),
  peerid: z.string(),
  network: z.string(),
  urls: z.array(z.string()).max(64).default([]),
});

/** The public status of a node, as far as a client needs it. */
export type NodeStatus = z.output<typeof Status>;

export interface KnownNode {
  readonly bootstrap: Bootstrap;
  readonly status: NodeStatus;
}

export interface Nodes {
  readonly network: string;
  /** Where other nodes can be asked: those that answered last first. */
  places(): readonly Place[];
  /**
   * Bases through which calls can go, best first, with the server behind each where it is known.
   */
  carriers(): readonly { readonly base: string; readonly serverid: string | undefined }[];
  /** A GET at a place, at its first base that is allowed and answers. */
  readonly ask: Ask;
  /** Bootstraps that answered, to be remembered. */
  answered(): readonly string[];
}

export interface NodesDeps {
  readonly bootstraps: readonly Bootstrap[];
  readonly reach: Reach;
  /** The network asked for, or pinned by an earlier run. */
  readonly network: string | undefined;
  readonly wire: Wire;
  readonly canDial: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Runs with a signal that also fires after `ms`. */
export const within = async <T>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  signal: AbortSignal | undefined,
  run: (until: AbortSignal) => Promise<T>,
): Promise<T> => {
  signal?.throwIfAborted();
  const until = new AbortController();
  const stop = (): void => until.abort(signal?.reason);
  const late = fault('unavailable', `no answer in ${ms} ms`, { sent: 1, late: 1 });
  const cancel = clock.after(ms, () => until.abort(late));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await run(until.signal);
  } finally {
    cancel();
    signal?.removeEventListener('abort', stop);
  }
};

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const NO_OVERLAY =
  'the node there does not take part in an overlay: start it with --listen, --bootstrap or --network';

/** The status of the node at `base`; throws `unavailable` that says what is wrong there. */
export const readStatus = async (
  wire: Wire,
  base: string,
  signal: AbortSignal,
): Promise<NodeStatus> => {
  const { status, body } = await wire(base, { path: '/federation/status' }, signal);
  if (status === 404) throw fault('unavailable', `${base}: ${NO_OVERLAY}`);
  try {
    if (status === 200) return Status.parse(JSON.parse(body));
  } catch {
    // SyntaxError or ZodError: whatever answered is no node.
  }
  throw fault('unavailable', `${base}: not a Colonies node (HTTP ${status})`);
};

// Whoever speaks without the key of a private overlay waits for ever: no end of it says a word.
const SILENT_ADDRESS = 'nobody there, or a private overlay, which answers only with its own key';

type Tried = { readonly node: KnownNode } | { readonly reason: string };

const tryStatus = async (deps: NodesDeps, bootstrap: Bootstrap): Promise<Tried> => {
  const { wire, clock } = deps;
  try {
    const status = await within(clock, LIMITS.attachStatusMs, undefined, (until) =>
      readStatus(wire, bootstrap.base, until),
    );
    return { node: { bootstrap, status } };
  } catch (error) {
    // Expected: a bootstrap that is down. Others may answer, or what is known from before may do.
    const { base, kind } = bootstrap;
    const isSilent = error instanceof Fault && error.detail['late'] === 1;
    if (!isSilent) return { reason: reasonOf(error) };
    return {
      reason: `${base}: ${error.message}${kind === 'address' ? `: ${SILENT_ADDRESS}` : ''}`,
    };
  }
};

/** The first that answers, in the order given, but no later than a moment after the quickest. */
const firstAnswers = async ({
  bootstraps,
  clock,
  ...deps
}: NodesDeps): Promise<readonly Tried[]> => {
  const all = { ...deps, bootstraps, clock };
  const tried: Tried[] = [];
  const asked = bootstraps.map(async (bootstrap, i) => {
    const one = await tryStatus(all, bootstrap);
    tried[i] = one;
    if ('reason' in one) throw fault('unavailable', one.reason);
  });
  const settled = Promise.allSettled(asked);
  // With one answer in hand the others get a moment more.
  const grace = Promise.any(asked).then(
    () => new Promise<void>((resolve) => void clock.after(LIMITS.attachGraceMs, resolve)),
    () => undefined,
  );
  await Promise.race([settled, grace]);
  return bootstraps.map((_, i) => tried[i] ?? { reason: 'no answer yet' });
};

const choose = (deps: NodesDeps, tried: readonly Tried[]): string => {
  const found = tried.flatMap((one) => ('node' in one ? [one.node] : []));
  const [first] = found;
  const wanted = deps.network ?? first?.status.network;
  if (wanted === undefined) {
    const reasons = tried.flatMap((one) => ('reason' in one ? [one.reason] : []));
    throw fault('unavailable', `no bootstrap answers: ${reasons.join('; ')}`);
  }
  if (first !== undefined && !found.some(({ status }) => status.network === wanted)) {
    const { bootstrap, status } = first;
    throw fault(
      'bad-request',
      `the node at ${bootstrap.base} is of the network ${status.network}, not of ${wanted}`,
      { reason: 'network', found: status.network, wanted },
    );
  }
  return wanted;
};

const placeOf = ({ base, kind }: Bootstrap): Place => ({
  serverid: undefined,
  peer: undefined,
  urls: kind === 'url' ? [base] : [],
  addresses: kind === 'address' ? [base] : [],
});

/** Asks the bases of a place one after the other; redirects and forbidden URLs are no answers. */
const makeAsk =
  ({ wire, reach, bootstraps, canDial }: NodesDeps): Ask =>
  async ({ urls, addresses }, path, signal): Promise<Asked> => {
    const given = new Set(bootstraps.map(({ base }) => base));
    const reasons: string[] = [];
    for (const base of [...urls, ...(canDial ? addresses : [])]) {
      const isForeign = !given.has(base) && !base.startsWith('/');
      const forbidden = isForeign ? forbiddenUrl(base, reach) : undefined;
      if (forbidden !== undefined) {
        reasons.push(`${base}: ${forbidden}`);
        continue;
      }
      try {
        return { ...(await wire(base, { path }, signal)), via: base };
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        // The next base may answer.
        reasons.push(reasonOf(error));
      }
    }
    throw fault(
      'unavailable',
      reasons.join('; ') || 'it has no address that can be used from here',
    );
  };

/**
 * Asks the bootstraps who they are. Throws `unavailable` when there is none, or when none answers
 * and no
 * network is known, and `bad-request` (`detail.reason` 'network') when they are of another network.
 */
export const meetNodes = async (deps: NodesDeps): Promise<Nodes> => {
  const { bootstraps, reach, canDial, log } = deps;
  if (bootstraps.length === 0) throw fault('unavailable', NO_BOOTSTRAP, { reason: 'bootstrap' });
  const tried = await firstAnswers(deps);
  const network = choose(deps, tried);
  const known: KnownNode[] = [];
  tried.forEach((one, i) => {
    const { base = '' } = bootstraps[i] ?? {};
    if ('reason' in one) log.debug('a bootstrap did not answer', { base, reason: one.reason });
    else if (one.node.status.network === network) known.push(one.node);
    else log.warn('a bootstrap is of another network', { base, network: one.node.status.network });
  });
  const silent = bootstraps.filter((one, i) => {
    const answer = tried[i];
    return answer !== undefined && 'reason' in answer && !known.some((n) => n.bootstrap === one);
  });
  const ofStatus = (node: KnownNode) => {
    const { serverid, urls } = node.status;
    const { base, kind } = node.bootstrap;
    // A node that was reached over the overlay is quicker to work with over HTTP, where it has
    // that.
    const more = kind === 'url' ? [] : urls.filter((url) => forbiddenUrl(url, reach) === undefined);
    return [...more, base].map((each) => ({ base: each, serverid }));
  };
  const usable = ({ base }: { readonly base: string }): boolean => canDial || !base.startsWith('/');
  return {
    network,
    places: () => [...known.map(({ bootstrap }) => bootstrap), ...silent].map(placeOf),
    carriers: () =>
      [
        ...known.flatMap(ofStatus),
        ...silent.map(({ base }) => ({ base, serverid: undefined })),
      ].filter(usable),
    ask: makeAsk(deps),
    answered: () => known.map(({ bootstrap }) => bootstrap.base),
  };
};

/** What went wrong, for a reason in a longer sentence. */
export const problemOf = (error: unknown): string =>
  error instanceof Fault ? error.message : reasonOf(error);
