// The nodes a client starts from: what their addresses are, and what they allow this client to
// connect
// to. Pure: it resolves no name and connects to nothing. Runs in browsers.

import { fault } from '../node/errors.ts';
import { LIMITS } from './limits.ts';

/** A node that the user named, that was remembered, or that was shipped. */
export interface Bootstrap {
  /** `http(s)://host:port` without a last slash, or a multiaddress. */
  readonly base: string;
  readonly kind: 'url' | 'address';
  /** Numeric address or name, in lower case, without brackets. */
  readonly host: string;
}

/** What a client may connect to beside its bootstraps. */
export interface Reach {
  /** Whether plain HTTP is allowed. */
  readonly plain: boolean;
  readonly loopback: boolean;
  readonly near: boolean;
}

export const NO_BOOTSTRAP = 'no bootstrap known: pass --bootstrap or start the first node';

const MULTIADDRESS =
  /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/\d{1,5}(?:\/p2p\/[1-9A-HJ-NP-Za-km-z]+)?$/;

const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1').toLowerCase();

const isLoopback = (host: string): boolean =>
  host === '::1' || /^(.*\.)?localhost$/.test(host) || /^127(\.\d{1,3}){3}$/.test(host);

const NEAR_4 =
  /^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./;

/** Whether a host is a numeric address of a private network; names are never. */
const isNear = (host: string): boolean =>
  NEAR_4.test(host) || /^f([cd]|e[89ab])[0-9a-f]*:/.test(host);

// Services that hand out credentials to whoever asks from the machine.
const METADATA =
  /^(169\.254\.169\.254|169\.254\.170\.2|100\.100\.100\.200|192\.0\.0\.192|fd00:ec2::254)$/;

/** Numeric addresses that no client has a reason to be sent to, IPv4 in the guise of IPv6 too. */
const isNowhere = (host: string): boolean =>
  /^(0|22[4-9]|2[3-5]\d)\./.test(host) ||
  METADATA.test(host) ||
  (/^::/.test(host) && host !== '::1') ||
  /^(ff[0-9a-f]{2}|64:ff9b|2002):/.test(host);

/** Whether a stranger may name this port; '' is the one of the scheme. */
const isPermittedPort = (port: string): boolean =>
  port === '' || port === '80' || port === '443' || Number(port) >= 1024;

/** A bootstrap from its text; throws `bad-request` when it is neither a URL nor a multiaddress. */
export const readBootstrap = (text: string): Bootstrap => {
  const trimmed = text.trim();
  const named = MULTIADDRESS.exec(trimmed);
  if (named?.[1] !== undefined) return { base: trimmed, kind: 'address', host: bare(named[1]) };
  if (/^https?:\/\//i.test(trimmed) && URL.canParse(trimmed)) {
    const url = new URL(trimmed);
    const path = url.pathname.replace(/\/+$/, '');
    if (url.username === '' && url.search === '' && url.hash === '') {
      const base = `${url.protocol}//${url.host}${path}`;
      return { base, kind: 'url', host: bare(url.hostname) };
    }
  }
  throw fault(
    'bad-request',
    `not a bootstrap: ${trimmed.slice(0, 200)}; expected the URL of a node (https://host:port) or a ` +
      'multiaddress (/dns4/host/tcp/4001/p2p/…)',
  );
};

/**
 * The bootstraps in a list of texts, each of which may hold several separated by commas, once each.
 */
export const readBootstraps = (texts: readonly string[]): readonly Bootstrap[] => {
  const found = new Map<string, Bootstrap>();
  for (const text of texts.flatMap((one) => one.split(/[\s,]+/)).filter((one) => one !== '')) {
    const bootstrap = readBootstrap(text);
    found.set(bootstrap.base, bootstrap);
  }
  return [...found.values()].slice(0, LIMITS.attachBootstrapsMax);
};

/**
 * What these bootstraps allow. One that is reached over plain HTTP or on this machine allows plain
 * HTTP
 * and such addresses; a multiaddress in a private network allows that network; `https://` allows
 * neither.
 */
export const reachOf = (bootstraps: readonly Bootstrap[]): Reach => {
  const some = (test: (one: Bootstrap) => boolean): boolean => bootstraps.some(test);
  const isOpen = ({ base, host }: Bootstrap): boolean =>
    base.startsWith('http:') || isLoopback(host);
  const loopback = some(isOpen);
  return {
    plain: loopback || some(({ kind, host }) => kind === 'address' && isNear(host)),
    loopback,
    near: loopback || some(({ host }) => isNear(host)),
  };
};

/** Why a published URL may not be used by this client, undefined when it may. */
export const forbiddenUrl = (base: string, reach: Reach): string | undefined => {
  if (!URL.canParse(base)) return 'not a URL';
  const url = new URL(base);
  const host = bare(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && reach.plain)) {
    return 'not https, and this client started from an https node';
  }
  if (isNowhere(host)) return 'not the address of a host';
  if (!isPermittedPort(url.port)) return `port ${url.port} belongs to another service`;
  if (isLoopback(host) && !reach.loopback) return 'an address of this machine';
  if (isNear(host) && !reach.near) return 'an address of a private network';
  return undefined;
};
