// Opens the engine over a data folder: reads members and live processes back into memory, so that
// queues, deadlines and running leases go on where they were.

import type { Clock } from '../clock.ts';
import { LIMITS, type Limits } from '../limits.ts';
import type { Log } from '../log.ts';
import type { ColonyRow } from '../model/colony.ts';
import { keys } from '../store/keys.ts';
import { migrate } from '../store/migrate.ts';
import { openStore, type Store } from '../store/store.ts';
import {
  colonyTable,
  executorTable,
  functionTable,
  removingTable,
  userTable,
} from '../store/tables/members.ts';
import { makeAttributes } from './attributes.ts';
import { makeColonies, placeColony } from './colonies.ts';
import type { Engine } from './engine.ts';
import { makeEvents } from './events.ts';
import { makeExecutors, placeExecutor } from './executors.ts';
import { makeFunctions, restoreFunction } from './functions.ts';
import { type Lifecycle, makeLifecycle } from './lifecycle.ts';
import { loadLive } from './load-live.ts';
import { makeLogs, noteLastLog } from './logs.ts';
import { findProcess } from './lookup.ts';
import { makeOnce } from './once.ts';
import { makeProcesses } from './processes.ts';
import { purgeColony } from './removal.ts';
import { makeRoles } from './roles.ts';
import { adoptServerId, makeServer } from './server.ts';
import { type EngineOptions, type Finished, makeState, type State } from './state.ts';
import { makeTicks, writeHeard } from './ticks.ts';
import { makeUsers, placeUser } from './users.ts';

export interface OpenEngine {
  /** The data folder of the node; the store lives in `<dir>/store`. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Server owner of a new folder; an existing one keeps its own unless it never had any. */
  readonly serverId?: string;
  readonly limits?: Limits;
  readonly options?: Partial<EngineOptions>;
  readonly newProcessId?: (colony: ColonyRow) => string;
  /** Called once when a commit fails: memory is ahead of the disk and the process must end. */
  readonly onFatal?: (error: unknown) => void;
}

export interface OpenedEngine {
  readonly engine: Engine;
  readonly store: Store;
  /** Drains and closes the folder. */
  close(): Promise<void>;
}

const DEFAULTS: EngineOptions = { staleExecutorS: 600, retentionS: 0 };

const loadMembers = async (state: State): Promise<void> => {
  for (const row of await colonyTable.all(state.store)) placeColony(state, row);
  for (const row of await userTable.all(state.store)) {
    const colony = state.colonies.get(row.colony);
    if (colony) placeUser(colony, row);
  }
  for (const row of await executorTable.all(state.store)) {
    const colony = state.colonies.get(row.colony);
    // Down time is no silence of the executor's: its time counts from now.
    const heardUs = row.heardUs === 0 ? 0 : state.clock.nowUs();
    if (colony) placeExecutor(colony, row).heardUs = heardUs;
  }
  for (const row of await functionTable.all(state.store)) restoreFunction(state, row);
  for (const colony of state.colonies.values()) {
    const counts = state.store.get(keys.counts(colony.row.no));
    if (counts !== undefined)
      (JSON.parse(counts) as Finished).forEach((n, i) => {
        colony.finished[i as 0 | 1 | 2] = n;
      });
  }
};

const load = async (state: State, lifecycle: Lifecycle, serverId?: string): Promise<void> => {
  state.nextColony = Number(state.store.get(keys.meta('nextcolony')) ?? '1');
  state.serverId = state.store.get(keys.meta('serverid')) ?? '';
  if (state.serverId === '' && serverId !== undefined && serverId !== '') {
    await adoptServerId(state, serverId);
  }
  await loadMembers(state);
  await loadLive(state, lifecycle);
  await noteLastLog(state);
  for (const row of await removingTable.all(state.store)) await purgeColony(state, lifecycle, row);
  state.store.onSeal((w) => {
    for (const colony of state.countsDirty) {
      w.put(keys.counts(colony.row.no), JSON.stringify(colony.finished));
    }
    state.countsDirty.clear();
  });
};

const compose = (state: State, lifecycle: Lifecycle): Engine => ({
  roles: makeRoles(state),
  colonies: makeColonies(state, lifecycle, (row) => purgeColony(state, lifecycle, row)),
  users: makeUsers(state),
  executors: makeExecutors(state, lifecycle),
  functions: makeFunctions(state),
  processes: makeProcesses(state, lifecycle),
  attributes: makeAttributes(state, lifecycle),
  logs: makeLogs(state),
  server: makeServer(state),
  events: makeEvents(
    state.events,
    (id) => findProcess(state, id),
    () => state.store.settled(),
  ),
  once: makeOnce(state),
  settled: () => state.store.settled(),
  ...makeTicks(state, lifecycle),
  drain: () => {
    state.draining = true;
    for (const colony of state.colonies.values()) {
      for (const waiter of [...colony.waiters.all()]) waiter.end('stopping');
    }
  },
});

/** Opens a node's engine. Throws unavailable when the folder is locked or from a newer release. */
export const openEngine = async (open: OpenEngine): Promise<OpenedEngine> => {
  // Without a handler the store itself still logs and refuses every further write.
  const onFatal = open.onFatal ?? (() => undefined);
  const store = await openStore(`${open.dir}/store`, open.log, onFatal);
  try {
    await migrate(store, open.log);
    const state = makeState({
      store,
      clock: open.clock,
      log: open.log,
      limits: open.limits ?? LIMITS,
      options: { ...DEFAULTS, ...open.options },
      newProcessId: open.newProcessId ?? (() => open.clock.newId()),
    });
    const lifecycle = makeLifecycle(state);
    await load(state, lifecycle, open.serverId);
    const engine = compose(state, lifecycle);
    return {
      engine,
      store,
      close: async () => {
        engine.drain();
        try {
          await writeHeard(state);
        } catch (error) {
          // Expected after a failed commit; the folder is let go nevertheless.
          open.log.warn('signs of life are lost', { error });
        }
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
};
