// `colonies dev`: a whole server for trying things out, in this process, with keys that everybody
// knows.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, readConfig } from '../../node/config.ts';
import type { Log } from '../../node/log.ts';
import { DEFAULT_HOST, DEFAULT_PORT } from '../address.ts';
import { type Command, type Context, command } from '../command.ts';
import { advised } from '../errors.ts';
import {
  exportLines,
  isLoopback,
  KNOWN_COLONY,
  KNOWN_MEMBER,
  KNOWN_SERVER,
  variables2022,
  variablesToday,
} from '../known-keys.ts';
import { listOf } from '../report.ts';
import { type Call, callerTo } from '../rpc.ts';
import { explaining, serve } from '../serve.ts';

const COLONY_NAME = 'dev';
const RUNTIME_NAME = 'cli';
const USER_NAME = 'myuser';
const LOOPBACK = '127.0.0.1';
const APPROVED = 1;

const PUBLIC_KEYS =
  'All keys of this server are public: whoever can reach it owns it. Use it for testing only';

const addColony = async (call: Call, log: Log): Promise<void> => {
  const found = await call<{ colonyid: string }[] | null>(
    'getcoloniesmsg',
    {},
    KNOWN_SERVER.prvkey,
  );
  if (listOf(found).some((colony) => colony.colonyid === KNOWN_COLONY.id)) return;
  log.info('Register a Colony');
  const colony = { colonyid: KNOWN_COLONY.id, name: COLONY_NAME };
  await call('addcolonymsg', { colony }, KNOWN_SERVER.prvkey);
};

const addRuntime = async (call: Call, log: Log): Promise<void> => {
  const { prvkey } = KNOWN_COLONY;
  const runtimeid = KNOWN_MEMBER.id;
  const found = await call<{ runtimeid: string; state: number }[] | null>(
    'getruntimesmsg',
    { colonyid: KNOWN_COLONY.id },
    prvkey,
  );
  const known = listOf(found).find((runtime) => runtime.runtimeid === runtimeid);
  if (known === undefined) {
    log.info('Registering a CLI runtime');
    const runtime = {
      runtimeid,
      runtimetype: RUNTIME_NAME,
      name: RUNTIME_NAME,
      colonyid: KNOWN_COLONY.id,
      cores: 1,
    };
    await call('addruntimemsg', { runtime }, prvkey);
  }
  if (known?.state === APPROVED) return;
  log.info('Approving CLI runtime');
  await call('approveruntimemsg', { runtimeid }, prvkey);
};

const addUser = async (call: Call, log: Log): Promise<void> => {
  const colonyname = COLONY_NAME;
  const found = await call<{ name: string }[] | null>(
    'getusersmsg',
    { colonyname },
    KNOWN_MEMBER.prvkey,
  );
  if (listOf(found).some((user) => user.name === USER_NAME)) return;
  log.info('Adding a user', { Name: USER_NAME });
  const user = { colonyname, userid: KNOWN_MEMBER.id, name: USER_NAME, email: '', phone: '' };
  await call('addusermsg', { user }, KNOWN_COLONY.prvkey);
};

const addMembers = async (call: Call, log: Log): Promise<void> => {
  log.info('Starting a Colonies client');
  await addColony(call, log);
  await addRuntime(call, log);
  await addUser(call, log);
};

const keepKeys = (ctx: Context): void => {
  const identities = [
    ['Adding a ServerId ', KNOWN_SERVER],
    ['Adding a ColonyId', KNOWN_COLONY],
    ['Adding a RuntimeId', KNOWN_MEMBER],
  ] as const;
  for (const [message, { id, prvkey }] of identities) {
    ctx.log.info(message);
    ctx.keychain.put(id, prvkey);
  }
};

