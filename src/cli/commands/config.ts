// `colonies config`: which server and colony the environment names. No server is called.

import { serverAddress } from '../address.ts';
import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { findColonyRef } from '../identity.ts';
import { showRounded } from '../report.ts';

const config = command({
  path: ['config'],
  summary: 'Show which server and colony the environment names',
  examples: ['colonies config', 'colonies config --json'],
  flags: SERVER_FLAGS,
  run: (ctx, flags) => {
    const at = serverAddress(ctx, flags);
    const colony = findColonyRef(ctx, {});
    if (ctx.globals.json) {
      ctx.json({ host: at.host, port: at.port, tls: at.tls, colony: colony ?? null });
      return undefined;
    }
    const rows = [
      ['ColoniesServer', `${at.host}:${at.port}`],
      ['TLS', String(at.tls)],
      ['Colony', colony ?? ''],
    ];
    showRounded(ctx, rows, { title: 'Current configuration' });
    return undefined;
  },
});

export const commands: readonly Command[] = [config];
