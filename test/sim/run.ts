// One simulated history: random commands from a seed, to a real engine and to the model, compared
// after every step. The engine is closed and opened again from disk at random moments.

import { LIMITS } from '../../src/node/limits.ts';
import { STATE } from '../../src/node/model/process.ts';
import { asUser, type Bench, openBench, problemsOf } from '../support/engine.ts';
import * as commands from './commands.ts';
import {
  byId,
  byName,
  countsOf,
  expirePolls,
  finish,
  isFinal,
  listOf,
  type Model,
  type ModelExecutor,
  type ModelPoll,
  type ModelProcess,
  makeModel,
  putBack,
  runningOf,
  type Spec,
  unregister,
  waitingPolls,
} from './model.ts';
import { makeRandom, type Random } from './random.ts';

const STALE_S = 600;
const HOLDER_S = LIMITS.silentHolderS;
const RETENTION_S = 5_000;
const SLOW_MS = 30_000;
const COLONIES = ['one', 'two', '3'] as const;
const TYPES = ['cli', 'ml'] as const;
const NAMES = ['ann', 'bob', 'cid', 'dee', 'eve'] as const;
const PLACES = ['', '', 'Lund', 'LUND', 'Oslo'] as const;
const IDS = ['a', 'b', 'c', 'd', 'e', 'f', '0', '1'].map((c) => c.repeat(64)) as [
  string,
  ...string[],
];

interface Watched {
  readonly poll: ModelPoll;
  answer: string | undefined;
}

interface Sim {
  readonly random: Random;
  readonly bench: Bench;
  readonly model: Model;
  readonly world: commands.World;
  readonly watched: Watched[];
  readonly aborts: Map<number, AbortController>;
  readonly history: string[];
  newId: string;
  polls: number;
  slowAtMs: number;
}

const aSpec = ({ random }: Sim): Spec => ({
  type: random.oneIn(12) ? 'nobody' : random.of(TYPES),
  names: random.oneIn(4) ? [random.of(NAMES), random.of(NAMES)] : [],
  ids: random.oneIn(6) ? [random.of(IDS)] : [],
  location: random.oneIn(3) ? random.of(PLACES) : '',
  cpuMilli: random.oneIn(3) ? random.int(3) * 500 : 0,
  memBytes: random.oneIn(5) ? random.int(3) * 2 ** 20 : 0,
  priority: random.oneIn(3) ? random.int(5) - 2 : 0,
  maxwaittime: random.oneIn(3) ? 1 + random.int(300) : random.int(2) - 1,
  maxexectime: random.oneIn(2) ? 1 + random.int(200) : random.int(2) - 1,
  maxretries: random.int(4) - 1,
});

const aProcess = ({ random, model }: Sim): ModelProcess | undefined => {
  const running = model.processes.filter((p) => p.state === STATE.running);
  return random.oneIn(4) ? random.pick(model.processes) : random.pick(running);
};

const aCaller = ({ random }: Sim, p: ModelProcess): string =>
  random.oneIn(6) ? random.of(IDS) : p.executorid;

const anAssign = (sim: Sim, e: ModelExecutor, waits: boolean): commands.Step => {
  const { random } = sim;
  const no = ++sim.polls;
  const abort = new AbortController();
  sim.aborts.set(no, abort);
  return commands.assign(
    sim.world,
    e,
    {
      signal: abort.signal,
      ...(waits ? { waitMs: 1 + random.int(400_000) } : {}),
      ...(random.oneIn(3) ? { cpuMilli: random.int(3) * 500 } : {}),
      ...(random.oneIn(4) ? { memBytes: random.int(3) * 2 ** 20 } : {}),
    },
    no,
    (poll, answer) => {
      const watched: Watched = { poll, answer: undefined };
      sim.watched.push(watched);
      void answer.then((outcome) => {
        watched.answer = outcome;
      });
    },
  );
};

const aSubmission = (sim: Sim, colony: string): commands.Step => {
  sim.newId = sim.bench.clock.newId();
  const [user] = sim.bench.engine.users.list(sim.world.colony(colony));
  if (!user) throw new Error('every colony has a user');
  return commands.submit(sim.world, colony, asUser(user), aSpec(sim), sim.newId);
};

