// What a worker does with processes, its children, and its membership; with the built program and
// real processes.

import { chmod, cp, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { KNOWN_COLONY, KNOWN_MEMBER } from '../../src/cli/known-keys.ts';
import { callerTo } from '../../src/cli/rpc.ts';
import { type Desk, openDesk, type Running, startDev } from '../support/desk.ts';

const ENV = 'source examples/devenv; ';
const WAITING = /now waiting for processes/;

let desk: Desk;
let port = 0;
let type = '';
let types = 0;

beforeAll(async () => {
  desk = await openDesk();
  ({ port } = await startDev(desk));
});
afterAll(() => desk.close());
beforeEach(() => {
  types += 1;
  type = `type${types}`;
});

const call = <T>(payloadtype: string, fields: Record<string, unknown>): Promise<T> =>
  callerTo({ host: '127.0.0.1', port, tls: false, verify: true })<T>(
    payloadtype,
    fields,
    KNOWN_MEMBER.prvkey,
  );

const startWorker = async (more = '', env: Record<string, string> = {}): Promise<Running> => {
  const worker = desk.start(
    `${ENV}colonies worker start --name ${type}-worker --type ${type} --insecure${more}`,
    env,
  );
  await worker.until(WAITING);
  return worker;
};

interface Spec {
  cmd: string;
  args?: string[];
  env?: Record<string, string>;
  maxexectime?: number;
  maxretries?: number;
}

const submit = async (spec: Spec): Promise<string> => {
  const conditions = { colonyid: KNOWN_COLONY.id, runtimetype: type };
  const full = { maxexectime: -1, env: {}, ...spec, conditions };
  return (await call<{ processid: string }>('submitprocessespecmsg', { spec: full })).processid;
};

interface Seen {
  state: number;
  retries: number;
  assignedexecutorid: string;
  attributes: { key: string; value: string }[];
  out: unknown[];
  errors: string[];
}

const get = (processid: string): Promise<Seen> =>
  call<Seen>('getprocessmsg', { processid, colonyname: KNOWN_COLONY.id });

const until = async (processid: string, state: number): Promise<Seen> => {
  for (;;) {
    const seen = await get(processid);
    if (seen.state === state) return seen;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
};

const outputOf = (seen: Seen): string | undefined =>
  seen.attributes.find(({ key }) => key === 'output')?.value;

test('output is echoed, kept as attribute and output, logged on the server and in the log folder', async () => {
  const worker = await startWorker(' --logdir logs');
  const id = await submit({ cmd: 'sh', args: ['-c', 'echo one; echo two >&2; echo three'] });
  const seen = await until(id, 2);
  expect(outputOf(seen)).toBe('one\ntwo\nthree\n');
  expect(seen.out).toEqual(['one\ntwo\nthree\n']);
  const logs = await call<{ message: string }[]>('getlogsmsg', {
    colonyname: KNOWN_COLONY.id,
    processid: id,
    count: 10,
  });
  expect(logs.map(({ message }) => message).join('')).toBe('one\ntwo\nthree\n');
  expect(await desk.read(`logs/${id}.log`)).toBe('one\ntwo\nthree\n');
  const { stdout, stderr } = await worker.stop();
  expect(stdout).toBe('one\ntwo\nthree\n');
  expect(stderr).toMatch(new RegExp(`was assigned a process" processID=${id}`));
  expect(stderr).toMatch(/msg=Executing Args="\[-c echo one.*\]" Cmd=sh/);
  expect(stderr).toMatch(new RegExp(`msg="Closing process as Successful" processID=${id}`));
});

test('output reaches the log of the server while the process still runs', async () => {
  const worker = await startWorker();
  const id = await submit({ cmd: 'sh', args: ['-c', 'echo early; sleep 100'] });
  for (let early = ''; early !== 'early\n'; ) {
    const lines = await call<{ message: string }[]>('getlogsmsg', {
      colonyname: KNOWN_COLONY.id,
      processid: id,
      count: 10,
    });
    early = lines.map(({ message }) => message).join('');
  }
  expect((await get(id)).state).toBe(1);
  await worker.stop();
});

test('failures are told in the documented words, and the next process is taken', async () => {
  const worker = await startWorker();
  const failing = await submit({ cmd: 'sh', args: ['-c', 'echo before; exit 3'] });
  const missing = await submit({ cmd: 'nosuchcmd' });
  const good = await submit({ cmd: 'true' });
  expect(await until(failing, 3)).toMatchObject({ errors: ['exit status 3'] });
  expect(outputOf(await get(failing))).toBe('before\n');
  await until(missing, 3);
  expect(outputOf(await until(good, 2))).toBe('');
  const { stderr } = await worker.stop();
  expect(stderr).toMatch(/level=error msg="exit status 3"/);
  expect(stderr).toContain('exec: \\"nosuchcmd\\": executable file not found in $PATH');
  expect(stderr).toMatch(new RegExp(`msg="Closing process as Failed" processID=${missing}`));
});

test('a child sees attributes and the identity of the worker, never a key of an owner', async () => {
  const worker = await startWorker('', { COLONIES_DB_PASSWORD: 'secret', KEPT: 'yes' });
  const id = await submit({ cmd: 'env', env: { GREETING: 'hi' } });
  const text = outputOf(await until(id, 2)) ?? '';
  const env = Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s, 2)));
  const { assignedexecutorid } = await get(id);
  expect(env).toMatchObject({
    GREETING: 'hi',
    KEPT: 'yes',
    COLONIES_COLONYID: KNOWN_COLONY.id,
    COLONIES_PROCESSID: id,
    COLONIES_SERVER_HOST: 'localhost',
    COLONIES_SERVER_PORT: String(port),
    COLONIES_RUNTIMEID: assignedexecutorid,
    COLONIES_EXECUTOR_NAME: `${type}-worker`,
  });
  expect(env['COLONIES_RUNTIMEPRVKEY']).toMatch(/^[0-9a-f]{64}$/);
  expect(env['COLONIES_PRVKEY']).toBe(env['COLONIES_RUNTIMEPRVKEY']);
  expect(text).not.toMatch(/COLONYPRVKEY|COLONY_PRVKEY|SERVERPRVKEY|SERVER_PRVKEY|PASSWORD/);
  expect(text).not.toContain(KNOWN_COLONY.prvkey);
  await worker.stop();
});

