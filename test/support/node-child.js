// A process with whole nodes in it, built from `dist`, told what to do by lines of JSON:
// {id, node, do, with} in, {id, ok} or {id, error} out. For tests that kill and freeze processes.

import { createInterface } from 'node:readline';
import { createNode, readConfig } from '../../dist/index.js';

const nodes = new Map();
const of = (name) => nodes.get(name);

const actions = {
  /** Starts a node with these settings by path; gives where it answers. */
  start: async (name, { settings, serverKey }) => {
    const node = await createNode(
      readConfig({ flags: settings }),
      serverKey === undefined ? {} : { serverKey },
    );
    nodes.set(name, node);
    return { port: node.port };
  },
  usage: () => ({ cpu: process.cpuUsage(), rss: process.memoryUsage().rss }),
  stop: (name) => of(name).stop(),
};

const answer = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, node, do: action, with: options } = JSON.parse(line);
  try {
    answer({ id, ok: await actions[action](node, options) });
  } catch (error) {
    answer({ id, error: String(error?.stack ?? error) });
  }
});
process.stdin.on('end', () => process.exit(0));
