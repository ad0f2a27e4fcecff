// `colonies worker`: run processes on this machine, or only make and end the membership of a
// worker. Flags and log lines are those of 2022; what a worker does is in src/cli/worker.

import { makeFolder } from '../../node/folder.ts';
import { serverAddress } from '../address.ts';
import { colonyMemory } from '../attach/memory.ts';
import {
  anyBootstraps,
  BOOTSTRAP_FLAGS,
  givenBootstraps,
  namesServer,
  overlayOf,
} from '../attach/sources.ts';
import { type Command, type Context, command, type Flags, SERVER_FLAGS } from '../command.ts';
import { advised } from '../errors.ts';
import {
  COLONY_OWNER_FLAGS,
  colonyOwnerKey,
  colonyRef,
  findColonyOwnerKey,
  idOf,
  memberKey,
} from '../identity.ts';
import { echoOf } from '../report.ts';
import { callerTo } from '../rpc.ts';
import { buildTime, buildVersion } from '../version.ts';
import type { AttachedOptions } from '../worker/attached.ts';
import { runWorker } from '../worker/loop.ts';
import {
  isLeftBehind,
  joinColony,
  leaveColony,
  type MembershipCx,
  type WorkerFacts,
} from '../worker/membership.ts';
import { openWorkerStates, type WorkerState } from '../worker/states.ts';

const FACT_FLAGS = {
  name: { kind: 'string', help: 'Name of the worker, unique in its colony' },
  type: { kind: 'string', help: 'Type: the worker gets processes for this runtime type' },
  cpu: { kind: 'string', help: 'CPU of this machine', default: '' },
  cores: { kind: 'int', help: 'Cores of this machine', default: -1 },
  mem: { kind: 'int', help: 'Memory of this machine, MiB', default: -1 },
  gpu: { kind: 'string', help: 'GPU of this machine', default: '' },
  gpus: { kind: 'int', help: 'Number of GPUs of this machine', default: -1 },
} as const satisfies Flags;

const IS_ID = /^[0-9a-f]{64}$/;

const BASE_FLAGS = { ...COLONY_OWNER_FLAGS, ...SERVER_FLAGS } as const;

interface BaseValues {
  readonly colonyid: string | undefined;
  readonly colonyprvkey: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
}

const membershipOf = async (ctx: Context, flags: BaseValues): Promise<MembershipCx> => {
  const ref = colonyRef(ctx, flags);
  const colonyprvkey = await colonyOwnerKey(ctx, flags, ref);
  const at = serverAddress(ctx, flags);
  return {
    call: callerTo(at),
    at,
    // Where a name was given, the owner's key says which colony: its id is the id of the key.
    colonyid: IS_ID.test(ref) ? ref : await idOf(colonyprvkey),
    colonyprvkey,
    states: openWorkerStates(ctx.keychain),
    clock: ctx.clock,
    log: ctx.log,
  };
};

const named = (value: string | undefined, what: string, flag: string, variable: string): string => {
  if (value !== undefined && value !== '') return value;
  throw advised(`Runtime ${what} not specified`, `Give --${flag}, or set ${variable}.`);
};

const factsOf = (
  ctx: Context,
  flags: Omit<WorkerFacts, 'name' | 'type'> & {
    name?: string | undefined;
    type?: string | undefined;
  },
  fallback: string | undefined,
): WorkerFacts => {
  const { cpu, cores, mem, gpu, gpus } = flags;
  const type = flags.type ?? ctx.env.COLONIES_RUNTIMETYPE ?? ctx.env.COLONIES_EXECUTOR_TYPE;
  return {
    name: named(flags.name ?? fallback, 'name', 'name', 'COLONIES_RUNTIMENAME'),
    type: named(type, 'type', 'type', 'COLONIES_RUNTIMETYPE'),
    cpu,
    cores,
    mem,
    gpu,
    gpus,
  };
};

const envName = (ctx: Context): string | undefined =>
  ctx.env.COLONIES_RUNTIMENAME ?? ctx.env.COLONIES_EXECUTOR_NAME;

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Expected when there is no such process; EPERM means that there is one, of somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

// A worker that was killed is still registered, and a process it ran still counts as running.
const removeLeftBehind = async (membership: MembershipCx, name: string): Promise<void> => {
  for (const state of membership.states.list(membership.colonyid)) {
    if (!isLeftBehind(state, name, membership.at, isRunning)) continue;
    const { runtimeid } = state;
    membership.log.warn('An earlier worker of this name did not stop cleanly, unregistering it', {
      runtimeID: runtimeid,
    });
    await leaveOrForget(membership, runtimeid);
  }
};

