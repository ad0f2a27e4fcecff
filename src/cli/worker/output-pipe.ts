// One pipe for both output streams of a child, so that their bytes keep the order in which they
// were written. Two pipes would be read one after the other.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface OutputPipe {
  /** The worker's end. */
  readonly read: Socket;
  /**
   * The child's end: destroy it here once the child has its copy, else the reader never sees the
   * end.
   */
  readonly write: Socket;
}

/** Opens a connected pair of local sockets; what they met at is removed again. */
export const openOutputPipe = async (): Promise<OutputPipe> => {
  // The folder is ours alone (0700), so nobody else can connect first.
  const dir = await mkdtemp(join(tmpdir(), 'colonies-'));
  try {
    const server = createServer();
    const path = join(dir, 'out');
    server.listen(path);
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const write = connect(path);
    const [read] = await accepted;
    server.close();
    return { read, write };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
