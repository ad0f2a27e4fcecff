// A desk of a user: a home folder of its own, the built `colonies` on the path, commands run by
// bash as they stand in the docs. Closing it ends every program it started and removes the folder.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const MAIN = join(ROOT, 'dist/cli/main.js');
const KNOWN_PORT = '50080';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Waits until stdout or stderr holds a match. Rejects with both when the program ends before. */
  until(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  /** Waits for the end. */
  end(): Promise<Ended>;
}

export interface Desk {
  /** Home folder and current folder of every command. */
  readonly home: string;
  /**
   * Runs lines of bash to their end. `env` is added to an environment that holds nothing but a
   * path.
   */
  run(lines: string, env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** Starts one line of bash in the background; the last command of it gets the signals. */
  start(line: string, env?: Readonly<Record<string, string>>): Running;
  /** Copies `examples` here, with another port in place of the known one. */
  examples(port: number): Promise<void>;
  write(name: string, text: string): Promise<string>;
  read(name: string): Promise<string>;
  close(): Promise<void>;
}

const SHIM = `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`;

const watch = (child: ChildProcess): Running => {
  const text = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (piece: string) => {
      text[name] += piece;
      for (const listener of listeners) listener();
    });
  }
  const end = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...text }));
  });
  return {
    child,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(text.stdout) ?? pattern.exec(text.stderr);
          if (found === null) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
        end.then(({ code, stdout, stderr }) => {
          look();
          reject(new Error(`ended (${code}) without ${pattern}:\n${stdout}\n${stderr}`));
        }, reject);
      }),
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return end;
    },
    end: () => end,
  };
};

/** Opens a desk in a fresh temporary folder. */
export const openDesk = async (): Promise<Desk> => {
  const home = await mkdtemp(join(tmpdir(), 'colonies-'));
  const bin = join(home, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'colonies'), SHIM);
  await chmod(join(bin, 'colonies'), 0o755);
  const path = `${bin}:${join(process.execPath, '..')}:/usr/local/bin:/usr/bin:/bin`;
  const running = new Set<ChildProcess>();

  const bash = (lines: string, env: Readonly<Record<string, string>>): ChildProcess => {
    const child = spawn('bash', ['-c', lines], {
      cwd: home,
      env: { PATH: path, HOME: home, TMPDIR: tmpdir(), TZ: 'UTC', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    child.once('close', () => running.delete(child));
    return child;
  };

  return {
    home,
    run: (lines, env = {}) => watch(bash(lines, env)).end(),
    start: (line, env = {}) => watch(bash(line.replace(/(^|; *)(?=[^;]*$)/, '$1exec '), env)),
    examples: async (port) => {
      await cp(join(ROOT, 'examples'), join(home, 'examples'), { recursive: true });
      for (const name of ['examples/devenv', 'examples/devenv-executor']) {
        const file = join(home, name);
        const text = await readFile(file, 'utf8');
        await writeFile(file, text.replaceAll(KNOWN_PORT, String(port)));
      }
    },
    write: async (name, text) => {
      await writeFile(join(home, name), text);
      return join(home, name);
    },
    read: (name) => readFile(join(home, name), 'utf8'),
    close: async () => {
      const ends = [...running].map(
        (child) => new Promise<void>((resolve) => child.once('close', () => resolve())),
      );
      for (const child of running) child.kill('SIGKILL');
      await Promise.all(ends);
      await rm(home, { recursive: true, force: true });
    },
  };
};

/** A `colonies dev` on a free port, with the examples of that port beside it. */
export const startDev = async (desk: Desk, more = ''): Promise<{ dev: Running; port: number }> => {
  const dev = desk.start(`colonies dev --port 0${more}`);
  const port = Number((await dev.until(/COLONIES_SERVER_PORT="(\d+)"/))[1]);
  await dev.until(/Press ctrl\+c to exit/);
  await desk.examples(port);
  return { dev, port };
};
