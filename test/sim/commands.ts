// The commands of the simulation: each is carried out by the engine and by the model, and both must
// come to the same result.

import type { AssignRequest, Engine, Member } from '../../src/node/engine/engine.ts';
import { Fault } from '../../src/node/errors.ts';
import type { ColonyRow } from '../../src/node/model/colony.ts';
import type { ExecutorRow } from '../../src/node/model/executor.ts';
import type { ProcessRow } from '../../src/node/model/process.ts';
import { spec as specRowOf } from '../support/engine.ts';
import {
  byId,
  byName,
  dropPolls,
  finish,
  firstFor,
  give,
  isFinal,
  type Model,
  type ModelExecutor,
  type ModelPoll,
  type ModelProcess,
  match,
  offer,
  putBack,
  runningOf,
  type Spec,
  unregister,
} from './model.ts';

/** One command: what it is called, what the engine answers, what the model expects. */
export interface Step {
  readonly what: string;
  /** Starts it in the engine; gives its result as text. */
  run(): Promise<string>;
  /** Carries it out in the model, right after it was started; gives the expected result. */
  expect(): string;
}

export interface World {
  readonly engine: Engine;
  readonly model: Model;
  colony(name: string): ColonyRow;
}

/** The result of a command as text: what it gives, or the code and reason of its refusal. */
const told = async (answer: Promise<unknown>): Promise<string> => {
  try {
    const value = await answer;
    return value === undefined ? 'none' : String((value as { id?: string }).id ?? 'ok');
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const reason = error.detail['reason'];
    return reason === undefined ? error.code : `${error.code} ${reason}`;
  }
};

const REASONS = ['waiting', 'running', 'success', 'failed', 'cancelled'];

const executorRow = (w: World, e: ModelExecutor): ExecutorRow =>
  w.engine.executors.byName(w.colony(e.colony), e.name) as ExecutorRow;

const processRow = (w: World, p: ModelProcess): ProcessRow =>
  w.engine.processes.find(p.id) as ProcessRow;

/** `newId` is what the engine will take as the id of the process. */
export const submit = (w: World, colony: string, by: Member, s: Spec, newId: string): Step => ({
  what: `submit ${newId.slice(0, 6)} to ${colony}: ${JSON.stringify(s)}`,
  run: () => {
    const { names, ids, type, location, cpuMilli, memBytes, ...fields } = s;
    const conditions = {
      executortype: type,
      executornames: names,
      locationname: location,
      cpu: `${cpuMilli}m`,
      mem: `${memBytes / 2 ** 20}Mi`,
    };
    const row = specRowOf({ ...fields, conditions }, ids);
    return told(w.engine.processes.submit(w.colony(colony), by, row));
  },
  expect: () => {
    const p: ModelProcess = {
      id: newId,
      colony,
      seq: ++w.model.seq,
      submittedMs: w.model.nowMs,
      spec: s,
      state: 0,
      executorid: '',
      lease: 0,
      retries: 0,
      out: '[]',
      errors: '[]',
      attributes: [],
      startSeq: 0,
      endSeq: 0,
    };
    w.model.processes.push(p);
    offer(w.model, p);
    return newId;
  },
});

const heard = (w: World, e: ModelExecutor): void => {
  w.engine.roles.heard(executorRow(w, e));
};
const noteHeard = (w: World, e: ModelExecutor): void => {
  const meant = byId(w.model, e.colony, e.id);
  if (meant) meant.heardMs = w.model.nowMs;
};

/** One attempt, or with `waitMs` a long poll; its answer is watched by the caller. */
export const assign = (
  w: World,
  e: ModelExecutor,
  want: AssignRequest,
  no: number,
  opened: (poll: ModelPoll, answer: Promise<string>) => void,
): Step => {
  let answer: Promise<string> | undefined;
  const cpuMilli = want.cpuMilli ?? Number.POSITIVE_INFINITY;
  const memBytes = want.memBytes ?? Number.POSITIVE_INFINITY;
  return {
    what: `assign #${no} by ${e.name} of ${e.colony}, wait ${want.waitMs ?? 0}, ${cpuMilli} ${memBytes}`,
    run: async () => {
      heard(w, e);
      answer = told(w.engine.processes.assign(w.colony(e.colony), executorRow(w, e), want));
      return want.waitMs === undefined ? answer : 'opened';
    },
    expect: () => {
      noteHeard(w, e);
      const outcome = expectAssign(w.model, e, { cpuMilli, memBytes, no, waitMs: want.waitMs });
      if (typeof outcome === 'string' && want.waitMs === undefined) return outcome;
      const poll: ModelPoll =
        typeof outcome === 'string' ? { ...emptyPoll(e, no), outcome } : outcome;
      opened(poll, answer ?? Promise.resolve('never asked'));
      return 'opened';
    },
  };
};

