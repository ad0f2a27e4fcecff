// The environment variables of the command line, both vocabularies, read in one place.
// Empty values count as unset. Nothing else may look at `process.env`.

/** Every variable that is read, with what it does: the source of the table in docs/CLI.md. */
export const ENV = {
  COLONIES_SERVER_HOST: 'Server host; overrides --host',
  COLONIES_SERVER_PORT: 'Server port, when --port is not given',
  COLONIES_SERVER_HTTP_PORT: 'Server port, before COLONIES_SERVER_PORT',
  COLONIES_SERVER_PROTOCOL: '`http` or `https`, when neither COLONIES_TLS nor --insecure is given',
  COLONIES_TLS: '`true` is HTTPS, `false` is HTTP; overrides --insecure',
  COLONIES_SERVER_TLS: 'As COLONIES_TLS, which goes first',
  COLONIES_VERBOSE: '`true` is --verbose, when the flag is not given',
  COLONIES_SERVERID: 'Server id, when --serverid is not given (2022)',
  COLONIES_SERVERPRVKEY: 'Private key of the server owner (2022)',
  COLONIES_COLONYID: 'Colony id, when --colonyid is not given (2022)',
  COLONIES_COLONYPRVKEY: 'Private key of the colony owner (2022)',
  COLONIES_RUNTIMEID: 'Runtime id, when --runtimeid is not given (2022)',
  COLONIES_RUNTIMEPRVKEY: 'Private key of the runtime (2022)',
  COLONIES_RUNTIMENAME: 'Worker name, when --name is not given (2022)',
  COLONIES_RUNTIMETYPE: 'Worker type, when --type is not given (2022)',
  COLONIES_LOGDIR: 'Folder of the worker logs, when --logdir is not given (2022)',
  COLONIES_TLSCERT: 'Certificate file of `server start`, when --tlscert is not given',
  COLONIES_TLSKEY: 'Key file of `server start`, when --tlskey is not given',
  COLONIES_DATA_DIR: 'Data folder of `server start`, when --data-dir is not given',
  COLONIES_BOOTSTRAP:
    'Addresses of known nodes, separated by commas, when --bootstrap is not given',
  COLONIES_NETWORK: 'Name of the network, when --network is not given',
  COLONIES_OVERLAY_KEY_FILE:
    'File with the key of a private overlay, when --overlay-key-file is not given',
  COLONIES_ANCHORS: 'Server ids trusted without a chain, when --anchor is not given',
  COLONIES_SERVER_ID: 'Server id (1.9)',
  COLONIES_SERVER_PRVKEY: 'Private key of the server owner, when --serverprvkey is not given (1.9)',
  COLONIES_COLONY_NAME: 'Colony name, when --colonyname is not given (1.9)',
  COLONIES_COLONY_PRVKEY: 'Private key of the colony owner, when --colonyprvkey is not given (1.9)',
  COLONIES_PRVKEY: 'Private key of the user or executor, when --prvkey is not given (1.9)',
  COLONIES_EXECUTOR_NAME: 'Executor name, when --name is not given (1.9)',
  COLONIES_EXECUTOR_TYPE: 'Executor type, when --type is not given (1.9)',
  COLONIES_MONITOR_PORT: 'Port of `monitor start`, when --monitorport is not given (1.9)',
  COLONIES_MONITOR_INTERVAL: 'Seconds between two looks of `monitor start` (1.9)',
  COLONIES_CLI_ASCII: '`true` draws the borders of tables in ASCII (1.9)',
  NO_COLOR: 'Set to anything: no colours',
  HOME: 'The keychain is the folder `.colonies` in it',
  HOSTNAME: 'Added to the name of a worker that `worker register` registers',
} as const;

export type EnvName = keyof typeof ENV;

/** The variables that are set and not empty. */
export type Env = { readonly [N in EnvName]?: string };

/** Picks the known, non-empty variables out of an environment. */
export const readEnv = (raw: Readonly<Record<string, string | undefined>>): Env =>
  Object.fromEntries(
    Object.keys(ENV).flatMap((name) => (raw[name] ? [[name, raw[name]] as const] : [])),
  );

/**
 * The value of a variable that is `true` or `false` (any case, 1 and 0 too); anything else has no
 * effect, as documented.
 */
export const boolOf = (value: string | undefined): boolean | undefined => {
  if (/^(true|1)$/i.test(value ?? '')) return true;
  return /^(false|0)$/i.test(value ?? '') ? false : undefined;
};
