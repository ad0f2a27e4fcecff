// `colonies server start` and `server check`: a real server, with keys of its own, over a data
// folder.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig, SETTINGS } from '../../node/config.ts';
import { generateKey, idOfKey } from '../../node/crypto/keys.ts';
import type { Log } from '../../node/log.ts';
import { type Command, type Context, command, type Flags } from '../command.ts';
import { advised, EXIT } from '../errors.ts';
import { isKnownId, isLoopback } from '../known-keys.ts';
import { explaining, serve, serverLog } from '../serve.ts';
import { buildTime, buildVersion } from '../version.ts';

const LOOPBACK = '127.0.0.1';

const CONFIG_FLAGS: Flags = Object.fromEntries(
  SETTINGS.flatMap(({ flag, kind, description, values }) => {
    const help = values === undefined ? description : `${description}: ${values.join(', ')}`;
    return flag === undefined ? [] : [[flag, { kind, help }]];
  }),
);

// Flags of the servers that kept their data in PostgreSQL and their pauses in etcd.
const FOREIGN = {
  dbtype: 'string',
  dbhost: 'string',
  dbport: 'int',
  dbuser: 'string',
  dbpassword: 'string',
  initdb: 'bool',
  etcdname: 'string',
  etcdhost: 'string',
  etcdclientport: 'int',
  etcdpeerport: 'int',
  etcddatadir: 'string',
  relayport: 'int',
} as const;

const FOREIGN_FLAGS: Flags = Object.fromEntries(
  Object.entries(FOREIGN).map(([name, kind]) => [
    name,
    { kind, help: 'Without effect: accepted for older scripts' },
  ]),
);

const START_FLAGS: Flags = {
  ...CONFIG_FLAGS,
  config: { kind: 'string', help: 'File with settings, JSON; see docs/configuration.md' },
  datadir: { kind: 'string', help: 'As --data-dir' },
  'initial-cluster': { kind: 'string', help: 'Refused when it names more than one server' },
  expose: { kind: 'bool', help: 'Allow a server id of a well-known key on any address' },
  ...FOREIGN_FLAGS,
};

type Given = Readonly<Record<string, unknown>>;

const readFile = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw advised(
      `Cannot read the configuration file ${path}: ${(error as Error).message}`,
      'It must hold one JSON object; docs/configuration.md lists the settings.',
      error,
    );
  }
};

const settingsFrom = (ctx: Context, given: Given): Given => {
  const byFlag = SETTINGS.flatMap(({ flag, path }) =>
    flag === undefined ? [] : [[path, given[flag]] as const],
  );
  const { insecure } = ctx.globals;
  return {
    ...Object.fromEntries(byFlag),
    dataDir: given['data-dir'] ?? given['datadir'],
    'http.tls': insecure === undefined ? undefined : !insecure,
  };
};

const defaultFolder = (ctx: Context): string => join(ctx.keychain.folder, 'server');

/** The finished settings of `server start`. Well-known owners are bound to this machine. */
const configOf = (ctx: Context, given: Given): Config => {
  const file = typeof given['config'] === 'string' ? readFile(given['config']) : {};
  const config = readConfig({ file, env: ctx.childEnv, flags: settingsFrom(ctx, given) });
  const { dataDir, http, server } = config;
  return {
    ...config,
    dataDir: dataDir === '' ? defaultFolder(ctx) : dataDir,
    http: http.host === '' && isKnownId(server.id) ? { ...http, host: LOOPBACK } : http,
  };
};

const warnOfForeign = (log: Log, given: Given): void => {
  const cluster = String(given['initial-cluster'] ?? '');
  if (cluster.includes(',')) {
    throw advised(
      'This server does not form clusters over one database: --initial-cluster names several servers',
      'Start each server with a data folder of its own, and join them in a federation.',
    );
  }
  const names = Object.keys(FOREIGN).filter((name) => given[name] !== undefined);
  if (names.length === 0) return;
  log.warn('These flags have no effect: the server keeps its own store in the data folder', {
    flags: names.map((name) => `--${name}`),
  });
};

const OWN_KEY =
  'Leave --serverid, COLONIES_SERVERID and COLONIES_SERVER_ID out to get a key of your own, listen on ' +
  '127.0.0.1, or use `colonies dev`. Where nobody else can reach this machine, --expose allows it.';