const leaveOrForget = async (membership: MembershipCx, runtimeid: string): Promise<void> => {
  try {
    await leaveColony(membership, runtimeid);
  } catch (error) {
    if (!(error instanceof Error) || !/is nil$/.test(error.message)) throw error;
    // The server does not know it any more, which is what was wanted.
    membership.states.remove(runtimeid);
  }
};

/** Before the umask: logs are read with other accounts and tools, too. */
const LOG_DIR_MODE = 0o777;

const logDirOf = (ctx: Context, flag: string | undefined): string => {
  const dir = flag ?? ctx.env.COLONIES_LOGDIR ?? '';
  if (dir !== '') makeFolder(dir, LOG_DIR_MODE);
  return dir;
};

interface AttachValues extends BaseValues {
  readonly bootstrap: readonly string[];
  readonly runtimeprvkey: string | undefined;
}

/**
 * Whether the worker is to find its server by the colony's id: when a bootstrap is given, or
 * nothing names a server.
 */
const attaches = (ctx: Context, flags: AttachValues): boolean => {
  if (flags.bootstrap.length > 0) return true;
  if (flags.host !== undefined || flags.port !== undefined) return false;
  return givenBootstraps(ctx, flags).length > 0 || !namesServer(ctx, flags);
};

/** The colony's id and whose key there is: the colony's, else that of a registered member. */
const attachedAs = async (
  ctx: Context,
  flags: AttachValues,
): Promise<Pick<AttachedOptions, 'colonyid' | 'colonyprvkey' | 'prvkey'>> => {
  const ref = colonyRef(ctx, flags);
  const owner = await findColonyOwnerKey(ctx, flags, ref);
  const colonyid = IS_ID.test(ref) || owner === undefined ? ref : await idOf(owner);
  if (!IS_ID.test(colonyid)) {
    throw advised(
      `${colonyid} is no colony id: only an id can be looked up`,
      'Give the id of the colony, 64 hex digits, or its key.',
    );
  }
  const { runtimeprvkey } = flags;
  if (owner !== undefined && (await idOf(owner)) === colonyid) {
    return { colonyid, colonyprvkey: owner, prvkey: runtimeprvkey };
  }
  const prvkey = await memberKey(ctx, { runtimeprvkey });
  return { colonyid, colonyprvkey: undefined, prvkey };
};

const builds = () => ({ BuildTime: buildTime(), BuildVersion: buildVersion() });

const start = command({
  path: ['worker', 'start'],
  summary: 'Start a worker that runs processes',
  details:
    'Registers and approves a new runtime with the key of the colony owner, then runs one process after\n' +
    'the other: the command of its specification, without a shell. Output goes to stdout, to the log of\n' +
    'the process on the server, and into the attribute `output`; with --json not to stdout.\n\n' +
    'At SIGINT or SIGTERM the running child is stopped, the runtime unregistered, and what it was running\n' +
    'goes back to the queue. Children see the key of the worker, never a key of an owner.\n\n' +
    'With --bootstrap, or when nothing names a server, the worker finds the hosts of its colony by the\n' +
    'colony id, verifies what it is told, registers on each host it uses, works for the next one while\n' +
    'the home is away, and comes back. Without the key of the colony it works as the runtime of\n' +
    '--runtimeprvkey (COLONIES_RUNTIMEPRVKEY), which has to be approved on every host.',
  examples: [
    'colonies worker start --name myworker --type testworker --insecure',
    'colonies worker start --colonyid $COLONY --bootstrap https://node.example.org --name w1 --type cli',
    'colonies worker start --name myworker --type testworker --logdir ./logs --insecure',
  ],
  flags: {
    ...BASE_FLAGS,
    ...FACT_FLAGS,
    ...BOOTSTRAP_FLAGS,
    runtimeprvkey: { kind: 'string', help: 'Private key of the runtime, when it has one already' },
    logdir: { kind: 'string', help: 'Folder for one log file per process; none when empty' },
  },
  run: async (ctx, flags) => {
    ctx.log.info('Starting a Colonies Worker', builds());
    if (attaches(ctx, flags)) {
      const who = await attachedAs(ctx, flags);
      const memory = colonyMemory(ctx.keychain, who.colonyid);
      const { startAttached } = await import('../worker/attached.ts');
      return startAttached(ctx, {
        ...who,
        bootstraps: await anyBootstraps(ctx, flags, memory),
        overlay: overlayOf(ctx, flags),
        facts: factsOf(ctx, flags, envName(ctx)),
        logDir: logDirOf(ctx, flags.logdir),
        info: builds(),
        isRunning,
      });
    }
    const membership = await membershipOf(ctx, flags);
    const logDir = logDirOf(ctx, flags.logdir);
    const facts = factsOf(ctx, flags, envName(ctx));
    const stop = ctx.stopSignal();
    await removeLeftBehind(membership, facts.name);
    const { clock, log, childEnv } = ctx;
    const { host, port } = membership.at;
    return runWorker(
      { clock, log, environment: childEnv, echo: echoOf(ctx), logDir, stop },
      membership,
      facts,
      process.pid,
      { ...builds(), ServerHost: host, ServerPort: String(port) },
      ({ runtimeid, colonyid, name }) => {
        if (ctx.globals.json) ctx.json({ runtimeid, colonyid, name });
      },
    );
  },
});

