// The dumb model of the engine: plain arrays, linear scans, no indices, no store. It is written
// from the protocol, not from the engine, and says what every command must do.

const DAY_MS = 86_400_000;

export interface Spec {
  readonly type: string;
  readonly names: readonly string[];
  readonly ids: readonly string[];
  readonly location: string;
  readonly cpuMilli: number;
  readonly memBytes: number;
  readonly priority: number;
  readonly maxwaittime: number;
  readonly maxexectime: number;
  readonly maxretries: number;
}

export interface ModelProcess {
  readonly id: string;
  readonly colony: string;
  /** Order of submission. */
  readonly seq: number;
  readonly submittedMs: number;
  readonly spec: Spec;
  state: number;
  executorid: string;
  lease: number;
  retries: number;
  out: string;
  errors: string;
  attributes: readonly string[];
  /** Order of its last start. */
  startSeq: number;
  /** Order of its end; those that one tick ended share it. */
  endSeq: number;
}

export interface ModelExecutor {
  readonly colony: string;
  readonly name: string;
  readonly type: string;
  readonly location: string;
  readonly added: number;
  id: string;
  state: 'pending' | 'approved' | 'rejected' | 'unregistered';
  works: boolean;
  heardMs: number;
}

export interface ModelPoll {
  readonly no: number;
  readonly colony: string;
  readonly executor: ModelExecutor;
  readonly cpuMilli: number;
  readonly memBytes: number;
  readonly untilMs: number;
  /** How it ended: an id, 'none', or the code of a fault; undefined while it waits. */
  outcome: string | undefined;
}

export interface ModelColony {
  readonly name: string;
  paused: boolean;
}

export interface Model {
  colonies: ModelColony[];
  executors: ModelExecutor[];
  processes: ModelProcess[];
  polls: ModelPoll[];
  nowMs: number;
  seq: number;
}

export const makeModel = (nowMs: number): Model => ({
  colonies: [],
  executors: [],
  processes: [],
  polls: [],
  nowMs,
  seq: 0,
});

export const isFinal = (p: ModelProcess): boolean => p.state >= 2;

/** Queue order: a step of priority is worth a day of waiting; else first come, first served. */
export const queueOrder = (a: ModelProcess, b: ModelProcess): number => {
  const of = (p: ModelProcess): number => p.submittedMs - p.spec.priority * DAY_MS;
  return of(a) - of(b) || a.seq - b.seq;
};

interface Offer {
  readonly executor: ModelExecutor;
  readonly cpuMilli: number;
  readonly memBytes: number;
}

/** The matching rule of the protocol, point by point. */
export const matches = (p: ModelProcess, { executor, cpuMilli, memBytes }: Offer): boolean => {
  const { spec } = p;
  if (spec.type !== executor.type) return false;
  const anyone = spec.names.length === 0 && spec.ids.length === 0;
  if (!anyone && !spec.names.includes(executor.name) && !spec.ids.includes(executor.id)) {
    return false;
  }
  if (spec.cpuMilli > cpuMilli || spec.memBytes > memBytes) return false;
  return spec.location === '' || spec.location.toLowerCase() === executor.location.toLowerCase();
};

const colonyOf = (m: Model, name: string): ModelColony =>
  m.colonies.find((c) => c.name === name) as ModelColony;

/** The first waiting process for an executor. */
export const firstFor = (m: Model, colony: string, offer: Offer): ModelProcess | undefined =>
  m.processes
    .filter((p) => p.colony === colony && p.state === 0 && matches(p, offer))
    .sort(queueOrder)[0];

export const give = (m: Model, p: ModelProcess, executor: ModelExecutor): void => {
  p.state = 1;
  p.executorid = executor.id;
  p.lease += 1;
  p.startSeq = ++m.seq;
};

const end = (poll: ModelPoll, outcome: string): void => {
  poll.outcome = outcome;
};