const ofProcess = (sim: Sim, kind: string, p: ModelProcess): commands.Step => {
  const { random, world } = sim;
  const caller = aCaller(sim, p);
  switch (kind) {
    case 'close':
      return commands.close(world, p, caller, random.oneIn(2) ? `[${random.int(9)}]` : undefined);
    case 'fail':
      return commands.fail(world, p, caller);
    case 'cancel':
      return commands.cancel(world, p);
    case 'output':
      return commands.setOutput(world, p, caller, random.oneIn(3) ? '[]' : `["${random.int(9)}"]`);
    case 'back':
      return commands.handBack(world, p, random.oneIn(3) ? p.lease - 1 : p.lease);
    case 'attribute':
      return commands.addAttribute(world, p, caller, `k${random.int(3)}`);
    default:
      return commands.remove(world, p, random.oneIn(3));
  }
};

const ofExecutor = (sim: Sim, kind: string, e: ModelExecutor): commands.Step => {
  const { random, world } = sim;
  switch (kind) {
    case 'poll':
      return anAssign(sim, e, true);
    case 'assign':
      return anAssign(sim, e, false);
    case 'approve':
      return commands.decide(world, e, 'approve');
    case 'reject':
      return commands.decide(world, e, 'reject');
    case 'id':
      return commands.changeExecutorId(world, e, random.of(IDS));
    default:
      return commands.removeExecutor(world, e);
  }
};

const KINDS = { submit: 26, join: 5, pause: 1, resume: 2 };
const PROCESS_KINDS = {
  close: 10,
  fail: 3,
  cancel: 2,
  output: 2,
  back: 2,
  attribute: 2,
  remove: 2,
};
const EXECUTOR_KINDS = { assign: 18, poll: 12, approve: 4, reject: 0.5, id: 0.5, leave: 1 };

/** A random command that can be carried out now. */
const aCommand = (sim: Sim): commands.Step | undefined => {
  const { random, model, world } = sim;
  const colony = random.pick(model.colonies)?.name;
  if (colony === undefined) return undefined;
  const kind = random.weighted({ ...KINDS, ...PROCESS_KINDS, ...EXECUTOR_KINDS });
  if (kind === 'submit') return aSubmission(sim, colony);
  if (kind === 'pause' || kind === 'resume') return commands.pause(world, colony, kind === 'pause');
  if (kind === 'join') {
    const type = random.of(TYPES);
    const name = random.of(NAMES);
    const location = random.of(PLACES);
    return commands.addExecutor(world, colony, { name, type, location, id: random.of(IDS) });
  }
  if (kind in PROCESS_KINDS) {
    const p = aProcess(sim);
    return p && ofProcess(sim, kind, p);
  }
  // Work needs someone who may take it more often than not.
  const able = model.executors.filter((e) => e.state === 'approved');
  const wantsWork = kind === 'assign' || kind === 'poll';
  const e = random.pick(wantsWork && !random.oneIn(10) ? able : model.executors);
  return e && ofExecutor(sim, kind, e);
};

const settle = async ({ bench }: Sim): Promise<void> => {
  for (let i = 0; i < 3; i++) {
    await bench.engine.settled();
    await new Promise((resolve) => setImmediate(resolve));
  }
};

const same = (what: string, actual: unknown, expected: unknown): void => {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}\n  engine: ${a}\n  model:  ${b}`);
};

/** Some commands at once, as they would come over several connections. */
const burst = async (sim: Sim): Promise<void> => {
  const results: { what: string; answer: Promise<string>; expected: string }[] = [];
  for (let left = 1 + sim.random.int(6); left > 0; left--) {
    const step = aCommand(sim);
    if (!step) continue;
    sim.history.push(step.what);
    const answer = step.run();
    results.push({ what: step.what, answer, expected: step.expect() });
  }
  for (const { what, answer, expected } of results) same(what, await answer, expected);
};

const leave = (sim: Sim): void => {
  const poll = sim.random.pick(waitingPolls(sim.model));
  if (!poll) return;
  sim.history.push(`caller of #${poll.no} leaves`);
  sim.aborts.get(poll.no)?.abort();
  poll.outcome = 'none';
};

/**
 * Whether an executor asked for work and fell silent, and is neither watched by a deadline nor
 * waits.
 */
