// `colonies demo`: the whole thing once, visibly, on this machine: three servers in an overlay, a
// colony on two of them, a worker that knows the colony's id, and what happens when its home dies.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, type Context, command } from '../command.ts';
import type { Program } from '../demo/program.ts';
import {
  type Key,
  newKey,
  type Result,
  RUNNING,
  run,
  runToEnd,
  type Server,
  type Stage,
  SUCCESS,
  showOutput,
  startServer,
  untilPeers,
  untilState,
} from '../demo/stage.ts';
import { durationOfUs, timeToUs } from '../duration.ts';
import { signedBy } from '../session.ts';

// Counts primes slice by slice, so that there is output to see before there is a result.
const PRIMES = `
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
  if (slice + 1 < slices) setTimeout(next, 300, slice + 1);
};
next(0);
`;

// Takes long enough for its server to die meanwhile.
const STEPS = `
let step = 0;
const timer = setInterval(() => {
  step += 1;
  console.log('step ' + step + ' of 8');
  if (step === 8) clearInterval(timer);
}, 400);
`;

const hello = (text: string): string => `console.log(${JSON.stringify(text)})`;

/** Exit code of what a signal ended, as shells have it. */
const INTERRUPTED = 130;

interface Cast {
  readonly colony: Key;
  readonly member: Key;
}

const short = (id: string): string => `${id.slice(0, 8)}…`;

/** A process, by the end of its id: the beginning names its colony and server. */
const tail = (id: string): string => `…${id.slice(-8)}`;

const say = ({ ctx }: Pick<Stage, 'ctx'>, text: string): void => ctx.out(`${text}\n`);

const outOf = (result: Result): string => {
  const text = String(result.out?.[0] ?? '').trimEnd();
  return text.slice(text.lastIndexOf('\n') + 1);
};

const submit = async (
  server: Server,
  { colony, member }: Cast,
  program: string,
): Promise<string> => {
  const spec = {
    cmd: process.execPath,
    args: ['-e', program],
    maxexectime: 60,
    conditions: { colonyid: colony.id, runtimetype: 'demo' },
    env: {},
  };
  const fields = { spec };
  const call = signedBy(server.call, member.prvkey);
  return (await call<Result>('submitprocessespecmsg', fields)).processid;
};

/** Three servers, each with a key of its own; the others join through the third. */
const openServers = async (stage: Stage): Promise<readonly [Server, Server, Server]> => {
  const start = (name: string, bootstrap?: string): Promise<Server> =>
    startServer(stage, { name, owner: newKey(stage.ctx), bootstrap });
  const three = await start('three');
  const [one, two] = await Promise.all([start('one', three.address), start('two', three.address)]);
  await Promise.all([one, two, three].map((server) => untilPeers(stage, server, 2)));
  say(stage, '1. Three servers start, each with a key of its own, and find each other:');
  const named = [
    ['one', one],
    ['two', two],
    ['three', three],
  ] as const;
  for (const [name, { port, owner }] of named) {
    say(stage, `   ${name.padEnd(6)}http://127.0.0.1:${port}  owner ${short(owner.id)}`);
  }
  return [one, two, three];
};

/** The colony on two servers, published by its owner through the third. */
const openColony = async (
  stage: Stage,
  [one, two, three]: readonly [Server, Server, Server],
): Promise<Cast> => {
  const { ctx } = stage;
  const cast = { colony: newKey(ctx), member: newKey(ctx) };
  const { colony, member } = cast;
  for (const { call, owner } of [one, two]) {
    await call('addcolonymsg', { colony: { colonyid: colony.id, name: 'demo' } }, owner.prvkey);
  }
  const runtime = { runtimeid: member.id, runtimetype: 'client', colonyid: colony.id };
  await one.call('addruntimemsg', { runtime: { ...runtime, name: 'submitter' } }, colony.prvkey);
  await one.call('approveruntimemsg', { runtimeid: member.id }, colony.prvkey);
  const env = { COLONIES_COLONYID: colony.id, COLONIES_COLONYPRVKEY: colony.prvkey };
  const through = ['--bootstrap', `http://127.0.0.1:${three.port}`];
  const servers = ['--server', one.owner.id, '--server', two.owner.id];
  await runToEnd(stage, ['federation', 'publish', ...servers, ...through], env);
  say(
    stage,
    `2. The owner of colony ${short(colony.id)} publishes through three: its home is one,`,
  );
  say(stage, '   its second host is two. The key that signed this stayed with the owner');
  await runToEnd(stage, ['federation', 'members', 'copy', ...through], env);
  say(stage, '3. The members of the colony are copied from one to two');
  return cast;
};

const ATTACHED = /msg="Colonies Worker now waiting for processes.*serverID=([0-9a-f]{64})/;

/** Waits until the worker serves this server. */
const attachedTo = (worker: Program, server: Server): Promise<true> =>
  worker.line((line) => (ATTACHED.exec(line)?.[1] === server.owner.id ? true : undefined));

const startWorker = async (
  stage: Stage,
  { colony }: Cast,
  one: Server,
  three: Server,
): Promise<Program> => {
  const worker = run(
    stage,
    [
      ...['worker', 'start', '--colonyid', colony.id, '--bootstrap', three.address],
      ...['--name', 'demo-worker', '--type', 'demo'],
    ],
    { COLONIES_COLONYPRVKEY: colony.prvkey },
  );
  await attachedTo(worker, one);
  say(
    stage,
    '4. A worker starts. It knows the id and the key of the colony, and how to reach three:',
  );
  say(stage, `   ${three.address.slice(0, 60)}…`);
  say(stage, '   It asks, verifies what it is told, and attaches to the home, one');
  return worker;
};

