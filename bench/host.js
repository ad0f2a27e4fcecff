// The process under measurement: one real node, from socket to disk, and what it used.

import { Level } from 'level';
import { createNode, readConfig } from '../dist/index.js';
import { answer, cpuUs } from './children.js';

let syncedBatches = 0;

// Counted at the database, from outside of what is measured.
const countSyncedBatches = () => {
  const { batch } = Level.prototype;
  Level.prototype.batch = function counted(...given) {
    const made = batch.apply(this, given);
    if (given.length > 0) return made;
    const { write } = made;
    made.write = (options) => {
      if (options?.sync === true) syncedBatches += 1;
      return write.call(made, options);
    };
    return made;
  };
};

/** @type {import('../dist/index.js').Node | undefined} */
let node;

countSyncedBatches();
answer(
  {
    /** Starts the node over a folder; tells how long that took. */
    start: async ({ dir, engine }) => {
      const file = {
        dataDir: dir,
        http: { host: '127.0.0.1', port: 0, tls: false },
        crypto: { engine },
        executors: { staleAfterS: 0 },
      };
      const [wallMs, cpu] = [performance.now(), cpuUs()];
      node = await createNode(readConfig({ file }));
      return { port: node.port, wallMs: performance.now() - wallMs, cpuUs: cpuUs() - cpu };
    },
    usage: () => ({ cpuUs: cpuUs(), syncedBatches }),
    /** What lives after a full collection, and what the system gave. Bytes. */
    memory: () => {
      globalThis.gc?.();
      globalThis.gc?.();
      const { heapUsed, external, rss } = process.memoryUsage();
      return { live: heapUsed + external, rss };
    },
    stop: () => node?.stop(),
  },
  () => node?.stop(),
);
