// `colonies version`: the version of the command line itself. No server is called.

import { type Command, command } from '../command.ts';
import { showRounded } from '../report.ts';
import { buildTime, buildVersion } from '../version.ts';

const version = command({
  path: ['version'],
  summary: 'Show the version of the command line',
  details: '`colonies server status` shows the version of the server as well.',
  examples: ['colonies version', 'colonies version --json'],
  flags: {},
  run: (ctx) => {
    if (ctx.globals.json) {
      ctx.json({ version: buildVersion(), buildtime: buildTime() });
      return undefined;
    }
    showRounded(ctx, [
      ['CLI version', buildVersion()],
      ['CLI buildtime', buildTime()],
    ]);
    return undefined;
  },
});

export const commands: readonly Command[] = [version];
