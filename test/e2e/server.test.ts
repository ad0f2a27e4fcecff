// A real server over a data folder: its key, its lock, its port, its certificate, and what a
// restart keeps.

import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KNOWN_SERVER } from '../../src/cli/known-keys.ts';
import { type Call, callerTo } from '../../src/cli/rpc.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { type Desk, openDesk, type Running } from '../support/desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

const READY = /msg="Colonies Server is ready".* Port=(\d+) ServerID=([0-9a-f]{64})/;
const START = 'colonies server start --data-dir data --host 127.0.0.1 --port 0';

interface Server {
  readonly running: Running;
  readonly port: number;
  readonly id: string;
  readonly key: string;
  readonly call: Call;
}

const startServer = async (more = ' --insecure', env = {}): Promise<Server> => {
  const running = desk.start(`${START}${more}`, env);
  const [, port = '', id = ''] = await running.until(READY);
  const at = { host: '127.0.0.1', port: Number(port), tls: !more.includes('insecure') };
  return {
    running,
    port: at.port,
    id,
    key: (await desk.read(`.colonies/${id}`).catch(() => '')) as string,
    call: callerTo({ ...at, verify: false }),
  };
};

const COLONY_KEY = '6d2fb6f546bacfd98c68769e61e0b44a697a30596c018a50e28200aa59b01c0a';
const COLONY = '4fef2b5a82d134d058c1883c72d6d9caf77cd59ca82d73105017590dea3dcb87';
const RUNTIME_KEY = 'd6eb959e9aec2e6fdc44b5862b269e987b8a4d6f2baca542d8acaa97ee5e74f6';
const RUNTIME = '5d6568f883451ae2e407d1a0a7992e414f2a67b69d0e6e9176d353b98f06f696';

const addMembers = async ({ call, key }: Server): Promise<void> => {
  await call('addcolonymsg', { colony: { colonyid: COLONY, name: 'kept' } }, key);
  const runtime = { runtimeid: RUNTIME, runtimetype: 'cli', name: 'r', colonyid: COLONY };
  await call('addruntimemsg', { runtime }, COLONY_KEY);
  await call('approveruntimemsg', { runtimeid: RUNTIME }, COLONY_KEY);
};

const submit = async ({ call }: Server, arg: string, maxexectime = 600): Promise<string> => {
  const conditions = { colonyid: COLONY, runtimetype: 'cli' };
  const spec = { cmd: 'echo', args: [arg], maxexectime, maxretries: 3, env: {}, conditions };
  const { processid } = await call<{ processid: string }>(
    'submitprocessespecmsg',
    { spec },
    RUNTIME_KEY,
  );
  return processid;
};

const assign = ({ call }: Server, timeout?: number): Promise<{ processid: string } | undefined> =>
  call('assignprocessmsg', { colonyid: COLONY, ...(timeout ? { timeout } : {}) }, RUNTIME_KEY);

test('the first start makes a key of its own, and later starts keep it', async () => {
  const first = await startServer();
  expect(first.id).not.toBe(KNOWN_SERVER.id);
  expect(first.key).toMatch(/^[0-9a-f]{64}$/);
  expect((await stat(join(desk.home, '.colonies', first.id))).mode & 0o777).toBe(0o600);
  expect((await stat(join(desk.home, 'data'))).mode & 0o777).toBe(0o700);
  expect(await first.call('getcoloniesmsg', {}, first.key)).toEqual([]);
  expect((await first.running.stop()).code).toBe(0);
  const second = await startServer();
  expect(second.id).toBe(first.id);
  expect(second.running.stderr()).not.toMatch(/Generated a key/);
  await second.running.stop();
});

test('a restart continues queues, running leases and members', async () => {
  const before = await startServer();
  await addMembers(before);
  const running = await submit(before, 'running');
  const waiting = [await submit(before, 'first'), await submit(before, 'second')];
  expect((await assign(before))?.processid).toBe(running);
  await before.running.stop();
  const after = await startServer();
  expect((await assign(after))?.processid).toBe(waiting[0]);
  await after.call('closesuccessfulmsg', { processid: running, out: ['done'] }, RUNTIME_KEY);
  expect((await assign(after))?.processid).toBe(waiting[1]);
  expect(await assign(after)).toBeUndefined();
  await after.running.stop();
});

