// The settings of a node as a part of the overlay; a part of the one schema in config.ts.

import { z } from 'zod';
import { ADDRESS_POLICIES } from './model/address.ts';

const ADDRESS = z.string().regex(/^\/[a-z0-9]+\/\S+$/, 'expected a multiaddress');
const PLACE = z
  .string()
  .regex(/^(\/[a-z0-9]+\/|https?:\/\/[^\s/])\S*$/, 'expected a multiaddress or an http(s) URL');
const option = (description: string, env: string, flag: string) =>
  z
    .boolean()
    .default(false)
    .meta({ description, env: [env], flag });

/** The settings under `overlay`. */
export const OverlaySchema = z.strictObject({
  listen: z
    .array(ADDRESS)
    .default([])
    .meta({
      description:
        'Multiaddresses to listen on; one of listen, bootstrap, network joins the overlay',
      env: ['COLONIES_LISTEN'],
      flag: 'listen',
    }),
  bootstrap: z
    .array(PLACE)
    .default([])
    .meta({
      description: 'Nodes to join through: multiaddresses, or http(s) URLs of nodes',
      env: ['COLONIES_BOOTSTRAP'],
      flag: 'bootstrap',
    }),
  announce: z
    .array(PLACE)
    .default([])
    .meta({
      description: 'Multiaddresses and http(s) URLs under which others reach this node',
      env: ['COLONIES_ANNOUNCE'],
      flag: 'announce',
    }),
  network: z
    .string()
    .regex(/^[a-z0-9-]{0,32}$/, 'expected up to 32 of a-z, 0-9 and -')
    .default('')
    .meta({
      description: 'Name of the overlay; `colonies` when empty',
      env: ['COLONIES_NETWORK'],
      flag: 'network',
    }),
  addressPolicy: z
    .enum(ADDRESS_POLICIES)
    .default('public')
    .meta({
      description: 'Which addresses of others may be connected to and announced',
      env: ['COLONIES_ADDRESS_POLICY'],
      flag: 'address-policy',
    }),
  sharedKeyFile: z
    .string()
    .default('')
    .meta({
      description: 'File with the key of a private overlay: 64 hex digits, or a swarm key',
      env: ['COLONIES_OVERLAY_KEY_FILE'],
      flag: 'overlay-key-file',
    }),
  mdns: option('Find nodes on the local network', 'COLONIES_MDNS', 'mdns'),
  relayServer: option(
    'Carry connections for nodes that cannot be dialled',
    'COLONIES_RELAY_SERVER',
    'relay-server',
  ),
  relayClient: option(
    'Be reachable through other nodes: for hosts behind NAT',
    'COLONIES_RELAY_CLIENT',
    'relay-client',
  ),
  holePunching: option(
    'Turn relayed connections into direct ones',
    'COLONIES_HOLE_PUNCHING',
    'hole-punching',
  ),
  portMapping: option('Ask the router for a port', 'COLONIES_PORT_MAPPING', 'port-mapping'),
});
