// What `colonies demo` plays with: three servers in an overlay of their own, a colony on two of them,
// a worker that knows the colony's id. Everything lives in one temporary folder.

import { join } from 'node:path';
import { z } from 'zod';
import { generateKey, idOfKey } from '../../node/crypto/keys.ts';
import type { Context } from '../command.ts';
import { followLogs } from '../log-follow.ts';
import { type Call, callerTo } from '../rpc.ts';
import type { SignedCall } from '../session.ts';
import { callDeadline, exchange } from '../transport.ts';
import { sleep } from '../wait.ts';
import { type Program, startProgram } from './program.ts';

const LOOK_MS = 100;
const HOST = '127.0.0.1';

export interface Key {
  readonly id: string;
  readonly prvkey: string;
}

/** One server of the demo. */
export interface Server {
  readonly owner: Key;
  readonly port: number;
  /** Where others join through it. */
  readonly address: string;
  readonly call: Call;
  readonly program: Program;
}

export interface Result {
  readonly processid: string;
  readonly state: number;
  readonly starttime: string;
  readonly endtime: string;
  readonly out?: readonly unknown[];
}

export const SUCCESS = 2;
export const RUNNING = 1;

export interface Stage {
  readonly ctx: Context;
  readonly dir: string;
  /** Everything that was started and may still run. */
  readonly programs: Set<Program>;
}

export const newKey = (ctx: Pick<Context, 'clock'>): Key => {
  const prvkey = generateKey(ctx.clock);
  return { id: idOfKey(prvkey), prvkey };
};

/** The environment of the children: what they need to run, and a home of their own. */
const cleanEnv = ({ ctx, dir }: Stage): Record<string, string | undefined> => ({
  PATH: ctx.childEnv['PATH'],
  TMPDIR: ctx.childEnv['TMPDIR'],
  HOME: dir,
});

/** Starts a program of the demo; it is stopped with the demo. */
export const run = (
  stage: Stage,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Program => {
  const program = startProgram(args, { ...cleanEnv(stage), ...env });
  stage.programs.add(program);
  const gone = (): boolean => stage.programs.delete(program);
  program.ended.then(gone, gone);
  return program;
};

const portOf = (line: string): number | undefined => {
  const port = /msg="Colonies Server is ready".* Port=(\d+)/.exec(line)?.[1];
  return port === undefined ? undefined : Number(port);
};

const Status = z.object({ addresses: z.array(z.string()), peers: z.int() });

const statusAt = async (port: number): Promise<z.output<typeof Status>> => {
  const at = { host: HOST, port, tls: false, verify: true };
  const { body } = await exchange(at, '/federation/status', undefined, callDeadline());
  return Status.parse(JSON.parse(body));
};

export interface ServerOptions {
  readonly name: string;
  readonly owner: Key;
  readonly bootstrap?: string | undefined;
  /** As it was before: the same ports. */
  readonly before?: Server;
}

/** Starts a server with a key of its own in the overlay `demo`. */
export const startServer = async (stage: Stage, options: ServerOptions): Promise<Server> => {
  const { name, owner, bootstrap, before } = options;
  const listen = before?.address.replace(/\/p2p\/.*$/, '') ?? `/ip4/${HOST}/tcp/0`;
  const program = run(
    stage,
    [
      ...['server', 'start', '--data-dir', join(stage.dir, name), '--host', HOST, '--insecure'],
      ...['--port', String(before?.port ?? 0), '--listen', listen, '--network', 'demo'],
      ...['--address-policy', 'test'],
      ...(bootstrap === undefined ? [] : ['--bootstrap', bootstrap]),
    ],
    { COLONIES_SERVERID: owner.id, COLONIES_SERVERPRVKEY: owner.prvkey },
  );
  const port = await program.line(portOf);
  const call = callerTo({ host: HOST, port, tls: false, verify: true });
  const [address] = (await statusAt(port)).addresses;
  if (address === undefined) throw new Error(`server ${name} is in no overlay`);
  return { owner, port, address, call, program };
};

/** Waits until a server has this many peers. */
export const untilPeers = async ({ ctx }: Stage, server: Server, count: number): Promise<void> => {
  for (;;) {
    if ((await statusAt(server.port)).peers >= count) return;
    await sleep(ctx.clock, LOOK_MS, ctx.stopSignal());
  }
};

/** Runs a command of this program to its end; its lines are given when it fails. */
export const runToEnd = async (
  stage: Stage,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> => {
  const program = run(stage, args, env);
  const code = await program.ended;
  if (code !== 0) throw new Error(`colonies ${args.join(' ')} failed:\n${program.output()}`);
};

/** Waits for a process to reach a state; `onLook` runs before each look but the first. */
export const untilState = async (
  { ctx }: Stage,
  call: SignedCall,
  processid: string,
  state: number,
  onLook: () => Promise<void> = async () => undefined,
): Promise<Result> => {
  for (;;) {
    // Asked for first: what it wrote before it ended is in the log by then.
    const process = await call<Result>('getprocessmsg', { processid });
    await onLook();
    if (process.state >= state) return process;
    await sleep(ctx.clock, LOOK_MS, ctx.stopSignal());
  }
};

/** Shows what a process writes while it runs; gives the process once it has ended. */
export const showOutput = (
  stage: Stage,
  call: SignedCall,
  colonyid: string,
  processid: string,
): Promise<Result> => {
  const { ctx } = stage;
  const indented = { ...ctx, out: (text: string) => ctx.out(text.replace(/^(?=.)/gm, '   | ')) };
  const showNew = followLogs(indented, call, { colonyname: colonyid, processid });
  return untilState(stage, call, processid, SUCCESS, showNew);
};
