// `colonies demo`: the whole thing once, visibly, on this machine: a server with a key of its own,
// a colony, a worker in a process of its own, a real piece of work, its output while it runs, its
// result.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKey, idOfKey } from '../../node/crypto/keys.ts';
import { type Command, type Context, command } from '../command.ts';
import { type Program, startProgram } from '../demo/program.ts';
import { durationOfUs, timeToUs } from '../duration.ts';
import { followLogs } from '../log-follow.ts';
import { type Call, callerTo } from '../rpc.ts';
import type { SignedCall } from '../session.ts';

const LOOK_MS = 100;
const SUCCESS = 2;

// Counts primes slice by slice, so that there is output to see before there is a result.
const WORK = `
const limit = 8_000_000, slices = 5;
const composite = new Uint8Array(limit + 1);
for (let i = 2; i * i <= limit; i += 1) {
  if (!composite[i]) for (let j = i * i; j <= limit; j += i) composite[j] = 1;
}
let count = 0;
const next = (slice) => {
  const from = Math.max(2, (limit / slices) * slice + 1), to = (limit / slices) * (slice + 1);
  for (let i = from; i <= to; i += 1) count += composite[i] ? 0 : 1;
  console.log('up to ' + to.toLocaleString('en') + ': ' + count.toLocaleString('en') + ' primes');
  if (slice + 1 < slices) setTimeout(next, 350, slice + 1);
};
next(0);
`;

interface Stage {
  readonly ctx: Context;
  readonly call: Call;
  readonly port: number;
  readonly colony: Key;
  readonly member: Key;
}

interface Key {
  readonly id: string;
  readonly prvkey: string;
}

const newKey = (ctx: Context): Key => {
  const prvkey = generateKey(ctx.clock);
  return { id: idOfKey(prvkey), prvkey };
};

const short = (id: string): string => `${id.slice(0, 8)}…`;

const say = (ctx: Context, text: string): void => ctx.out(`${text}\n`);

const pause = (ctx: Context, ms: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const signal = ctx.stopSignal();
    if (signal.aborted) reject(signal.reason);
    const cancel = ctx.clock.after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    const stop = (): void => {
      cancel();
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
  });

/** The environment of the children: what they need to run, and a home of their own. */
const cleanEnv = (ctx: Context, home: string): Record<string, string | undefined> => ({
  PATH: ctx.childEnv['PATH'],
  TMPDIR: ctx.childEnv['TMPDIR'],
  HOME: home,
});

const portOf = (line: string): number | undefined => {
  const port = /msg="Colonies Server is ready".* Port=(\d+)/.exec(line)?.[1];
  return port === undefined ? undefined : Number(port);
};

const startServer = (dir: string, env: Readonly<Record<string, string | undefined>>): Program =>
  startProgram(
    [
      ...['server', 'start', '--data-dir', join(dir, 'data'), '--host', '127.0.0.1'],
      ...['--port', '0', '--insecure'],
    ],
    env,
  );

const addMembers = async ({ ctx, call, colony, member }: Stage, owner: string): Promise<void> => {
  await call('addcolonymsg', { colony: { colonyid: colony.id, name: 'demo' } }, owner);
  say(ctx, `2. The server owner registers the colony "demo", id ${short(colony.id)}`);
  const runtime = {
    runtimeid: member.id,
    runtimetype: 'client',
    name: 'submitter',
    colonyid: colony.id,
  };
  await call('addruntimemsg', { runtime }, colony.prvkey);
  await call('approveruntimemsg', { runtimeid: member.id }, colony.prvkey);
  say(ctx, `3. The colony owner registers and approves a submitter, id ${short(member.id)}`);
};

