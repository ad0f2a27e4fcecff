// `colonies database`: commands of the originals that have nothing to do here, and say so.

import { type Command, command } from '../command.ts';
import { EXIT } from '../errors.ts';

const DB_FLAGS = {
  dbhost: { kind: 'string', help: 'Ignored: there is no database server' },
  dbport: { kind: 'int', help: 'Ignored: there is no database server' },
  dbuser: { kind: 'string', help: 'Ignored: there is no database server' },
  dbpassword: { kind: 'string', help: 'Ignored: there is no database server' },
} as const;

const explained = (name: string, summary: string, text: string, instead: string): Command =>
  command({
    path: ['database', name],
    summary,
    examples: [instead],
    flags: DB_FLAGS,
    run: (ctx) => {
      ctx.log.error(text, { instead });
      return EXIT.usage;
    },
  });

export const commands: readonly Command[] = [
  explained(
    'create',
    'Not needed: a server makes its database in its data folder',
    'There is no database to create: a server makes its data folder at the first start',
    'colonies server start --data-dir ./data --insecure',
  ),
  explained(
    'drop',
    'Not needed: a database is the data folder of a server',
    'There is no database to drop: stop the server and remove its data folder',
    'colonies dev --data-dir ./data --reset',
  ),
];
