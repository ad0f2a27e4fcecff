// A real engine over a real LevelDB in a temporary folder, with a clock that the test moves.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { AssignRequest, Engine, Member } from '../../src/node/engine/engine.ts';
import { type OpenEngine, type OpenedEngine, openEngine } from '../../src/node/engine/open.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import { type Log, makeLog } from '../../src/node/log.ts';
import type { ColonyRow } from '../../src/node/model/colony.ts';
import type { ExecutorRow } from '../../src/node/model/executor.ts';
import type { ProcessRow } from '../../src/node/model/process.ts';
import {
  FunctionSpecMsg,
  normaliseSpec,
  type SpecRow,
  specRow,
} from '../../src/node/model/spec.ts';
import type { UserRow } from '../../src/node/model/user.ts';
import { checkStore, shownKey } from '../../src/node/store/check.ts';
import type { Store } from '../../src/node/store/store.ts';
import { type ManualClock, manualClock } from './clock.ts';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps its lines. */
export const collectingLog = (): { readonly log: Log; readonly lines: LogLine[] } => {
  const lines: LogLine[] = [];
  const log = makeLog('debug', (level, message, fields) => lines.push({ level, message, fields }));
  return { log, lines };
};

/** A new temporary folder; removed when the test is over. */
export const temporaryFolder = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'colonies-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
};

/** What `checkStore` finds, as lines. */
export const problemsOf = async (store: Store): Promise<string[]> =>
  (await checkStore(store)).map(({ key, what }) => `${shownKey(key)}: ${what}`);

/** A specification as a submitter would send it, ready for the queue. */
export const spec = (fields: object = {}, ids: readonly string[] = []): SpecRow =>
  specRow(normaliseSpec(FunctionSpecMsg.parse({ funcname: 'f', ...fields })), ids);

/** The same for executors of one type, with other conditions. */
export const forType = (
  executortype: string,
  conditions: object = {},
  fields: object = {},
): SpecRow => spec({ ...fields, conditions: { executortype, ...conditions } });

export const asUser = (user: UserRow): Member => ({ kind: 'user', user });
export const asExecutor = (executor: ExecutorRow): Member => ({ kind: 'executor', executor });

const NEVER = new AbortController().signal;

/** A request for work: one attempt without `waitMs`. */
export const want = (fields: Partial<AssignRequest> = {}): AssignRequest => ({
  signal: NEVER,
  ...fields,
});

export interface Bench {
  readonly clock: ManualClock;
  readonly dir: string;
  readonly lines: LogLine[];
  /** The engine as opened last. */
  engine: Engine;
  store: Store;
  /** Closes the engine and opens it again from disk. */
  restart(options?: Partial<OpenEngine>): Promise<void>;
  /** Closes without opening again. */
  close(): Promise<void>;
  /** A colony, a user and executors of it: enough to work with. */
  colony(name?: string): Promise<ColonyRow>;
  user(colony: ColonyRow, name?: string): Promise<UserRow>;
  /** An approved executor. */
  executor(
    colony: ColonyRow,
    name: string,
    more?: { type?: string; location?: string; id?: string },
  ): Promise<ExecutorRow>;
  /** Submits as the first user of the colony. */
  submit(colony: ColonyRow, spec?: SpecRow): Promise<ProcessRow>;
  /** The executor's row as it is now. */
  now(executor: ExecutorRow): ExecutorRow;
}

export interface BenchOptions
  extends Partial<Omit<OpenEngine, 'dir' | 'clock' | 'log' | 'limits'>> {
  readonly seed?: string | number;
  readonly limits?: Partial<Limits>;
}

const openAt = (
  dir: string,
  clock: ManualClock,
  log: Log,
  { limits, seed: _seed, ...rest }: BenchOptions,
): Promise<OpenedEngine> =>
  openEngine({ dir, clock, log, ...rest, limits: { ...LIMITS, ...limits } });

/**
 * Opens an engine for one test. When the test is over the store must be in order: the checker says
 * so.
 */
export const openBench = async (options: BenchOptions = {}): Promise<Bench> => {
  const dir = await temporaryFolder();
  const clock = manualClock(options.seed);
  const { log, lines } = collectingLog();
  let opened = await openAt(dir, clock, log, options);
  let isOpen = true;
  onTestFinished(async () => {
    if (!isOpen) return;
    await opened.store.settled();
    const problems = await problemsOf(opened.store);
    await opened.close();
    if (problems.length > 0) throw new Error(`the store is damaged:\n${problems.join('\n')}`);
  });
  const bench: Bench = {
    clock,
    dir,
    lines,
    engine: opened.engine,
    store: opened.store,
    restart: async (more = {}) => {
      await opened.close();
      isOpen = false;
      opened = await openAt(dir, clock, log, { ...options, ...more } as BenchOptions);
      isOpen = true;
      bench.engine = opened.engine;
      bench.store = opened.store;
    },
    close: async () => {
      await opened.close();
      isOpen = false;
    },
    ...makeMembers(() => bench.engine, clock),
  };
  return bench;
};

const makeMembers = (
  engine: () => Engine,
  clock: ManualClock,
): Pick<Bench, 'colony' | 'user' | 'executor' | 'submit' | 'now'> => {
  const user: Bench['user'] = (colony, name = 'someone') =>
    engine().users.add(colony, { id: clock.newId(), name, email: '', phone: '' });
  return {
    user,
    colony: (name = 'dev') => engine().colonies.add(clock.newId(), name),
    executor: async (colony, name, { type = 'cli', location = '', id = clock.newId() } = {}) => {
      const added = await engine().executors.add(colony, {
        id,
        type,
        name,
        requirefuncreg: false,
        location,
        capabilities: { hardware: null, software: null },
        allocations: { projects: null },
        blueprintid: '',
        blueprintgen: 0,
      });
      await engine().executors.approve(added);
      return engine().executors.byName(colony, name) as ExecutorRow;
    },
    submit: async (colony, row = forType('cli')) => {
      const [by] = engine().users.list(colony);
      return engine().processes.submit(colony, asUser(by ?? (await user(colony))), row);
    },
    now: (executor) => {
      const colony = engine().colonies.byNo(executor.colony) as ColonyRow;
      return engine().executors.byName(colony, executor.name) as ExecutorRow;
    },
  };
};