const startWorker = async (
  { ctx, colony, port }: Stage,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Program> => {
  const worker = startProgram(
    ['worker', 'start', '--name', 'demo-worker', '--type', 'demo', '--insecure'],
    {
      ...env,
      COLONIES_SERVER_HOST: '127.0.0.1',
      COLONIES_SERVER_PORT: String(port),
      COLONIES_COLONYID: colony.id,
      COLONIES_COLONYPRVKEY: colony.prvkey,
    },
  );
  const ready = /now waiting for processes/;
  await worker.line((line) => (ready.test(line) ? true : undefined));
  say(ctx, '4. A worker starts as a process of its own, joins the colony and waits for work');
  return worker;
};

interface Result {
  readonly state: number;
  readonly starttime: string;
  readonly endtime: string;
  readonly out?: readonly unknown[];
}

/** Shows what the process writes while it runs; gives the process once it has ended. */
const follow = async ({ ctx, call, colony, member }: Stage, processid: string): Promise<Result> => {
  const indented = { ...ctx, out: (text: string) => ctx.out(text.replace(/^(?=.)/gm, '   | ')) };
  const asMember: SignedCall = (type, fields) => call(type, fields, member.prvkey);
  const showNew = followLogs(indented, asMember, { colonyname: colony.id, processid });
  for (;;) {
    // Asked for first: what it wrote before it ended is in the log by then.
    const process = await asMember<Result>('getprocessmsg', { processid });
    await showNew();
    if (process.state >= SUCCESS) return process;
    await pause(ctx, LOOK_MS);
  }
};

const runProcess = async (stage: Stage): Promise<Result> => {
  const { ctx, call, colony, member } = stage;
  const spec = {
    cmd: process.execPath,
    args: ['-e', WORK],
    maxexectime: 60,
    conditions: { colonyid: colony.id, runtimetype: 'demo' },
    env: {},
  };
  const submitted = await call<{ processid: string }>(
    'submitprocessespecmsg',
    { spec },
    member.prvkey,
  );
  say(ctx, `5. The submitter submits a process, id ${short(submitted.processid)}; its output:`);
  return follow(stage, submitted.processid);
};

const tell = (ctx: Context, result: Result): void => {
  const took = durationOfUs(timeToUs(result.endtime) - timeToUs(result.starttime));
  const ended = result.state === SUCCESS ? 'successful' : 'failed';
  say(ctx, `6. The process is ${ended} after ${took}. Its last line is the result:`);
  const text = String(result.out?.[0] ?? '').trimEnd();
  say(ctx, `   ${text.slice(text.lastIndexOf('\n') + 1)}`);
};

const play = async (ctx: Context, dir: string, programs: Program[]): Promise<number> => {
  const env = cleanEnv(ctx, dir);
  const owner = newKey(ctx);
  const server = startServer(dir, { ...env, COLONIES_SERVERID: owner.id });
  programs.push(server);
  const port = await server.line(portOf);
  say(ctx, `1. A server starts on http://127.0.0.1:${port}, owned by ${short(owner.id)}`);
  const call = callerTo({ host: '127.0.0.1', port, tls: false, verify: true });
  const stage = { ctx, call, port, colony: newKey(ctx), member: newKey(ctx) };
  await addMembers(stage, owner.prvkey);
  programs.push(await startWorker(stage, env));
  const result = await runProcess(stage);
  tell(ctx, result);
  return result.state === SUCCESS ? 0 : 1;
};

const demo = command({
  path: ['demo'],
  summary: 'Run the whole thing once, visibly, on this machine',
  details:
    'Starts a server on a free port with keys made for the occasion, registers a colony, starts a worker,\n' +
    'submits a process and shows its output and result. Everything is removed at the end.',
  examples: ['colonies demo'],
  flags: {},
  run: async (ctx) => {
    const startedMs = ctx.clock.now();
    const dir = await mkdtemp(join(tmpdir(), 'colonies-demo-'));
    const programs: Program[] = [];
    ctx.stopSignal();
    try {
      say(
        ctx,
        'A colony on one node: everything runs on this machine and is removed at the end.\n',
      );
      const code = await play(ctx, dir, programs);
      for (const program of programs.splice(0).reverse()) await program.stop();
      const took = durationOfUs((ctx.clock.now() - startedMs) * 1000);
      say(ctx, `7. Worker and server are stopped. All of it took ${took}.\n`);
      say(ctx, 'Next: `colonies dev` starts a server to try things on; README.md shows how.');
      return code;
    } finally {
      for (const program of programs.reverse()) await program.stop();
      await rm(dir, { recursive: true, force: true });
    }
  },
});

export const commands: readonly Command[] = [demo];
