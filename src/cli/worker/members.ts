// The membership of one worker on several hosts of its colony: one key, registered with the key of
// the colony owner wherever it works, unregistered wherever that was.

import type { Attachment } from '../../attach/attachment.ts';
import { LIMITS } from '../../node/limits.ts';
import type { Log } from '../../node/log.ts';
import { ServerError } from '../errors.ts';
import type { Call } from '../rpc.ts';
import type { WorkerIdentity } from './job.ts';
import type { WorkerFacts } from './membership.ts';
import type { WorkerState, WorkerStates } from './states.ts';

export interface MembersCx {
  readonly colonyid: string;
  /** Undefined when the worker is a member already and registers itself nowhere. */
  readonly colonyprvkey: string | undefined;
  readonly runtimeid: string;
  readonly prvkey: string;
  readonly facts: WorkerFacts;
  readonly callTo: (serverid: string) => Call;
  readonly attachment: Pick<Attachment, 'routes' | 'hosts'>;
  readonly states: WorkerStates;
  readonly log: Log;
  readonly pid: number;
}

export interface Members {
  /** Makes the worker a member there; does nothing when it is one. */
  join(serverid: string): Promise<void>;
  /** The worker as its children on this host see it. */
  identityAt(serverid: string): WorkerIdentity;
  /** Ends the membership everywhere; gives the hosts where that was not possible now. */
  leave(signal: AbortSignal): Promise<readonly string[]>;
}

const PENDING = 0;

/** Whether a registration was refused because the id is registered, in the words of 2022 or today. */
const isThere = (error: unknown): boolean =>
  error instanceof ServerError && /already exists|duplicate key/.test(error.message);

const isGone = (error: unknown): boolean =>
  error instanceof ServerError && /is nil$/.test(error.message);

const NOWHERE = { host: '', port: 0, tls: false };

/** Where the processes of a worker reach its host, or a node that passes calls on. */
const addressOf = (base: string | undefined): typeof NOWHERE => {
  if (base === undefined) return NOWHERE;
  const url = new URL(base);
  const tls = url.protocol === 'https:';
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, tls };
};

/** The memberships of one worker. */
export const makeMembers = (cx: MembersCx): Members => {
  const { colonyid, colonyprvkey, runtimeid, prvkey, facts, callTo, states, log } = cx;
  const joined = new Set<string>();

  const keep = (): void => {
    if (colonyprvkey === undefined) return;
    const { name, type } = facts;
    const state = { runtimeid, name, type, colonyid, ...NOWHERE, pid: cx.pid };
    states.put({ ...state, servers: [...joined] }, prvkey);
  };

  const within = (): AbortSignal => AbortSignal.timeout(LIMITS.workerCallMs);

  /**
   * What a worker is that is there already: it left that host without unregistering when the colony
   * moved, or the answer to a call was lost. Undefined when something else has its id.
   */
  const stateAt = async (call: Call): Promise<number | undefined> => {
    const all = await call<readonly { readonly runtimeid: string; readonly state: number }[]>(
      'getruntimesmsg',
      { colonyid },
      colonyprvkey,
      within(),
    );
    return all.find((one) => one.runtimeid === runtimeid)?.state;
  };

  const register = async (call: Call): Promise<void> => {
    const runtime = { runtimeid, runtimetype: facts.type, colonyid, ...facts };
    try {
      await call('addruntimemsg', { runtime }, colonyprvkey, within());
    } catch (error) {
      const state = isThere(error) ? await stateAt(call) : undefined;
      if (state === undefined) throw error;
      // Whoever was approved need not be, and whom the owner rejected does not overrule that.
      if (state !== PENDING) return;
    }
    await call('approveruntimemsg', { runtimeid }, colonyprvkey, within());
  };

  return {
    join: async (serverid) => {
      // Written first: a worker that dies in between can still be unregistered.
      const isNew = !joined.has(serverid);
      joined.add(serverid);
      if (isNew) keep();
      if (colonyprvkey === undefined) return;
      log.info('Register and approve the Runtime', { runtimeID: runtimeid, serverID: serverid });
      await register(callTo(serverid));
    },
    identityAt: (serverid) => {
      const host = cx.attachment.hosts.find(serverid);
      const routes = host === undefined ? [] : cx.attachment.routes(host);
      const base = routes.find((route) => !route.base.startsWith('/'))?.base;
      return { colonyid, runtimeid, prvkey, name: facts.name, ...addressOf(base) };
    },
    leave: async (signal) => {
      if (colonyprvkey === undefined) return [];
      const left = await Promise.all(
        [...joined].map(async (serverid) => {
          try {
            await callTo(serverid)('deleteruntimemsg', { runtimeid }, colonyprvkey, signal);
          } catch (error) {
            // Expected when somebody else unregistered it, or the host is away.
            if (!isGone(error)) return serverid;
          }
          joined.delete(serverid);
          return undefined;
        }),
      );
      const remaining = left.filter((serverid) => serverid !== undefined);
      if (remaining.length > 0) keep();
      else states.remove(runtimeid);
      return remaining;
    },
  };
};

/** Ends the memberships that a killed worker left behind; what cannot be reached stays noted. */
export const leaveBehind = async (
  state: WorkerState,
  cx: Pick<MembersCx, 'callTo' | 'colonyprvkey' | 'states'>,
): Promise<readonly string[]> => {
  const left: string[] = [];
  for (const serverid of state.servers ?? []) {
    const deadline = AbortSignal.timeout(LIMITS.workerGraceMs);
    const { runtimeid } = state;
    try {
      await cx.callTo(serverid)('deleteruntimemsg', { runtimeid }, cx.colonyprvkey, deadline);
    } catch (error) {
      if (!isGone(error)) left.push(serverid);
    }
  }
  if (left.length === 0) cx.states.remove(state.runtimeid);
  return left;
};
