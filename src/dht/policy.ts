// The address policy for multiaddresses: what may be dialled, stored for a peer and announced.
// One pure judge for all three, so that a node never announces what it would not dial itself.

import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import {
  type AddressPolicy,
  addressKind,
  forbidden,
  permittedPort,
} from '../node/model/address.ts';

/** Where this node stands: its policy, and whether it listens on loopback only. */
export interface Stand {
  readonly policy: AddressPolicy;
  readonly onLoopback: boolean;
}

/** The network part of a multiaddress. */
export interface Place {
  /** A numeric address or a name. */
  readonly host: string;
  readonly family: 4 | 6 | undefined;
  readonly isName: boolean;
  readonly port: number;
  /** Whether the place is a relay in front of the peer. */
  readonly relayed: boolean;
}

const NAMES: Readonly<Record<string, 4 | 6 | 0>> = { dns: 0, dns4: 4, dns6: 6 };

/**
 * The place of `/ip4|ip6|dns…/<host>/tcp/<port>[/p2p/<id>][/p2p-circuit[/p2p/<id>]]`; undefined for
 * every other shape, which is thereby never dialled, stored or announced.
 */
export const placeOf = (address: Multiaddr): Place | undefined => {
  const parts = address.getComponents().filter((part) => part.name !== 'ip6zone');
  const [host, tcp, ...rest] = parts;
  if (host?.value === undefined || tcp?.name !== 'tcp' || tcp.value === undefined) return undefined;
  const shape = rest.map((part) => part.name).join('/');
  if (!/^(p2p)?$|^p2p\/p2p-circuit(\/p2p)?$/.test(shape)) return undefined;
  const named = NAMES[host.name];
  if (named === undefined && host.name !== 'ip4' && host.name !== 'ip6') return undefined;
  return {
    host: host.value,
    family: named === undefined ? (host.name === 'ip4' ? 4 : 6) : named === 0 ? undefined : named,
    isName: named !== undefined,
    port: Number(tcp.value),
    relayed: shape.includes('p2p-circuit'),
  };
};

/**
 * Why `address` may not be dialled, stored or announced by a node that stands at `stand`; undefined
 * when it may. A name passes: it is judged by the address it resolves to when it is dialled.
 */
export const refusal = (stand: Stand, address: Multiaddr): string | undefined => {
  const place = placeOf(address);
  if (place === undefined) return 'not a TCP address';
  if (place.port < 1 || (stand.policy === 'public' && !permittedPort(place.port))) {
    return `port ${place.port} is not permitted`;
  }
  return place.isName ? undefined : forbidden(stand.policy, place.host, stand);
};

/** A multiaddress of an operator; throws a plain Error that quotes it when it does not parse. */
export const parseAddress = (text: string): Multiaddr => {
  try {
    return multiaddr(text);
  } catch (cause) {
    throw new Error(`not a multiaddress: ${text.slice(0, 200)}`, { cause });
  }
};

/** Whether every address that is listened on is loopback; false when nothing is listened on. */
export const listensOnLoopback = (listen: readonly string[]): boolean =>
  listen.length > 0 &&
  listen.every((text) => {
    const place = placeOf(parseAddress(text));
    return place !== undefined && !place.isName && addressKind(place.host) === 'loopback';
  });

/** The same address with the name replaced by the numeric address it was resolved to. */
export const pinned = (address: Multiaddr, ip: string, family: 4 | 6): Multiaddr => {
  const [, ...rest] = address.getComponents();
  const tail = rest.map((part) =>
    part.value === undefined ? `/${part.name}` : `/${part.name}/${part.value}`,
  );
  return multiaddr(`/ip${family}/${ip}${tail.join('')}`);
};
