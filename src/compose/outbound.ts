// The one way in which this node opens HTTP(S) connections to others. What it is told to connect to
// comes from strangers: names are resolved here, judged, and exactly what was judged is connected
// to. Follows no redirects; bounds time and size of every answer.

import { lookup as systemLookup } from 'node:dns/promises';
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { WebSocket } from 'ws';
import {
  permittedAddress,
  permittedUrl,
  type Target,
  type UrlPolicy,
} from '../federation/policy.ts';
import type { Clock } from '../node/clock.ts';
import { type Fault, fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import { makePatience } from './patience.ts';

/** Every address of a name. */
export type ResolveHost = (
  host: string,
) => Promise<readonly { readonly address: string; readonly family: number }[]>;

export interface OutboundDeps {
  readonly policy: UrlPolicy;
  readonly clock: Pick<Clock, 'after'>;
  readonly limits: Limits;
  /** The system's resolver when it is left out. */
  readonly resolveHost?: ResolveHost | undefined;
  /** Certificates of authorities beside those of the system, PEM. */
  readonly ca?: string | undefined;
  /** Whether certificates are checked; a user may switch it off for himself, a node never does. */
  readonly verify?: boolean;
}

export interface OutboundRequest {
  readonly method: 'GET' | 'POST';
  /** Base URL in the form that records carry, and the path behind it. */
  readonly base: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the answer may take as long as a long poll: such calls have connections of their own.
   */
  readonly waits?: boolean;
  readonly bytesMax?: number;
  /**
   * Asked once the answer begins. What it gives takes the answer's chunks as they come, as many as
   * there are; `body` is empty then. When it throws, the answer is given up.
   */
  readonly pieces?: (head: OutboundHead) => ((chunk: Buffer) => void) | undefined;
}

export interface OutboundHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface OutboundReply extends OutboundHead {
  readonly body: Buffer;
}

/**
 * Rejects with a Fault: `unavailable` with `detail.sent` 0 when no byte of the request left this
 * node
 * (forbidden, unknown, or refused), else `outcome-unknown` with `detail.sent` 1.
 */
export interface Outbound {
  request(request: OutboundRequest): Promise<OutboundReply>;
  /** A WebSocket that is being opened; its errors are events. Throws when the policy forbids it. */
  socket(base: string, path: string, headers: Readonly<Record<string, string>>): WebSocket;
  close(): void;
}

const forbiddenPlace = (base: string, why: string): Fault =>
  fault('unavailable', `${base} may not be connected to: ${why}`, { sent: 0 });

/** Node's lookup with our judgement: gives one permitted address, whatever the name says. */
const policedLookup =
  (resolveHost: ResolveHost, policy: UrlPolicy): LookupFunction =>
  (host, options, done) => {
    const judge = async (): Promise<{ address: string; family: number }> => {
      const found = await resolveHost(host);
      const judged = permittedAddress(
        found.map(({ address }) => address),
        policy,
      );
      if (typeof judged === 'string') throw new Error(`${host}: ${judged}`);
      const family = found.find(({ address }) => address === judged.address)?.family ?? 4;
      return { address: judged.address, family };
    };
    judge().then(
      ({ address, family }) => {
        if (options.all === true) done(null, [{ address, family }]);
        else done(null, address, family);
      },
      (error: Error) => done(error, '', 0),
    );
  };

/** Notes when bytes can leave: a connection that stands, with TLS where that is wanted. */
const watchSent = (request: ClientRequest, secure: boolean): (() => boolean) => {
  let sent = false;
  const stands = (): void => {
    sent = true;
  };
  request.once('socket', (socket: Socket) => {
    if (!socket.connecting) stands();
    else socket.once(secure ? 'secureConnect' : 'connect', stands);
  });
  return () => sent;
};

const NOTHING = Buffer.alloc(0);

/** Keeps chunks up to a size. */
const makeHold = (bytesMax: number) => {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    take: (chunk: Buffer): void => {
      size += chunk.length;
      if (size > bytesMax) throw new Error('the answer is longer than permitted');
      chunks.push(chunk);
    },
    all: (): Buffer => (chunks.length === 1 ? (chunks[0] ?? NOTHING) : Buffer.concat(chunks)),
  };
};

const readAll = (
  response: IncomingMessage,
  bytesMax: number,
  pieces: ((chunk: Buffer) => void) | undefined,
  done: (error: Error | undefined, body: Buffer) => void,
): void => {
  const hold = makeHold(bytesMax);
  const take = pieces ?? hold.take;
  response.on('data', (chunk: Buffer) => {
    try {
      take(chunk);
    } catch (error) {
      // Too long, or no answer to what was asked: no more of it is wanted.
      response.destroy(error as Error);
    }
  });
  response.on('end', () => done(undefined, hold.all()));
  response.on('error', (error) => done(error, NOTHING));
  response.on('close', () => {
    if (!response.complete) done(new Error('the answer broke off'), NOTHING);
  });
};