const emptyPoll = (executor: ModelExecutor, no: number): ModelPoll => ({
  no,
  colony: executor.colony,
  executor,
  cpuMilli: 0,
  memBytes: 0,
  untilMs: 0,
  outcome: undefined,
});

interface Want {
  readonly cpuMilli: number;
  readonly memBytes: number;
  readonly no: number;
  readonly waitMs: number | undefined;
}

const expectAssign = (m: Model, e: ModelExecutor, want: Want): string | ModelPoll => {
  const executor = byId(m, e.colony, e.id);
  if (executor?.state !== 'approved') return 'forbidden';
  executor.works = true;
  const paused = m.colonies.find((c) => c.name === e.colony)?.paused;
  const { cpuMilli, memBytes } = want;
  const p = paused ? undefined : firstFor(m, e.colony, { executor, cpuMilli, memBytes });
  if (p) {
    give(m, p, executor);
    return p.id;
  }
  if (want.waitMs === undefined) return paused ? 'unavailable' : 'none';
  const poll: ModelPoll = {
    ...emptyPoll(executor, want.no),
    cpuMilli,
    memBytes,
    untilMs: m.nowMs + want.waitMs,
  };
  m.polls.push(poll);
  return poll;
};

const checkCloser = (p: ModelProcess, caller: string): string | undefined => {
  if (p.executorid === '') return 'forbidden unassigned';
  return p.executorid === caller ? undefined : 'forbidden caller';
};

export const close = (
  w: World,
  p: ModelProcess,
  caller: string,
  out: string | undefined,
): Step => ({
  what: `close ${p.id.slice(0, 6)} by ${caller.slice(0, 6)} with ${out}`,
  run: () => told(w.engine.processes.closeSuccessful(processRow(w, p), caller, out)),
  expect: () => {
    const refused = checkCloser(p, caller);
    if (refused) return refused;
    if (p.state === 2) return 'none';
    if (p.state !== 1) return `conflict ${REASONS[p.state]}`;
    finish(w.model, p, 2);
    if (out !== undefined) p.out = out;
    return 'none';
  },
});

export const fail = (w: World, p: ModelProcess, caller: string): Step => ({
  what: `fail ${p.id.slice(0, 6)} by ${caller.slice(0, 6)}`,
  run: () => told(w.engine.processes.closeFailed(processRow(w, p), caller, '["e"]')),
  expect: () => {
    const refused = checkCloser(p, caller);
    if (refused) return refused;
    if (p.state !== 1) return `conflict ${REASONS[p.state]}`;
    finish(w.model, p, 3);
    p.errors = '["e"]';
    return 'none';
  },
});

export const cancel = (w: World, p: ModelProcess): Step => ({
  what: `cancel ${p.id.slice(0, 6)}`,
  run: () => told(w.engine.processes.cancel(processRow(w, p))),
  expect: () => {
    if (isFinal(p)) return `conflict ${REASONS[p.state]}`;
    finish(w.model, p, 4);
    return 'none';
  },
});

export const setOutput = (w: World, p: ModelProcess, caller: string, out: string): Step => ({
  what: `output ${p.id.slice(0, 6)} by ${caller.slice(0, 6)}: ${out}`,
  run: () => told(w.engine.processes.setOutput(processRow(w, p), caller, out)),
  expect: () => {
    if (p.executorid !== caller) return 'forbidden caller';
    if (p.state !== 1) return 'forbidden not-running';
    if (out !== '[]') p.out = out;
    return 'none';
  },
});

export const handBack = (w: World, p: ModelProcess, lease: number): Step => ({
  what: `hand back ${p.id.slice(0, 6)} of lease ${lease}`,
  run: () => told(w.engine.processes.handBack(p.id, lease)),
  expect: () => {
    if (p.state === 1 && p.lease === lease) putBack(w.model, p, false);
    return 'none';
  },
});

