// The process around a run of the command line: streams, signals, environment, home folder.
// The only file that touches them.

import { homedir } from 'node:os';
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

const makeStopSignal = (): (() => AbortSignal) => {
  let stop: AbortController | undefined;
  return () => {
    if (stop) return stop.signal;
    const controller = new AbortController();
    stop = controller;
    const onSignal = (): void => {
      // A second signal means now.
      if (controller.signal.aborted) process.exit(SIGNAL_EXIT);
      controller.abort(new Error('stopped'));
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    return controller.signal;
  };
};

const quietPipe = (stream: NodeJS.WriteStream): void => {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // `colonies process ps | head`: the reader is gone, nobody is left to tell.
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
};

/** The edge of the running process. */
export const processEdge = (): Edge => {
  quietPipe(process.stdout);
  quietPipe(process.stderr);
  return {
    env: process.env,
    home: homedir(),
    clock: systemClock(),
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    readLine,
    stopSignal: makeStopSignal(),
  };
};
