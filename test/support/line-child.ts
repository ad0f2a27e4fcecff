// A program in a process of its own, asked by lines of JSON over its standard input.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const ANSWER_MS = 60_000;

/** A child process that answers lines of JSON on its standard output. */
export interface Child {
  readonly process: ChildProcess;
  ask(node: string, action: string, options?: object): Promise<unknown>;
}

/**
 * Starts a program of Node.js that takes one request a line and answers each with its id. `within`
 * is a command that is given the program as its last arguments.
 */
export const startChild = (program: string, within: readonly string[] = []): Child => {
  const [command = '', ...args] = [...within, process.execPath, program];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<number, (line: { ok?: unknown; error?: string }) => void>();
  let lastId = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const parsed = JSON.parse(line) as { id: number; ok?: unknown; error?: string };
    waiting.get(parsed.id)?.(parsed);
    waiting.delete(parsed.id);
  });
  return {
    process: child,
    ask: (node, action, options = {}) =>
      new Promise((resolve, reject) => {
        lastId += 1;
        const id = lastId;
        const timer = setTimeout(() => reject(new Error(`${action}: no answer`)), ANSWER_MS);
        waiting.set(id, ({ ok, error }) => {
          clearTimeout(timer);
          if (error === undefined) resolve(ok);
          else reject(new Error(error));
        });
        child.stdin.write(`${JSON.stringify({ id, node, do: action, with: options })}\n`);
      }),
  };
};
