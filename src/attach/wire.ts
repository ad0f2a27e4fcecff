// One exchange between a client and a node, over HTTP or over what the caller brought. It knows no
// record
// and no message; it tells whether a request that failed can have reached anybody.

import { REPLY_PROOF_HEADER } from '../federation/reply-proof.ts';
import { Fault, fault } from '../node/errors.ts';

export interface WireRequest {
  /** A POST when there is a body. */
  readonly path: string;
  readonly body?: string;
  /** Whether the answer may take as long as a poll waits. */
  readonly waits?: boolean;
}

export interface WireReply {
  readonly status: number;
  readonly body: string;
  /** The proof of the reply, when one came. */
  readonly proof: string | undefined;
}

/**
 * Sends a request to the node at `base`: a URL, or a multiaddress where that is supported. Rejects
 * with a
 * Fault whose `detail.sent` is 0 when nobody was reached and 1 when it is not known what became of
 * it,
 * or with the reason of the signal.
 */
export type Wire = (base: string, request: WireRequest, signal: AbortSignal) => Promise<WireReply>;

// How the failure of a connection is called by Node.js and its fetch: no byte of a request left.
const NOT_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|EPROTO|CERT_\w+|ERR_TLS\w+|ERR_SSL\w+|DEPTH_ZERO\w+|SELF_SIGNED\w+|UNABLE_TO\w+)$/;

const causeOf = (error: unknown): unknown => {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof AggregateError && cause.errors.length > 0) return cause.errors[0];
  return cause ?? error;
};

/** The Fault that a failed request stands for. */
export const wireFault = (base: string, error: unknown): Fault => {
  if (error instanceof Fault && error.detail['sent'] !== undefined) return error;
  const cause = causeOf(error);
  const { code = '', message = String(cause) } = (cause ?? {}) as NodeJS.ErrnoException;
  const sent = NOT_CONNECTED.test(String(code)) ? 0 : 1;
  const text = `${base}: ${message === '' ? code : message}`;
  return sent === 0
    ? new Fault('unavailable', text, { sent }, error)
    : new Fault('outcome-unknown', text, { sent }, error);
};

/** Whether a Fault says that nobody was reached. */
export const isUnsent = (error: unknown): boolean =>
  error instanceof Fault && error.detail['sent'] === 0;

/** Exchanges over `fetch`; redirects are refused. Multiaddresses need `dial`. */
export const makeWire = (fetcher: typeof fetch = fetch, dial?: Wire): Wire => {
  const overHttp: Wire = async (base, { path, body }, signal) => {
    try {
      const reply = await fetcher(`${base}${path}`, {
        signal,
        redirect: 'error',
        ...(body === undefined ? {} : { method: 'POST', body }),
      });
      const proof = reply.headers.get(REPLY_PROOF_HEADER) ?? undefined;
      return { status: reply.status, body: await reply.text(), proof };
    } catch (error) {
      // Expected: no network, no node, a broken connection, or the caller's own signal.
      if (signal.aborted) throw signal.reason;
      throw wireFault(base, error);
    }
  };
  return (base, request, signal) => {
    if (!base.startsWith('/')) return overHttp(base, request, signal);
    if (dial !== undefined) return dial(base, request, signal);
    throw fault('unavailable', `${base}: multiaddresses cannot be dialled here`, { sent: 0 });
  };
};
