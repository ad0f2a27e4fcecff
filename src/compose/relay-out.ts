// Sends a client's call to one host of its colony, byte for byte, over the way that reaches it.
// Says whether a byte left; never tries a second time what may have arrived.

import type { Calls } from '../dht/overlay.ts';
import { type Attempt, failedAttempt, type Send } from '../federation/relay.ts';
import { RELAY_HEADERS, type RelayPass } from '../federation/relay-auth.ts';
import type { Host } from '../federation/resolve.ts';
import type { Clock } from '../node/clock.ts';
import { Fault, fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { Reply } from '../node/model/envelope.ts';
import { byPreference, headerOf } from './ask.ts';
import type { Outbound, OutboundReply } from './outbound.ts';
import { decodeAnswerHead, encodeHead, readBody } from './relay-wire.ts';

export const RELAY_PATH = '/federation/relay';
export const CANCEL_PATH = '/federation/relay/cancel';
export const WATCH_PATH = '/federation/relay/pubsub';

export interface RelayOutDeps {
  readonly outbound: Outbound;
  readonly calls: () => Calls | undefined;
  /** Header values that pass a body to a server; undefined without a certificate. */
  readonly pass: (target: string, body: Uint8Array) => Promise<RelayPass | undefined>;
  /** This node's certificate in base64, undefined without one. */
  readonly certificate: () => string | undefined;
  readonly clock: Pick<Clock, 'after'>;
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

type Way<T> = () => Promise<Attempt<T>>;

/** The headers of a pass. Throws unavailable when this node may not relay. */
export const passHeaders = (pass: RelayPass | undefined): Record<string, string> => {
  if (pass === undefined) {
    throw fault('unavailable', 'this node has no valid certificate and cannot relay', { sent: 0 });
  }
  return { [RELAY_HEADERS.certificate]: pass.certificate, [RELAY_HEADERS.auth]: pass.auth };
};

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
  ways: readonly Way<T>[],
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

const overHttp = (
  deps: RelayOutDeps,
  base: string,
  host: Host,
  { body, waits, signal }: RelayedCall,
): Way<Reply> => {
  const { outbound, pass } = deps;
  const cancel = makeCancel(deps);
  const answerOf = (
    { status, headers, body: bytes }: OutboundReply,
    onLost: (() => Promise<void>) | undefined,
  ): Attempt<Reply> => {
    // No node answers so: something in between does, and what became of the call is not known.
    if (status >= 300 && status < 400) {
      return { kind: 'lost', reason: `${base} answered with a redirect` };
    }
    const proof = headerOf(headers['colonies-reply-proof']);
    const value = { status, body: bytes.toString('utf8'), proof };
    const granted = onLost !== undefined && status === 200;
    return { kind: 'answer', status, value: granted ? { ...value, onLost } : value };
  };
  return async () => {
    const headers = passHeaders(await pass(host.serverid, body));
    const post = { method: 'POST', base, path: RELAY_PATH, headers, body, waits } as const;
    if (!waits) return answerOf(await outbound.request(post), undefined);
    const auth = headers[RELAY_HEADERS.auth] ?? '';
    const undo = (): Promise<void> => cancel(base, host.serverid, auth);
    const own = new AbortController();
    // Told first, hung up after: an answer that crosses the hanging up would be lost unnoticed.
    const onAbort = (): void => void undo().then(() => own.abort());
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return answerOf(await outbound.request({ ...post, signal: own.signal }), undo);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  };
};

const overOverlay =
  (
    { calls, certificate }: RelayOutDeps,
    peer: string,
    host: Host,
    { body, waits, signal }: RelayedCall,
  ): Way<Reply> =>
  async () => {
    const own = certificate();
    const open = calls();
    if (own === undefined) passHeaders(undefined);
    if (open === undefined || own === undefined) {
      return { kind: 'unreachable', reason: 'the overlay is not running' };
    }
    const confirm = waits ? 'explicit' : 'read';
    const options = { signal, waits, addresses: host.addresses, confirm } as const;
    const head = encodeHead({ kind: 'rpc', certificate: own });
    const reply = await open.call(peer, head, body, options);
    const { status, proof } = decodeAnswerHead(reply.head);
    const text = (await readBody(reply.body)).toString('utf8');
    const granted = waits && status === 200;
    if (waits && !granted) reply.confirm();
    const fate = { onLost: async () => reply.cancel(), onDelivered: reply.confirm };
    return {
      kind: 'answer',
      status,
      value: { status, body: text, proof, ...(granted ? fate : {}) },
    };
  };

/** Sends one call to whichever host the router names. */
export const makeRelayOut =
  (deps: RelayOutDeps) =>
  (call: RelayedCall): Send<Reply> =>
  (host, via) => {
    const ways = routesTo(host, via).map((route) =>
      typeof route === 'string'
        ? overHttp(deps, route, host, call)
        : overOverlay(deps, route.peer, host, call),
    );
    return firstWay(ways, call.signal);
  };
