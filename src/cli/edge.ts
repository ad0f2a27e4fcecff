// The process around a run of the command line: streams, signals, environment, home folder.
// The only file that touches them.

import { homedir, userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import { systemClock } from '../node/clock.ts';
import type { Edge } from './run.ts';

const SIGNAL_EXIT = 130;

const readLine = (): Promise<string | undefined> =>
  new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin });
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('close', () => resolve(undefined));
  });

const makeStop = () => {
  let stop: AbortController | undefined;
  const onSignal = (): void => {
    // A second signal means now.
    if (stop?.signal.aborted) process.exit(SIGNAL_EXIT);
    stop?.abort(new Error('stopped'));
  };
  return {
    signal: (): AbortSignal => {
      if (stop === undefined) {
        stop = new AbortController();
        process.on('SIGINT', onSignal);
        process.on('SIGTERM', onSignal);
        // The terminal was closed: children in process groups of their own would outlive it.
        process.on('SIGHUP', onSignal);
      }
      return stop.signal;
    },
    /** Asks a command that stops by itself to stop; false when the command at hand does not. */
    request: (): boolean => {
      stop?.abort(new Error('stopped'));
      return stop !== undefined;
    },
  };
};

const writeBytes = (piece: Uint8Array): Promise<void> =>
  new Promise((resolve) => {
    // A callback with an error, too, means that this piece is dealt with: `quietPipe` tells.
    process.stdout.write(piece, () => resolve());
  });

// `colonies process ps | head`, or a terminal that was closed: the reader is gone, nobody is left
// to tell.
const READER_GONE = ['EPIPE', 'EIO'];

const quietPipe = (stream: NodeJS.WriteStream, requestStop: () => boolean): void => {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!READER_GONE.includes(error.code ?? '')) throw error;
    if (!requestStop()) process.exit(0);
  });
};

/** The edge of the running process. */
export const processEdge = (): Edge => {
  const stop = makeStop();
  quietPipe(process.stdout, stop.request);
  quietPipe(process.stderr, stop.request);
  return {
    env: process.env,
    // An empty HOME counts as unset.
    home: homedir() || userInfo().homedir,
    clock: systemClock(),
    stdout: (text) => process.stdout.write(text),
    stdoutBytes: writeBytes,
    stderr: (text) => process.stderr.write(text),
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    readLine,
    stopSignal: stop.signal,
  };
};
