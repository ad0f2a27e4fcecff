// The built server as a process of its own that can be killed.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const START_MS = 60_000;

export interface KillableServer {
  readonly url: string;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

/** A port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
};

const untilUp = async (url: string, child: ChildProcess, said: () => string): Promise<void> => {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the server ended at start:\n${said()}`);
    try {
      if ((await fetch(`${url}/health`)).status === 200) return;
    } catch {
      // Expected until it listens.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the server did not start in time:\n${said()}`);
};

/** Starts the server over a data folder and waits until it answers. */
export const startServer = async (
  dir: string,
  home: string,
  serverId: string,
): Promise<KillableServer> => {
  const port = await freePort();
  const args = ['server', 'start', '--data-dir', dir, '--host', '127.0.0.1', '--insecure'];
  const child = spawn(process.execPath, [MAIN, ...args, '--port', String(port)], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, COLONIES_SERVERID: serverId },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  });
  const url = `http://127.0.0.1:${port}`;
  await untilUp(url, child, () => said);
  return {
    url,
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
};