/** A poll that was still open is a sign of life. */
const endAlive = (m: Model, poll: ModelPoll, outcome: string, atMs = m.nowMs): void => {
  end(poll, outcome);
  poll.executor.heardMs = Math.max(poll.executor.heardMs, atMs);
};

export const waitingPolls = (m: Model): ModelPoll[] =>
  m.polls.filter((poll) => poll.outcome === undefined);

/** A process became available: the longest waiting poll that matches gets it. */
export const offer = (m: Model, p: ModelProcess): void => {
  if (colonyOf(m, p.colony).paused) return;
  const poll = waitingPolls(m).find((one) => one.colony === p.colony && matches(p, one));
  if (!poll) return;
  give(m, p, poll.executor);
  endAlive(m, poll, p.id);
};

export const putBack = (m: Model, p: ModelProcess, retried: boolean): void => {
  p.state = 0;
  p.executorid = '';
  p.startSeq = 0;
  if (retried) p.retries += 1;
  offer(m, p);
};

/** Work that waits meets polls that wait, after a pause. */
export const match = (m: Model, colony: string): void => {
  for (const poll of waitingPolls(m).filter((one) => one.colony === colony)) {
    const p = firstFor(m, colony, poll);
    if (!p) continue;
    give(m, p, poll.executor);
    endAlive(m, poll, p.id);
  }
};

export const dropPolls = (m: Model, executor: ModelExecutor): void => {
  for (const poll of waitingPolls(m)) if (poll.executor === executor) end(poll, 'none');
};

const inOrderOfStart = (a: ModelProcess, b: ModelProcess): number => a.startSeq - b.startSeq;

export const runningOf = (m: Model, executor: ModelExecutor): ModelProcess[] =>
  m.processes
    .filter((p) => p.colony === executor.colony && p.state === 1 && p.executorid === executor.id)
    .sort(inOrderOfStart);

export const unregister = (m: Model, executor: ModelExecutor): void => {
  if (executor.state === 'unregistered') return;
  const running = runningOf(m, executor);
  executor.state = 'unregistered';
  dropPolls(m, executor);
  for (const p of running) putBack(m, p, false);
};

export const finish = (m: Model, p: ModelProcess, state: number, endSeq = ++m.seq): void => {
  p.state = state;
  p.endSeq = endSeq;
};

/** Polls whose time is over. */
export const expirePolls = (m: Model): void => {
  for (const poll of waitingPolls(m)) {
    if (poll.untilMs > m.nowMs) continue;
    const { paused } = colonyOf(m, poll.colony);
    endAlive(m, poll, paused ? 'paused-timeout' : 'none', poll.untilMs);
  }
};

/** Whom an id means among the executors of a colony: the registered one, else the newest. */
export const byId = (m: Model, colony: string, id: string): ModelExecutor | undefined => {
  const same = m.executors.filter((e) => e.colony === colony && e.id === id);
  const live = same.find((e) => e.state !== 'unregistered');
  return live ?? same.sort((a, b) => b.added - a.added)[0];
};

export const byName = (m: Model, colony: string, name: string): ModelExecutor | undefined =>
  m.executors.find((e) => e.colony === colony && e.name === name);

/** [waiting, running, success, failed, cancelled]. */
export const countsOf = (m: Model, colony: string): number[] =>
  [0, 1, 2, 3, 4].map(
    (state) => m.processes.filter((p) => p.colony === colony && p.state === state).length,
  );

/** Ids of the processes of a colony in one state, as lists show them. */
export const listOf = (m: Model, colony: string, state: number): string[] => {
  const order =
    state === 0
      ? queueOrder
      : state === 1
        ? inOrderOfStart
        : (a: ModelProcess, b: ModelProcess) => b.endSeq - a.endSeq || (a.id < b.id ? 1 : -1);
  return m.processes
    .filter((p) => p.colony === colony && p.state === state)
    .sort(order)
    .map((p) => p.id);
};
