// A node whose settings ask for no overlay is the node it was before there were overlays.

import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNode, readConfig } from '../../src/index.ts';
import { hasOverlay } from '../../src/node/config.ts';
import { idOf } from '../support/world.ts';
import { clock, endNodes, freePort, startNode, type TestNode } from './nodes.ts';

const OFF = {
  'overlay.listen': [],
  'overlay.network': '',
};

let node: TestNode;
beforeAll(async () => {
  node = await startNode({ owner: 'alone', settings: OFF });
});
afterAll(() => endNodes([node]));

/** Files that a module loads when it is loaded: imports of types and dynamic ones are not. */
const loadedBy = (entry: string): ReadonlySet<string> => {
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    if (!path.endsWith('.ts')) return;
    const text = readFileSync(path, 'utf8');
    const statements = text.matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from\s+'([^']+)'/gms);
    for (const [, target = ''] of statements) {
      visit(target.startsWith('.') ? resolve(dirname(path), target) : target);
    }
  };
  visit(entry);
  return seen;
};

test('it never loads libp2p', () => {
  const loaded = [...loadedBy(join(import.meta.dirname, '../../src/index.ts'))];
  expect(loaded.length).toBeGreaterThan(50);
  expect(loaded.filter((name) => /libp2p|multiformats|\/src\/dht\//.test(name))).toEqual([]);
});

test('it has nothing to tell about a federation', async () => {
  for (const path of [
    '/federation/status',
    '/federation/peers',
    `/federation/colonies/${idOf('x')}`,
  ]) {
    const reply = await fetch(`${node.url}${path}`);
    expect([reply.status, await reply.text()]).toEqual([404, '404 page not found']);
  }
  const relayed = await fetch(`${node.url}/federation/relay`, { method: 'POST', body: '{}' });
  expect(relayed.status).toBe(404);
});

test('the operations of the overlay say that it is off', async () => {
  const answer = await node.send('alone', 'getnodepeersmsg');
  expect(answer).toMatchObject({ status: 503 });
  expect(answer.payload.message).toMatch(/switched off/);
});

test('a colony id that is not here is refused as ever', async () => {
  const answer = await node.send('alice', 'getcolonymsg', { colonyname: 'a'.repeat(64) });
  expect(answer).toMatchObject({
    status: 403,
    payload: { message: `Colony with name <${'a'.repeat(64)}> does not exists` },
  });
  expect(answer.proof).toBeUndefined();
});

test('it still counts its requests', async () => {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  expect(text).toMatch(/colonies_requests_total\{type="getcolonymsg",status="403"\} \d/);
  expect(text).not.toMatch(/overlay/);
});

test('any of listen, bootstrap, network and mdns asks for an overlay', () => {
  expect(hasOverlay(readConfig())).toBe(false);
  expect(hasOverlay(readConfig({ flags: { 'overlay.listen': ['/ip4/127.0.0.1/tcp/0'] } }))).toBe(
    true,
  );
  expect(hasOverlay(readConfig({ env: { COLONIES_BOOTSTRAP: 'https://one.example' } }))).toBe(true);
  expect(hasOverlay(readConfig({ flags: { 'overlay.network': 'x' } }))).toBe(true);
  expect(hasOverlay(readConfig({ flags: { 'overlay.mdns': true } }))).toBe(true);
});

test('whoever wants to join and knows nobody is told so', async () => {
  const { dir } = node;
  const config = readConfig({
    flags: {
      dataDir: join(dir, 'other'),
      'server.id': idOf('other'),
      'http.port': await freePort(),
      'http.tls': false,
      'overlay.network': 'nowhere',
    },
  });
  await expect(createNode(config, { clock })).rejects.toThrow(
    'no bootstrap known: pass --bootstrap or start the first node',
  );
});
