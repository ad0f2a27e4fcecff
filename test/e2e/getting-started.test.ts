// The getting-started of the founding README, word for word, against the built program. Only the
// port is another one, so that it can run beside a server that somebody uses.

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Desk, openDesk, type Running, startDev } from '../support/desk.ts';

let desk: Desk;
let dev: Running;
let worker: Running;
let port = 0;
let processid = '';

beforeAll(async () => {
  desk = await openDesk();
  ({ dev, port } = await startDev(desk));
});
afterAll(() => desk.close());

const ID = /^[0-9a-f]{64}$/;

// Cells of a table line, and the value beside a name in a two-column table.
const cells = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
const beside = (table: string, name: string): string | undefined =>
  table
    .split('\n')
    .map(cells)
    .find(([first]) => first === name)?.[1];

test('colonies dev prints the nine export lines, then those of today', async () => {
  const sample = await readFile(new URL('../../examples/devenv', import.meta.url), 'utf8');
  expect(sample.trim().split('\n')).toHaveLength(9);
  expect(dev.stdout().trimStart().split('\n\n')[0]).toBe(
    sample.trim().replace('50080', String(port)),
  );
  expect(dev.stdout()).toContain('export COLONIES_COLONY_NAME="dev"');
  expect(dev.stderr()).toMatch(/level=warning msg="All keys of this server are public/);
});

test('colonies dev says what it does in the documented lines', () => {
  const said = [...dev.stderr().matchAll(/msg="([^"]*)"/g)].map((match) => match[1]);
  const documented = [
    'Starting a Colonies development Server',
    'Adding a ServerId ',
    'Adding a ColonyId',
    'Adding a RuntimeId',
    'Starting a Colonies server',
    `Starting Colonies API server at port: ${port}`,
    'Starting a Colonies client',
    'Register a Colony',
    'Registering a CLI runtime',
    'Approving CLI runtime',
    'Add the following environmental variables to your shell:',
    'Press ctrl+c to exit',
  ];
  expect(said.filter((line) => documented.includes(line ?? ''))).toEqual(documented);
});

test('a worker starts and waits for processes', async () => {
  worker = desk.start(
    'source examples/devenv; colonies worker start --name myworker --type testworker --insecure',
  );
  await worker.until(/msg="Colonies Worker now waiting for processes to be execute"/);
});

test('a process is submitted', async () => {
  const { code, stderr } = await desk.run(
    'source examples/devenv; colonies process submit --spec examples/sleep.json --insecure',
  );
  expect(code).toBe(0);
  processid = /level=info msg="Process submitted" processID=([0-9a-f]{64})/.exec(stderr)?.[1] ?? '';
  expect(processid).toMatch(ID);
  await worker.until(new RegExp(`was assigned a process" processID=${processid}`));
});

test('ps shows the running process', async () => {
  const { code, stdout } = await desk.run('source examples/devenv; colonies process ps --insecure');
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(cells(lines[1] ?? '')).toEqual(['ID', 'CMD', 'ARGS', 'START TIME', 'TARGET RUNTIME']);
  expect(cells(lines[3] ?? '')).toEqual([
    processid,
    'sleep',
    '100',
    expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
    'testworker',
  ]);
});

test('get shows the tables Process, ProcessSpec, Conditions and Attributes', async () => {
  const { code, stdout } = await desk.run(
    `source examples/devenv; colonies process get --processid ${processid} --insecure`,
  );
  expect(code).toBe(0);
  const [process, spec, conditions, attributes] = stdout.split('\n\n');
  expect(process).toMatch(/^Process:\n\+-+\+-+\+\n/);
  expect(beside(process ?? '', 'ID')).toBe(processid);
  expect(beside(process ?? '', 'IsAssigned')).toBe('True');
  expect(beside(process ?? '', 'AssignedRuntimeID')).toMatch(ID);
  expect(beside(process ?? '', 'State')).toBe('Running');
  expect(beside(process ?? '', 'Retries')).toBe('0');
  expect(spec).toMatch(/^ProcessSpec:\n/);
  expect(beside(spec ?? '', 'Cmd')).toBe('sleep');
  expect(beside(spec ?? '', 'Args')).toBe('100');
  expect(beside(spec ?? '', 'MaxExecTime')).toBe('-1');
  expect(conditions).toMatch(/^Conditions:\n/);
  expect(beside(conditions ?? '', 'RuntimeType')).toBe('testworker');
  expect(attributes).toMatch(/^Attributes:\n/);
  const [header, , row] = (attributes ?? '').split('\n').slice(2).map(cells);
  expect(header).toEqual(['ID', 'KEY', 'VALUE', 'TYPE']);
  expect(row).toEqual([expect.stringMatching(ID), 'TEST', 'testenv', 'Env']);
});

test('the worker, stopped, ends its child and hands the process back', async () => {
  const { code, stderr } = await worker.stop('SIGINT');
  expect(code).toBe(0);
  expect(stderr).toMatch(/msg="Runtime unregistered"/);
  const waiting = await desk.run('source examples/devenv; colonies process psw --insecure');
  expect(waiting.stdout).toContain(processid);
});

test('a short process runs to its end and its output is printed', async () => {
  const again = desk.start(
    'source examples/devenv; colonies worker start --name second --type echoworker --insecure',
  );
  await again.until(/now waiting for processes/);
  await desk.write(
    'echo.json',
    JSON.stringify({
      conditions: { runtimetype: 'echoworker' },
      cmd: 'sh',
      args: ['-c', 'echo "hello $GREETED"; sleep 0.2'],
      env: { GREETED: 'colony' },
    }),
  );
  const { code, stdout } = await desk.run(
    'source examples/devenv; colonies process submit --spec echo.json --wait --insecure',
  );
  expect(code).toBe(0);
  expect(stdout).toBe('hello colony\n');
  expect(again.stdout()).toBe('hello colony\n');
  await again.stop();
});

test('the environment of today works against the same server', async () => {
  const today = 'source examples/devenv-executor; colonies';
  const check = await desk.run(`${today} colony check --name dev --insecure`);
  expect(check.stderr).toMatch(/msg="Colony exists" ColonyName=dev/);
  expect((await desk.run(`${today} user ls --insecure`)).stdout).toContain('myuser');
  expect((await desk.run(`${today} executor ls --insecure`)).stdout).toContain('cli');
});

test('colonies dev stops cleanly and removes its folder', async () => {
  const folder = /removed at the end[^\n]*path=(\S+)/.exec(dev.stderr())?.[1] ?? '';
  const { code, stderr } = await dev.stop('SIGINT');
  expect(code).toBe(0);
  expect(stderr).toMatch(/msg="Colonies development server stopped"/);
  await expect(readFile(folder)).rejects.toThrow(/ENOENT/);
});
