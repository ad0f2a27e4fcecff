// `colonies database`: commands of the originals that have nothing to do here, and say so.

import { type Command, command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { done } from '../report.ts';

const DB_FLAGS = {
  dbhost: { kind: 'string', help: 'Ignored: there is no database server' },
  dbport: { kind: 'int', help: 'Ignored: there is no database server' },
  dbuser: { kind: 'string', help: 'Ignored: there is no database server' },
  dbpassword: { kind: 'string', help: 'Ignored: there is no database server' },
} as const;

// Deployments run it before the server and start that only after exit code 0.
const create = command({
  path: ['database', 'create'],
  summary: 'Not needed: a server makes its database in its data folder',
  details: 'Ends with 0, so that deployments which run it before the server go on.',
  examples: ['colonies database create', 'colonies server start --data-dir ./data --insecure'],
  flags: DB_FLAGS,
  run: (ctx) => {
    const instead = 'colonies server start --data-dir ./data';
    done(ctx, 'Nothing to create: a server makes its data folder at the first start', { instead });
    return undefined;
  },
});

// Not 0: whoever believes that the data are gone now is wrong.
const drop = command({
  path: ['database', 'drop'],
  summary: 'Not possible: a database is the data folder of a server',
  examples: ['colonies dev --data-dir ./data --reset'],
  flags: DB_FLAGS,
  run: (ctx) => {
    ctx.log.error('Nothing was dropped: stop the server and remove its data folder', {
      instead: 'rm -r ./data',
    });
    return EXIT.usage;
  },
});

export const commands: readonly Command[] = [create, drop];
