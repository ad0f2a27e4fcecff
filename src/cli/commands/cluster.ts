// `colonies cluster info`: the servers of a cluster as the server's owner sees them.

import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { SERVER_OWNER_FLAGS } from '../identity.ts';
import { listOf, showRounded, yesNo } from '../report.ts';
import { asServerOwner } from '../session.ts';

interface ClusterNode {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly peerport: number;
  readonly relayport: number;
  readonly apiport: number;
}

interface Cluster {
  readonly nodes: readonly ClusterNode[] | null;
  readonly leader: ClusterNode;
}

const info = command({
  path: ['cluster', 'info'],
  summary: 'Show the servers of a cluster',
  examples: ['colonies cluster info', 'colonies cluster info --json'],
  flags: { ...SERVER_FLAGS, ...SERVER_OWNER_FLAGS },
  run: async (ctx, flags) => {
    const { call } = await asServerOwner(ctx, flags);
    const cluster = await call<Cluster>('getclustermsg', {});
    if (ctx.globals.json) {
      ctx.json(cluster);
      return undefined;
    }
    const rows = listOf(cluster.nodes).map((node) => [
      node.name,
      node.host,
      node.apiport,
      node.port,
      node.peerport,
      node.relayport,
      yesNo(node.name === cluster.leader.name),
    ]);
    const header = ['Name', 'Host', 'APIPort', 'EtcdClientPort', 'EtcdPeerPort', 'RelayPort'];
    showRounded(ctx, rows, { header: [...header, 'Leader'] });
    return undefined;
  },
});

export const commands: readonly Command[] = [info];
