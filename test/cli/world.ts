// The command line in the test's own process: a home folder, an environment, captured streams, and on
// request a development server behind a real socket.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Edge, runCli } from '../../src/cli/run.ts';
import { systemClock } from '../../src/node/clock.ts';

export type TestEnv = Readonly<Record<string, string | undefined>>;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: TestEnv;
  /** Lines of stdin. */
  readonly input?: readonly string[];
  /** Ends the command as a signal would. */
  readonly stop?: AbortSignal;
  /** Called with every piece of output. */
  readonly onOutput?: (all: string) => void;
}

const NEVER = new AbortController().signal;

/** Runs one command line with `home` as the home folder. */
export const runIn = async (
  home: string,
  args: readonly string[],
  { env = {}, input = [], stop = NEVER, onOutput = () => undefined }: RunOptions = {},
): Promise<Ran> => {
  let out = '';
  let err = '';
  const lines = [...input];
  const toOut = (text: string): void => {
    out += text;
    onOutput(out + err);
  };
  const toErr = (text: string): void => {
    err += text;
    onOutput(out + err);
  };
  const edge: Edge = {
    env,
    home,
    clock: systemClock(),
    stdout: toOut,
    stdoutBytes: async (piece) => toOut(Buffer.from(piece).toString()),
    stderr: toErr,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    readLine: async () => lines.shift(),
    stopSignal: () => stop,
  };
  const code = await runCli(args, edge);
  return { code, out, err };
};

export interface World {
  readonly home: string;
  readonly port: number;
  /** The environment of `examples/devenv`, with this server's port. */
  readonly runtimeEnv: TestEnv;
  /** The environment of `examples/devenv-executor`, with this server's port. */
  readonly executorEnv: TestEnv;
  /** Runs one command line; words are split at spaces, quoted parts stay whole. */
  readonly run: (line: string, options?: RunOptions) => Promise<Ran>;
  readonly stop: () => Promise<void>;
}

/** The words of a command line; single and double quotes keep a part whole. */
export const words = (line: string): readonly string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? (m[3] as string));

const exportsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^export (\w+)="([^"]*)"$/gm)].map((m) => [m[1] as string, m[2] as string]),
  );

const ONLY_2022 =
  /^COLONIES_(SERVERID|SERVERPRVKEY|COLONYID|COLONYPRVKEY|RUNTIMEID|RUNTIMEPRVKEY)$/;
const ONLY_TODAY = /^COLONIES_(TLS|SERVER_TLS|SERVER_ID|SERVER_PRVKEY|COLONY_.*|ID|PRVKEY)$/;

const without = (env: Record<string, string>, names: RegExp): TestEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.test(name)));

/** Starts `colonies dev` on a free port. */
export const startWorld = async (): Promise<World> => {
  const home = mkdtempSync(join(tmpdir(), 'colonies-'));
  const stop = new AbortController();
  let seen = '';
  let ready: () => void;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const dev = runIn(home, ['dev', '--port', '0'], {
    stop: stop.signal,
    onOutput: (all) => {
      seen = all;
      if (all.includes('Press ctrl+c to exit')) ready();
    },
  });
  await Promise.race([
    isReady,
    dev.then(({ err }) => Promise.reject(new Error(`dev ended early:\n${err}`))),
  ]);
  const all = exportsOf(seen);
  const runtimeEnv = without(all, ONLY_TODAY);
  return {
    home,
    port: Number(all['COLONIES_SERVER_PORT']),
    runtimeEnv,
    executorEnv: without(all, ONLY_2022),
    run: (line, options) => runIn(home, words(line), { env: runtimeEnv, ...options }),
    stop: async () => {
      stop.abort(new Error('stopped'));
      await dev;
      rmSync(home, { recursive: true, force: true });
    },
  };
};

/** The value of a log field in captured stderr. */
export const fieldOf = (err: string, name: string): string => {
  const found = new RegExp(`\\b${name}=("(?:[^"\\\\]|\\\\.)*"|\\S*)`).exec(err)?.[1];
  if (found === undefined) throw new Error(`no field ${name} in:\n${err}`);
  return found.startsWith('"') ? (JSON.parse(found) as string) : found;
};
