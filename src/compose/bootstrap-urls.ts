// Joining through the URL of a node: it tells the addresses of nodes to connect to. What it says is
// only where to knock; whoever opens has to prove its own peer id.

import { z } from 'zod';
import type { ResolveBootstrap } from '../dht/bootstraps.ts';
import { plainUrl } from '../federation/policy.ts';
import type { Limits } from '../node/limits.ts';
import type { Outbound } from './outbound.ts';

export const PEERS_PATH = '/federation/peers';
const SELF_PATH = '/federation/status';

const Peers = z.object({
  network: z.string(),
  peers: z.array(z.object({ peerid: z.string(), addresses: z.array(z.string()) })),
});

const PEERS_MAX = 20;

const addressesOf = (peer: string, addresses: readonly string[], limits: Limits): string[] =>
  addresses
    .slice(0, limits.overlayAddressesPerPeerMax)
    .map((one) => (one.includes('/p2p/') ? one : `${one}/p2p/${peer}`));

const Self = z.object({
  network: z.string(),
  peerid: z.string(),
  addresses: z.array(z.string()),
});

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    // SyntaxError: whatever lives there, it is no node.
    return undefined;
  }
};

/** Asks the node at a URL one thing; throws what is wrong with the answer. */
const makeTold =
  (outbound: Outbound, network: string, limits: Limits) =>
  async <T extends { network: string }>(
    text: string,
    [path, schema, name]: readonly [string, z.ZodType<T>, string],
    signal: AbortSignal,
  ): Promise<T> => {
    const base = plainUrl(text);
    if (base === undefined) throw new Error('neither a multiaddress nor a plain URL');
    const asked = { method: 'GET', base, path, signal } as const;
    const { status, body } = await outbound.request({ ...asked, bytesMax: limits.askedBytesMax });
    if (status !== 200) throw new Error(`${base} answered with status ${status}`);
    const told = schema.safeParse(parsed(body.toString('utf8')));
    if (!told.success) throw new Error(`${base} gave no ${name}`);
    if (told.data.network !== network) {
      throw new Error(`${base} belongs to the network ${told.data.network}, not ${network}`);
    }
    return told.data;
  };

/** Turns the URL of a node into multiaddresses; rejects with what is wrong. */
export const makeResolveBootstrap = (
  outbound: Outbound,
  network: string,
  limits: Limits,
): ResolveBootstrap => {
  const ask = makeTold(outbound, network, limits);
  return async (text, signal) => {
    const told = await ask(text, [PEERS_PATH, Peers, 'list of peers'], signal);
    return told.peers
      .slice(0, PEERS_MAX)
      .flatMap(({ peerid, addresses }) => addressesOf(peerid, addresses, limits));
  };
};

/**
 * As `makeResolveBootstrap`, but only to the node that lives at the URL, which is told to `named`:
 * for those that connect to nobody else.
 */
export const makeResolveNamed = (
  outbound: Outbound,
  network: string,
  limits: Limits,
  named: (url: string, peer: string) => void,
): ResolveBootstrap => {
  const ask = makeTold(outbound, network, limits);
  return async (text, signal) => {
    const { peerid, addresses } = await ask(text, [SELF_PATH, Self, 'word of who it is'], signal);
    named(text, peerid);
    return addressesOf(peerid, addresses, limits);
  };
};
