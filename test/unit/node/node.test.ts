// A whole node in this process: starting, answering, stopping, and what keeps it from starting.

import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callerTo } from '../../../src/cli/rpc.ts';
import { resetData } from '../../../src/compose/data.ts';
import { createNode, readConfig } from '../../../src/index.ts';

const SERVER_ID = '039231c7644e04b6895471dd5335cf332681c54e27f81fac54f9067b3f2c0103';
const SERVER_KEY = 'fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'colonies-'));
});
afterEach(() => rm(dir, { recursive: true }));

const config = (more: Record<string, unknown> = {}, dataDir = join(dir, 'data')) =>
  readConfig({
    file: { dataDir, server: { id: SERVER_ID }, crypto: { engine: 'pure' } },
    flags: { 'http.host': '127.0.0.1', 'http.port': 0, 'http.tls': false, ...more },
  });

const callsTo = (port: number) => callerTo({ host: '127.0.0.1', port, tls: false, verify: true });

test('a node answers on a free port, keeps what it was told, and goes on after a restart', async () => {
  const first = await createNode(config());
  expect(first.serverId).toBe(SERVER_ID);
  const colony = { colonyid: 'a'.repeat(64), name: 'kept' };
  await callsTo(first.port)('addcolonymsg', { colony }, SERVER_KEY);
  await first.stop();
  await expect(fetch(`http://127.0.0.1:${first.port}/health`)).rejects.toThrow();
  const second = await createNode(config());
  const colonies = await callsTo(second.port)('getcoloniesmsg', {}, SERVER_KEY);
  expect(colonies).toMatchObject([{ colonyid: 'a'.repeat(64), name: 'kept' }]);
  await second.stop();
  await second.stop();
});

test('the data folder is readable by its owner only', async () => {
  await using _node = await createNode(config());
  expect((await stat(join(dir, 'data'))).mode & 0o777).toBe(0o700);
});

test('a folder without an owner gets one when the caller has a key, and keeps it', async () => {
  const nobody = readConfig({
    file: { dataDir: join(dir, 'data') },
    flags: { 'http.host': '127.0.0.1', 'http.port': 0, 'http.tls': false },
  });
  const first = await createNode(nobody, { chooseServerId: (found) => found || SERVER_ID });
  expect(first.serverId).toBe(SERVER_ID);
  await first.stop();
  const second = await createNode(nobody, {
    chooseServerId: (found) => found || 'b'.repeat(64),
  });
  expect(second.serverId).toBe(SERVER_ID);
  await second.stop();
});

test('an owner that is refused keeps the node from answering, and the folder is free again', async () => {
  const refuse = (found: string): string => {
    throw new Error(`not ${found}`);
  };
  await expect(createNode(config(), { chooseServerId: refuse })).rejects.toThrow(
    `not ${SERVER_ID}`,
  );
  await (await createNode(config())).stop();
});

test('resetting deletes what a node kept, but never under a running node', async () => {
  const dataDir = join(dir, 'data');
  await resetData(dataDir);
  const node = await createNode(config());
  await expect(resetData(dataDir)).rejects.toMatchObject({ detail: { reason: 'locked' } });
  await node.stop();
  await resetData(dataDir);
  const other = readConfig({ file: { ...config(), server: { id: 'c'.repeat(64) } } });
  await using fresh = await createNode(other);
  expect(fresh.serverId).toBe('c'.repeat(64));
});

test('a folder that is in use is refused with its name', async () => {
  await using _node = await createNode(config());
  await expect(createNode(config())).rejects.toMatchObject({
    code: 'unavailable',
    detail: { reason: 'locked' },
  });
});

test('a port that is in use is refused, and the folder is free again', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  await expect(createNode(config({ 'http.port': port }))).rejects.toThrow(
    `127.0.0.1:${port} is in use by another program`,
  );
  taken.close();
  await (await createNode(config())).stop();
});

test('missing or unreadable certificates are refused by name', async () => {
  const tls = { 'http.tls': true, 'http.tlskey': join(dir, 'key.pem') };
  await expect(createNode(config(tls))).rejects.toThrow(/Failed to load TLS Key: .*key\.pem/);
  await writeFile(join(dir, 'key.pem'), 'no key');
  await expect(createNode(config(tls))).rejects.toThrow(/Failed to load TLS Cert:/);
});

test('the port that is reported to clients is the one it listens on', async () => {
  await using node = await createNode(config(), { build: { version: '1.2.3', time: 'then' } });
  expect(await callsTo(node.port)('getserverinfomsg', {}, undefined)).toMatchObject({
    buildversion: '1.2.3',
    buildtime: 'then',
    backends: [{ type: 'http', port: node.port, host: '127.0.0.1' }],
  });
});
