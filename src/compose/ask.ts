// Questions to other nodes (`GET /federation/...`): over HTTP where one is published, else over the
// overlay. Whoever answers first is taken; nothing an answer says is believed here.

import type { Calls } from '../dht/overlay.ts';
import type { Ask, Asked, Place } from '../federation/ports.ts';
import type { Clock } from '../node/clock.ts';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import { anyOf } from '../node/signals.ts';
import type { Outbound } from './outbound.ts';
import { decodeAnswerHead, encodeHead, readBody } from './relay-wire.ts';

export interface AskDeps {
  readonly outbound: Outbound;
  /** Absent until the overlay runs. */
  readonly calls: () => Calls | undefined;
  readonly clock: Pick<Clock, 'after'>;
  readonly limits: Limits;
}

type Route = (signal: AbortSignal) => Promise<Asked>;

/** The first value of an optional header. */
export const headerOf = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : value?.[0];

const overHttp =
  ({ outbound, limits }: AskDeps, base: string, path: string): Route =>
  async (signal) => {
    const bytesMax = limits.askedBytesMax;
    const asked = { method: 'GET', base, path, signal, bytesMax } as const;
    const { status, headers, body } = await outbound.request(asked);
    const proof = headerOf(headers['colonies-reply-proof']);
    return { status, body: body.toString('utf8'), proof, via: base };
  };

const overOverlay =
  (calls: Calls, peer: string, addresses: readonly string[], path: string): Route =>
  async (signal) => {
    const head = encodeHead({ kind: 'get', path });
    const reply = await calls.call(peer, head, new Uint8Array(0), { signal, addresses });
    const { status, proof } = decodeAnswerHead(reply.head);
    return {
      status,
      body: (await readBody(reply.body)).toString('utf8'),
      proof,
      via: `/p2p/${peer}`,
    };
  };

/** Secure URLs first, in the order of the record otherwise. */
export const byPreference = (urls: readonly string[]): readonly string[] => [
  ...urls.filter((url) => url.startsWith('https:')),
  ...urls.filter((url) => !url.startsWith('https:')),
];

/** Tries one route after the other, the next one also when the last one is slow. */
const firstOf = (
  routes: readonly Route[],
  { clock, limits }: AskDeps,
  outer: AbortSignal,
): Promise<Asked> =>
  new Promise((resolve, reject) => {
    const ended = new AbortController();
    const signal = anyOf(outer, ended.signal);
    let next = 0;
    let open = 0;
    let last: unknown = fault('unavailable', 'no way to this node is known', { sent: 0 });
    let cancel = (): void => undefined;
    const end = (run: () => void): void => {
      cancel();
      run();
      ended.abort();
    };
    const start = (): void => {
      cancel();
      const route = routes[next];
      if (route === undefined) {
        if (open === 0) end(() => reject(last));
        return;
      }
      next += 1;
      open += 1;
      cancel = clock.after(limits.askStaggerMs, start);
      route(signal).then(
        (asked) => end(() => resolve(asked)),
        (error: unknown) => {
          last = error;
          open -= 1;
          start();
        },
      );
    };
    start();
  });

/** The federation's `Ask` over HTTP and the overlay. */
export const makeAsk = (deps: AskDeps): Ask => {
  const routesTo = ({ peer, urls, addresses }: Place, path: string): readonly Route[] => {
    const calls = deps.calls();
    const overlay = calls && peer !== undefined ? [overOverlay(calls, peer, addresses, path)] : [];
    return [...byPreference(urls).map((url) => overHttp(deps, url, path)), ...overlay];
  };
  return async (place, path, signal) => {
    signal.throwIfAborted();
    return firstOf(routesTo(place, path), deps, signal);
  };
};
