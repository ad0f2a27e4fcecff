// Sends a client's call to one host of its colony, byte for byte, over the way that reaches it.
// Says whether a byte left; never tries a second time what may have arrived.

import type { Calls } from '../dht/overlay.ts';
import { type Attempt, failedAttempt, type Send } from '../federation/relay.ts';
import { RELAY_HEADERS } from '../federation/relay-auth.ts';
import type { Host } from '../federation/resolve.ts';
import { Fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { Reply } from '../node/model/envelope.ts';
import { byPreference } from './ask.ts';
import { type BatchesDeps, makeBatches, type SendShort } from './relay-batches.ts';
import { makeChannels } from './relay-channels.ts';
import { CANCEL_PATH, passHeaders, RELAY_PATH } from './relay-post.ts';
import {
  type HttpWayDeps,
  makeOverlayCall,
  type OverlayCall,
  type OverlayEnd,
  type OverlayWayDeps,
  overlayWay,
  replyIn,
  textOf,
  type WebWayDeps,
  webWay,
} from './relay-ways.ts';

export interface RelayOutDeps extends BatchesDeps, HttpWayDeps, OverlayWayDeps {
  /** Calls on streams over HTTP. */
  readonly webCalls: Calls;
  readonly log: Log;
  readonly limits: Limits;
}

/** A client's call on its way out. */
export interface RelayedCall {
  readonly body: Uint8Array;
  /** A long poll: it may take hours, and what it was given goes back when its caller is gone. */
  readonly waits: boolean;
  /** Fires when the caller went away. */
  readonly signal: AbortSignal;
}

type Try<T> = () => Promise<Attempt<T>>;

/** The routes to a host, that of its proven consent first. */
export const routesTo = (
  { urls, peer }: Host,
  via: string | undefined,
): readonly (string | { readonly peer: string })[] => {
  const all = [...byPreference(urls), ...(peer === undefined ? [] : [{ peer }])];
  const isVia = (route: (typeof all)[number]): boolean =>
    typeof route === 'string' ? route === via : `/p2p/${route.peer}` === via;
  return [...all.filter(isVia), ...all.filter((route) => !isVia(route))];
};

const isBusy = (error: unknown): error is Fault =>
  error instanceof Fault && error.code === 'too-many';

/**
 * The first way over which bytes could leave decides. Throws too-many for a host that was reached
 * and takes no more: then no other one is asked in its place.
 */
export const firstWay = async <T>(
  ways: readonly Try<T>[],
  signal: AbortSignal,
): Promise<Attempt<T>> => {
  let attempt: Attempt<T> = { kind: 'unreachable', reason: 'no way to it is known' };
  let busy: Fault | undefined;
  for (const way of ways) {
    try {
      attempt = await way();
    } catch (error) {
      // Whoever went away learns nothing any more; what is no Fault is a bug and goes up.
      if (signal.aborted) return { kind: 'lost', reason: 'the caller went away' };
      if (isBusy(error)) busy = error;
      attempt = failedAttempt(error);
    }
    if (attempt.kind !== 'unreachable') return attempt;
  }
  if (busy !== undefined) throw busy;
  return attempt;
};

/** Tells the home that the caller of a waiting call is gone: it drops or takes back. */
const makeCancel =
  ({ outbound, pass, clock, log, limits }: RelayOutDeps) =>
  async (base: string, target: string, auth: string): Promise<void> => {
    const body = Buffer.from(auth, 'utf8');
    const controller = new AbortController();
    const stop = clock.after(limits.outboundConnectMs, () => controller.abort());
    try {
      const headers = passHeaders(await pass(target, body));
      const { signal } = controller;
      const asked = { method: 'POST', base, path: CANCEL_PATH, headers, body, signal } as const;
      await outbound.request(asked);
    } catch (error) {
      // Expected when the home is gone too: then there is nobody to tell.
      log.debug('a relayed call could not be cancelled', { target, error: String(error) });
    } finally {
      stop();
    }
  };

const answered = (value: Reply): Attempt<Reply> => ({
  kind: 'answer',
  status: value.status,
  value,
});

/** A call that may take hours: it has an exchange of its own, and is cancelled by name. */
const longOverHttp = async (
  deps: RelayOutDeps,
  base: string,
  target: string,
  { body, signal }: RelayedCall,
): Promise<Attempt<Reply>> => {
  const headers = passHeaders(await deps.pass(target, body));
  const auth = headers[RELAY_HEADERS.auth] ?? '';
  const cancel = makeCancel(deps);
  const undo = (): Promise<void> => cancel(base, target, auth);
  const own = new AbortController();
  // Told first, hung up after: an answer that crosses the hanging up would be lost unnoticed.
  const onAbort = (): void => void undo().then(() => own.abort());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const post = { method: 'POST', base, path: RELAY_PATH, headers, body, waits: true } as const;
    const reply = replyIn(base, await deps.outbound.request({ ...post, signal: own.signal }));
    return answered(reply.status === 200 ? { ...reply, onLost: undo } : reply);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};

const overHttp =
  (
    deps: RelayOutDeps & WebWayDeps,
    send: SendShort,
    base: string,
    host: Host,
    call: RelayedCall,
  ): Try<Reply> =>
  async () =>
    call.waits
      ? longOverHttp(deps, base, host.serverid, call)
      : answered(await send(webWay(deps, base, host.serverid), call.body));

/** A call that may take hours: it counts as delivered when its caller has the reply. */
const longOverOverlay = async (
  overlayCall: OverlayCall,
  end: OverlayEnd,
  { body, signal }: RelayedCall,
): Promise<Attempt<Reply>> => {
  const options = { signal, waits: true, confirm: 'explicit' } as const;
  const { head, reply } = await overlayCall(end, body, options);
  const value: Reply = { status: head.status, body: await textOf(reply), proof: head.proof };
  if (value.status !== 200) {
    reply.confirm();
    return answered(value);
  }
  return answered({
    ...value,
    onLost: async () => reply.cancel(),
    onDelivered: reply.confirm,
  });
};

const overOverlay =
  (
    { limits }: RelayOutDeps,
    send: SendShort,
    overlayCall: OverlayCall,
    peer: string,
    { serverid, addresses }: Host,
    call: RelayedCall,
  ): Try<Reply> =>
  async () => {
    const end = { peer, addresses };
    return call.waits
      ? longOverOverlay(overlayCall, end, call)
      : answered(await send(overlayWay(overlayCall, limits, end, serverid), call.body));
  };

/** Sends one call to whichever host the router names. */
export const makeRelayOut = (deps: RelayOutDeps): ((call: RelayedCall) => Send<Reply>) => {
  const send = makeBatches(deps);
  const overlayCall = makeOverlayCall(deps);
  const { webCalls, certificate, clock, log, limits } = deps;
  const web = {
    ...deps,
    channels: makeChannels({ calls: webCalls, clock, log, limits }),
    overlayCall: makeOverlayCall({ calls: () => webCalls, certificate, limits }),
  };
  return (call) => (host, via) => {
    const ways = routesTo(host, via).map((route) =>
      typeof route === 'string'
        ? overHttp(web, send, route, host, call)
        : overOverlay(deps, send, overlayCall, route.peer, host, call),
    );
    return firstWay(ways, call.signal);
  };
};
