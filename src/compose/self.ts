// What this node tells others about where it is: addresses of the overlay, and URLs of its RPC.

import { plainUrl } from '../federation/policy.ts';
import type { AddressPolicy } from '../node/model/address.ts';
import { addressKind } from '../node/model/address.ts';

export interface SelfOptions {
  readonly policy: AddressPolicy;
  /** Multiaddresses and URLs given by the operator. */
  readonly announce: readonly string[];
  /** Where the RPC listens; '' is every address. */
  readonly httpHost: string;
  readonly httpPort: () => number;
  readonly tls: boolean;
}

const isUrl = (text: string): boolean => /^https?:\/\//.test(text);

/** The announced multiaddresses of a list that also holds URLs. */
export const multiaddressesIn = (announce: readonly string[]): readonly string[] =>
  announce.filter((text) => !isUrl(text));

/** The announced URLs, in the form records carry; what is no plain URL is left out. */
export const urlsIn = (announce: readonly string[]): readonly string[] =>
  announce.filter(isUrl).flatMap((text) => plainUrl(text) ?? []);

/** The host of `/ip4|ip6/<host>/tcp/…`, undefined for names and for circuits. */
const hostOf = (address: string): string | undefined =>
  address.includes('/p2p-circuit') ? undefined : /^\/ip[46]\/([^/]+)\/tcp\//.exec(address)?.[1];

const urlOf = (host: string, port: number, tls: boolean): string => {
  const name = host.includes(':') ? `[${host}]` : host;
  return plainUrl(`${tls ? 'https' : 'http'}://${name}:${port}`) ?? '';
};

/**
 * URLs to publish: those of the operator; without any, outside `public`, the RPC's port on the
 * hosts that the overlay announces, as far as the RPC listens there.
 */
export const selfUrls = (options: SelfOptions, addresses: readonly string[]): readonly string[] => {
  const { policy, announce, httpHost, httpPort, tls } = options;
  if (announce.length > 0 || policy === 'public') return urlsIn(announce);
  const everywhere = httpHost === '' || httpHost === '0.0.0.0' || httpHost === '::';
  const hosts = new Set(addresses.flatMap((address) => hostOf(address) ?? []));
  const numeric = addressKind(httpHost) === undefined ? [] : [httpHost];
  const here = everywhere ? [...hosts] : numeric;
  return here.map((host) => urlOf(host, httpPort(), tls)).filter((url) => url !== '');
};
