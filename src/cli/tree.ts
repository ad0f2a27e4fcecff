// The tree of commands: every first word with its summary and how to load what is behind it.
// Loading is lazy, so that help is quick and a client command never loads a database.

import type { Command } from './command.ts';

export interface Group {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<readonly Command[]>;
}

type Module = Promise<{ readonly commands: readonly Command[] }>;

const from = async (...modules: readonly Module[]): Promise<readonly Command[]> =>
  (await Promise.all(modules)).flatMap((module) => module.commands);

export const TREE: readonly Group[] = [
  {
    name: 'attribute',
    summary: 'Manage attributes of processes',
    load: () => from(import('./commands/attribute.ts')),
  },
  {
    name: 'cluster',
    summary: 'Show the servers of a cluster',
    load: () => from(import('./commands/cluster.ts')),
  },
  {
    name: 'colony',
    summary: 'Manage colonies',
    load: () => from(import('./commands/colony.ts'), import('./commands/colony-runtime.ts')),
  },
  {
    name: 'completion',
    summary: 'Print a completion script for a shell',
    load: () => from(import('./commands/completion.ts')),
  },
  {
    name: 'config',
    summary: 'Show which server and colony the environment names',
    load: () => from(import('./commands/config.ts')),
  },
  {
    name: 'database',
    summary: 'Not needed here: the server makes its own database',
    load: () => from(import('./commands/database.ts')),
  },
  {
    name: 'demo',
    summary: 'Run the whole thing once, visibly, on this machine',
    load: () => from(import('./commands/demo.ts')),
  },
  {
    name: 'dev',
    summary: 'Start a development server',
    load: () => from(import('./commands/dev.ts')),
  },
  {
    name: 'executor',
    summary: 'Manage executors',
    load: () => from(import('./commands/executor.ts'), import('./commands/executor-list.ts')),
  },
  {
    name: 'federation',
    summary: 'Publish and find colonies, trust servers',
    load: () =>
      from(
        import('./commands/federation.ts'),
        import('./commands/federation-trust.ts'),
        import('./commands/federation-endorse.ts'),
        import('./commands/federation-members.ts'),
      ),
  },
  {
    name: 'function',
    summary: 'Manage functions and submit calls to them',
    load: () => from(import('./commands/function.ts'), import('./commands/function-submit.ts')),
  },
  {
    name: 'keychain',
    summary: 'Manage the private keys in ~/.colonies',
    load: () => from(import('./commands/keychain.ts')),
  },
  {
    name: 'log',
    summary: 'Add, read and search logs',
    load: () => from(import('./commands/log.ts')),
  },
  {
    name: 'monitor',
    summary: 'Serve the statistics of a server to Prometheus',
    load: () => from(import('./commands/monitor.ts')),
  },
  {
    name: 'node',
    summary: 'Show and certify a node of the overlay',
    load: () => from(import('./commands/node.ts')),
  },
  {
    name: 'process',
    summary: 'Submit, list, assign and close processes',
    load: () =>
      from(
        import('./commands/process-submit.ts'),
        import('./commands/process-list.ts'),
        import('./commands/process-get.ts'),
        import('./commands/process-change.ts'),
        import('./commands/process-remove.ts'),
      ),
  },
  {
    name: 'runtime',
    summary: 'Manage runtimes',
    load: () => from(import('./commands/runtime.ts')),
  },
  {
    name: 'security',
    summary: 'Generate private keys, compute ids',
    load: () => from(import('./commands/security.ts')),
  },
  {
    name: 'server',
    summary: 'Start a server, ask a server how it is',
    load: () => from(import('./commands/server.ts'), import('./commands/server-info.ts')),
  },
  {
    name: 'user',
    summary: 'Manage users',
    load: () => from(import('./commands/user.ts')),
  },
  {
    name: 'version',
    summary: 'Show the version of the command line',
    load: () => from(import('./commands/version.ts')),
  },
  {
    name: 'worker',
    summary: 'Run processes on this machine',
    load: () => from(import('./commands/worker.ts')),
  },
];
