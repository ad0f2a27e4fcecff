import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerIdFromString } from '@libp2p/peer-id';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { peerIdOf } from '../../src/dht/host.ts';
import { nodeKey, openNodeKey } from '../../src/dht/node-key.ts';
import { publicKeyOf } from '../../src/dht/peer-ids.ts';
import { systemClock } from '../../src/node/clock.ts';

const clock = systemClock();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'colonies-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('the node key is made once, readable by its owner only', async () => {
  const path = join(folder, 'data', 'node.key');
  const key = await openNodeKey(path, clock);
  expect(key.privateKey).toMatch(/^[0-9a-f]{64}$/);
  expect(key.publicKey).toMatch(/^04[0-9a-f]{128}$/);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await openNodeKey(path, clock)).toEqual(key);
});

it('two starts at the same time agree on one node key', async () => {
  const path = join(folder, 'node.key');
  const keys = await Promise.all(Array.from({ length: 5 }, () => openNodeKey(path, clock)));
  expect(new Set(keys.map(({ privateKey }) => privateKey)).size).toBe(1);
  expect((await readFile(path, 'utf8')).trim()).toBe(keys[0]?.privateKey);
});

it('a node key that others can read is narrowed', async () => {
  const path = join(folder, 'node.key');
  await writeFile(path, `${'ab'.repeat(32)}\n`, { mode: 0o644 });
  expect((await openNodeKey(path, clock)).privateKey).toBe('ab'.repeat(32));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it('a damaged node key is refused, never replaced and never quoted', async () => {
  const path = join(folder, 'node.key');
  await writeFile(path, 'abcdef');
  const error = await openNodeKey(path, clock).catch((reason: Error) => reason);
  expect(String(error)).toMatch(/damaged/);
  expect(String(error)).not.toMatch(/abcdef/);
  expect(await readFile(path, 'utf8')).toBe('abcdef');
  await mkdir(join(folder, 'folder'));
  await expect(openNodeKey(join(folder, 'folder'), clock)).rejects.toThrow();
});

it('the peer id carries the public key of the node', () => {
  const { privateKey, publicKey } = nodeKey('11'.repeat(32));
  const peer = peerIdOf(privateKey);
  expect(publicKeyOf(peer)).toBe(publicKey);
  expect(publicKeyOf(peerIdFromString(peer.toString()))).toBe(publicKey);
  const other = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5';
  expect(publicKeyOf(peerIdFromString(other))).toBeUndefined();
});