const isStale = (model: Model, e: ModelExecutor): boolean => {
  if (e.state === 'unregistered' || !e.works || e.heardMs === 0) return false;
  if (waitingPolls(model).some((poll) => poll.executor === e)) return false;
  const running = runningOf(model, e);
  if (running.some((p) => p.spec.maxexectime > 0)) return false;
  return e.heardMs < model.nowMs - (running.length > 0 ? HOLDER_S : STALE_S) * 1000;
};

/** The executors in the order in which the engine goes through them. */
const inTurn = ({ model, bench }: Sim): ModelExecutor[] =>
  bench.engine.colonies
    .list()
    .flatMap((colony) =>
      bench.engine.executors.list(colony).map(({ name }) => byName(model, colony.name, name)),
    )
    .filter((e) => e !== undefined);

/**
 * What a tick does to the model. Times of deadlines are the engine's own, checked when they were
 * set.
 */
const tickModel = (sim: Sim, nowUs: number): void => {
  const { model, bench } = sim;
  const rows = model.processes
    .filter((p) => !isFinal(p))
    .map((p) => ({ p, row: bench.engine.processes.find(p.id) }));
  const due = (state: number, field: 'execDeadlineUs' | 'waitDeadlineUs') =>
    rows
      .map(({ p, row }) => ({ p, atUs: row?.[field] ?? 0 }))
      .filter(({ p, atUs }) => p.state === state && atUs > 0 && atUs <= nowUs)
      .sort((a, b) => a.atUs - b.atUs || (a.p.id < b.p.id ? -1 : 1));
  const running = due(STATE.running, 'execDeadlineUs');
  const waiting = due(STATE.waiting, 'waitDeadlineUs');
  const end = ++model.seq;
  for (const { p } of running) {
    if (p.spec.maxretries < 0 || p.retries < p.spec.maxretries) putBack(model, p, true);
    else {
      finish(model, p, STATE.failed, end);
      p.errors = '["Maximum execution time limit exceeded"]';
    }
  }
  for (const { p } of waiting) {
    if (p.state !== STATE.waiting) continue;
    finish(model, p, STATE.failed, end);
    p.errors = '["Maximum waiting time limit exceeded"]';
  }
};

const tick = async (sim: Sim): Promise<void> => {
  const { model, bench, random } = sim;
  const ms = random.oneIn(20)
    ? 86_400_000 + random.int(1_000_000)
    : random.oneIn(4)
      ? random.int(1_200_000)
      : random.int(60_000);
  sim.history.push(`${ms} ms pass`);
  bench.clock.advance(ms);
  model.nowMs += ms;
  expirePolls(model);
  const nowUs = bench.clock.nowUs() + 1;
  const ended = new Map(
    model.processes.filter(isFinal).map((p) => [p, bench.engine.processes.find(p.id)?.endedUs]),
  );
  tickModel(sim, nowUs);
  const order = inTurn(sim);
  await bench.engine.tick();
  if (nowUs < sim.slowAtMs) return;
  sim.slowAtMs = nowUs + SLOW_MS * 1000;
  model.processes = model.processes.filter(
    (p) => (ended.get(p) ?? nowUs) >= nowUs - RETENTION_S * 1_000_000,
  );
  for (const e of order) if (isStale(model, e)) unregister(model, e);
};

const restart = async (sim: Sim): Promise<void> => {
  const { model, bench } = sim;
  sim.history.push('restart');
  await bench.restart();
  for (const poll of waitingPolls(model)) poll.outcome = 'unavailable stopping';
  for (const e of model.executors) if (e.heardMs !== 0) e.heardMs = model.nowMs;
  sim.slowAtMs = 0;
  same('what the checker finds', await problemsOf(bench.store), []);
};

const changeColonies = async (sim: Sim): Promise<void> => {
  const { model, bench, random, world } = sim;
  const name = random.of(COLONIES);
  const found = model.colonies.find((c) => c.name === name);
  if (!found) {
    sim.history.push(`add colony ${name}`);
    const colony = await bench.colony(name);
    await bench.user(colony);
    model.colonies.push({ name, paused: false });
    return;
  }
  if (model.colonies.length < 2 || !random.oneIn(3)) return removeAll(sim, name);
  sim.history.push(`remove colony ${name}`);
  await bench.engine.colonies.remove(world.colony(name));
  for (const poll of waitingPolls(model)) if (poll.colony === name) poll.outcome = 'none';
  model.colonies = model.colonies.filter((c) => c !== found);
  model.executors = model.executors.filter((e) => e.colony !== name);
  model.processes = model.processes.filter((p) => p.colony !== name);
};

