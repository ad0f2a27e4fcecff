// Which server a command calls, and how: host, port, HTTP or HTTPS, certificate checking.
// The precedence is documented in docs/CLI.md.

import type { Context } from './command.ts';
import { boolOf, type Env } from './env.ts';
import { advised } from './errors.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Whether the certificate is checked. */
  readonly verify: boolean;
}

export const DEFAULT_HOST = 'localhost';
export const DEFAULT_PORT = 50080;

const HOSTS =
  'Give a name or an address alone in --host or COLONIES_SERVER_HOST; the port stands in --port or ' +
  'COLONIES_SERVER_PORT.';

const PORTS =
  'The port is what --port, COLONIES_SERVER_HTTP_PORT or COLONIES_SERVER_PORT says, in this order.';

/** A port number of the environment; throws the documented text for anything else. */
export const parsePort = (text: string): number => {
  if (!/^[+-]?\d+$/.test(text)) {
    throw advised(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`, PORTS);
  }
  const port = Number(text);
  if (port < 0 || port > 65_535) throw advised(`invalid port ${text}: use 0 to 65535`, PORTS);
  return port;
};

/**
 * HTTPS unless something says otherwise: COLONIES_TLS, then --insecure, then the protocol variable.
 */
export const usesTls = (env: Env, insecure: boolean | undefined): boolean => {
  const fromEnv = boolOf(env.COLONIES_TLS) ?? boolOf(env.COLONIES_SERVER_TLS);
  if (fromEnv !== undefined) return fromEnv;
  if (insecure !== undefined) return !insecure;
  return env.COLONIES_SERVER_PROTOCOL?.toLowerCase() !== 'http';
};

/** The address of the server for this call. `flags` are the values of SERVER_FLAGS, or nothing. */
export const serverAddress = (
  ctx: Pick<Context, 'env' | 'globals' | 'log'>,
  flags: { readonly host?: string | undefined; readonly port?: number | undefined } = {},
): ServerAddress => {
  const { env, globals } = ctx;
  const host = env.COLONIES_SERVER_HOST ?? flags.host ?? DEFAULT_HOST;
  if (flags.host !== undefined && flags.host !== host) {
    ctx.log.warn(`--host ${flags.host} is overridden by COLONIES_SERVER_HOST=${host}`);
  }
  const named = env.COLONIES_SERVER_HTTP_PORT ?? env.COLONIES_SERVER_PORT;
  const port = flags.port ?? (named === undefined ? DEFAULT_PORT : parsePort(named));
  const at = {
    host,
    port: parsePort(String(port)),
    tls: usesTls(env, globals.insecure),
    verify: globals.skipTlsVerify !== true,
  };
  if (/[/@?#\\]/.test(host) || !URL.canParse(baseUrl(at))) {
    throw advised(`${JSON.stringify(host)} is no host name`, HOSTS);
  }
  return at;
};

/** `http://host:port` of an address; IPv6 hosts in brackets. */
export const baseUrl = (at: ServerAddress): string => {
  const host = at.host.includes(':') && !at.host.startsWith('[') ? `[${at.host}]` : at.host;
  return `${at.tls ? 'https' : 'http'}://${host}:${at.port}`;
};
