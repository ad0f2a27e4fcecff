// A way to nodes at multiaddresses for programs that are no nodes: dials out, joins no table, keeps
// nothing. Loading this loads libp2p: import it dynamically, and only for a multiaddress.

import { makeOverlayClient, type OverlayClient } from '../dht/client.ts';
import { nodeKey } from '../dht/node-key.ts';
import type { Calls } from '../dht/overlay.ts';
import type { Clock } from '../node/clock.ts';
import { generateKey } from '../node/crypto/keys.ts';
import { Fault } from '../node/errors.ts';
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
   * when nobody was reached.
   */
  request(address: string, request: DialRequest, signal: AbortSignal): Promise<DialReply>;
  /** Starts the library ahead of the first request, whose deadline it would use up. */
  open(): Promise<void>;
  stop(): Promise<void>;
}

interface Line {
  readonly client: OverlayClient;
  readonly calls: Calls;
}

const NOTHING = new Uint8Array(0);

const openLine = async ({ policy, sharedKey, ...deps }: DialerDeps): Promise<Line> => {
  const key = nodeKey(generateKey(deps.clock));
  const secret = sharedKey === undefined ? {} : { sharedKey };
  const client = makeOverlayClient({ policy, key, ...secret }, deps);
  await client.start();
  return { client, calls: client.calls(CALL_PROTOCOL) };
};

/** A dialer; the library is started with the first request, unless it was opened before. */
export const makeDialer = (deps: DialerDeps): Dialer => {
  const peers = new Map<string, string>();
  let opening: Promise<Line> | undefined;

  const line = (): Promise<Line> => {
    opening ??= openLine(deps);
    return opening;
  };

  const peerAt = async (
    { client }: Line,
    address: string,
    signal: AbortSignal,
  ): Promise<string> => {
    const named = /\/p2p\/([^/]+)$/.exec(address)?.[1];
    if (named !== undefined) return named;
    const known = peers.get(address);
    if (known !== undefined) return known;
    try {
      const peer = await client.dial(address, signal);
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
    open: async () => {
      await line();
    },
    stop: async () => {
      if (opening === undefined) return;
      // That the last answer was received leaves at the end of this turn: else it counts as lost.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      await (await opening).client.stop();
    },
  };
};
