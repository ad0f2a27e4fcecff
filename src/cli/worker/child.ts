// Runs one command as a child process: no shell, no input, both output streams in one, a process
// group of its own so that stopping it stops what it started too. Knows nothing of servers or
// colonies.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Clock } from '../../node/clock.ts';
import { openOutputPipe } from './output-pipe.ts';

export interface Command {
  readonly cmd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How a child ended. `errors` is empty after exit status 0. */
export interface Outcome {
  readonly success: boolean;
  readonly errors: readonly string[];
}

export interface Child {
  /** Settles after the end of its output. Never rejects. */
  readonly done: Promise<Outcome>;
  /** Asks the whole process group to end (SIGTERM), and kills it (SIGKILL) after `graceMs`. */
  stop(graceMs: number): void;
}

// The words that the workers of 2022 put into their logs, for the signals one meets.
const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGHUP: 'hangup',
  SIGILL: 'illegal instruction',
  SIGINT: 'interrupt',
  SIGKILL: 'killed',
  SIGPIPE: 'broken pipe',
  SIGQUIT: 'quit',
  SIGSEGV: 'segmentation fault',
  SIGTERM: 'terminated',
};

const ended = (code: number | null, signal: NodeJS.Signals | null): Outcome => {
  if (code === 0) return { success: true, errors: [] };
  const why = signal === null ? `exit status ${code}` : `signal: ${SIGNAL_WORDS[signal] ?? signal}`;
  return { success: false, errors: [why] };
};

const notStarted = (cmd: string, error: NodeJS.ErrnoException): Outcome => {
  const lookup = !cmd.includes('/');
  const why = {
    ENOENT: lookup ? 'executable file not found in $PATH' : 'no such file or directory',
    EACCES: 'permission denied',
    E2BIG: 'argument list too long',
  }[error.code ?? ''];
  const text = cmd === '' ? 'exec: no command' : `exec: "${cmd}": ${why ?? error.message}`;
  return { success: false, errors: [text, 'exec: not started'] };
};

const signalGroup = (child: ChildProcess | undefined, signal: NodeJS.Signals): void => {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // Expected when the whole group has ended already, or took on another user's rights.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
};

const spawnChild = (command: Command, output: Socket | number): ChildProcess | Outcome => {
  try {
    return spawn(command.cmd, command.args, {
      env: command.env,
      stdio: ['ignore', output, output],
      detached: true,
    });
  } catch (error) {
    // Expected of commands that cannot be tried at all: an empty one, one with a NUL in it.
    return notStarted(command.cmd, error as NodeJS.ErrnoException);
  }
};

const exitOf = (child: ChildProcess, cmd: string): Promise<Outcome> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(notStarted(cmd, error)));
    child.once('exit', (code, signal) => resolve(ended(code, signal)));
  });

const forward = async (read: Socket, onOutput: (piece: Buffer) => Promise<void>): Promise<void> => {
  try {
    for await (const piece of read) await onOutput(piece);
  } catch (error) {
    // Expected when the reader was destroyed because a stopped child's output stayed open.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
};

/**
 * Starts the command. `onOutput` gets every piece of its output as it comes and must not reject;
 * the child is slowed down while the returned promise is pending.
 */
export const startChild = (
  clock: Pick<Clock, 'after'>,
  command: Command,
  onOutput: (piece: Buffer) => Promise<void>,
): Child => {
  let child: ChildProcess | undefined;
  let stopWithin: number | undefined;
  let cancelKill = (): void => undefined;

  const kill = (graceMs: number, read: Socket): void => {
    signalGroup(child, 'SIGTERM');
    cancelKill = clock.after(graceMs, () => {
      signalGroup(child, 'SIGKILL');
      // What left the process group may hold the output open for ever.
      read.destroy();
    });
  };
  let stop = (): void => undefined;
  // In a process group of its own the child would outlive a worker that is ended at once.
  const killNow = (): void => signalGroup(child, 'SIGKILL');

  const run = async (): Promise<Outcome> => {
    const { read, write, closeWrite } = await openOutputPipe();
    try {
      const started = spawnChild(command, write);
      if ('success' in started) return started;
      child = started;
      process.once('exit', killNow);
      const exit = exitOf(started, command.cmd);
      closeWrite();
      stop = () => kill(stopWithin ?? 0, read);
      if (stopWithin !== undefined) stop();
      await forward(read, onOutput);
      return await exit;
    } finally {
      cancelKill();
      process.off('exit', killNow);
      if (stopWithin !== undefined) signalGroup(child, 'SIGKILL');
      closeWrite();
      read.destroy();
    }
  };

  return {
    done: run(),
    stop: (graceMs) => {
      if (stopWithin !== undefined) return;
      stopWithin = graceMs;
      stop();
    },
  };
};
