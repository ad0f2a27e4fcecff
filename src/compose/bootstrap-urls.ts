// Joining through the URL of a node: it tells the addresses of nodes to connect to. What it says is
// only where to knock; whoever opens has to prove its own peer id.

import { z } from 'zod';
import type { ResolveBootstrap } from '../dht/bootstraps.ts';
import { plainUrl } from '../federation/policy.ts';
import type { Limits } from '../node/limits.ts';
import type { Outbound } from './outbound.ts';

export const PEERS_PATH = '/federation/peers';

const Peers = z.object({
  network: z.string(),
  peers: z.array(z.object({ peerid: z.string(), addresses: z.array(z.string()) })),
});

const PEERS_MAX = 20;

const readPeers = (base: string, body: string): z.output<typeof Peers> => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // SyntaxError: whatever lives there, it is no node.
  }
  const told = Peers.safeParse(value);
  if (!told.success) throw new Error(`${base} gave no list of peers`);
  return told.data;
};

/** Turns the URL of a node into multiaddresses; rejects with what is wrong. */
export const makeResolveBootstrap =
  (outbound: Outbound, network: string, limits: Limits): ResolveBootstrap =>
  async (text, signal) => {
    const base = plainUrl(text);
    if (base === undefined) throw new Error('neither a multiaddress nor a plain URL');
    const asked = { method: 'GET', base, path: PEERS_PATH, signal } as const;
    const { status, body } = await outbound.request({ ...asked, bytesMax: limits.askedBytesMax });
    if (status !== 200) throw new Error(`${base} answered with status ${status}`);
    const told = readPeers(base, body.toString('utf8'));
    if (told.network !== network) {
      throw new Error(`${base} belongs to the network ${told.network}, not ${network}`);
    }
    return told.peers
      .slice(0, PEERS_MAX)
      .flatMap(({ peerid, addresses }) =>
        addresses
          .slice(0, limits.overlayAddressesPerPeerMax)
          .map((one) => (one.includes('/p2p/') ? one : `${one}/p2p/${peerid}`)),
      );
  };