const work = async (stage: Stage, cast: Cast, three: Server): Promise<Result> => {
  const processid = await submit(three, cast, PRIMES);
  say(stage, `5. Process ${tail(processid)} is submitted to three, which does not host the colony`);
  say(
    stage,
    '   and passes it on to the home. The worker runs it; its output, read through three:',
  );
  const asMember = signedBy(three.call, cast.member.prvkey);
  const result = await showOutput(stage, asMember, cast.colony.id, processid);
  const took = durationOfUs(timeToUs(result.endtime) - timeToUs(result.starttime));
  say(stage, `   It is ${result.state === SUCCESS ? 'successful' : 'failed'} after ${took}`);
  return result;
};

interface Left {
  readonly running: string;
  readonly waiting: string;
}

/** Kills the home while one process runs and one waits. */
const killHome = async (
  stage: Stage,
  cast: Cast,
  [one, two]: readonly [Server, Server, Server],
  worker: Program,
): Promise<Left> => {
  const running = await submit(one, cast, STEPS);
  const asMember = signedBy(one.call, cast.member.prvkey);
  await untilState(stage, asMember, running, RUNNING);
  const waiting = await submit(one, cast, hello('done after the return of the home'));
  await one.program.kill();
  const killedMs = stage.ctx.clock.now();
  say(stage, `6. The home is killed while ${tail(running)} runs and ${tail(waiting)} waits there`);
  await attachedTo(worker, two);
  const took = durationOfUs((stage.ctx.clock.now() - killedMs) * 1000);
  say(stage, `7. After ${took} the worker is attached to the second host, two`);
  return { running, waiting };
};

const workElsewhere = async (stage: Stage, cast: Cast, three: Server): Promise<Result> => {
  const processid = await submit(three, cast, hello('new work, done on the second host'));
  say(stage, `8. New process ${tail(processid)} is submitted to three; it reaches two and runs:`);
  const asMember = signedBy(three.call, cast.member.prvkey);
  return showOutput(stage, asMember, cast.colony.id, processid);
};

/** Starts the home again and waits for what it had. */
const bringHomeBack = async (
  stage: Stage,
  { member }: Cast,
  [one, , three]: readonly [Server, Server, Server],
  { running, waiting }: Left,
): Promise<readonly Result[]> => {
  const bootstrap = three.address;
  const again = await startServer(stage, {
    name: 'one',
    owner: one.owner,
    bootstrap,
    before: one,
  });
  say(stage, '9. The home starts again. The worker, which never left, closes there what it ran:');
  const asMember = signedBy(again.call, member.prvkey);
  const closed = await untilState(stage, asMember, running, SUCCESS);
  say(stage, `   ${tail(running)}: ${outOf(closed)}`);
  const done = await untilState(stage, asMember, waiting, SUCCESS);
  say(stage, `   and takes what waited: ${tail(waiting)}: ${outOf(done)}`);
  return [closed, done];
};

const play = async (stage: Stage): Promise<number> => {
  const servers = await openServers(stage);
  const [one, , three] = servers;
  const cast = await openColony(stage, servers);
  const worker = await startWorker(stage, cast, one, three);
  const results = [await work(stage, cast, three)];
  const left = await killHome(stage, cast, servers, worker);
  results.push(await workElsewhere(stage, cast, three));
  results.push(...(await bringHomeBack(stage, cast, servers, left)));
  const failed = results.filter(({ state }) => state !== SUCCESS);
  if (failed.length > 0) say(stage, `${failed.length} processes were not successful`);
  return failed.length === 0 ? 0 : 1;
};

/** Ends what still runs, the servers last: a worker leaves its colony first. */
const stopAll = async ({ programs }: Stage): Promise<void> => {
  const running = [...programs];
  const stop = (some: readonly Program[]) => Promise.all(some.map((program) => program.stop()));
  await stop(running.filter(({ name }) => name !== 'server'));
  await stop(running.filter(({ name }) => name === 'server'));
};

const demo = command({
  path: ['demo'],
  summary: 'Run the whole thing once, visibly, on this machine',
  details:
    'Starts three servers in an overlay of their own, publishes a colony that two of them host, starts a\n' +
    'worker that knows only the id of the colony and the address of the third, submits processes, kills\n' +
    'the home and brings it back. Everything is made for the occasion and removed at the end.',
  examples: ['colonies demo'],
  flags: {},
  run: async (asked: Context) => {
    // With --json stdout is for JSON alone.
    const ctx = asked.globals.json ? { ...asked, out: asked.err } : asked;
    const startedMs = ctx.clock.now();
    const dir = await mkdtemp(join(tmpdir(), 'colonies-demo-'));
    const stage: Stage = { ctx, dir, programs: new Set() };
    const stopped = ctx.stopSignal();
    try {
      say(stage, 'A small federation on this machine; all of it is removed at the end.\n');
      const code = await play(stage);
      await stopAll(stage);
      const took = durationOfUs((ctx.clock.now() - startedMs) * 1000);
      say(stage, `10. Worker and servers are stopped. All of it took ${took}.\n`);
      if (asked.globals.json) asked.json({ successful: code === 0, took });
      say(stage, 'Next: `colonies dev` starts a server to try things on; README.md shows how.');
      return code;
    } catch (error) {
      if (!stopped.aborted) throw error;
      // A terminal interrupts worker and servers along with the demo: whatever failed, this is why.
      await stopAll(stage);
      ctx.err('\nInterrupted. Worker and servers are stopped, and everything is removed.\n');
      return INTERRUPTED;
    } finally {
      await stopAll(stage);
      await rm(dir, { recursive: true, force: true });
    }
  },
});

export const commands: readonly Command[] = [demo];
