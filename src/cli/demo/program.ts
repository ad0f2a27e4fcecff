// Another run of this program as a child process: started, watched for a line, stopped. For
// `colonies demo`.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

export interface Program {
  /**
   * The first line on stderr for which `read` gives something. Rejects when the program ends
   * before.
   */
  line<T>(read: (line: string) => T | undefined): Promise<T>;
  /** Asks it to end (SIGTERM) and gives its exit code; null after a signal. */
  stop(): Promise<number | null>;
}

const ended = (child: ChildProcess): Promise<number | null> =>
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
  const end = ended(child);
  // Whoever waits for a line or for the end is told; when nobody does, nobody needs to be.
  end.catch(() => undefined);
  const seen: string[] = [];
  const listeners = new Set<(line: string) => void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    seen.push(line);
    for (const listener of listeners) listener(line);
  });
  return {
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
        end.then(
          (code) => reject(new Error(`colonies ${args[0]} ended (${code}):\n${seen.join('\n')}`)),
          reject,
        );
      }),
    stop: () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      return end;
    },
  };
};
