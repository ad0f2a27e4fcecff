// One pipe for both output streams of a child, so that their bytes keep the order in which they
// were written. Two pipes would be read one after the other.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LIMITS } from '../../node/limits.ts';

const run = promisify(execFile);

export interface OutputPipe {
  /** The worker's end. */
  readonly read: Socket;
  /** The child's end, as `stdio` of `spawn` takes it. */
  readonly write: Socket | number;
  /** Closes the child's end here: before that the reader never sees the end. Once is enough. */
  closeWrite(): void;
}

// A pipe with a name, as only a pipe lets a script write to /dev/stdout and /dev/stderr.
const openNamed = async (dir: string, program: string): Promise<OutputPipe | undefined> => {
  const path = join(dir, 'out');
  try {
    await run(program, ['-m', '600', path], { timeout: LIMITS.workerPipeMs });
  } catch {
    // Expected where there is no such program: very small containers.
    return undefined;
  }
  // Does not wait for a writer; the writer then finds its reader.
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let writing: number | undefined = openSync(path, constants.O_WRONLY);
  return {
    read: new Socket({ fd: reading, readable: true, writable: false }),
    write: writing,
    closeWrite: () => {
      if (writing !== undefined) closeSync(writing);
      writing = undefined;
    },
  };
};

// Good for everything but /dev/stdout and /dev/stderr, which cannot be opened when they are sockets.
const openSockets = async (dir: string): Promise<OutputPipe> => {
  const server = createServer();
  const path = join(dir, 'socket');
  server.listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const write = connect(path);
  const [read] = await accepted;
  server.close();
  return { read, write, closeWrite: () => void write.destroy() };
};

/**
 * Opens a pipe made by `program`, or without that a pair of local sockets; what their ends met at
 * is removed again.
 */
export const openOutputPipe = async (program = 'mkfifo'): Promise<OutputPipe> => {
  // The folder is ours alone (0700), so nobody else can open it first.
  const dir = await mkdtemp(join(tmpdir(), 'colonies-'));
  try {
    return (await openNamed(dir, program)) ?? (await openSockets(dir));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
