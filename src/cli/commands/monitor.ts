// `colonies monitor start`: a process of its own that serves the counters of a server to
// Prometheus.

import { createServer } from 'node:http';
import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { advised, usageProblem } from '../errors.ts';
import { SERVER_OWNER_FLAGS } from '../identity.ts';
import { done } from '../report.ts';
import { asServerOwner, type SignedCall } from '../session.ts';
import { callDeadline } from '../transport.ts';
import { sleep } from '../wait.ts';

/** Gauge, field of the statistics, help text. -1 stands for "not known". */
const GAUGES = [
  ['colonies_server_colonies', 'colonies', 'Number of colonies'],
  ['colonies_server_executors', 'executors', 'Number of executors'],
  ['colonies_server_processes_waiting', 'waitingprocesses', 'Number of waiting processes'],
  ['colonies_server_processes_running', 'runningprocesses', 'Number of running processes'],
  ['colonies_server_processes_successful', 'successfulprocesses', 'Number of successful processes'],
  ['colonies_server_processes_failed', 'failedprocesses', 'Number of failed processes'],
  ['colonies_server_workflows_waiting', 'waitingworkflows', 'Number of waiting workflows'],
  ['colonies_server_workflows_running', 'runningworkflows', 'Number of running workflows'],
  ['colonies_server_workflows_successful', 'successfulworkflows', 'Number of successful workflows'],
  ['colonies_server_workflows_failed', 'failedworkflows', 'Number of failed workflows'],
] as const;

type Counters = Readonly<Record<string, number>>;

/** The text that Prometheus reads. */
export const metricsText = (counters: Counters | undefined): string =>
  GAUGES.map(
    ([gauge, field, help]) =>
      `# HELP ${gauge} ${help}\n# TYPE ${gauge} gauge\n${gauge} ${counters?.[field] ?? -1}\n`,
  ).join('');

const SECOND_MS = 1000;

const poll = async (
  ctx: Context,
  call: SignedCall,
  intervalMs: number,
  keep: (counters: Counters | undefined) => void,
): Promise<void> => {
  const signal = ctx.stopSignal();
  while (!signal.aborted) {
    try {
      keep(await call<Counters>('getstatisticsmsg', {}, callDeadline(signal)));
    } catch (error) {
      // A server that is away now may be back at the next turn: the gauges say -1 until then.
      keep(undefined);
      if (!signal.aborted) ctx.log.warn('No statistics', { err: error });
    }
    // Rejects only when the command is stopped, which ends the loop.
    await sleep(ctx.clock, intervalMs, signal).catch(() => undefined);
  }
};

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program',
  EACCES: 'needs rights that this user does not have',
};

const cannotServe = (port: number, error: NodeJS.ErrnoException): Error =>
  advised(
    `port ${port} ${REASONS[error.code ?? ''] ?? `cannot be used: ${error.message}`}`,
    'Choose another with --monitorport or COLONIES_MONITOR_PORT; 0 takes a free one.',
    error,
  );

const listen = (port: number, text: () => string) =>
  new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer((request, response) => {
      const found = request.method === 'GET' && request.url?.split('?')[0] === '/metrics';
      response.writeHead(found ? 200 : 404, { 'Content-Type': 'text/plain; version=0.0.4' });
      response.end(found ? text() : '404 page not found\n');
    });
    server.once('error', (error) => reject(cannotServe(port, error)));
    server.listen(port, () => resolve(server));
  });

const start = command({
  path: ['monitor', 'start'],
  summary: 'Serve the counters of a server at /metrics',
  examples: ['colonies monitor start --monitorport 21120 --interval 10 --insecure'],
  flags: {
    ...SERVER_FLAGS,
    ...SERVER_OWNER_FLAGS,
    monitorport: { kind: 'int', help: 'Port to serve at; or COLONIES_MONITOR_PORT' },
    interval: { kind: 'int', help: 'Seconds between two looks; or COLONIES_MONITOR_INTERVAL' },
  },
  run: async (ctx, flags) => {
    const port = flags.monitorport ?? Number(ctx.env.COLONIES_MONITOR_PORT ?? Number.NaN);
    const seconds = flags.interval ?? Number(ctx.env.COLONIES_MONITOR_INTERVAL ?? 1);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw usageProblem('give --monitorport or COLONIES_MONITOR_PORT, a number up to 65535');
    }
    if (!(seconds > 0)) throw usageProblem('--interval must be a positive number of seconds');
    const { call } = await asServerOwner(ctx, flags);
    let counters: Counters | undefined;
    const server = await listen(port, () => metricsText(counters));
    const at = server.address();
    const bound = typeof at === 'object' && at !== null ? at.port : port;
    done(ctx, 'Serving metrics', { Interval: seconds, Path: '/metrics', Port: bound });
    await poll(ctx, call, seconds * SECOND_MS, (fresh) => {
      counters = fresh;
    });
    server.close();
    server.closeAllConnections();
    return undefined;
  },
});

export const commands: readonly Command[] = [start];
