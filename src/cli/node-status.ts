// The public status of a node, and other things that it answers without a signature.

import { z } from 'zod';
import { baseUrl, type ServerAddress, serverAddress } from './address.ts';
import type { Context } from './command.ts';
import { advised, ServerError } from './errors.ts';
import { readReply } from './rpc.ts';
import { callDeadline, exchange } from './transport.ts';

const NodeStatus = z.object({
  serverid: z.string(),
  peerid: z.string(),
  nodekey: z.string(),
  network: z.string(),
  mode: z.string(),
  policy: z.string(),
  addresses: z.array(z.string()),
  urls: z.array(z.string()),
  peers: z.int(),
  certificate: z.object({ state: z.string(), expiresat: z.int(), help: z.string() }),
  published: z.object({ sequence: z.int(), copies: z.int(), at: z.int() }),
  version: z.string(),
});
export type NodeStatus = z.output<typeof NodeStatus>;

const OVERLAY_OFF =
  'Its overlay is switched off. Start it with --listen /ip4/0.0.0.0/tcp/4001, with --bootstrap or with --network.';
const NO_NODE = 'Check --host and --port; a node of this release answers GET /federation/status.';

/** The JSON document at a path of `/federation/`. Throws ServerError for refusals. */
export const getFrom = async (at: ServerAddress, path: string): Promise<unknown> => {
  const { status, body } = await exchange(at, path, undefined, callDeadline());
  if (status !== 200) readReply(status, body);
  try {
    return JSON.parse(body);
  } catch (error) {
    throw advised(`${baseUrl(at)} gave no JSON for ${path}`, NO_NODE, error);
  }
};

/** The status of the node that flags and environment name: as it was sent, and as it is shown. */
export const statusOf = async (
  ctx: Pick<Context, 'env' | 'globals' | 'log'>,
  flags: { readonly host?: string | undefined; readonly port?: number | undefined },
): Promise<{ readonly raw: unknown; readonly shown: NodeStatus }> => {
  const at = serverAddress(ctx, flags);
  const { status, body } = await exchange(at, '/federation/status', undefined, callDeadline());
  if (status === 404) {
    throw advised(`${baseUrl(at)} does not take part in an overlay`, OVERLAY_OFF);
  }
  if (status !== 200) throw new ServerError(status, `${baseUrl(at)} answered HTTP ${status}`);
  let raw: unknown;
  try {
    raw = JSON.parse(body);
  } catch (error) {
    throw advised(`${baseUrl(at)} is no Colonies node`, NO_NODE, error);
  }
  const parsed = NodeStatus.safeParse(raw);
  if (parsed.success) return { raw, shown: parsed.data };
  throw advised(`${baseUrl(at)} gave a status that this release does not know`, NO_NODE);
};