test('a lease that ran out while the server was down is put back at the next start', async () => {
  const before = await startServer();
  await addMembers(before);
  const id = await submit(before, 'late', 2);
  await assign(before);
  await before.running.stop('SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  const after = await startServer();
  expect((await assign(after, 10))?.processid).toBe(id);
  await after.running.stop();
});

test('a stop answers waiting polls and ends with exit code 0', async () => {
  const server = await startServer();
  await addMembers(server);
  const poll = assign(server, 60).catch((error: Error) => error);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { code, stderr } = await server.running.stop('SIGTERM');
  expect(code).toBe(0);
  expect(stderr).toMatch(/msg="Colonies Server stopped"/);
  expect(await poll).toMatchObject({ status: 503 });
});

test('a data folder in use is refused with advice', async () => {
  const server = await startServer();
  const { code, stderr } = await desk.run(`${START} --insecure`);
  expect(code).toBe(255);
  expect(stderr).toMatch(/level=error msg="The data folder .* is in use by another node/);
  expect(stderr).toMatch(/choose another folder with --data-dir/);
  await server.running.stop();
});

test('a port in use is refused with advice', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const line = `colonies server start --data-dir data --host 127.0.0.1 --port ${port} --insecure`;
  const { code, stderr } = await desk.run(line);
  taken.close();
  expect(code).toBe(255);
  expect(stderr).toContain(`127.0.0.1:${port} is in use by another program`);
  expect(stderr).toMatch(/Choose another port with --port/);
});

test('TLS is really served with the given certificate, and checked by clients', async () => {
  await desk.write('cert.pem', TEST_CERTIFICATE);
  await desk.write('key.pem', TEST_KEY);
  const server = await startServer(' --tlscert cert.pem --tlskey key.pem');
  expect(await server.call('getcoloniesmsg', {}, server.key)).toEqual([]);
  const env = { COLONIES_SERVER_HOST: 'localhost', COLONIES_SERVER_PORT: String(server.port) };
  const status = (more: string, extra = {}) =>
    desk.run(`colonies server status${more}`, { ...env, ...extra });
  expect((await status('', { NODE_EXTRA_CA_CERTS: join(desk.home, 'cert.pem') })).code).toBe(0);
  expect((await status(' --skip-tls-verify')).code).toBe(0);
  const refused = await status('');
  expect(refused.code).toBe(255);
  expect(refused.stderr).toMatch(/certificate refused/);
  expect((await status(' --insecure')).code).toBe(255);
  await server.running.stop();
});

test('without --insecure a certificate is needed; what cannot be used is named', async () => {
  const say = async (more: string) => (await desk.run(`${START}${more}`)).stderr;
  expect(await say('')).toMatch(/Failed to load TLS Key/);
  expect(await say(' --tlskey none.pem')).toMatch(/Failed to load TLS Key: none\.pem/);
  await desk.write('key.pem', 'no key');
  expect(await say(' --tlskey key.pem --tlscert none.pem')).toMatch(
    /Failed to load TLS Cert: none\.pem/,
  );
  await desk.write('cert.pem', 'no certificate');
  expect(await say(' --tlskey key.pem --tlscert cert.pem')).toMatch(
    /TLS key and certificate cannot be used/,
  );
});

test('a server id of a well-known key stays on this machine', async () => {
  const env = { COLONIES_SERVERID: KNOWN_SERVER.id };
  const refused = await desk.run(
    'colonies server start --data-dir data --host 0.0.0.0 --port 0 --insecure',
    env,
  );
  expect(refused.code).toBe(255);
  expect(refused.stderr).toMatch(/the private key of the server id [0-9a-f]{64} is public/);
  const local = desk.start('colonies server start --data-dir data --port 0 --insecure', env);
  await local.until(/msg="Colonies Server is ready".* Host=127\.0\.0\.1 /);
  expect(local.stderr()).toMatch(/level=warning msg="The private key of the server id is public/);
  await local.stop();
  const later = await desk.run(
    'colonies server start --data-dir data --host 0.0.0.0 --port 0 --insecure',
  );
  expect(later.stderr).toMatch(/the private key of the server id [0-9a-f]{64} is public/);
});

test('settings come from file, environment and flags; unknown ones are refused', async () => {
  await desk.write(
    'node.json',
    JSON.stringify({ http: { port: 1 }, executors: { staleAfterS: 5 } }),
  );
  const server = await startServer(' --insecure --config node.json', {
    COLONIES_SERVER_PORT: '2',
  });
  expect(server.port).toBeGreaterThan(2);
  await server.running.stop();
  await desk.write('wrong.json', JSON.stringify({ http: { prot: 1 } }));
  const wrong = await desk.run(`${START} --insecure --config wrong.json`);
  expect(wrong.code).toBe(255);
  expect(wrong.stderr).toMatch(/Wrong configuration.*prot/);
  const none = await desk.run(`${START} --insecure --config none.json`);
  expect(none.stderr).toMatch(/Cannot read the configuration file none\.json/);
});

test('flags of servers with PostgreSQL are accepted with a warning; a cluster is refused', async () => {
  const server = await startServer(' --insecure --dbhost db --dbport 5432 --etcdname a');
  expect(server.running.stderr()).toMatch(
    /level=warning msg="These flags have no effect.*flags="\[--dbhost --dbport --etcdname\]"/,
  );
  await server.running.stop();
  const cluster = await desk.run(
    `${START} --insecure --initial-cluster a=h:2380:25100:50080,b=h:2380:25100:50080`,
  );
  expect(cluster.code).toBe(255);
  expect(cluster.stderr).toMatch(/does not form clusters/);
});

test('a data folder can be checked while no server runs, and only then', async () => {
  const server = await startServer();
  await addMembers(server);
  await submit(server, 'something to check');
  const busy = await desk.run('colonies server check --data-dir data');
  expect(busy.code).toBe(255);
  expect(busy.stderr).toMatch(/is in use by another node/);
  await server.running.stop();
  const sound = await desk.run('colonies server check --data-dir data');
  expect(sound.stderr).toMatch(/level=info msg="The data folder is sound" DataDir=data/);
  expect(sound.code).toBe(0);
  expect((await desk.run('colonies server check --data-dir data --json')).stdout).toBe('[]\n');
  const none = await desk.run('colonies server check --data-dir none');
  expect(none.code).toBe(255);
  expect(none.stderr).toMatch(/There is no data folder none/);
});

test('log lines come as JSON when asked for', async () => {
  const running = desk.start(`${START} --insecure --log-format json`);
  await running.until(/Colonies Server is ready/);
  await running.stop();
  for (const line of running.stderr().trim().split('\n')) {
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), time: expect.any(String) });
  }
});
