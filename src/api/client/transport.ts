// How a client reaches its server over HTTP. Runs in browsers.

import { ColoniesError } from './error.ts';

export interface Exchange {
  readonly status: number;
  readonly body: string;
}

/**
 * Sends one request body to `/api` and gives what came back. Throws ColoniesError `unreachable`.
 */
export type Transport = (body: string, signal: AbortSignal) => Promise<Exchange>;

export interface ServerAddress {
  /** `http://host:port` or `https://host:port`; instead of the other three. */
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly tls?: boolean;
}

const DEFAULT_PORT = 50080;

/**
 * The base URL without a trailing slash. Without anything: the development server on this machine.
 */
export const baseUrl = ({ url, host, port, tls }: ServerAddress): string => {
  if (url !== undefined) return url.replace(/\/+$/, '');
  return `${tls === true ? 'https' : 'http'}://${host ?? 'localhost'}:${port ?? DEFAULT_PORT}`;
};

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
};

/** Exchanges over `fetch`. */
export const httpTransport =
  (base: string, fetcher: typeof fetch = fetch): Transport =>
  async (body, signal) => {
    try {
      const reply = await fetcher(`${base}/api`, { method: 'POST', body, signal });
      return { status: reply.status, body: await reply.text() };
    } catch (error) {
      // Expected: no network, no server, a broken connection, or the caller's own signal.
      if (signal.aborted && !isTimeout(signal.reason)) throw signal.reason;
      const text = `cannot reach ${base}: ${reasonOf(error)}`;
      throw new ColoniesError('unreachable', text, { cause: error });
    }
  };

const isTimeout = (reason: unknown): boolean =>
  reason instanceof Error && reason.name === 'TimeoutError';
