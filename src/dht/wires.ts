// Dialling, dropping, opening and handling streams on a node, in the terms of the port.

import type { PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { Multiaddr } from '@multiformats/multiaddr';
import { Fault, fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { Host } from './host.ts';
import type { Overlay } from './overlay.ts';
import { parseAddress, refusal, type Stand } from './policy.ts';
import { reasonAt } from './reasons.ts';
import { deadline } from './signals.ts';
import { makeOpenLive, wrapStream } from './streams.ts';

export type Wires = Pick<Overlay, 'dial' | 'drop' | 'open' | 'handle'>;

export interface WiresDeps {
  readonly host: () => Host;
  readonly stand: Stand;
  readonly limits: Limits;
  readonly log: Log;
}

/** A peer id from its text; throws `bad-request` when it is none. */
export const parsePeer = (text: string): PeerId => {
  try {
    return peerIdFromString(text);
  } catch {
    // The library's reasons are about encodings; whoever wrote the text needs to know which text.
    throw fault('bad-request', `not a peer id: ${text.slice(0, 100)}`);
  }
};

const parse = (text: string): Multiaddr => {
  try {
    return parseAddress(text);
  } catch (error) {
    throw fault('bad-request', (error as Error).message);
  }
};

/** The wires of one node. */
export const makeWires = ({ host, stand, limits, log }: WiresDeps): Wires => {
  const openLive = makeOpenLive(host);
  const permitted = (addresses: readonly string[], peer: string): Multiaddr[] =>
    addresses
      .slice(0, limits.overlayAddressesPerPeerMax)
      .map((text) => parse(text.includes('/p2p/') ? text : `${text}/p2p/${peer}`))
      .filter((address) => refusal(stand, address) === undefined);
  const hasAddress = async (peer: PeerId): Promise<boolean> =>
    (await host().peerStore.has(peer)) && (await host().peerStore.get(peer)).addresses.length > 0;
  const reach = async (
    peer: PeerId,
    addresses: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    if (host().getConnections(peer).length > 0) return;
    const targets = permitted(addresses ?? [], peer.toString());
    if (targets.length > 0) {
      await host().dial(targets, { signal });
      return;
    }
    // Without an address the library would look the peer up in the whole overlay, or wait for one.
    if (await hasAddress(peer)) return;
    throw fault('unavailable', `no address of peer ${peer.toString()} is known`, { sent: 0 });
  };
  return {
    dial: async (text, given) => {
      const signal = deadline(limits.overlayDialMs, given);
      if (!text.startsWith('/')) {
        const connection = await host().dial(parsePeer(text), { signal });
        return connection.remotePeer.toString();
      }
      const address = parse(text);
      const why = refusal(stand, address);
      if (why !== undefined) {
        throw fault('forbidden', `the address policy ${stand.policy} forbids ${text}: ${why}`);
      }
      try {
        const connection = await host().dial(address, { signal });
        return connection.remotePeer.toString();
      } catch (error) {
        given?.throwIfAborted();
        throw new Fault('unavailable', `${text}: ${reasonAt(error)}`, {}, error);
      }
    },
    drop: async (peer, reason) => {
      for (const connection of host().getConnections(parsePeer(peer))) {
        connection.abort(new Error(reason));
      }
    },
    open: async (peer, protocol, signal, addresses) => {
      const id = parsePeer(peer);
      await reach(id, addresses, signal);
      return wrapStream(await openLive(id, protocol, { signal }), peer, limits);
    },
    handle: (protocol, onStream, options = {}) =>
      host().handle(
        protocol,
        async (stream, connection) => {
          const peer = connection.remotePeer.toString();
          try {
            await onStream(wrapStream(stream, peer, limits));
          } catch (error) {
            // Whatever ends a stream ends it for both sides; who is at fault was noted by the
            // protocol.
            log.debug('a stream ended with an error', { peer, protocol, error });
            stream.abort(error as Error);
          }
        },
        {
          maxInboundStreams: options.inboundMax ?? limits.overlayStreamsPerPeerMax,
          maxOutboundStreams: limits.overlayStreamsPerPeerMax,
          runOnLimitedConnection: options.overRelay ?? true,
        },
      ),
  };
};
