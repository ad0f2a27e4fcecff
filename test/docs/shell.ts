// Runs the commands of a document as one shell session, in a folder of its own with a copy of the
// samples, a home folder of its own and a free port in place of the well-known one.

import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WELL_KNOWN_PORT = 50080;

/** The lines after `$ ` in the ```console blocks of a Markdown text, in order. */
export const commandsIn = (markdown: string): readonly string[] =>
  [...markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .split('\n')
      .filter((line) => line.startsWith('$ '))
      .map((line) => line.slice(2)),
  );

// Below the range that systems take the ports of outgoing connections from: a port there may be
// taken again long before a command gets to listen on it.
const FIRST_PORT = 20_000;
const PORTS = 12_000;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });

const freePort = async (taken: Iterable<number>): Promise<number> => {
  for (;;) {
    const port = FIRST_PORT + randomInt(PORTS);
    if (![...taken].includes(port) && (await isFree(port))) return port;
  }
};

/** Replaces the ports that a document names by free ones: tests run beside each other. */
const withFreePorts = (text: string, ports: ReadonlyMap<number, number>): string =>
  [...ports].reduce(
    (out, [named, free]) => out.replaceAll(new RegExp(`\\b${named}\\b`, 'g'), String(free)),
    text,
  );

// A program, not a shell function: a job in the background is then the very process to end.
const PROGRAM = (main: string, port: number): string => `\
#!/bin/sh
if [ "\${1-}" = dev ]; then shift; exec node '${main}' dev --port ${port} "$@"; fi
exec node '${main}' "$@"
`;

const SCRIPT_HEAD = `\
set -u -o pipefail
failed() { echo "FAILED: $1" >&2; exit 1; }
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
`;

/** A session that shows nothing for so long has a command that will never end. Milliseconds. */
const SILENCE_MS = 100_000;

/** The session itself is a process whose argument is the whole document. */
const SHOWN_CHARS = 300;

const processesOf = (group: number): string => {
  const { stdout, error } = spawnSync('ps', ['-eo', 'pgid,pid,etime,args'], { encoding: 'utf8' });
  if (error) return `cannot tell: ${error.message}`;
  const own = stdout.split('\n').filter((line) => Number.parseInt(line, 10) === group);
  return own.map((line) => line.slice(0, SHOWN_CHARS)).join('\n');
};

export interface Session {
  readonly code: number | null;
  readonly output: string;
}

/**
 * Runs `commands` in bash, each of which must end with 0 (`! command` with anything else). Background
 * jobs are ended at the end, also when `signal` ends it early. `otherPorts` are further port numbers
 * that the commands name. What shows nothing for `silenceMs` is killed, and the output tells what ran.
 */
export const runSession = async (
  commands: readonly string[],
  signal: AbortSignal,
  otherPorts: readonly number[] = [],
  silenceMs = SILENCE_MS,
): Promise<Session> => {
  const folder = mkdtempSync(join(tmpdir(), 'colonies-'));
  const ports = new Map<number, number>();
  for (const port of [WELL_KNOWN_PORT, ...otherPorts])
    ports.set(port, await freePort(ports.values()));
  const port = ports.get(WELL_KNOWN_PORT) as number;
  cpSync(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true });
  for (const name of ['devenv', 'devenv-executor']) {
    const file = join(folder, 'examples', name);
    writeFileSync(file, withFreePorts(readFileSync(file, 'utf8'), ports));
  }
  const lines = commands.map((line) => {
    const quoted = line.replaceAll("'", "'\\''");
    const background = line.endsWith(' &');
    return background ? line : `echo '$ ${quoted}'\n${line} || failed '${quoted}'`;
  });
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const program = PROGRAM(join(ROOT, 'dist/cli/main.js'), port);
  writeFileSync(join(bin, 'colonies'), program, { mode: 0o755 });
  const body = withFreePorts(lines.join('\n'), ports);
  const child = spawn('bash', ['-c', `${SCRIPT_HEAD}${body}\n`], {
    cwd: folder,
    env: { PATH: `${bin}:${process.env['PATH']}`, HOME: folder, TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const end = (by: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      // The whole group: bash waits for what it runs in front before it looks at a signal.
      process.kill(-child.pid, by);
    } catch (error) {
      // Expected when all of it has ended, and something else holds the output open.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const stop = (): void => end('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  let output = '';
  const onSilence = (): void => {
    const running = child.pid === undefined ? '' : processesOf(child.pid);
    output += `\nFAILED: nothing came for ${silenceMs / 1_000} s; what runs:\n${running}\n`;
    // What hangs may not listen to anything milder.
    end('SIGKILL');
  };
  let silence = setTimeout(onSilence, silenceMs);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      output += piece.toString();
      clearTimeout(silence);
      silence = setTimeout(onSilence, silenceMs);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(silence);
  signal.removeEventListener('abort', stop);
  rmSync(folder, { recursive: true, force: true });
  return { code, output };
};
