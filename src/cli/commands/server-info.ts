// `colonies server stats | status | alive | chid`: asking a server about itself.

import { serverAddress } from '../address.ts';
import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { EXIT } from '../errors.ts';
import { SERVER_OWNER_FLAGS } from '../identity.ts';
import { done, showAscii, showRounded } from '../report.ts';
import { callerTo } from '../rpc.ts';
import { asServerOwner } from '../session.ts';
import { exchange } from '../transport.ts';
import { buildTime, buildVersion } from '../version.ts';
import { vocabularyOf } from '../vocabulary.ts';

interface ServerInfo {
  readonly buildversion: string;
  readonly buildtime: string;
  readonly backends?: readonly {
    readonly type: string;
    readonly port: number;
    readonly host?: string;
    readonly tls?: boolean;
  }[];
}

const infoRows = (info: ServerInfo): readonly (readonly [string, string])[] =>
  (info.backends ?? []).flatMap((backend) => [
    ['Server backend', backend.type] as const,
    ['  Host', backend.host ?? ''] as const,
    ['  Port', String(backend.port)] as const,
    ['  TLS', String(backend.tls === true)] as const,
  ]);

const status = command({
  path: ['server', 'status'],
  summary: 'Show the versions of the server and of the command line',
  examples: ['colonies server status --insecure', 'colonies server status --json'],
  flags: SERVER_FLAGS,
  run: async (ctx, flags) => {
    const at = serverAddress(ctx, flags);
    const call = callerTo(at);
    const cli = { version: buildVersion(), buildtime: buildTime() };
    if (vocabularyOf(ctx.env) === 'runtime' && !ctx.globals.json) {
      const asked = { buildversion: '', buildtime: '' };
      const version = await call<ServerInfo>('versionmsg', asked, undefined);
      showAscii(ctx, [
        ['Server Host', at.host],
        ['Server Port', at.port],
        ['CLI Version', cli.version],
        ['CLI BuildTime', cli.buildtime],
        ['Server Version', version.buildversion],
        ['Server BuildTime', version.buildtime],
      ]);
      return undefined;
    }
    const info = await call<ServerInfo>('getserverinfomsg', {}, undefined);
    if (ctx.globals.json) {
      ctx.json({ server: info, cli, client: { host: at.host, port: at.port, tls: at.tls } });
      return undefined;
    }
    showRounded(ctx, [
      ['Server version', info.buildversion],
      ['Server buildtime', info.buildtime],
      ['CLI version', cli.version],
      ['CLI buildtime', cli.buildtime],
      ...infoRows(info),
      ['Client configuration', ''],
      ['  HTTP Host', at.host],
      ['  HTTP Port', at.port],
      ['  HTTP TLS', String(at.tls)],
    ]);
    return undefined;
  },
});

const COUNTERS = [
  ['Colonies', 'colonies'],
  ['Executors', 'executors'],
  ['Waiting processes', 'waitingprocesses'],
  ['Running processes', 'runningprocesses'],
  ['Successful processes', 'successfulprocesses'],
  ['Failed processes', 'failedprocesses'],
  ['Waiting workflows', 'waitingworkflows'],
  ['Running workflows', 'runningworkflows'],
  ['Successful workflows', 'successfulworkflows'],
  ['Failed workflows', 'failedworkflows'],
] as const;

const stats = command({
  path: ['server', 'stats'],
  summary: 'Count everything on the server, as its owner',
  examples: ['colonies server stats', 'colonies server stats --json'],
  flags: { ...SERVER_FLAGS, ...SERVER_OWNER_FLAGS },
  run: async (ctx, flags) => {
    const { call } = await asServerOwner(ctx, flags);
    const reply = await call<Record<string, number>>('getstatisticsmsg', {});
    if (ctx.globals.json) {
      ctx.json(reply);
    } else {
      showRounded(
        ctx,
        COUNTERS.map(([label, field]) => [label, reply[field] ?? 0]),
      );
    }
    return undefined;
  },
});

/** How long `alive --check` waits for an answer. */
const HEALTH_MS = 5000;

const healthy = async (
  ctx: Context,
  flags: { host?: string | undefined; port?: number | undefined },
) => {
  const signal = AbortSignal.timeout(HEALTH_MS);
  const { status: code } = await exchange(serverAddress(ctx, flags), '/health', undefined, signal);
  const isHealthy = code === 200;
  if (ctx.globals.json) ctx.json({ asked: true, healthy: isHealthy, status: code });
  if (!isHealthy) ctx.log.error('The server is not healthy', { Status: code });
  return isHealthy;
};

const alive = command({
  path: ['server', 'alive'],
  summary: 'End with 0; with --check only when the server is healthy',
  details:
    'Without --check nothing is asked, as in the originals, whose containers use it as their health\n' +
    'check.',
  examples: ['colonies server alive', 'colonies server alive --check --insecure'],
  flags: { ...SERVER_FLAGS, check: { kind: 'bool', help: 'Ask the server' } },
  run: async (ctx, flags) => {
    if (!flags.check) {
      if (ctx.globals.json) ctx.json({ asked: false });
      return undefined;
    }
    return (await healthy(ctx, flags)) ? EXIT.ok : EXIT.failed;
  },
});

const chid = command({
  path: ['server', 'chid'],
  summary: 'Change the id of the server: its owner gets another key',
  examples: ['colonies server chid --serverid $NEW_ID'],
  flags: {
    ...SERVER_FLAGS,
    serverid: { kind: 'string', help: 'New server id', required: true },
    serverprvkey: { kind: 'string', help: 'Private key of the server owner of now' },
  },
  run: async (ctx, { serverid, ...flags }) => {
    const { call } = await asServerOwner(ctx, flags);
    await call('changeserveridmsg', { serverid });
    done(ctx, 'Changed server Id', { ServerId: serverid });
    return undefined;
  },
});

export const commands: readonly Command[] = [status, stats, alive, chid];