const register = command({
  path: ['worker', 'register'],
  summary: 'Register a worker without running it',
  details:
    'Registers and approves a new runtime and keeps its key in the keychain. Without --name the name is\n' +
    'COLONIES_RUNTIMENAME, followed by a dot and HOSTNAME when that is set.',
  examples: ['colonies worker register --name myworker --type testworker --insecure'],
  flags: { ...BASE_FLAGS, ...FACT_FLAGS },
  run: async (ctx, flags) => {
    ctx.log.info('Registering a Colonies Worker', builds());
    const membership = await membershipOf(ctx, flags);
    const parts = [envName(ctx), ctx.env.HOSTNAME].filter((part) => part !== undefined);
    const who = await joinColony(membership, factsOf(ctx, flags, parts.join('.')), undefined);
    if (ctx.globals.json) ctx.json({ runtimeid: who.runtimeid, colonyid: who.colonyid });
  },
});

const choose = (
  found: readonly WorkerState[],
  wanted: { readonly name: string | undefined; readonly runtimeid: string | undefined },
): WorkerState => {
  const fitting = found.filter(
    (state) =>
      (wanted.name === undefined || state.name === wanted.name) &&
      (wanted.runtimeid === undefined || state.runtimeid === wanted.runtimeid),
  );
  const [only, ...more] = fitting;
  if (only === undefined) {
    throw advised(
      'No worker of this colony is registered from this machine',
      'Workers registered elsewhere: `colonies runtime unregister --runtimeid ID`.',
    );
  }
  if (more.length > 0) {
    const list = fitting.map((state) => `${state.name} (${state.runtimeid})`).join(', ');
    throw advised(`There are several workers: ${list}`, 'Choose one with --name or --runtimeid.');
  }
  return only;
};

const unregister = command({
  path: ['worker', 'unregister'],
  summary: 'Unregister a worker of this machine',
  details:
    'Ends the membership of a worker that was registered from here, and removes its key and state. A\n' +
    'process it was running goes back to the queue. With several workers, --name or --runtimeid chooses.',
  examples: ['colonies worker unregister --name myworker --insecure'],
  flags: {
    ...BASE_FLAGS,
    ...BOOTSTRAP_FLAGS,
    name: { kind: 'string', help: 'Name of the worker' },
    runtimeid: { kind: 'string', help: 'Runtime id of the worker' },
  },
  run: async (ctx, flags) => {
    ctx.log.info('Unregistering a Colonies Worker', builds());
    const membership = await membershipOf(ctx, flags);
    const name = flags.name ?? envName(ctx);
    const states = membership.states.list(membership.colonyid);
    const chosen = choose(states, { name, runtimeid: flags.runtimeid });
    const { runtimeid, colonyid } = chosen;
    if (chosen.servers === undefined) {
      await leaveColony(membership, runtimeid);
      if (ctx.globals.json) ctx.json({ runtimeid, colonyid, name: chosen.name });
      return undefined;
    }
    const memory = colonyMemory(ctx.keychain, colonyid);
    const { unregisterAttached } = await import('../worker/attached.ts');
    return unregisterAttached(ctx, chosen, {
      colonyprvkey: membership.colonyprvkey,
      bootstraps: await anyBootstraps(ctx, flags, memory),
      overlay: overlayOf(ctx, flags),
    });
  },
});

export const commands: readonly Command[] = [start, register, unregister];
