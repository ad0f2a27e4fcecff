// Operations on the server itself.

import { z } from 'zod';
import { Statistics } from '../../node/model/statistics.ts';
import { struct, text } from '../../node/model/wire.ts';
import { op } from '../op.ts';
import { wrong } from './wrong.ts';

export const getVersion = op({
  type: 'versionmsg',
  doc: 'Gives the server’s version. Unsigned.',
  kind: 'read',
  wrong: wrong('Failed to get server version'),
  msg: struct({ buildversion: text(), buildtime: text() }),
  reply: z.object({ buildversion: z.string(), buildtime: z.string(), msgtype: z.string() }),
  allow: { who: 'anyone' },
  run: ({ server }) => ({
    buildversion: server.buildversion,
    buildtime: server.buildtime,
    msgtype: 'versionmsg',
  }),
});

export const getServerInfo = op({
  type: 'getserverinfomsg',
  doc: 'Gives the server’s version and where it listens. Unsigned.',
  kind: 'read',
  wrong: wrong('Failed to get server info'),
  msg: struct({}),
  payloadIgnored: true,
  reply: z.object({
    buildversion: z.string(),
    buildtime: z.string(),
    backends: z.array(
      z.object({
        type: z.string(),
        port: z.number(),
        host: z.string().optional(),
        tls: z.boolean().optional(),
      }),
    ),
  }),
  allow: { who: 'anyone' },
  run: ({ server: { buildversion, buildtime, host, port, tls } }) => ({
    buildversion,
    buildtime,
    backends: [
      { type: 'http', port, ...(host === '' ? {} : { host }), ...(tls ? { tls: true } : {}) },
    ],
  }),
});

export const getStatistics = op({
  type: 'getstatisticsmsg',
  doc: 'Counts colonies, executors, processes and workflows of the whole server.',
  kind: 'read',
  wrong: wrong('Failed to get statistics', {
    mismatch: 'Failed to get server version, msg.MsgType does not match payloadType',
  }),
  msg: struct({}),
  reply: Statistics,
  allow: { who: 'server-owner' },
  run: (cx) => cx.engine.server.statistics(),
});

const Node = z.object({
  name: z.string(),
  host: z.string(),
  port: z.number(),
  peerport: z.number(),
  relayport: z.number(),
  apiport: z.number(),
});

export const getCluster = op({
  type: 'getclustermsg',
  doc: 'Describes this node as a cluster of one. The ports of other protocols are 0.',
  kind: 'read',
  wrong: wrong('Failed to get cluster info'),
  msg: struct({}),
  reply: z.object({ nodes: z.array(Node), leader: Node }),
  allow: { who: 'server-owner' },
  run: ({ server: { name, host, port: apiport } }) => {
    const node = { name, host, port: 0, peerport: 0, relayport: 0, apiport };
    return { nodes: [node], leader: node };
  },
});
