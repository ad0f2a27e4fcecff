// What a URL from a stranger may make this node connect to. Pure: names are resolved by the caller,
// who then connects to the very address that was checked here and keeps the name for TLS.

import { isIP } from 'node:net';
import { type AddressPolicy, forbidden, permittedPort } from '../node/model/address.ts';
import { isPlainUrl } from './payloads.ts';

export interface UrlPolicy {
  readonly policy: AddressPolicy;
  /** Whether this node itself lives on loopback only; lets `lan` reach loopback. */
  readonly onLoopback?: boolean;
}

export interface Target {
  /** `https://host:port/path` without a last slash. */
  readonly base: string;
  readonly secure: boolean;
  /** Host name or numeric address, without brackets. */
  readonly host: string;
  readonly port: number;
}

const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1');

/**
 * Where a published URL points, or why it may not be used (a sentence). Numeric hosts are judged at
 * once; for a name every address it resolves to has to pass `permittedAddress`.
 */
export const permittedUrl = (text: string, rules: UrlPolicy): Target | string => {
  if (!isPlainUrl(text)) return 'not a plain http or https URL';
  const url = new URL(text);
  const secure = url.protocol === 'https:';
  if (!secure && rules.policy === 'public') return 'http under the policy public';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  if (!permittedPort(port)) return `port ${port} belongs to another service`;
  const host = bare(url.hostname);
  if (isIP(host) !== 0) {
    const reason = forbidden(rules.policy, host, rules);
    if (reason !== undefined) return reason;
  }
  return { base: text, secure, host, port };
};

/**
 * The first of the addresses a name resolved to that may be connected to, or why none may. Called
 * for each connection anew: a name that changes its answer between check and use gains nothing.
 */
export const permittedAddress = (
  addresses: readonly string[],
  rules: UrlPolicy,
): { readonly address: string } | string => {
  let reason = 'the name has no address';
  for (const address of addresses) {
    const problem = forbidden(rules.policy, address, rules);
    if (problem === undefined) return { address };
    reason = problem;
  }
  return reason;
};

/** A URL in the one form that records carry, for publishers; undefined when there is none. */
export const plainUrl = (text: string): string | undefined => {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const path = url.pathname.replace(/\/+$/, '');
  const plain = `${url.protocol}//${url.host}${path}`;
  return isPlainUrl(plain) ? plain : undefined;
};
