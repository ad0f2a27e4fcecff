// Hole punching needs public addresses: the library tries no others. A network namespace gives a
// child process a loopback of its own, on which any address can be put, and reaches nothing else.

import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import type { OverlayPeer } from '../../src/dht/overlay.ts';
import { systemClock } from '../../src/node/clock.ts';
import { generateKey } from '../../src/node/crypto/keys.ts';
import { type Child, startChild } from '../support/line-child.ts';
import { until } from '../support/overlay-world.ts';

const CHILD = fileURLToPath(new URL('../support/overlay-child.js', import.meta.url));
const SETUP = [
  'ip link set lo up',
  ...[1, 2, 3].map((last) => `ip addr add 8.8.4.${last}/32 dev lo`),
].join(' && ');
const NAMESPACE = ['unshare', '--map-root-user', '--net', 'sh', '-c', `${SETUP} && exec "$@"`, '-'];

const [command = '', ...rest] = NAMESPACE;
const hasNamespaces = spawnSync(command, [...rest, 'true']).status === 0;

const clock = systemClock();
let child: Child | undefined;
let root = '';

const ask = async <T>(name: string, action: string, options?: object): Promise<T> =>
  (await child?.ask(name, action, options)) as T;
const start = (name: string, settings: object): Promise<string> =>
  ask(name, 'start', {
    key: generateKey(clock),
    folder: join(root, name),
    network: 'punch',
    bootstraps: [],
    // Nobody looks for anybody by himself.
    limits: { overlayRedialMs: 600_000, overlayUpkeepMs: 600_000 },
    ...settings,
  });

/** A relay, a node that is reached through it only, and a caller with a public address. */
const startAll = async (extras: object): Promise<{ hidden: string; circuit: string }> => {
  root = await mkdtemp(join(tmpdir(), 'colonies-'));
  child = startChild(CHILD, NAMESPACE);
  const listen = (last: number) => [`/ip4/8.8.4.${last}/tcp/4001`];
  const relay = await start('relay', { listen: listen(1), extras: { relayServer: true } });
  const bootstraps = [relay];
  const outward = { listen: [], bootstraps, extras: { relayClient: true, ...extras } };
  await start('hidden', outward);
  const circuit = await until('it has a relayed address', async () =>
    (await ask<string[]>('hidden', 'addresses')).find((each) => each.includes('/p2p-circuit')),
  );
  await start('caller', { listen: listen(3), extras });
  const hidden = circuit.slice(circuit.lastIndexOf('/') + 1);
  return { hidden, circuit };
};
const seenByCaller = async (hidden: string): Promise<OverlayPeer | undefined> =>
  (await ask<OverlayPeer[]>('caller', 'peers')).find(({ id }) => id === hidden);

afterEach(async () => {
  if (child === undefined) return;
  child.process.kill('SIGKILL');
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

it('a node behind a relay connects to its caller directly, and the relayed connection ends', async (context) => {
  if (!hasNamespaces) context.skip('this machine gives no network namespace');
  const { hidden, circuit } = await startAll({ holePunching: true });
  await ask('caller', 'dial', { address: circuit });
  const peer = await until('the direct connection is the only one', async () => {
    const seen = await seenByCaller(hidden);
    return seen?.relayed === false && seen.direction === 'in' ? seen : undefined;
  });
  expect(peer.member).toBe(true);
});

it('without hole punching they go on over the relay', async (context) => {
  if (!hasNamespaces) context.skip('this machine gives no network namespace');
  const { hidden, circuit } = await startAll({});
  await ask('caller', 'dial', { address: circuit });
  await until('it said who it is', () => seenByCaller(hidden));
  // Answers to a lookup come from the relay as well, over which a direct way might be found.
  await ask('caller', 'put', { key: 'x', seq: 1 });
  expect(await seenByCaller(hidden)).toMatchObject({ relayed: true, direction: 'out' });
});
