// Carries a client's subscription to a host of its colony and its frames back, as they come. One
// relayed subscription has a connection, or a call, of its own.

import { WebSocket } from 'ws';
import type { Attempt, Send } from '../federation/relay.ts';
import type { Host } from '../federation/resolve.ts';
import { firstWay, type RelayOutDeps, routesTo } from './relay-out.ts';
import { passHeaders, WATCH_PATH } from './relay-post.ts';
import { decodeAnswerHead, decodeFrames, encodeHead } from './relay-wire.ts';
import { openSocket } from './web-streams.ts';

/** A client's subscription on its way out. */
export interface WatchCall {
  /** The client's frame exactly as it came. */
  readonly body: Uint8Array;
  readonly frame: (text: string) => void;
  /** Told once when the other side ended it. */
  readonly ended: () => void;
  readonly signal: AbortSignal;
}

const NOTHING = new Uint8Array(0);

const overHttp =
  (deps: RelayOutDeps, base: string, host: Host, { body, frame, ended, signal }: WatchCall) =>
  async (): Promise<Attempt<() => void>> => {
    const headers = passHeaders(await deps.pass(host.serverid, NOTHING));
    const place = { base, path: WATCH_PATH, headers };
    const socket = await openSocket(deps.outbound, place, signal);
    let isOurs = false;
    // What follows a broken frame is a close, which ends it.
    socket.on('error', () => undefined);
    socket.on('message', (data) => frame(String(data)));
    socket.once('close', () => {
      if (!isOurs) ended();
    });
    socket.send(body, { binary: false });
    const end = (): void => {
      isOurs = true;
      if (socket.readyState === WebSocket.OPEN) socket.close();
      deps.clock.after(deps.limits.cutGraceMs, () => socket.terminate());
    };
    return { kind: 'answer', status: 200, value: end };
  };

const overOverlay =
  (deps: RelayOutDeps, peer: string, host: Host, { body, frame, ended, signal }: WatchCall) =>
  async (): Promise<Attempt<() => void>> => {
    const calls = deps.calls();
    const certificate = deps.certificate();
    if (certificate === undefined) passHeaders(undefined);
    if (calls === undefined || certificate === undefined) {
      return { kind: 'unreachable', reason: 'the overlay is not running' };
    }
    const own = new AbortController();
    const head = encodeHead({ kind: 'watch', certificate });
    const options = { signal: own.signal, waits: true, addresses: host.addresses } as const;
    const give = (): void => own.abort();
    signal.addEventListener('abort', give, { once: true });
    const reply = await calls.call(peer, head, body, options);
    signal.removeEventListener('abort', give);
    const { status } = decodeAnswerHead(reply.head);
    const read = async (): Promise<void> => {
      for await (const text of decodeFrames(reply.body, deps.limits.bodyBytesMax)) frame(text);
    };
    read().then(ended, (error: unknown) => {
      if (own.signal.aborted) return;
      deps.log.debug('a relayed subscription broke off', { peer, error: String(error) });
      ended();
    });
    return { kind: 'answer', status, value: give };
  };

/** Sends one subscription to whichever host the router names; gives what ends it. */
export const makeRelayWatch =
  (deps: RelayOutDeps) =>
  (call: WatchCall): Send<() => void> =>
  (host, via) => {
    const ways = routesTo(host, via).map((route) =>
      typeof route === 'string'
        ? overHttp(deps, route, host, call)
        : overOverlay(deps, route.peer, host, call),
    );
    return firstWay(ways, call.signal);
  };
