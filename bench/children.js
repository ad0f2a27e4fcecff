// Child processes of the benchmark and the questions they answer. One question, one answer, by number.

import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * @typedef {object} Child
 * @property {(what: string, given?: unknown) => Promise<any>} ask Rejects with the child's error.
 * @property {() => Promise<void>} stop
 */

/**
 * Starts a program of this folder that calls `answer`.
 * @param {string} file
 * @param {readonly string[]} [execArgv] Flags for Node.js.
 * @returns {Child}
 */
export const startChild = (file, execArgv = []) => {
  const child = fork(new URL(file, import.meta.url), [], {
    execArgv: [...execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map();
  let last = 0;
  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(value);
    else reject(new Error(`${file}: ${error}`));
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`));
    waiting.clear();
  });
  return {
    ask: (what, given) =>
      new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, { resolve, reject });
        child.send({ id: last, what, given });
      }),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
};

/**
 * Answers the questions of the parent until it disconnects.
 * @param {Record<string, (given: any) => unknown>} answers
 * @param {() => unknown} [atEnd]
 */
export const answer = (answers, atEnd = () => undefined) => {
  process.on('message', async ({ id, what, given }) => {
    try {
      process.send?.({ id, value: await answers[what]?.(given) });
    } catch (error) {
      // Whatever it was: the parent decides.
      process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
    }
  });
  process.once('disconnect', async () => {
    await atEnd();
    process.exit();
  });
};

/** User and system time of this process with all its threads, in microseconds. */
export const cpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
