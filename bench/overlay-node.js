// A process of the relay benchmark: one whole node, with or without an overlay.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNode, readConfig } from '../dist/index.js';
import { answer, cpuUs } from './children.js';

const root = mkdtempSync(join(tmpdir(), 'colonies-bench-'));
/** @type {import('../dist/index.js').Node | undefined} */
let node;

answer(
  {
    start: async ({ serverId, serverKey, bootstrap, announce, overlayPort, off }) => {
      const overlay = {
        listen: [`/ip4/127.0.0.1/tcp/${overlayPort}`],
        announce,
        bootstrap,
        network: 'bench',
        addressPolicy: 'test',
      };
      const file = {
        dataDir: join(root, 'node'),
        server: { id: serverId },
        http: { host: '127.0.0.1', port: 0, tls: false },
        executors: { staleAfterS: 0 },
        ...(off ? {} : { overlay }),
      };
      node = await createNode(readConfig({ file }), { serverKey });
      return node.port;
    },
    usage: () => ({ cpuUs: cpuUs(), rss: process.memoryUsage().rss }),
    stop: () => node?.stop(),
  },
  async () => {
    await node?.stop();
    rmSync(root, { recursive: true, force: true });
  },
);