const failure = (base: string, error: Error, sent: boolean): Fault =>
  sent
    ? fault('outcome-unknown', `${base}: ${error.message}`, { sent: 1 })
    : fault('unavailable', `${base} cannot be reached: ${error.message}`, { sent: 0 });

const makeAgents = (deps: OutboundDeps) => {
  const { policy, limits, ca, verify = true } = deps;
  const resolveHost: ResolveHost =
    deps.resolveHost ?? ((host) => systemLookup(host, { all: true, verbatim: true }));
  const shared = {
    keepAlive: true,
    // Below the time after which servers close idle connections: a reused one is a live one.
    timeout: limits.outboundIdleMs,
    maxFreeSockets: limits.outboundFreeSocketsMax,
    scheduling: 'lifo' as const,
    lookup: policedLookup(resolveHost, policy),
  };
  const tls = { ...shared, rejectUnauthorized: verify, ...(ca === undefined ? {} : { ca }) };
  const short = { maxSockets: limits.outboundSocketsPerHostMax };
  const long = { maxSockets: limits.outboundWaitsPerHostMax };
  const { closesFirst, answered } = makePatience(limits);
  const agents = {
    http: {
      short: closesFirst(new HttpAgent({ ...shared, ...short })),
      long: closesFirst(new HttpAgent({ ...shared, ...long })),
    },
    https: {
      short: closesFirst(new HttpsAgent({ ...tls, ...short })),
      long: closesFirst(new HttpsAgent({ ...tls, ...long })),
    },
  };
  return {
    answered,
    of: (target: Target, waits = false): HttpAgent =>
      agents[target.secure ? 'https' : 'http'][waits ? 'long' : 'short'],
    destroy: () => {
      for (const pair of Object.values(agents))
        for (const agent of Object.values(pair)) agent.destroy();
    },
  };
};

/** The path of a base URL, which is '' for most. */
const pathIn = (base: string): string => /^https?:\/\/[^/]+(.*)$/.exec(base)?.[1] ?? '';

const optionsOf = ({ base, host, port }: Target, path: string) => ({
  host,
  port,
  path: `${pathIn(base)}${path}`,
});

/** One request and its answer, whole. */
const exchange = (
  { clock, limits }: OutboundDeps,
  target: Target,
  agents: ReturnType<typeof makeAgents>,
  asked: OutboundRequest,
): Promise<OutboundReply> =>
  new Promise((resolve, reject) => {
    const { method, base, path, headers, body, signal, waits = false, bytesMax, pieces } = asked;
    const request = (target.secure ? httpsRequest : httpRequest)({
      ...optionsOf(target, path),
      method,
      agent: agents.of(target, waits),
      headers: body === undefined ? headers : { ...headers, 'content-length': body.length },
    });
    const wasSent = watchSent(request, target.secure);
    const cancelConnect = clock.after(limits.outboundConnectMs, () => {
      if (!wasSent()) request.destroy(new Error('no connection in time'));
    });
    const late = (): void => void request.destroy(new Error('no answer in time'));
    const cancelAnswer = waits ? undefined : clock.after(limits.outboundAnswerMs, late);
    const onAbort = (): void => void request.destroy(new Error('given up'));
    signal?.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => {
      cancelConnect();
      cancelAnswer?.();
      signal?.removeEventListener('abort', onAbort);
    };
    request.on('response', (response) => {
      agents.answered(response);
      const { statusCode: status = 0, headers: told } = response;
      const head = { status, headers: told };
      readAll(response, bytesMax ?? limits.callBytesMax, pieces?.(head), (error, bytes) => {
        settle();
        if (error) reject(failure(base, error, true));
        else resolve({ ...head, body: bytes });
      });
    });
    request.on('error', (error) => {
      settle();
      reject(failure(base, error, wasSent()));
    });
    request.end(body);
  });

/** The outbound connections of one node. */
export const makeOutbound = (deps: OutboundDeps): Outbound => {
  const { policy, limits } = deps;
  const agents = makeAgents(deps);
  const sockets = new Set<WebSocket>();

  // What a text says never changes; which address a name leads to is judged at each connection.
  const targets = new Map<string, Target>();
  const targetOf = (base: string): Target => {
    const known = targets.get(base);
    if (known !== undefined) return known;
    const target = permittedUrl(base, policy);
    if (typeof target === 'string') throw forbiddenPlace(base, target);
    if (targets.size >= limits.outboundTargetsMax) targets.clear();
    targets.set(base, target);
    return target;
  };

  return {
    request: async (asked) => {
      const target = targetOf(asked.base);
      asked.signal?.throwIfAborted();
      return exchange(deps, target, agents, asked);
    },
    socket: (base, path, headers) => {
      const target = targetOf(base);
      const url = `${target.base.replace(/^http/, 'ws')}${path}`;
      const socket = new WebSocket(url, {
        agent: agents.of(target, true),
        headers: { ...headers },
        followRedirects: false,
        handshakeTimeout: limits.outboundConnectMs,
        maxPayload: limits.bodyBytesMax,
        perMessageDeflate: false,
      });
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
    close: () => {
      for (const socket of sockets) socket.terminate();
      agents.destroy();
    },
  };
};
