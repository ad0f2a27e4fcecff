// The call protocol on streams over HTTP, both ways.

import { makeCalls, type OwnedCalls } from '../dht/calls.ts';
import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import { makeRecent } from '../node/recent.ts';
import { CALLS_PATH } from './relay-post.ts';
import { makeWebStreams, type WebStreams, type WebStreamsDeps } from './web-streams.ts';

export interface WebCallsDeps extends WebStreamsDeps {
  readonly clock: Clock;
  readonly limits: Limits;
  /** Counts what happens, by name. */
  readonly count: (name: string) => void;
}

export interface WebCalls {
  /** A peer to call is an end: a server behind a base URL. */
  readonly calls: OwnedCalls;
  /** The WebSocket endpoint of this node. */
  readonly endpoint: WebStreams['endpoint'];
}

/** The calls of one node on streams over HTTP. */
export const makeWebCalls = (deps: WebCallsDeps): WebCalls => {
  const { clock, log, limits, count } = deps;
  const { streams, endpoint } = makeWebStreams(deps);
  const told = makeRecent<true>(limits.relayersMax);
  const fault = (peer: string, what: string): void => {
    // Once: whoever does it again and again has lost a stream each time already.
    if (told.get(peer) === undefined) log.warn('a stream of relayed calls broke', { peer, what });
    told.set(peer, true);
  };
  const counters = { add: (name: string) => count(`web-${name}`) };
  const shared = { limits, clock, log, conduct: { fault }, counters };
  return { endpoint, calls: makeCalls({ protocol: CALLS_PATH, streams, ...shared }) };
};
