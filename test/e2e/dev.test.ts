// The development server: its data folder, its port, its guard, and the demo.

import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KNOWN_COLONY, KNOWN_MEMBER, KNOWN_SERVER } from '../../src/cli/known-keys.ts';
import { type Desk, openDesk, startDev } from '../support/desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

const ENV = 'source examples/devenv; ';

const waitingAfter = async (more: string): Promise<string> => {
  const { dev } = await startDev(desk, more);
  const { stdout } = await desk.run(`${ENV}colonies process psw --insecure`);
  await dev.stop();
  return stdout;
};

test('the well-known keys are put into the keychain', async () => {
  const { dev } = await startDev(desk);
  for (const { id, prvkey } of [KNOWN_SERVER, KNOWN_COLONY, KNOWN_MEMBER]) {
    expect(await desk.read(`.colonies/${id}`)).toBe(prvkey);
    expect((await stat(join(desk.home, '.colonies', id))).mode & 0o777).toBe(0o600);
  }
  await dev.stop();
});

test('with a data folder data stay, until a reset', async () => {
  const { dev } = await startDev(desk, ' --data-dir data');
  const submit = `${ENV}colonies process submit --spec examples/sleep.json --insecure`;
  expect((await desk.run(submit)).code).toBe(0);
  await dev.stop();
  expect(await waitingAfter(' --data-dir data')).toContain('sleep');
  expect(await waitingAfter(' --data-dir data --reset')).not.toContain('sleep');
  expect(await readdir(join(desk.home, 'data'))).toContain('store');
});

test('a reset leaves files alone that are not the server’s, and a folder that is in use', async () => {
  await desk.run('mkdir data && echo mine > data/notes.txt');
  const { dev } = await startDev(desk, ' --data-dir data --reset');
  expect(await desk.read('data/notes.txt')).toBe('mine\n');
  const { code, stderr } = await desk.run('colonies dev --port 0 --data-dir data --reset');
  expect(code).toBe(255);
  expect(stderr).toMatch(/is in use by another node/);
  await dev.stop();
});

test('an address that others can reach is refused without --expose', async () => {
  const { code, stderr } = await desk.run('colonies dev --port 0 --host 0.0.0.0');
  expect(code).toBe(255);
  expect(stderr).toMatch(/Refusing to listen on 0\.0\.0\.0.*all keys of this server are public/);
  expect(stderr).toMatch(/--expose/);
  const { dev } = await startDev(desk, ' --host 0.0.0.0 --expose');
  await dev.stop();
});

test('a port in use is refused with advice', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const { code, stderr } = await desk.run(`colonies dev --port ${port}`);
  taken.close();
  expect(code).toBe(255);
  expect(stderr).toMatch(/is in use by another program/);
  expect(stderr).toMatch(/Choose another port with --port/);
});

test('the demo runs to its end: work through a node that does not host it, a lost home, its return', async () => {
  const { code, stdout, stderr } = await desk.run('colonies demo');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toMatch(/\| up to 8,000,000: 539,777 primes/);
  expect(stdout).toMatch(/The home is killed/);
  expect(stdout).toMatch(/\| new work, done on the second host/);
  expect(stdout).toMatch(/done after the return of the home/);
  expect(await readdir(desk.home)).not.toContain('.colonies');
});

test('the demo, interrupted, leaves nothing running', async () => {
  const demo = desk.start('colonies demo');
  await demo.until(/its output/);
  const ports = [...demo.stdout().matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port);
  expect(ports).toHaveLength(3);
  const { code } = await demo.stop('SIGINT');
  expect(code).toBe(130);
  expect(demo.stderr()).toMatch(/^\s*Interrupted\. Worker and servers are stopped/);
  for (const port of ports) {
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
  }
});
