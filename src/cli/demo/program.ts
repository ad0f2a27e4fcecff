// Another run of this program as a child process: started, watched for a line, stopped, killed. For
// `colonies demo`.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const STOP_MS = 10_000;

export interface Program {
  /** Its first word: `server`, `worker`, … */
  readonly name: string;
  /**
   * The first line on stderr for which `read` gives something. Rejects when the program ends
   * before.
   */
  line<T>(read: (line: string) => T | undefined): Promise<T>;
  /** Settles with the exit code when it ended; null after a signal. */
  readonly ended: Promise<number | null>;
  /** Asks it to end (SIGTERM), in the end makes it (SIGKILL). Gives its exit code. */
  stop(): Promise<number | null>;
  /** Ends it at once, as a power cut would. */
  kill(): Promise<number | null>;
  /** What it wrote to stderr. */
  output(): string;
}

const endOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });

/** Starts `colonies <args>`. `env` is its whole environment. */
export const startProgram = (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Program => {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = endOf(child);
  // Whoever waits for a line or for the end is told; when nobody does, nobody needs to be.
  ended.catch(() => undefined);
  const seen: string[] = [];
  const listeners = new Set<(line: string) => void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    seen.push(line);
    for (const listener of [...listeners]) listener(line);
  });
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const signal = (name: NodeJS.Signals): void => {
    if (isRunning()) child.kill(name);
  };
  return {
    name: args[0] ?? '',
    ended,
    output: () => seen.join('\n'),
    line: (read) =>
      new Promise((resolve, reject) => {
        const look = (line: string): void => {
          const found = read(line);
          if (found === undefined) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        for (const line of seen) look(line);
        ended.then(
          (code) => reject(new Error(`colonies ${args[0]} ended (${code}):\n${seen.join('\n')}`)),
          reject,
        );
      }),
    stop: () => {
      signal('SIGTERM');
      const late = setTimeout(() => signal('SIGKILL'), STOP_MS);
      return ended.finally(() => clearTimeout(late));
    },
    kill: () => {
      signal('SIGKILL');
      return ended;
    },
  };
};
