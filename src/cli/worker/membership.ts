// Making a worker a member of its colony, and ending that: a new key, registration and approval
// with the key of the colony owner, the state file, and back.

import type { Clock } from '../../node/clock.ts';
import { generateKey, idOfKey } from '../../node/crypto/keys.ts';
import type { Log } from '../../node/log.ts';
import type { ServerAddress } from '../address.ts';
import { ServerError } from '../errors.ts';
import type { Call } from '../rpc.ts';
import type { WorkerIdentity } from './job.ts';
import type { WorkerState, WorkerStates } from './states.ts';

/** What a worker says about itself and its machine; -1 and '' are unknown. */
export interface WorkerFacts {
  readonly name: string;
  readonly type: string;
  readonly cpu: string;
  readonly cores: number;
  readonly mem: number;
  readonly gpu: string;
  readonly gpus: number;
}

export interface MembershipCx {
  readonly call: Call;
  readonly at: ServerAddress;
  readonly colonyid: string;
  readonly colonyprvkey: string;
  readonly states: WorkerStates;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Registers and approves a new runtime. The state is written first, so that a worker that dies in
 * between can still be unregistered. `pid` is the running worker, undefined for `worker register`.
 */
export const joinColony = async (
  cx: MembershipCx,
  facts: WorkerFacts,
  pid: number | undefined,
): Promise<WorkerIdentity> => {
  const { call, colonyid, colonyprvkey, log, states, at } = cx;
  const prvkey = generateKey(cx.clock);
  const runtimeid = idOfKey(prvkey);
  const { name, type, cpu, cores, mem, gpu, gpus } = facts;
  const { host, port, tls } = at;
  const file = states.fileOf(runtimeid);
  log.info(`Saving runtimeID to ${file}`);
  log.info(`Saving runtimePrvKey to ${states.keyFileOf(runtimeid)}`);
  const state = { runtimeid, name, type, colonyid, host, port, tls };
  states.put(pid === undefined ? state : { ...state, pid }, prvkey);
  log.info('Register a new Runtime', {
    runtimeID: runtimeid,
    runtimeName: name,
    runtimeType: type,
    colonyID: colonyid,
    CPU: cpu,
    Cores: cores,
    Mem: mem,
    GPU: gpu,
    GPUs: gpus,
  });
  const runtime = { runtimeid, runtimetype: type, name, colonyid, cpu, cores, mem, gpu, gpus };
  try {
    await call('addruntimemsg', { runtime }, colonyprvkey);
  } catch (error) {
    // Refused: nothing is left on this machine of a worker that nobody knows.
    if (error instanceof ServerError) states.remove(runtimeid);
    throw error;
  }
  log.info('Approving Runtime', { runtimeID: runtimeid });
  await call('approveruntimemsg', { runtimeid }, colonyprvkey);
  return { colonyid, runtimeid, prvkey, name, host, port, tls };
};

/** Unregisters a runtime: what it was running goes back to the queue. Then its state is removed. */
export const leaveColony = async (
  cx: Pick<MembershipCx, 'call' | 'colonyprvkey' | 'states' | 'log'>,
  runtimeid: string,
  signal?: AbortSignal,
): Promise<void> => {
  await cx.call('deleteruntimemsg', { runtimeid }, cx.colonyprvkey, signal);
  cx.states.remove(runtimeid);
  cx.log.info('Runtime unregistered', { runtimeID: runtimeid });
};

/**
 * Whether a state is of a worker of this name and server that was killed before it could
 * unregister.
 */
export const isLeftBehind = (
  state: WorkerState,
  name: string,
  at: Pick<ServerAddress, 'host' | 'port'>,
  isRunning: (pid: number) => boolean,
): boolean =>
  state.name === name &&
  state.host === at.host &&
  state.port === at.port &&
  state.pid !== undefined &&
  !isRunning(state.pid);
