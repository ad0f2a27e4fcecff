// A process with overlay nodes in it, built from `dist`, told what to do by lines of JSON:
// {id, node, do, with} in, {id, ok} or {id, error} out. For tests that kill and freeze processes.

import { createInterface } from 'node:readline';
import { makeOverlay } from '../../dist/dht/node.js';
import { nodeKey } from '../../dist/dht/node-key.js';
import { systemClock } from '../../dist/node/clock.js';
import { LIMITS } from '../../dist/node/limits.js';
import { silentLog } from '../../dist/node/log.js';

const read = (bytes) => JSON.parse(Buffer.from(bytes).toString());
const write = (thing) => new Uint8Array(Buffer.from(JSON.stringify(thing)));

const compare = (a, b) => read(a).seq - read(b).seq || Buffer.compare(a, b);

const rules = {
  validate: (_namespace, key, bytes) => {
    if (read(bytes).key !== key) throw new Error('names another key');
  },
  compare: (_namespace, _key, a, b) => compare(a, b),
  select: (_namespace, _key, list) =>
    list.reduce((best, each, at) => (compare(each, list[best]) > 0 ? at : best), 0),
};

const nodes = new Map();
const of = (name) => nodes.get(name);

const actions = {
  start: async (name, { key, folder, port, listen, bootstraps, network, limits, extras }) => {
    const overlay = makeOverlay(
      {
        network,
        policy: 'test',
        key: nodeKey(key),
        folder,
        listen: listen ?? [`/ip4/127.0.0.1/tcp/${port}`],
        bootstraps,
        extras,
        rules,
        quotas: { thing: { bytesMax: 4_096, recordsMax: 1_000, recordsPerOwnerMax: 1_000 } },
      },
      { clock: systemClock(), log: silentLog(), limits: { ...LIMITS, ...limits } },
    );
    nodes.set(name, overlay);
    await overlay.start();
    return overlay.addresses()[0];
  },
  put: (name, { key, seq }) => of(name).put('thing', key, write({ key, seq })),
  get: async (name, { key, quorum }) => {
    const began = performance.now();
    const found = await of(name).get('thing', key, { quorum });
    return {
      seq: found.best === undefined ? 0 : read(found.best).seq,
      agree: found.agree,
      ms: performance.now() - began,
    };
  },
  status: (name) => {
    const { table, members, records, counters } = of(name).status();
    return { table, members, records, counters };
  },
  local: async (name, { key }) => {
    const bytes = await of(name).local('thing', key);
    return bytes === undefined ? 0 : read(bytes).seq;
  },
  addresses: (name) => of(name).addresses(),
  peers: (name) => of(name).peers(),
  dial: (name, { address }) => of(name).dial(address),
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