test('a worker runs processes of the other dialect too', async () => {
  const worker = await startWorker();
  const { processid } = await call<{ processid: string }>('submitfuncspecmsg', {
    spec: {
      funcname: 'echo',
      args: ['a', 1, true],
      maxexectime: -1,
      maxretries: -1,
      maxwaittime: -1,
      conditions: { colonyname: 'dev', executortype: type },
    },
  });
  expect(await until(processid, 2)).toMatchObject({ out: ['a 1 true\n'] });
  await worker.stop();
});

test('SIGTERM ends the child, even one that ignores it, and hands the process back', async () => {
  const worker = await startWorker();
  const id = await submit({
    cmd: 'sh',
    args: ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'],
  });
  await worker.until(/ready/);
  const { code, stderr } = await worker.stop('SIGTERM');
  expect(code).toBe(0);
  expect(stderr).toMatch(/msg="Stopping, process handed back"/);
  expect(stderr).toMatch(/msg="Runtime unregistered"/);
  expect(await get(id)).toMatchObject({ state: 0, retries: 0, assignedexecutorid: '' });
  const next = await startWorker();
  await next.until(new RegExp(`was assigned a process" processID=${id}`));
  await next.stop();
});

test('a process that takes too long is stopped, and the server decides whether it runs again', async () => {
  const worker = await startWorker();
  const id = await submit({ cmd: 'sleep', args: ['100'], maxexectime: 1, maxretries: 1 });
  const seen = await until(id, 3);
  expect(seen).toMatchObject({ retries: 1, errors: ['Maximum execution time limit exceeded'] });
  await worker.until(
    /Maximum execution time exceeded, process stopped[\s\S]*Maximum execution time/,
  );
  const good = await submit({ cmd: 'true' });
  await until(good, 2);
  await worker.stop();
});

test('a process that was cancelled is stopped', async () => {
  const worker = await startWorker();
  const id = await submit({ cmd: 'sleep', args: ['100'] });
  await until(id, 1);
  await call('cancelprocessmsg', { processid: id });
  await worker.until(/The process was cancelled or taken away, stopped/);
  const good = await submit({ cmd: 'true' });
  await until(good, 2);
  await worker.stop();
});

