// A party that only dials out: no listening, no table, no records, nothing on disk. A worker or an
// SDK that was given a multiaddress reaches nodes with it, of whatever network they are.
// Loading this loads libp2p: import it dynamically.

import './node20.ts';
import { fault } from '../node/errors.ts';
import type { AddressPolicy } from '../node/model/address.ts';
import { makeCalls, type OwnedCalls } from './calls.ts';
import { makeConduct, makeCounters } from './conduct.ts';
import { makeGater } from './gater.ts';
import { type Host, makeHost, peerIdOf } from './host.ts';
import type { NodeKey } from './node-key.ts';
import type { OverlayDeps } from './options.ts';
import type { Overlay } from './overlay.ts';
import type { Stand } from './policy.ts';
import { makeWires, parsePeer } from './wires.ts';

export interface OverlayClientOptions {
  readonly policy: AddressPolicy;
  /** A key for this run is enough: nobody needs to know a client again. */
  readonly key: NodeKey;
  readonly sharedKey?: string;
}

export type OverlayClient = Pick<
  Overlay,
  'start' | 'stop' | 'peerId' | 'dial' | 'drop' | 'open' | 'calls'
>;

const REFUSING: Overlay['handle'] = async () => {
  throw fault('unavailable', 'a client serves no protocol');
};

/** A client, not started. `policy` judges what it dials; on one machine that is `test`. */
export const makeOverlayClient = (
  options: OverlayClientOptions,
  deps: OverlayDeps,
): OverlayClient => {
  const { clock, limits } = deps;
  const log = deps.log.child({ part: 'overlay-client' });
  const counters = makeCounters();
  const stand: Stand = { policy: options.policy, onLoopback: false };
  const calls = new Map<string, OwnedCalls>();
  let host: Host | undefined;
  const running = (): Host => {
    if (host === undefined) throw fault('unavailable', 'the overlay client is not running');
    return host;
  };
  const connections = (peer?: string) =>
    host?.getConnections(peer === undefined ? undefined : parsePeer(peer)) ?? [];
  const drop = (peer: string, reason: string): void => {
    for (const connection of connections(peer)) connection.abort(new Error(reason));
  };
  const conduct = makeConduct({ clock, log, limits, counters, drop });
  const wires = makeWires({ host: running, stand, limits, log });
  return {
    peerId: peerIdOf(options.key.privateKey).toString(),
    start: async () => {
      host ??= await makeHost({
        stand,
        limits,
        privateKey: options.key.privateKey,
        listen: [],
        announce: [],
        gater: makeGater({ stand, limits, conduct, counters, connections }),
        ...(options.sharedKey === undefined ? {} : { sharedKey: options.sharedKey }),
        ...(deps.resolveName === undefined ? {} : { resolveName: deps.resolveName }),
        extras: {},
        onFound: () => undefined,
      });
      await host.start();
    },
    stop: async () => {
      for (const each of calls.values()) each.stop();
      await host?.stop();
      host = undefined;
    },
    dial: wires.dial,
    drop: wires.drop,
    open: wires.open,
    calls: (protocol) => {
      const known = calls.get(protocol);
      if (known !== undefined) return known;
      const streams = { handle: REFUSING, open: wires.open };
      const made = makeCalls({ protocol, streams, limits, clock, log, conduct, counters });
      calls.set(protocol, made);
      return made;
    },
  };
};