export const remove = (w: World, p: ModelProcess, force: boolean): Step => ({
  what: `remove ${p.id.slice(0, 6)}${force ? ' by force' : ''}`,
  run: () => told(w.engine.processes.remove(processRow(w, p), force)),
  expect: () => {
    if (p.state === 1 && !force) return 'conflict running';
    w.model.processes = w.model.processes.filter((one) => one !== p);
    return 'none';
  },
});

export const addAttribute = (w: World, p: ModelProcess, caller: string, key: string): Step => ({
  what: `attribute ${key} of ${p.id.slice(0, 6)} by ${caller.slice(0, 6)}`,
  run: () =>
    told(
      w.engine.attributes
        .add(processRow(w, p), caller, { type: 1, key, value: 'v' })
        .then(() => undefined),
    ),
  expect: () => {
    if (p.state !== 1) return 'forbidden not-running';
    if (p.executorid !== caller) return 'forbidden caller';
    if (p.attributes.includes(key)) return 'conflict duplicate';
    p.attributes = [...p.attributes, key];
    return 'none';
  },
});

export const addExecutor = (
  w: World,
  colony: string,
  e: {
    readonly name: string;
    readonly id: string;
    readonly type: string;
    readonly location: string;
  },
): Step => ({
  what: `add executor ${e.name} ${e.id.slice(0, 6)} (${e.type}, ${e.location}) to ${colony}`,
  run: () =>
    told(
      w.engine.executors.add(w.colony(colony), {
        ...e,
        requirefuncreg: false,
        capabilities: { hardware: null, software: null },
        allocations: { projects: null },
        blueprintid: '',
        blueprintgen: 0,
      }),
    ),
  expect: () => {
    const live = (one: ModelExecutor | undefined): boolean =>
      one !== undefined && one.state !== 'unregistered';
    if (live(byName(w.model, colony, e.name))) return 'conflict name';
    if (live(byId(w.model, colony, e.id))) return 'conflict id';
    w.model.executors = w.model.executors.filter((o) => o.colony !== colony || o.name !== e.name);
    const added = ++w.model.seq;
    w.model.executors.push({ ...e, colony, added, state: 'pending', works: false, heardMs: 0 });
    return e.id;
  },
});

export const decide = (w: World, e: ModelExecutor, how: 'approve' | 'reject'): Step => ({
  what: `${how} ${e.name} of ${e.colony}`,
  run: () => told(w.engine.executors[how](executorRow(w, e))),
  expect: () => {
    const meant = byId(w.model, e.colony, e.id);
    if (meant !== e && meant?.state !== 'unregistered') return 'conflict id';
    if (how === 'reject') dropPolls(w.model, e);
    else e.heardMs = 0;
    e.state = how === 'reject' ? 'rejected' : 'approved';
    return 'none';
  },
});

export const removeExecutor = (w: World, e: ModelExecutor): Step => ({
  what: `remove executor ${e.name} of ${e.colony}`,
  run: () => told(w.engine.executors.remove(executorRow(w, e))),
  expect: () => {
    unregister(w.model, e);
    return 'none';
  },
});

export const changeExecutorId = (w: World, e: ModelExecutor, id: string): Step => ({
  what: `change id of ${e.name} of ${e.colony} to ${id.slice(0, 6)}`,
  run: () => told(w.engine.executors.changeId(executorRow(w, e), id)),
  expect: () => {
    const other = byId(w.model, e.colony, id);
    if (id !== e.id && other && other.state !== 'unregistered') return 'conflict id';
    dropPolls(w.model, e);
    for (const p of runningOf(w.model, e)) if (e.state !== 'unregistered') p.executorid = id;
    e.id = id;
    return 'none';
  },
});

export const pause = (w: World, colony: string, paused: boolean): Step => ({
  what: `${paused ? 'pause' : 'resume'} ${colony}`,
  run: () => told(w.engine.colonies.pause(w.colony(colony), paused)),
  expect: () => {
    const found = w.model.colonies.find((c) => c.name === colony);
    if (found) found.paused = paused;
    if (!paused) match(w.model, colony);
    return 'none';
  },
});
