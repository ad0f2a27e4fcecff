// A way to nodes at multiaddresses for programs that are no nodes: dials out, joins no table, keeps
// nothing. Loading this loads libp2p: import it dynamically, and only for a multiaddress.

import { makeCalls, type OwnedCalls } from '../dht/calls.ts';
import { type Conduct, makeConduct, makeCounters } from '../dht/conduct.ts';
import { makeGater } from '../dht/gater.ts';
import { type Host, makeHost } from '../dht/host.ts';
import { makeWires, parsePeer, type Wires } from '../dht/wires.ts';
import type { Clock } from '../node/clock.ts';
import { generateKey } from '../node/crypto/keys.ts';
import { Fault, fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { AddressPolicy } from '../node/model/address.ts';
import { CALL_PROTOCOL, decodeAnswerHead, encodeHead, readBody } from './relay-wire.ts';

export interface DialerDeps {
  readonly policy: AddressPolicy;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
  /** Key of a private overlay: 64 hex digits, or a swarm key file's text. */
  readonly sharedKey?: string | undefined;
}

export interface DialRequest {
  /** `/federation/…`, or `/api` with a client's envelope as the body. */
  readonly path: string;
  readonly body?: string;
  readonly waits?: boolean;
}

export interface DialReply {
  readonly status: number;
  readonly body: string;
  readonly proof: string | undefined;
}

export interface Dialer {
  /**
   * Sends a request to the node at a multiaddress. Rejects with a Fault whose `detail.sent` is 0
   * when
   * nobody was reached.
   */
  request(address: string, request: DialRequest, signal: AbortSignal): Promise<DialReply>;
  stop(): Promise<void>;
}

interface Line {
  readonly host: Host;
  readonly wires: Wires;
  readonly calls: OwnedCalls;
}

const NOTHING = new Uint8Array(0);

const openLine = async (deps: DialerDeps): Promise<Line> => {
  const { policy, clock, log, limits, sharedKey } = deps;
  const stand = { policy, onLoopback: policy === 'test' };
  const counters = makeCounters();
  const slot: { host?: Host } = {};
  const host = (): Host => {
    if (slot.host === undefined) throw fault('unavailable', 'the dialer is not running');
    return slot.host;
  };
  const drop = (peer: string, reason: string): void => {
    for (const open of host().getConnections(parsePeer(peer))) open.abort(new Error(reason));
  };
  const conduct: Conduct = makeConduct({ clock, log, limits, counters, drop });
  const connections = (peer?: string) =>
    slot.host?.getConnections(peer === undefined ? undefined : parsePeer(peer)) ?? [];
  slot.host = await makeHost({
    ...{ stand, limits, listen: [], announce: [], extras: {}, onFound: () => undefined },
    privateKey: generateKey(clock),
    gater: makeGater({ stand, limits, conduct, counters, connections }),
    ...(sharedKey === undefined ? {} : { sharedKey }),
  });
  await slot.host.start();
  const wires = makeWires({ host, stand, limits, log });
  const streams = { handle: wires.handle, open: wires.open };
  const shared = { streams, limits, clock, log, conduct, counters };
  return { host: slot.host, wires, calls: makeCalls({ protocol: CALL_PROTOCOL, ...shared }) };
};

/** A dialer; the library is started with the first request. */
export const makeDialer = (deps: DialerDeps): Dialer => {
  const peers = new Map<string, string>();
  let opening: Promise<Line> | undefined;

  const line = (): Promise<Line> => {
    opening ??= openLine(deps);
    return opening;
  };

  const peerAt = async ({ wires }: Line, address: string, signal: AbortSignal): Promise<string> => {
    const named = /\/p2p\/([^/]+)$/.exec(address)?.[1];
    if (named !== undefined) return named;
    const known = peers.get(address);
    if (known !== undefined) return known;
    try {
      const peer = await wires.dial(address, signal);
      peers.set(address, peer);
      return peer;
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Fault('unavailable', reason, { sent: 0 }, error);
    }
  };

  return {
    request: async (address, { path, body, waits = false }, signal) => {
      const open = await line();
      const peer = await peerAt(open, address, signal);
      const head = encodeHead(body === undefined ? { kind: 'get', path } : { kind: 'api' });
      const bytes = body === undefined ? NOTHING : Buffer.from(body, 'utf8');
      try {
        const reply = await open.calls.call(peer, head, bytes, {
          ...{ signal, waits, addresses: [address] },
        });
        const { status, proof } = decodeAnswerHead(reply.head);
        return { status, proof, body: (await readBody(reply.body)).toString('utf8') };
      } catch (error) {
        // Whoever listens at an address may change: the next request asks again.
        peers.delete(address);
        throw error;
      }
    },
    stop: async () => {
      if (opening === undefined) return;
      const { host, calls } = await opening;
      calls.stop();
      await host.stop();
    },
  };
};