const removeAll = async ({ model, bench, random, world, history }: Sim, name: string) => {
  const which = random.of<number | 'all'>([0, 2, 3, 4, 'all']);
  history.push(`remove processes of ${name} in state ${which}`);
  await bench.engine.processes.removeAll(world.colony(name), which);
  model.processes = model.processes.filter(
    (p) => p.colony !== name || (which !== 'all' && p.state !== which),
  );
};

const STATES = { pending: 0, approved: 1, rejected: 2, unregistered: 3 };

const compare = async (sim: Sim): Promise<void> => {
  const { model, bench, world } = sim;
  for (const { poll, answer } of sim.watched) same(`answer of #${poll.no}`, answer, poll.outcome);
  for (const p of model.processes) {
    const row = bench.engine.processes.find(p.id);
    const of = (x: typeof row | ModelProcess) =>
      x && [x.state, x.executorid, x.lease, x.retries, x.out, x.errors];
    same(`process ${p.id.slice(0, 6)}`, of(row), of(p));
    same(
      'attributes',
      row?.attributes.map(({ key }) => key),
      p.attributes,
    );
    const leased = row?.state === STATE.running && p.spec.maxexectime > 0;
    const allowed = leased ? p.spec.maxexectime * 1_000_000 : 0;
    same(
      'deadline',
      (row?.execDeadlineUs ?? 0) - (leased ? (row?.startedUs ?? 0) : 0),
      isFinal(p) ? (row?.execDeadlineUs ?? 0) : allowed,
    );
  }
  for (const { name } of model.colonies) {
    const colony = world.colony(name);
    same(`counts of ${name}`, bench.engine.processes.counts(colony), countsOf(model, name));
    for (const state of [0, 1, 2, 3, 4]) {
      const query = { state, count: 10_000, order: 'queue' as const };
      const rows = await bench.engine.processes.list(colony, query);
      same(
        `list of ${name} in state ${state}`,
        rows.map(({ id }) => id),
        listOf(model, name, state),
      );
    }
    for (const e of model.executors.filter((one) => one.colony === name)) {
      const row = bench.engine.executors.byName(colony, e.name);
      same(`executor ${e.name}`, [row?.id, row?.state], [e.id, STATES[e.state]]);
      const meant = byId(model, name, e.id);
      same(`meant by ${e.id}`, bench.engine.executors.byId(colony, e.id)?.name, meant?.name);
    }
  }
};

const open = async (seed: number): Promise<Sim> => {
  let sim: Sim | undefined;
  const bench = await openBench({
    seed,
    options: { staleExecutorS: STALE_S, retentionS: RETENTION_S },
    newProcessId: () => sim?.newId ?? '',
  });
  const model = makeModel(bench.clock.now());
  const made: Sim = {
    random: makeRandom(seed),
    bench,
    model,
    world: {
      get engine() {
        return bench.engine;
      },
      model,
      colony: (name) => {
        const found = bench.engine.colonies.find(name);
        if (!found) throw new Error(`no colony ${name}`);
        return found;
      },
    },
    watched: [],
    aborts: new Map(),
    history: [],
    newId: '',
    polls: 0,
    slowAtMs: 0,
  };
  sim = made;
  return made;
};

const WHAT = { burst: 100, tick: 25, leave: 4, colonies: 3, restart: 3 };
const SHOWN = 40;

/**
 * Runs one history of `steps` steps. Throws with the seed and the last commands when they differ.
 */
export const simulate = async (seed: number, steps: number): Promise<void> => {
  const sim = await open(seed);
  try {
    await changeColonies(sim);
    for (let step = 0; step < steps; step++) {
      const what = sim.random.weighted(WHAT);
      if (what === 'burst') await burst(sim);
      else if (what === 'tick') await tick(sim);
      else if (what === 'leave') leave(sim);
      else if (what === 'colonies') await changeColonies(sim);
      else await restart(sim);
      await settle(sim);
      await compare(sim);
    }
    await restart(sim);
    await settle(sim);
    await compare(sim);
  } catch (error) {
    const last = sim.history.slice(-SHOWN).join('\n');
    throw new Error(`seed ${seed}: ${(error as Error).message}\nlast commands:\n${last}`, {
      cause: error,
    });
  }
};
