// A real server whose disk is full, as the system tells it: a file may grow to so much and no more.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Call, callerTo } from '../../src/cli/rpc.ts';
import { idOfKey } from '../../src/node/crypto/keys.ts';
import { type Desk, openDesk, type Running } from '../support/desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

const COLONY_KEY = '6d2fb6f546bacfd98c68769e61e0b44a697a30596c018a50e28200aa59b01c0a';
const WORKER_KEY = 'd6eb959e9aec2e6fdc44b5862b269e987b8a4d6f2baca542d8acaa97ee5e74f6';
const IDLE_KEY = 'a7c4bd22e94010027b31bf669c766aed0e24d6e4e1da05511b56440238df108f';

const READY = /msg="Colonies Server is ready".* Port=(\d+) ServerID=([0-9a-f]{64})/;

interface Server {
  readonly running: Running;
  readonly id: string;
  readonly call: Call;
}

const startServer = async (before = ''): Promise<Server> => {
  const start = 'colonies server start --data-dir data --host 127.0.0.1 --port 0 --insecure';
  const running = desk.start(before + start);
  const [, port = '', id = ''] = await running.until(READY);
  const at = { host: '127.0.0.1', port: Number(port), tls: false, verify: true };
  return { running, id, call: callerTo(at) };
};

const addMembers = async ({ call, id }: Server): Promise<void> => {
  const colony = { colonyid: idOfKey(COLONY_KEY), name: 'dev' };
  await call('addcolonymsg', { colony }, await desk.read(`.colonies/${id}`));
  for (const [executortype, key] of [
    ['worker', WORKER_KEY],
    ['idle', IDLE_KEY],
  ] as const) {
    const who = { colonyname: 'dev', executorname: executortype };
    const executor = { ...who, executorid: idOfKey(key), executortype };
    await call('addexecutormsg', { executor }, COLONY_KEY);
    await call('approveexecutormsg', who, COLONY_KEY);
  }
};

/** Submits large processes until one is refused. */
const fill = async (call: Call): Promise<{ ids: string[]; refused: unknown }> => {
  const conditions = { colonyname: 'dev', executortype: 'worker' };
  const spec = { funcname: 'f', args: ['x'.repeat(50_000)], conditions };
  const ids: string[] = [];
  for (;;) {
    try {
      const made = await call<{ processid: string }>('submitfuncspecmsg', { spec }, WORKER_KEY);
      ids.push(made.processid);
    } catch (refused) {
      return { ids, refused };
    }
  }
};

test('who meets a full disk is told so, the server ends, and nothing acknowledged is lost', async () => {
  const full = await startServer('ulimit -f 1024; ');
  await addMembers(full);
  const poll = full
    .call('assignprocessmsg', { colonyname: 'dev', timeout: 60 }, IDLE_KEY)
    .catch((error: unknown) => error);
  const { ids, refused } = await fill(full.call);
  expect(refused).toMatchObject({
    status: 503,
    message: expect.stringContaining('the store has failed and the server is stopping'),
  });
  expect(await poll).toMatchObject({ status: 503 });
  const { code, stderr } = await full.running.end();
  expect(code).toBe(255);
  expect(stderr).toMatch(/commit failed: the node must stop/);
  expect(stderr).toMatch(/The store failed: what is on disk is whole, restart the server/);
  expect(ids.length).toBeGreaterThan(5);

  const again = await startServer();
  const query = { colonyname: 'dev', count: 100, state: 0 };
  const listed = await again.call<{ processid: string }[]>('getprocessesmsg', query, WORKER_KEY);
  expect(listed.slice(0, ids.length).map(({ processid }) => processid)).toEqual(ids);
  await again.running.stop();
  const { code: checked, stdout } = await desk.run('colonies server check --data-dir data');
  expect([checked, stdout]).toEqual([0, '']);
});
