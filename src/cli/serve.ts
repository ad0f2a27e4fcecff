// Runs a node in this process until it is told to stop: what `dev` and `server start` have in
// common.
// The node's code is loaded here, when it is needed, and not before.

import type { Node } from '../index.ts';
import type { Config } from '../node/config.ts';
import { Fault } from '../node/errors.ts';
import { jsonLog, type Log } from '../node/log.ts';
import { anyOf } from '../node/signals.ts';
import type { Context } from './command.ts';
import { advised, EXIT } from './errors.ts';
import { buildTime, buildVersion } from './version.ts';

const ADVICE: Readonly<Record<string, string>> = {
  address: 'Choose another port with --port or another address with --host, or stop what uses it.',
  locked:
    'One node owns a data folder: stop the other one, or choose another folder with --data-dir.',
  folder: 'Choose a folder that this user can write to with --data-dir.',
  newer: 'Folders can be used by the release that wrote them, and by newer ones.',
  tls: 'Give files with --tlskey and --tlscert, or serve plain HTTP with --insecure.',
};

// A failure with what to do about it.
const explained = (error: unknown): unknown => {
  const reason = error instanceof Fault ? error.detail['reason'] : undefined;
  const advice = ADVICE[String(reason)];
  return advice === undefined ? error : advised((error as Fault).message, advice, error);
};

/** Runs what opens a data folder or a port; failures tell what to do about them. */
export const explaining = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw explained(error);
  }
};

/** Where a server's lines go: the documented form, or JSON. */
export const serverLog = (ctx: Context, config: Config): Log =>
  config.log.format === 'text'
    ? ctx.log
    : jsonLog(ctx.globals.verbose === true ? 'debug' : 'info', ctx.clock.now, ctx.err);

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

export interface Serving {
  readonly log: Log;
  /** Key of the server owner, to certify the node's key with. */
  readonly serverKey?: string | undefined;
  /**
   * Decides who owns the server before it answers; gets '' when there is no owner yet. May throw.
   */
  readonly chooseServerId?: (found: string) => string;
  /** Runs once the node answers; a failure stops the node. */
  readonly ready: (node: Node) => Promise<void> | void;
}

/**
 * Starts a node, waits for SIGINT or SIGTERM, stops it. Gives the exit code; throws what kept it
 * from starting.
 */
export const serve = async (ctx: Context, config: Config, serving: Serving): Promise<number> => {
  const { createNode } = await import('../index.ts');
  const { log } = serving;
  const stop = ctx.stopSignal();
  let fatal: unknown;
  const failed = new AbortController();
  const node = await explaining(() =>
    createNode(config, {
      clock: ctx.clock,
      log,
      build: { version: buildVersion(), time: buildTime() },
      ...(serving.serverKey === undefined ? {} : { serverKey: serving.serverKey }),
      ...(serving.chooseServerId === undefined ? {} : { chooseServerId: serving.chooseServerId }),
      onFatal: (error) => {
        fatal = error;
        failed.abort();
      },
    }),
  );
  try {
    log.info(`Starting Colonies API server at port: ${node.port}`);
    await serving.ready(node);
    await aborted(anyOf(stop, failed.signal));
  } finally {
    await node.stop();
  }
  if (!failed.signal.aborted) return EXIT.ok;
  throw new Error('The store failed: what is on disk is whole, restart the server', {
    cause: fatal,
  });
};
