// A node whose key got into other hands: revoked by its server owner, and what helps then.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endNodes, startNode, type TestNode } from '../federation-node/nodes.ts';
import { idOf, keyOf } from '../support/world.ts';
import { runIn, words } from './world.ts';

let home: string;
let node: TestNode;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'colonies-'));
  node = await startNode({ owner: 's1' });
}, 60_000);
afterAll(async () => {
  await endNodes([node]);
  await rm(home, { recursive: true, force: true });
}, 60_000);

const run = (line: string) =>
  runIn(home, [...words(line), '--insecure', '--port', `${node.node.port}`], {
    env: { COLONIES_SERVERID: idOf('s1'), COLONIES_SERVERPRVKEY: keyOf('s1') },
  });

test('no new certificate brings a revoked node key back, and the refusal says what does', async () => {
  const revoked = await run('federation revoke node --reason stolen --yes');
  expect([revoked.code, revoked.err]).toEqual([0, expect.stringContaining('Revoked the node key')]);
  const { code, err } = await run('node certify');
  expect(code).toBe(255);
  expect(err).toContain('certificate refused: the key of this node is revoked: stop it, move');
  expect((await node.status()).certificate.state).toBe('revoked');
}, 60_000);

test('a path says what broke, whatever the mode allows', async () => {
  const { code, out } = await run(`federation path ${idOf('nobody')}`);
  expect(code).toBe(255);
  expect(out).toMatch(/^not trusted: /);
  expect(out).not.toContain('open mode');
}, 60_000);
