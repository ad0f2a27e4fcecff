// Which nodes a command starts from: those of --bootstrap, of the environment, those remembered for
// the colony,
// and those that the program was shipped with.

import { type Bootstrap, NO_BOOTSTRAP, readBootstraps } from '../../attach/bootstraps.ts';
import { Fault } from '../../node/errors.ts';
import { baseUrl, serverAddress } from '../address.ts';
import type { Context, Flags } from '../command.ts';
import { advised, usageProblem } from '../errors.ts';
import type { ColonyMemory } from './memory.ts';

export const BOOTSTRAP_FLAGS = {
  bootstrap: {
    kind: 'list',
    help: 'Address of a node: a URL or a multiaddress; may be repeated',
  },
  network: { kind: 'string', help: 'Name of the network; without it that of the bootstrap' },
  'overlay-key-file': {
    kind: 'string',
    help: 'File with the key of a private overlay, for multiaddresses of its nodes',
  },
} as const satisfies Flags;

export interface BootstrapValues {
  readonly bootstrap: readonly string[];
  readonly network: string | undefined;
  readonly 'overlay-key-file': string | undefined;
}

export interface ServerValues {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

export interface OverlayValues {
  readonly network: string | undefined;
  readonly keyFile: string | undefined;
}

/** The overlay asked for by flags, else by the environment: its name, and its key when private. */
export const overlayOf = (
  { env }: Pick<Context, 'env'>,
  flags: Pick<BootstrapValues, 'network' | 'overlay-key-file'>,
): OverlayValues => ({
  network: flags.network ?? env.COLONIES_NETWORK,
  keyFile: flags['overlay-key-file'] ?? env.COLONIES_OVERLAY_KEY_FILE,
});

const read = (texts: readonly string[]): readonly Bootstrap[] => {
  try {
    return readBootstraps(texts);
  } catch (error) {
    if (error instanceof Fault) throw usageProblem(error.message);
    throw error;
  }
};

/** Bootstraps given by flag, else by the environment; empty when neither gives one. */
export const givenBootstraps = (
  ctx: Pick<Context, 'env'>,
  flags: Pick<BootstrapValues, 'bootstrap'>,
): readonly Bootstrap[] => {
  const byFlag = read(flags.bootstrap);
  return byFlag.length > 0 ? byFlag : read([ctx.env.COLONIES_BOOTSTRAP ?? '']);
};

const HOW =
  'A bootstrap is the URL of any node (https://node.example.org) or its multiaddress; ' +
  'COLONIES_BOOTSTRAP may name several. `colonies node status` shows the addresses of a node.';

/** The error when nothing names a node. */
export const noBootstrap = (): Error => advised(NO_BOOTSTRAP, HOW);

/** As `givenBootstraps`, then those remembered, then those shipped. Throws when there is none. */
export const anyBootstraps = async (
  ctx: Pick<Context, 'env'>,
  flags: Pick<BootstrapValues, 'bootstrap'>,
  memory: Pick<ColonyMemory, 'pin'>,
): Promise<readonly Bootstrap[]> => {
  const given = givenBootstraps(ctx, flags);
  if (given.length > 0) return given;
  const remembered = read(memory.pin()?.bootstraps ?? []);
  if (remembered.length > 0) return remembered;
  const { SHIPPED_BOOTSTRAPS } = await import('../../compose/shipped.ts');
  const shipped = read(SHIPPED_BOOTSTRAPS);
  if (shipped.length > 0) return shipped;
  throw noBootstrap();
};

/**
 * As `givenBootstraps`; without one the server that flags and environment name is the node to ask.
 */
export const bootstrapsOrServer = (
  ctx: Pick<Context, 'env' | 'globals' | 'log'>,
  flags: Pick<BootstrapValues, 'bootstrap'> & ServerValues,
): readonly Bootstrap[] => {
  const byFlag = read(flags.bootstrap);
  const namesServer = flags.host !== undefined || flags.port !== undefined;
  if (byFlag.length > 0) return byFlag;
  if (!namesServer) {
    const given = givenBootstraps(ctx, flags);
    if (given.length > 0) return given;
  }
  return read([baseUrl(serverAddress(ctx, flags))]);
};

/** Whether a command line or its environment names a server by host, port or protocol. */
export const namesServer = (
  { env, globals }: Pick<Context, 'env' | 'globals'>,
  flags: ServerValues,
): boolean =>
  flags.host !== undefined ||
  flags.port !== undefined ||
  globals.insecure !== undefined ||
  [
    env.COLONIES_SERVER_HOST,
    env.COLONIES_SERVER_PORT,
    env.COLONIES_SERVER_HTTP_PORT,
    env.COLONIES_SERVER_PROTOCOL,
    env.COLONIES_TLS,
    env.COLONIES_SERVER_TLS,
  ].some((value) => value !== undefined);