const makeKey = (ctx: Context, log: Log): string => {
  const prvkey = generateKey(ctx.clock);
  const id = idOfKey(prvkey);
  ctx.keychain.put(id, prvkey);
  log.info('Generated a key for the server owner: keep a copy, nothing else proves ownership', {
    serverID: id,
    file: join(ctx.keychain.folder, id),
  });
  return id;
};

const newOwner = (ctx: Context, log: Log, serverKey: string | undefined): string =>
  serverKey === undefined ? makeKey(ctx, log) : idOfKey(serverKey);

const checkOwner = (log: Log, id: string, host: string, exposed: boolean): void => {
  if (!isKnownId(id)) return;
  if (!isLoopback(host) && !exposed) {
    const where = host === '' ? 'every address' : host;
    throw advised(
      `Refusing to serve on ${where}: the private key of the server id ${id} is public`,
      OWN_KEY,
    );
  }
  log.warn('The private key of the server id is public: whoever can reach this server owns it');
};

const start = command({
  path: ['server', 'start'],
  summary: 'Start a server',
  details:
    'Serves HTTPS with the given certificate, or plain HTTP with --insecure. Everything is kept in the data\n' +
    'folder (default ~/.colonies/server), which one server at a time can use. At the first start without a\n' +
    'server id a key is made and kept in the keychain; its id is printed.\n\n' +
    'Settings come from the file of --config, then the environment, then flags; later ones win.',
  examples: [
    'colonies server start --data-dir ./data --port 50080 --insecure',
    'colonies server start --data-dir ./data --tlscert cert.pem --tlskey key.pem',
  ],
  flags: START_FLAGS,
  run: async (ctx, flags) => {
    const given: Given = flags;
    const config = configOf(ctx, given);
    const log = serverLog(ctx, config);
    log.info('Starting a Colonies Server', {
      BuildTime: buildTime(),
      BuildVersion: buildVersion(),
    });
    warnOfForeign(log, given);
    const { host } = config.http;
    const { COLONIES_SERVERPRVKEY, COLONIES_SERVER_PRVKEY } = ctx.env;
    const serverKey = COLONIES_SERVERPRVKEY ?? COLONIES_SERVER_PRVKEY;
    const code = await serve(ctx, config, {
      log,
      // Certifies the node's key in the overlay; otherwise `colonies node certify` does it offline.
      serverKey,
      chooseServerId: (found) => {
        const id = found === '' ? newOwner(ctx, log, serverKey) : found;
        checkOwner(log, id, host, given['expose'] === true);
        return id;
      },
      ready: ({ serverId, port, tls }) => {
        const facts = { Host: host, Port: port, TLS: tls, DataDir: config.dataDir };
        log.info('Colonies Server is ready', { ServerID: serverId, ...facts });
        if (ctx.globals.json) ctx.json({ ServerID: serverId, ...facts });
      },
    });
    log.info('Colonies Server stopped');
    return code;
  },
});

const check = command({
  path: ['server', 'check'],
  summary: 'Check the data folder of a server that does not run',
  details:
    'Compares every index with the records it follows from. Prints what is wrong, one line each, and ends\n' +
    'with 255 then. With --repair the indices are rebuilt; records are never touched.',
  examples: ['colonies server check --data-dir ./data'],
  flags: {
    'data-dir': { kind: 'string', help: 'Data folder (default ~/.colonies/server)' },
    repair: { kind: 'bool', help: 'Rebuild the indices that are wrong' },
  },
  run: async (ctx, flags) => {
    const dir = flags['data-dir'] ?? ctx.env.COLONIES_DATA_DIR ?? defaultFolder(ctx);
    const repair = flags.repair === true;
    const { checkData } = await import('../../compose/data.ts');
    const problems = await explaining(() => checkData(dir, ctx.log, { repair }));
    if (ctx.globals.json) ctx.json(problems);
    else for (const { row, what } of problems) ctx.out(`${row === '' ? '' : `${row}: `}${what}\n`);
    const left = repair ? problems.filter(({ mendable }) => !mendable) : problems;
    const found = { DataDir: dir, Problems: problems.length, Left: left.length };
    if (problems.length === 0) ctx.log.info('The data folder is sound', { DataDir: dir });
    else if (left.length === 0) ctx.log.info('The data folder was repaired', found);
    else ctx.log.error('The data folder is damaged', found);
    return left.length === 0 ? EXIT.ok : EXIT.failed;
  },
});

export const commands: readonly Command[] = [start, check];
