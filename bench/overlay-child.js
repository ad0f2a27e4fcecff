// A process of the overlay benchmark: as many overlay nodes as it is asked for, and what they do.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answer, cpuUs } from './children.js';

const RPC = '/bench/rpc/1';
const root = mkdtempSync(join(tmpdir(), 'colonies-bench-'));
/** @type {any[]} */
const nodes = [];

const write = (thing) => new Uint8Array(Buffer.from(JSON.stringify(thing)));
const seqOf = (bytes) => JSON.parse(Buffer.from(bytes).toString()).seq;

const rules = {
  validate: () => undefined,
  compare: (_namespace, _key, a, b) => seqOf(a) - seqOf(b) || Buffer.compare(a, b),
  select: (_namespace, _key, list) =>
    list.reduce((best, each, at) => (seqOf(each) > seqOf(list[best]) ? at : best), 0),
};

const load = async () => {
  const [
    { makeOverlay },
    { nodeKey },
    { generateKey },
    { systemClock },
    { LIMITS },
    { silentLog },
  ] = await Promise.all([
    import('../dist/dht/node.js'),
    import('../dist/dht/node-key.js'),
    import('../dist/node/crypto/keys.js'),
    import('../dist/node/clock.js'),
    import('../dist/node/limits.js'),
    import('../dist/node/log.js'),
  ]);
  return { makeOverlay, nodeKey, generateKey, systemClock, LIMITS, silentLog };
};

const start = async ({ bootstraps }) => {
  const { makeOverlay, nodeKey, generateKey, systemClock, LIMITS, silentLog } = await load();
  const clock = systemClock();
  const overlay = makeOverlay(
    {
      network: 'bench',
      policy: 'test',
      key: nodeKey(generateKey(clock)),
      folder: join(root, String(nodes.length)),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstraps,
      rules,
      quotas: { thing: { bytesMax: 4_096, recordsMax: 10_000, recordsPerOwnerMax: 10_000 } },
    },
    { clock, log: silentLog(), limits: LIMITS },
  );
  nodes.push(overlay);
  await overlay.start();
  return overlay.addresses()[0];
};

const drain = async (reply) => {
  let bytes = 0;
  for await (const chunk of reply.body) bytes += chunk.length;
  return bytes;
};

const timed = async (run) => {
  const began = performance.now();
  await run();
  return performance.now() - began;
};

/** `count` calls, `together` of them at a time: milliseconds of each. */
const callMany = async ({ peer, count, together, size }) => {
  const calls = nodes[0].calls(RPC);
  const body = new Uint8Array(size);
  const times = [];
  let begun = 0;
  const worker = async () => {
    while (begun < count) {
      begun += 1;
      const options = { signal: AbortSignal.timeout(60_000) };
      times.push(await timed(async () => drain(await calls.call(peer, write({}), body, options))));
    }
  };
  await Promise.all(Array.from({ length: together }, worker));
  return times;
};

answer(
  {
    start,
    status: () => nodes.map((node) => node.status()),
    put: ({ key, seq }) => timed(() => nodes[0].put('thing', key, write({ seq }))),
    get: ({ key, quorum }) => timed(() => nodes[0].get('thing', key, { quorum })),
    usage: () => ({ cpuUs: cpuUs(), rss: process.memoryUsage().rss }),
    serve: () =>
      nodes[0].calls(RPC).serve(async ({ head, body, waits, signal }) => {
        if (waits) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        const chunks = [];
        for await (const chunk of body) chunks.push(chunk);
        return { head, body: Buffer.concat(chunks) };
      }),
    callMany,
    poll: ({ peer, count }) => {
      const calls = nodes[0].calls(RPC);
      for (let i = 0; i < count; i += 1) {
        const { signal } = new AbortController();
        const call = calls.call(peer, write({}), new Uint8Array(0), { signal, waits: true });
        // They end with the benchmark.
        call.catch(() => undefined);
      }
    },
  },
  async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    rmSync(root, { recursive: true, force: true });
  },
);
