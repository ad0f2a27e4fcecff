// Workers that know only a colony id, with the built program: their home is killed while one waits and
// one works, they work on elsewhere, and nothing is lost or done twice.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../src/sdk.ts';
import { type Desk, openDesk, type Running } from '../support/desk.ts';
import { idOf, keyOf } from '../support/world.ts';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

interface Server {
  readonly running: Running;
  readonly port: number;
  readonly address: string;
}

const startServer = async (name: string, bootstrap = '', before?: Server): Promise<Server> => {
  const listen = before?.address.replace(/\/p2p\/.*/, '') ?? '/ip4/127.0.0.1/tcp/0';
  const running = desk.start(
    `colonies server start --data-dir ${name} --host 127.0.0.1 --port ${before?.port ?? 0} ` +
      `--insecure --listen ${listen} --network e2e --address-policy test ${bootstrap}`,
    { COLONIES_SERVERID: idOf(name), COLONIES_SERVERPRVKEY: keyOf(name) },
  );
  const [, port] = await running.until(/Colonies Server is ready.* Port=(\d+)/);
  const status = await fetch(`http://127.0.0.1:${port}/federation/status`);
  const { addresses } = (await status.json()) as { addresses: string[] };
  return { running, port: Number(port), address: addresses[0] as string };
};

const ok = async (line: string, env: Record<string, string> = {}): Promise<string> => {
  const { code, stdout, stderr } = await desk.run(line, env);
  if (code !== 0) throw new Error(`${line}\n${stdout}${stderr}`);
  return stdout;
};

const COLONY = idOf('colony');
const COLONY_KEY = { COLONIES_COLONYPRVKEY: keyOf('colony') };

const startWorker = (name: string, bootstrap: string): Running =>
  desk.start(
    `colonies worker start --colonyid ${COLONY} --bootstrap ${bootstrap} --name ${name} --type ${name}`,
    COLONY_KEY,
  );

const attached = (worker: Running, server: string) =>
  worker.until(new RegExp(`now waiting for processes.*serverID=${idOf(server)}`));

const within = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

test('workers survive the death of their home, and what it had is done when it returns', async () => {
  const third = await startServer('three');
  const through = `--bootstrap http://127.0.0.1:${third.port}`;
  const [one, two] = await Promise.all([
    startServer('one', through),
    startServer('two', `--bootstrap ${third.address}`),
  ]);
  for (const [name, { port }] of [
    ['one', one],
    ['two', two],
  ] as const) {
    const env = { COLONIES_SERVERID: idOf(name), COLONIES_SERVERPRVKEY: keyOf(name) };
    const at = `--host 127.0.0.1 --port ${port} --insecure`;
    await ok(`colonies colony add --name lab --colonyid ${COLONY} ${at}`, env);
  }
  const servers = `--server ${idOf('one')} --server ${idOf('two')}`;
  await ok(`colonies federation publish --colonyid ${COLONY} ${servers} ${through}`, COLONY_KEY);
  const at = `--host 127.0.0.1 --port ${one.port} --insecure`;
  const env = { ...COLONY_KEY, COLONIES_COLONY_NAME: COLONY };
  await ok(`colonies user add --userid ${idOf('alice')} --name alice ${at}`, env);
  await ok(`colonies federation members copy --colonyid ${COLONY} ${through}`, COLONY_KEY);

  // One was given a URL, the other a multiaddress.
  const idle = startWorker('idle', `http://127.0.0.1:${third.port}`);
  const busy = startWorker('busy', third.address);
  await Promise.all([attached(idle, 'one'), attached(busy, 'one')]);

  const alice = await connect({
    colony: COLONY,
    key: keyOf('alice'),
    bootstrap: `http://127.0.0.1:${third.port}`,
  });
  const submit = async (executortype: string, what: string, seconds = 0): Promise<string> => {
    const script = `echo ${what} >> ${join(desk.home, 'ledger')}; sleep ${seconds}; echo ${what}`;
    const conditions = { colonyname: COLONY, executortype };
    const spec = { conditions, funcname: 'sh', args: ['-c', script], maxexectime: 60 };
    return (await alice.submit({ spec })).processid;
  };
  const running = await submit('busy', 'running', 4);
  await busy.until(/was assigned a process/);
  const waiting = await submit('busy', 'waiting');
  expect(alice.attached()?.serverid).toBe(idOf('one'));

  await one.running.stop('SIGKILL');
  await within(10_000, Promise.all([attached(idle, 'two'), attached(busy, 'two')]));
  const elsewhere = [
    await submit('idle', 'elsewhere-idle'),
    await submit('busy', 'elsewhere-busy'),
  ];
  expect(alice.attached()?.serverid).toBe(idOf('two'));
  for (const processid of elsewhere) {
    const done = await alice.waitForProcess({ processid, timeout: 20 });
    expect(done).toMatchObject({ state: 2 });
  }

  await startServer('one', through, one);
  for (const processid of [running, waiting]) {
    const done = async () => (await alice.getProcess({ processid })).state === 2;
    while (!(await done().catch(() => false))) await new Promise((soon) => setTimeout(soon, 200));
  }
  const again = await submit('idle', 'home-again');
  await alice.waitForProcess({ processid: again, timeout: 20 });
  const ledger = await readFile(join(desk.home, 'ledger'), 'utf8');
  expect(ledger.trim().split('\n').sort()).toEqual(
    ['elsewhere-busy', 'elsewhere-idle', 'home-again', 'running', 'waiting'].sort(),
  );
  for (const worker of [idle, busy]) expect((await worker.stop()).code).toBe(0);
}, 180_000);
