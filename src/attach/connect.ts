// A typed client for a colony that is known by its id only: the SDK's way into the federation.
// Plain HTTP from
// any node, every byte verified here.

import { type Client, makeClient } from '../api/client/client.ts';
import type { Sign } from '../api/client/envelopes.ts';
import { ColoniesError } from '../api/client/error.ts';
import type { Store } from '../federation/ports.ts';
import { OPEN_POLICY } from '../federation/reader.ts';
import type { Host } from '../federation/resolve.ts';
import { isId } from '../node/crypto/ids.ts';
import { type Log, silentLog } from '../node/log.ts';
import { type Attachment, attach } from './attachment.ts';
import { readBootstraps } from './bootstraps.ts';
import { webClock } from './web-clock.ts';
import { makeWire, type Wire } from './wire.ts';

export interface ConnectOptions {
  /** The colony's id, 64 hex digits. */
  readonly colony: string;
  /** Private key of the caller, 64 hex digits. */
  readonly key: string;
  /** A faster signer for `key`. */
  readonly sign?: Sign;
  /** Nodes to start from: URLs, or multiaddresses where `dial` is given. */
  readonly bootstrap: string | readonly string[];
  /** Refuses nodes of other networks. Without it the network of the first bootstrap is taken. */
  readonly network?: string;
  /** `federated` uses only servers that a chain of endorsements from `anchors` leads to. */
  readonly mode?: 'open' | 'federated';
  readonly anchors?: readonly string[];
  /** Keeps what was verified beyond this program's life. */
  readonly openStore?: (network: string) => Store;
  readonly fetch?: typeof fetch;
  /** Reaches nodes at multiaddresses. */
  readonly dial?: Wire;
  readonly log?: Log;
}

/** One host of the colony, as this client sees it. */
export type ColonyHost = Pick<
  Host,
  'serverid' | 'home' | 'urls' | 'addresses' | 'trusted' | 'usable' | 'reason'
>;

export type AttachedClient = Client & {
  readonly colonyid: string;
  readonly network: string;
  /** The hosts in order, home first. */
  hosts(): Promise<readonly ColonyHost[]>;
  /** The server that answered the last call, and through which address. */
  attached(): { readonly serverid: string; readonly via: string } | undefined;
  /** For a worker loop, or a client with another key. */
  readonly courier: Attachment;
};

const shown = (host: Host): ColonyHost => {
  const { serverid, home, urls, addresses, trusted, usable, reason } = host;
  return { serverid, home, urls, addresses, trusted, usable, reason };
};

/**
 * Attaches to a colony and gives a client for it, which names the colony by its id in messages.
 * Calls go to
 * the home, to the next host when no connection to the home can be made, and back when it returns.
 * Throws
 * ColoniesError: `unavailable` when no bootstrap answers, `bad-reply` for replies that are not
 * proven,
 * `outcome-unknown` when a call that changes something was sent and it is not known what became of
 * it.
 */
export const connect = async (options: ConnectOptions): Promise<AttachedClient> => {
  const { colony, key, bootstrap, network, mode = 'open', anchors = [], dial } = options;
  if (!isId(colony)) {
    throw new ColoniesError('bad-request', 'colony: expected its id, 64 lower-case hex digits');
  }
  const texts = typeof bootstrap === 'string' ? [bootstrap] : bootstrap;
  const courier = await attach({
    colonyid: colony,
    bootstraps: readBootstraps(texts),
    network,
    wire: makeWire(options.fetch, dial),
    canDial: dial !== undefined,
    clock: webClock(),
    log: options.log ?? silentLog(),
    policy: { ...OPEN_POLICY, mode },
    anchors,
    ...(options.openStore === undefined ? {} : { openStore: options.openStore }),
  });
  const client = makeClient({
    key,
    courier,
    ...(options.sign === undefined ? {} : { sign: options.sign }),
  });
  return {
    ...client,
    colonyid: colony,
    network: courier.network,
    hosts: async () => (await courier.hosts.current()).hosts.map(shown),
    attached: courier.attached,
    courier,
  };
};
