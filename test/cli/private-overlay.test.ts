// Commands that reach a private overlay by the multiaddress of one of its nodes.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endNodes, startNode, type TestNode, until } from '../federation-node/nodes.ts';
import { idOf, keyOf } from '../support/world.ts';
import { runIn, words } from './world.ts';

// What comes from the other side is noise to whoever has another key: it looks like no node or like
// silence, as chance has it.
const KEY_PROBLEM =
  /one with another shared key|a private overlay, which answers only with its own/;

let home: string;
let file: string;
let node: TestNode;
let address: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'colonies-'));
  file = join(home, 'overlay.key');
  await writeFile(file, `${'ab'.repeat(32)}\n`);
  node = await startNode({ owner: 's1', settings: { 'overlay.sharedKeyFile': file } });
  address = (await node.status()).addresses[0];
  await node.colony('lab');
}, 60_000);
afterAll(async () => {
  await endNodes([node]);
  await rm(home, { recursive: true, force: true });
}, 60_000);

const run = (line: string, env: Readonly<Record<string, string>> = {}) =>
  runIn(home, words(line), { env });

test('a colony is published and found with the key of the overlay, by flag or environment', async () => {
  const publish = `federation publish --colonyid ${idOf('lab')} --server ${node.id}`;
  const published = await run(`${publish} --bootstrap ${address} --overlay-key-file ${file}`, {
    COLONIES_COLONYPRVKEY: keyOf('lab'),
  });
  expect(published.code).toBe(0);
  expect(published.err).toMatch(/msg="Published the colony" .*Copies="on this node only"/);
  expect(published.err).toContain('level=warning msg="No other node is known to this one yet');

  const resolve = `federation resolve ${idOf('lab')} --json --bootstrap ${address}`;
  const found = await run(resolve, { COLONIES_OVERLAY_KEY_FILE: file });
  expect([found.code, found.err]).toEqual([0, '']);
  expect(JSON.parse(found.out).servers[0].serverid).toBe(node.id);
}, 60_000);

test('without the key, or with a file that is not there, it says so', async () => {
  const resolve = `federation resolve ${idOf('lab')} --bootstrap ${address}`;
  const without = await run(resolve);
  expect(without.code).toBe(255);
  expect(without.err).toContain('needs --overlay-key-file');
  expect(without.err).toMatch(KEY_PROBLEM);
  const missing = await run(`${resolve} --overlay-key-file ${join(home, 'none')}`);
  expect(missing.code).toBe(255);
  expect(missing.err).toContain('Cannot read the key of the private overlay');
}, 60_000);

test('with another key, or with one for an open overlay, it says so', async () => {
  const other = join(home, 'other.key');
  await writeFile(other, `${'cd'.repeat(32)}\n`);
  const resolve = `federation resolve ${idOf('lab')}`;
  const wrong = await run(`${resolve} --bootstrap ${address} --overlay-key-file ${other}`);
  expect(wrong.code).toBe(255);
  expect(wrong.err).toMatch(KEY_PROBLEM);
  const open = await startNode({ owner: 's2' });
  try {
    const [at] = (await open.status()).addresses;
    const none = await run(`${resolve} --bootstrap ${at} --overlay-key-file ${file}`);
    expect(none.code).toBe(255);
    expect(none.err).toMatch(KEY_PROBLEM);
  } finally {
    await endNodes([open]);
  }
}, 60_000);

test('a node without the key is told what may keep it out', async () => {
  const outside = await startNode({ owner: 's2', bootstrap: [address] });
  try {
    const said = () => outside.lines.find(({ message }) => message === 'bootstrap not reached');
    await until(() => said() !== undefined, 20_000);
    expect(String(said()?.fields['reason'])).toMatch(KEY_PROBLEM);
  } finally {
    await endNodes([outside]);
  }
}, 60_000);
