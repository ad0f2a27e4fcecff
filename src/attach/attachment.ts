// A client attached to a colony by its id: finds the hosts, verifies what it is told, brings calls
// to the
// home, to the next host when no connection to the home can be made, and back. Runs in browsers.

import type { Courier, Letter } from '../api/client/courier.ts';
import { ColoniesError } from '../api/client/error.ts';
import type { Exchange } from '../api/client/transport.ts';
import { placeOf } from '../federation/consent.ts';
import type { Place, Store } from '../federation/ports.ts';
import { openReader, type Reader } from '../federation/reader.ts';
import type { Host } from '../federation/resolve.ts';
import { rememberSignatures } from '../federation/rules.ts';
import type { SignatureCheck } from '../federation/signature.ts';
import type { TrustPolicy } from '../federation/trust.ts';
import type { Clock } from '../node/clock.ts';
import { Fault } from '../node/errors.ts';
import type { Log } from '../node/log.ts';
import { type Bootstrap, reachOf } from './bootstraps.ts';
import { makeDeliver, type OnReach } from './deliver.ts';
import { type Hosts, makeHosts } from './hosts.ts';
import { LIMITS } from './limits.ts';
import { meetNodes, type Nodes } from './nodes.ts';
import { type Attached, makeSending } from './sending.ts';
import { makeWatch } from './watch.ts';
import { makeWays, type Ways } from './ways.ts';
import type { Wire } from './wire.ts';

export interface MeetOptions {
  readonly bootstraps: readonly Bootstrap[];
  /** Refuses bootstraps of other networks; without it their network is taken. */
  readonly network?: string | undefined;
  readonly wire: Wire;
  /** Whether the wire also takes multiaddresses. */
  readonly canDial?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Where records of a network are kept; without it, memory. */
  readonly openStore?: (network: string) => Store;
  readonly policy?: TrustPolicy;
  /** Servers trusted without a chain. */
  readonly anchors?: readonly string[];
  readonly isSigned?: SignatureCheck;
}

export interface AttachOptions extends MeetOptions {
  readonly colonyid: string;
  /** Told after each try whether a host could be reached, before the call has ended. */
  readonly onReach?: OnReach;
}

/** Nodes to ask, and a resolver that verifies what they say. */
export interface Met {
  readonly nodes: Nodes;
  readonly reader: Reader;
  /** More places to ask: hosts that were found. Read at each lookup. */
  readonly more: Set<() => readonly Place[]>;
}

export interface Attachment extends Courier {
  readonly colonyid: string;
  readonly network: string;
  readonly nodes: Nodes;
  readonly reader: Reader;
  readonly hosts: Hosts;
  readonly routes: Ways['routes'];
  /** The server that answered last, and where; undefined before the first answer. */
  attached(): Attached | undefined;
  /** As `send`, to this server and no other, also when the colony does not name it. */
  sendTo(serverid: string, letter: Letter, signal: AbortSignal): Promise<Exchange>;
}

/** One kind of error for whoever calls, wherever it came from. */
const telling = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const code = error.code === 'conflict' ? 'bad-request' : error.code;
    throw new ColoniesError(code, error.message, { status: error.status, cause: error });
  }
};

/**
 * Asks the bootstraps who they are and opens a resolver of their network. Throws a Fault
 * `unavailable` when
 * there is no bootstrap, or none answers and no network is known.
 */
export const meet = async (options: MeetOptions): Promise<Met> => {
  const { bootstraps, network, wire, canDial = false, clock, log, openStore } = options;
  const { policy, anchors, isSigned } = options;
  const reach = reachOf(bootstraps);
  const nodes = await meetNodes({ bootstraps, reach, network, wire, canDial, clock, log });
  const more: Met['more'] = new Set();
  const store = openStore?.(nodes.network);
  const reader = await openReader({
    ...{ network: nodes.network, clock, log, ask: nodes.ask },
    bootstraps: () => [...nodes.places(), ...[...more].flatMap((places) => places())],
    ...(store === undefined ? {} : { store }),
    ...(policy === undefined ? {} : { policy }),
    ...(anchors === undefined ? {} : { anchors }),
    ...(isSigned === undefined ? {} : { isSigned }),
  });
  return { nodes, reader, more };
};

/**
 * The newest record of a host whose key does not fit: asked for seldom, for anybody can cause it.
 */
const makeRenew = ({ reader }: Met, clock: Clock) => {
  const askedAt = new Map<string, number>();
  return async (serverid: string): Promise<Host | undefined> => {
    const now = clock.now();
    if (now - (askedAt.get(serverid) ?? 0) < LIMITS.attachDownMs) return undefined;
    askedAt.set(serverid, now);
    return reader.resolver.server(serverid, { anew: true });
  };
};

const attachTo = async (options: AttachOptions): Promise<Attachment> => {
  const { colonyid, wire, clock, log, isSigned = rememberSignatures() } = options;
  const met = await meet({ ...options, isSigned });
  const { nodes, reader } = met;
  const hosts = makeHosts({ colonyid, resolver: reader.resolver, clock, log });
  let named: readonly Host[] = [];
  hosts.onChange((resolution) => {
    named = resolution.hosts;
  });
  // The hosts themselves answer when no bootstrap does.
  met.more.add(() => named.flatMap(({ record }) => (record ? [placeOf(record)] : [])));
  const reach = reachOf(options.bootstraps);
  const ways = makeWays({ colonyid, nodes, reach, wire, isSigned, clock });
  const deliver = makeDeliver({
    ...{ ways, wire, isSigned, clock, log },
    named: () => named,
    onReach: options.onReach,
    renew: makeRenew(met, clock),
  });
  const sending = makeSending(colonyid, hosts, deliver, (id) => reader.resolver.server(id));
  const watch = makeWatch({ colonyid, ways, isSigned, clock, hosts: sending.hostsFor });
  return {
    ...{ colonyid, network: nodes.network, nodes, reader, hosts, routes: ways.routes },
    send: (letter, signal) => telling(() => sending.send(letter, signal)),
    sendTo: (serverid, letter, signal) => telling(() => sending.sendTo(serverid, letter, signal)),
    watch: (letters, signal) => telling(() => watch(letters, signal)),
    attached: sending.attached,
  };
};

/**
 * Attaches to a colony. Asks the bootstraps who they are; the colony itself is looked up with the
 * first call.
 * Throws ColoniesError `unavailable` when there is no bootstrap, or none answers and no network is
 * known.
 */
export const attach = (options: AttachOptions): Promise<Attachment> =>
  telling(() => attachTo(options));
