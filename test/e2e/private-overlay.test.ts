// A worker whose only way to its home is the multiaddress of a node in a private overlay, with the
// built program: it works with the key of the overlay, and says what it lacks without.

import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../federation-node/nodes.ts';
import { type Desk, openDesk } from '../support/desk.ts';
import { idOf, keyOf } from '../support/world.ts';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
  await desk.write('overlay.key', `${'ab'.repeat(32)}\n`);
  await desk.write('other.key', `${'cd'.repeat(32)}\n`);
});
afterEach(() => desk.close());

// As chance has it: what comes from the other side is noise to whoever has another key.
const KEY_PROBLEM =
  /one with another shared key|a private overlay, which answers only with its own/;

const COLONY = idOf('colony');
const OWNER = { COLONIES_COLONYPRVKEY: keyOf('colony') };
const SERVER = { COLONIES_SERVERID: idOf('home'), COLONIES_SERVERPRVKEY: keyOf('home') };

/** A server that publishes no URL: whoever finds it calls it over the overlay. */
const startServer = async () => {
  const listen = `/ip4/127.0.0.1/tcp/${await freePort()}`;
  const running = desk.start(
    `colonies server start --data-dir home --host 127.0.0.1 --port 0 --insecure --listen ${listen} ` +
      `--announce ${listen} --network e2e --address-policy test --overlay-key-file overlay.key`,
    SERVER,
  );
  const [, port] = await running.until(/Colonies Server is ready.* Port=(\d+)/);
  const status = await fetch(`http://127.0.0.1:${port}/federation/status`);
  const { addresses, urls } = (await status.json()) as { addresses: string[]; urls: string[] };
  expect(urls).toEqual([]);
  return { running, at: `--host 127.0.0.1 --port ${port} --insecure`, address: addresses[0] };
};

const ok = async (line: string, env: Record<string, string> = {}): Promise<string> => {
  const { code, stdout, stderr } = await desk.run(line, env);
  if (code !== 0) throw new Error(`${line}\n${stdout}${stderr}`);
  return stdout;
};

test('a worker finds its home in a private overlay and works there, with the key of the overlay', async () => {
  const { running, at, address } = await startServer();
  const private_ = `--bootstrap ${address} --overlay-key-file overlay.key`;
  await ok(`colonies colony add --name lab --colonyid ${COLONY} ${at}`, SERVER);
  await ok(
    `colonies federation publish --colonyid ${COLONY} --server ${idOf('home')} ${private_}`,
    OWNER,
  );
  const start = `colonies worker start --colonyid ${COLONY} --name w1 --type cli`;
  const worker = desk.start(`${start} ${private_}`, OWNER);
  await worker.until(new RegExp(`now waiting for processes.*serverID=${idOf('home')}`));

  await desk.write(
    'spec.json',
    JSON.stringify({ conditions: { runtimetype: 'cli' }, cmd: 'echo', args: ['over the overlay'] }),
  );
  const user = { ...OWNER, COLONIES_COLONY_NAME: COLONY };
  await ok(`colonies user add --userid ${idOf('alice')} --name alice ${at}`, user);
  await ok(`colonies process submit --spec spec.json --wait ${at}`, {
    COLONIES_COLONYID: COLONY,
    COLONIES_PRVKEY: keyOf('alice'),
  });
  await worker.until(/over the overlay/);
  expect((await worker.stop()).code).toBe(0);

  // Without the key, or with that of another overlay, it ends and says why; with a home of its own,
  // for who was attached before goes on trying.
  const newcomer = { ...OWNER, HOME: join(desk.home, 'newcomer') };
  const without = await desk.run(`${start}2 --bootstrap ${address}`, newcomer);
  expect(without.code).toBe(255);
  expect(without.stderr).toMatch(KEY_PROBLEM);
  expect(without.stderr).toContain('--overlay-key-file');
  const wrong = `${start}2 --bootstrap ${address} --overlay-key-file other.key`;
  const other = await desk.run(wrong, newcomer);
  expect(other.code).toBe(255);
  expect(other.stderr).toMatch(KEY_PROBLEM);
  const byEnvironment = desk.start(`${start}3 --bootstrap ${address}`, {
    ...OWNER,
    COLONIES_OVERLAY_KEY_FILE: 'overlay.key',
  });
  await byEnvironment.until(/now waiting for processes/);
  expect((await byEnvironment.stop()).code).toBe(0);
  expect((await running.stop()).code).toBe(0);
}, 120_000);