const show = (ctx: Context, host: string, port: number): void => {
  if (ctx.globals.json) {
    ctx.json(Object.fromEntries([...variables2022(host, port), ...variablesToday(COLONY_NAME)]));
    return;
  }
  ctx.out('\n');
  ctx.log.info('Add the following environmental variables to your shell:');
  ctx.out(`${exportLines(variables2022(host, port))}\n`);
  ctx.log.info('SDKs of today also read:');
  ctx.out(`${exportLines(variablesToday(COLONY_NAME))}\n`);
  ctx.log.info('Press ctrl+c to exit');
};

const checkHost = (host: string, exposed: boolean): void => {
  if (exposed || isLoopback(host)) return;
  throw advised(
    `Refusing to listen on ${host}: other machines could reach it, and all keys of this server are public`,
    'Use `colonies server start`, or add --expose where nobody else can reach this machine.',
  );
};

interface Folder {
  readonly path: string;
  /** Whether it goes away with the server. */
  readonly fresh: boolean;
}

const temporaryFolder = async (): Promise<string> => {
  try {
    return await mkdtemp(join(tmpdir(), 'colonies-dev-'));
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw advised(
      `Cannot make a temporary folder in ${tmpdir()}: ${why}`,
      'Give a folder with --data-dir, or another place for temporary ones with TMPDIR.',
      error,
    );
  }
};

const openFolder = async (
  ctx: Context,
  dir: string | undefined,
  reset: boolean,
): Promise<Folder> => {
  if (dir === undefined || dir === '') {
    const path = await temporaryFolder();
    ctx.log.info('Creating a data folder, removed at the end; --data-dir keeps one', { path });
    return { path, fresh: true };
  }
  if (reset) {
    ctx.log.info('Emptying the data folder', { path: dir });
    const { resetData } = await import('../../compose/data.ts');
    await explaining(() => resetData(dir));
  } else {
    ctx.log.info('Using the data folder', { path: dir });
  }
  return { path: dir, fresh: false };
};

const configOf = (host: string, port: number, dataDir: string): Config =>
  readConfig({
    flags: {
      dataDir,
      'server.id': KNOWN_SERVER.id,
      'http.host': host,
      'http.port': port,
      'http.tls': false,
    },
  });

const dev = command({
  path: ['dev'],
  summary: 'Start a development server',
  details:
    'One process, no other service, plain HTTP on this machine only. Registers the colony `dev`, the runtime\n' +
    '`cli` and the user `myuser` with keys that everybody knows, stores the keys in the keychain, and prints\n' +
    'the variables that clients need. For testing only.\n\n' +
    'Without --data-dir everything is lost when it stops; with it data stay, unless --reset.',
  examples: ['colonies dev', 'colonies dev --port 50090 --data-dir ./dev-data'],
  flags: {
    port: { kind: 'int', help: 'Port to listen on; 0 takes a free one', default: DEFAULT_PORT },
    host: { kind: 'string', help: 'Address to listen on', default: LOOPBACK },
    'data-dir': { kind: 'string', help: 'Folder to keep data in' },
    reset: { kind: 'bool', help: 'Empty the data folder first' },
    expose: { kind: 'bool', help: 'Allow an address that other machines can reach' },
  },
  run: async (ctx, flags) => {
    const { host } = flags;
    ctx.log.info('Starting a Colonies development Server');
    checkHost(host, flags.expose === true);
    ctx.log.warn(PUBLIC_KEYS);
    const stop = ctx.stopSignal();
    const folder = await openFolder(ctx, flags['data-dir'], flags.reset === true);
    try {
      keepKeys(ctx);
      ctx.log.info('Starting a Colonies server');
      const code = await serve(ctx, configOf(host, flags.port, folder.path), {
        log: ctx.log,
        ready: async ({ port }) => {
          await addMembers(callerTo({ host, port, tls: false, verify: true }), ctx.log);
          if (!stop.aborted) show(ctx, isLoopback(host) ? DEFAULT_HOST : host, port);
        },
      });
      ctx.log.info('Colonies development server stopped');
      return code;
    } finally {
      if (folder.fresh) await rm(folder.path, { recursive: true, force: true });
    }
  },
});

export const commands: readonly Command[] = [dev];
