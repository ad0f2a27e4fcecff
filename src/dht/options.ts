// What a node is made from: its options and what they must satisfy.

import type { Clock } from '../node/clock.ts';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { AddressPolicy } from '../node/model/address.ts';
import type { ResolveBootstrap } from './bootstraps.ts';
import type { Extras } from './extras.ts';
import type { NodeKey } from './node-key.ts';
import type { NamespaceQuota, RecordRules } from './overlay.ts';
import type { ResolveName } from './transport.ts';

export type Admits = (peer: string) => boolean;

export interface OverlayOptions {
  /** 1 to 32 of a-z, 0-9 and `-`: nodes of different networks never share a table or a record. */
  readonly network: string;
  readonly policy: AddressPolicy;
  readonly key: NodeKey;
  /** Folder of the overlay's own LevelDB, made when missing. */
  readonly folder: string;
  /** Multiaddresses, such as `/ip4/0.0.0.0/tcp/4001`. */
  readonly listen: readonly string[];
  /**
   * Announced instead of what is listened on. Under `public`, without any, only those addresses are
   * announced that other nodes confirmed.
   */
  readonly announce?: readonly string[];
  /** Multiaddresses, and whatever `resolveBootstrap` understands. */
  readonly bootstraps?: readonly string[];
  readonly resolveBootstrap?: ResolveBootstrap;
  /** 64 hex digits or a swarm key file's text: only nodes with the same one connect. */
  readonly sharedKey?: string;
  /** Finds nodes of the same network on the local network by multicast. */
  readonly mdns?: boolean;
  /**
   * Whether a peer, by its id, may be connected with in either direction; everybody may when it is
   * left out. Asked anew each time.
   */
  readonly admits?: Admits;
  readonly extras?: Omit<Extras, 'mdns' | 'confirmation'>;
  readonly rules: RecordRules;
  /** The namespaces that exist, with what is held of each. Names: 1 to 32 of a-z and `-`. */
  readonly quotas: Readonly<Record<string, NamespaceQuota>>;
}

export interface OverlayDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
  /** Resolves names in multiaddresses; the system's resolver when it is left out. */
  readonly resolveName?: ResolveName;
}

const NETWORK = /^[a-z0-9-]{1,32}$/;
const NAMESPACE = /^[a-z-]{1,32}$/;

/** Whether `text` can name a network. */
export const isNetworkName = (text: string): boolean => NETWORK.test(text);

/** Throws `bad-request` for options that cannot work, before anything is opened. */
export const checkOptions = ({ network, quotas, mdns, policy }: OverlayOptions): void => {
  if (!isNetworkName(network)) {
    throw fault('bad-request', 'a network name has 1 to 32 of a-z, 0-9 and -');
  }
  for (const namespace of Object.keys(quotas)) {
    if (!NAMESPACE.test(namespace) || namespace === 'pk') {
      throw fault('bad-request', `${namespace} cannot name a namespace`);
    }
  }
  if (mdns === true && policy === 'public') {
    throw fault('bad-request', 'discovery on the local network needs the policy lan or test');
  }
};
