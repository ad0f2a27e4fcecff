// Starting and ending workers that know their colony by its id only. Which hosts there are comes
// from the attachment; what a worker does there is in ./serve-hosts.ts.

import type { Bootstrap } from '../../attach/bootstraps.ts';
import { generateKey, idOfKey } from '../../node/crypto/keys.ts';
import { LIMITS } from '../../node/limits.ts';
import { type AttachedColony, openColony } from '../attach/open.ts';
import type { OverlayValues } from '../attach/sources.ts';
import type { Context } from '../command.ts';
import { EXIT } from '../errors.ts';
import { echoOf } from '../report.ts';
import { followHosts } from './follow-hosts.ts';
import { makeHostBoard } from './hosts.ts';
import { leaveBehind, makeMembers } from './members.ts';
import type { WorkerFacts } from './membership.ts';
import { noting, serveHosts } from './serve-hosts.ts';
import { openWorkerStates, type WorkerState } from './states.ts';

export interface AttachedOptions {
  readonly colonyid: string;
  /** Undefined when `prvkey` belongs to a member that is registered already. */
  readonly colonyprvkey: string | undefined;
  /** Key of the worker; a new one when it is undefined. */
  readonly prvkey: string | undefined;
  readonly bootstraps: readonly Bootstrap[];
  readonly overlay: OverlayValues;
  readonly facts: WorkerFacts;
  readonly logDir: string;
  readonly info: Readonly<Record<string, string>>;
  /** Whether a process of this machine runs. */
  readonly isRunning: (pid: number) => boolean;
}

/** Memberships of workers of this name that were killed: ended where that is possible now. */
const removeLeftBehind = async (
  ctx: Context,
  colony: AttachedColony,
  { colonyid, colonyprvkey, facts, isRunning }: AttachedOptions,
): Promise<void> => {
  if (colonyprvkey === undefined) return;
  const states = openWorkerStates(ctx.keychain);
  const dead = states
    .list(colonyid)
    .filter(
      ({ name, servers, pid }) =>
        name === facts.name && servers !== undefined && pid !== undefined && !isRunning(pid),
    );
  for (const state of dead) {
    ctx.log.warn('An earlier worker of this name did not stop cleanly, unregistering it', {
      runtimeID: state.runtimeid,
    });
    const left = await leaveBehind(state, { callTo: colony.callTo, colonyprvkey, states });
    if (left.length > 0) ctx.log.warn('It stays registered where it cannot be reached', { left });
  }
};

/** Runs a worker until it is stopped. Gives the exit code. */
export const startAttached = async (ctx: Context, options: AttachedOptions): Promise<number> => {
  const { colonyid, colonyprvkey, bootstraps, overlay, facts, logDir, info } = options;
  const { clock, log, childEnv, keychain } = ctx;
  const stop = ctx.stopSignal();
  const board = makeHostBoard();
  const onReach = noting({ board, log });
  const colony = await openColony(ctx, colonyid, bootstraps, { ...overlay, onReach });
  try {
    const { attachment, callTo } = colony;
    log.info('Attached to a colony', { ...info, colonyID: colonyid, network: attachment.network });
    await removeLeftBehind(ctx, colony, options);
    const prvkey = options.prvkey ?? generateKey(clock);
    const runtimeid = idOfKey(prvkey);
    const states = openWorkerStates(keychain);
    const members = makeMembers({
      ...{ colonyid, colonyprvkey, prvkey, facts, callTo, attachment, states, log },
      runtimeid,
      pid: process.pid,
    });
    const unfollow = await followHosts(ctx, attachment.hosts, board);
    if (ctx.globals.json) ctx.json({ runtimeid, colonyid, name: facts.name });
    const bases = bootstraps.map(({ base }) => base).join(',');
    const environment = {
      ...childEnv,
      COLONIES_BOOTSTRAP: bases,
      COLONIES_OVERLAY_KEY_FILE: overlay.keyFile,
    };
    try {
      return await serveHosts({
        ...{ clock, log, environment, logDir, stop, board, members, callTo },
        echo: echoOf(ctx),
        watchMs: LIMITS.attachedWatchMs,
        lookAgain: () => {
          attachment.hosts.refresh().catch((error: unknown) => {
            log.error('The colony can no longer be used', { err: error });
          });
        },
        registers: colonyprvkey !== undefined,
      });
    } finally {
      unfollow();
    }
  } finally {
    await colony.close();
  }
};

/** Ends the memberships of an attached worker. Gives the exit code. */
export const unregisterAttached = async (
  ctx: Context,
  state: WorkerState,
  options: Pick<AttachedOptions, 'colonyprvkey' | 'bootstraps' | 'overlay'>,
): Promise<number> => {
  const { colonyprvkey, bootstraps, overlay } = options;
  const colony = await openColony(ctx, state.colonyid, bootstraps, overlay);
  try {
    const states = openWorkerStates(ctx.keychain);
    const left = await leaveBehind(state, { callTo: colony.callTo, colonyprvkey, states });
    const { runtimeid } = state;
    if (ctx.globals.json) ctx.json({ runtimeid, colonyid: state.colonyid, name: state.name, left });
    if (left.length === 0) ctx.log.info('Runtime unregistered', { runtimeID: runtimeid });
    else ctx.log.error('These hosts could not be reached; try again later', { left });
    return left.length === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await colony.close();
  }
};