test('several workers on one machine keep out of each other’s way', async () => {
  const one = await startWorker();
  const first = type;
  type = `${type}b`;
  const two = await startWorker();
  const folder = join(desk.home, '.colonies/workers');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  expect(files).toHaveLength(2);
  for (const name of files) {
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    const key = join(desk.home, '.colonies', name.replace('.json', ''));
    expect((await stat(key)).mode & 0o777).toBe(0o600);
  }
  await one.stop();
  expect(await readdir(folder)).toHaveLength(1);
  await until(await submit({ cmd: 'true' }), 2);
  await two.stop();
  expect(await readdir(folder)).toHaveLength(0);
  expect(first).not.toBe(type);
});

test('a worker that was killed is unregistered by the next one of its name, and its work done', async () => {
  const worker = await startWorker();
  const id = await submit({ cmd: 'sh', args: ['-c', 'echo at work; exec sleep 1'] });
  await worker.until(/at work/);
  await worker.stop('SIGKILL');
  expect((await get(id)).state).toBe(1);
  const next = await startWorker();
  expect(next.stderr()).toMatch(/An earlier worker of this name did not stop cleanly/);
  await until(id, 2);
  await next.stop();
});

test('register and unregister make and end a membership without running anything', async () => {
  const register = `${ENV}colonies worker register --name made --type ${type} --insecure`;
  const { code, stderr } = await desk.run(register);
  expect(code).toBe(0);
  const id = /msg="Approving Runtime" runtimeID=([0-9a-f]{64})/.exec(stderr)?.[1] ?? '';
  expect(await desk.read(`.colonies/${id}`)).toMatch(/^[0-9a-f]{64}$/);
  const list = await desk.run(`${ENV}colonies runtime ls --insecure`);
  expect(list.stdout).toContain(id);
  const end = await desk.run(`${ENV}colonies worker unregister --name made --insecure`);
  expect(end.code).toBe(0);
  expect(end.stderr).toMatch(new RegExp(`msg="Runtime unregistered" runtimeID=${id}`));
  const again = await desk.run(`${ENV}colonies worker unregister --name made --insecure`);
  expect(again.code).toBe(255);
  expect(again.stderr).toMatch(/No worker of this colony is registered from this machine/);
});

test('without a name, a type or a colony it says what is missing', async () => {
  const say = async (line: string) => (await desk.run(line)).stderr;
  expect(await say(`${ENV}colonies worker start --type x --insecure`)).toMatch(
    /Runtime name not specified[\s\S]*--name/,
  );
  expect(await say(`${ENV}colonies worker start --name x --insecure`)).toMatch(
    /Runtime type not specified[\s\S]*--type/,
  );
});

test('a worker that is removed registers again; one that is rejected ends', async () => {
  const worker = await startWorker();
  const first = /Approving Runtime" runtimeID=([0-9a-f]{64})/.exec(worker.stderr())?.[1] ?? '';
  const owner = `${ENV}colonies runtime`;
  await desk.run(`${owner} unregister --runtimeid ${first} --insecure`);
  await worker.until(/registering again[\s\S]*now waiting for processes/);
  await until(await submit({ cmd: 'true' }), 2);
  const second = /registering again[\s\S]*Approving Runtime" runtimeID=([0-9a-f]{64})/.exec(
    worker.stderr(),
  )?.[1];
  await desk.run(`${owner} reject --runtimeid ${second} --insecure`);
  const { code, stderr } = await worker.end();
  expect(code).toBe(255);
  expect(stderr).toMatch(/is not approved/);
});

test('a worker runs from one folder that holds no native module, no server and no overlay', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const folder = join(desk.home, 'device');
  await mkdir(join(folder, 'node_modules/@noble'), { recursive: true });
  for (const path of [
    'package.json',
    'dist',
    'node_modules/zod',
    'node_modules/@noble/curves',
    'node_modules/@noble/hashes',
  ]) {
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
  await chmod(join(folder, 'dist/cli/main.js'), 0o755);
  const worker = desk.start(
    `${ENV}device/dist/cli/main.js worker start --name ${type} --type ${type} --insecure`,
  );
  await worker.until(WAITING);
  expect(outputOf(await until(await submit({ cmd: 'echo', args: ['small'] }), 2))).toBe('small\n');
  await worker.stop();
});
