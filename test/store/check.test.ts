// The checker finds damage of every kind, names the row, and mends what the records tell.

import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/node/limits.ts';
import { checkStore, shownKey } from '../../src/node/store/check.ts';
import type { Writer } from '../../src/node/store/commit.ts';
import { keys } from '../../src/node/store/keys.ts';
import type { Store } from '../../src/node/store/store.ts';
import { liveKey } from '../../src/node/store/tables/processes.ts';
import { type Bench, forType, openBench, problemsOf, want } from '../support/engine.ts';

const FUNCTION = {
  functionid: 'fun-1',
  executorname: 'ann',
  executortype: 'cli',
  funcname: 'f',
  counter: 0,
  minwaittime: 0,
  maxwaittime: 0,
  minexectime: 0,
  maxexectime: 0,
  avgwaittime: 0,
  avgexectime: 0,
};

const firstKey = async (store: Store, range: { gte: string; lt: string }): Promise<string> => {
  for await (const page of store.pages(range, { limit: 1 })) return page[0]?.[0] ?? '';
  throw new Error('empty range');
};

/** A store with something in every table. */
const furnished = async (bench: Bench) => {
  const { engine } = bench;
  const colony = await bench.colony();
  const other = await bench.colony('other');
  const user = await bench.user(colony);
  await bench.user(colony, 'second');
  const ann = await bench.executor(colony, 'ann');
  await bench.executor(colony, 'bob');
  await engine.functions.add(ann, FUNCTION);
  const take = async () => {
    await bench.submit(colony, forType('cli', {}, { env: { KEY: 'v' } }));
    const taken = await engine.processes.assign(colony, ann, want());
    if (!taken) throw new Error('nothing to take');
    return taken;
  };
  const done = await take();
  await engine.attributes.add(done, ann.id, { type: 1, key: 'out', value: 'x' });
  await engine.logs.add(done, ann.id, 'line');
  await engine.logs.addForExecutor(ann, 'line');
  await engine.processes.closeSuccessful(done, ann.id, '["ok"]');
  const failed = await take();
  await engine.processes.closeFailed(failed, ann.id, '["no"]');
  const running = await take();
  const waiting = await bench.submit(colony);
  await engine.server.changeId('5'.repeat(64));
  const again = (id: string) => engine.processes.find(id) ?? done;
  return {
    colony,
    other,
    user,
    ann,
    waiting,
    running,
    done: again(done.id),
    failed: again(failed.id),
    logged: await firstKey(bench.store, keys.processLogs(colony.no, done.id)),
    loggedBy: await firstKey(bench.store, keys.executorLogs(colony.no, 'ann')),
  };
};
type Facts = Awaited<ReturnType<typeof furnished>>;

interface Damage {
  readonly plant: (w: Writer, facts: Facts, store: Store) => void;
  /** What is found, as `key: what`. */
  readonly found: (facts: Facts) => RegExp;
  readonly mendable: boolean;
}

const GONE = 77;
const STRANGER = 'ab'.repeat(32);
const text = (store: Store, key: string): string => {
  const value = store.get(key);
  if (value === undefined) throw new Error(`no row ${shownKey(key)}`);
  return value;
};
const move = (w: Writer, store: Store, from: string, to: string): void => {
  w.put(to, text(store, from));
  w.del(from);
};
const copy = (w: Writer, store: Store, from: string, to: string, change: object): void =>
  w.put(to, JSON.stringify({ ...JSON.parse(text(store, from)), ...change }));
const waitingKey = (f: Facts): string => liveKey(f.waiting);
const endedKey = (f: Facts): string => keys.ended(f.colony.no, 2, f.done.endedUs, f.done.id);

const DAMAGES: Record<string, Damage> = {
  'a finished process is missing in the index': {
    plant: (w, f) => w.del(endedKey(f)),
    found: (f) => new RegExp(`^e .* ${f.done.id}: is missing in the index of finished`),
    mendable: true,
  },
  'the index of finished processes tells something else': {
    plant: (w, f) => w.put(endedKey(f), '[1,"","cli","",""]'),
    found: (f) => new RegExp(`^e .* ${f.done.id}: tells something else`),
    mendable: true,
  },
  'the index of finished processes leads nowhere': {
    plant: (w, f) => w.put(keys.ended(f.colony.no, 2, 5, STRANGER), '[]'),
    found: () => new RegExp(`^e .* ${STRANGER}: leads to no finished process`),
    mendable: true,
  },
  'a finished process is indexed twice': {
    plant: (w, f) => w.put(keys.ended(f.colony.no, 3, 5, f.done.id), '[]'),
    found: (f) => new RegExp(`^e .* 3 .* ${f.done.id}: leads to no finished process`),
    mendable: true,
  },
  'counts of finished processes are wrong': {
    plant: (w, f) => w.put(keys.counts(f.colony.no), '[7,0,0]'),
    found: () => /^k .*: says \[7,0,0\], but \[1,1,0\] are finished/,
    mendable: true,
  },
  'counts of finished processes are missing': {
    plant: (w, f) => w.del(keys.counts(f.colony.no)),
    found: () => /^k .*: says nothing, but \[1,1,0\] are finished/,
    mendable: true,
  },
  'counts of a colony that is gone': {
    plant: (w) => w.put(keys.counts(GONE), '[1,0,0]'),
    found: () => /^k 0000004d: counts for no colony/,
    mendable: true,
  },
  'progress without a live process': {
    plant: (w, f) => w.put(keys.progressBeside(liveKey(f.done)), 'x'),
    found: (f) => new RegExp(`^a .* ${f.done.id}: is progress of no live process`),
    mendable: true,
  },
  'an attribute is missing in its index': {
    plant: (w, f) => w.del(keys.attribute(f.done.attributes[0]?.id ?? '')),
    found: (f) => new RegExp(`^t ${f.done.attributes[0]?.id}: is missing`),
    mendable: true,
  },
  'the index of attributes leads to another process': {
    plant: (w, f) => w.put(keys.attribute(f.done.attributes[0]?.id ?? ''), f.waiting.id),
    found: (f) => new RegExp(`^t ${f.done.attributes[0]?.id}: leads to another process`),
    mendable: true,
  },
  'the index of attributes leads to no process': {
    plant: (w) => w.put(keys.attribute('0'.repeat(64)), STRANGER),
    found: () => /^t 0{64}: leads to no attribute/,
    mendable: true,
  },
  'the index of attributes leads to a process without it': {
    plant: (w, f) => w.put(keys.attribute('0'.repeat(64)), f.running.id),
    found: () => /^t 0{64}: leads to no attribute/,
    mendable: true,
  },
  'a call that takes effect once is remembered by its time only': {
    plant: (w) => w.put(keys.onceUntil(5, STRANGER, 'n1'), ''),
    found: () => /^o .* n1: would forget a call that is not remembered/,
    mendable: true,
  },
  'a call that takes effect once would be remembered for ever': {
    plant: (w) => w.put(keys.once(STRANGER, 'n1'), ''),
    found: () => /^n .* n1: would never be forgotten/,
    mendable: false,
  },
  'a live process that cannot be read': {
    plant: (w, f) => w.put(waitingKey(f), 'no process'),
    found: (f) => new RegExp(`^l .* ${f.waiting.id}: cannot be read: corrupt store`),
    mendable: false,
  },
  'a live process with broken JSON inside': {
    plant: (w, f, store) => w.put(waitingKey(f), text(store, waitingKey(f)).replace('\n[]', '\n[')),
    found: (f) => new RegExp(`^l .* ${f.waiting.id}: cannot be read`),
    mendable: false,
  },
  'a specification whose place for the colony name is lost': {
    plant: (w, f, store) =>
      w.put(
        waitingKey(f),
        text(store, waitingKey(f)).replace('"nodename":""', '"nodename":"moved"'),
      ),
    found: (f) => new RegExp(`^l .* ${f.waiting.id}: holds a specification without a place`),
    mendable: false,
  },
  'the row of one live process under the key of another': {
    plant: (w, f, store) => move(w, store, waitingKey(f), liveKey({ ...f.waiting, id: STRANGER })),
    found: () => new RegExp(`^l .* ${STRANGER}: is the row of another process`),
    mendable: false,
  },
  'a live process whose key tells another time': {
    plant: (w, f, store) =>
      move(w, store, waitingKey(f), liveKey({ ...f.waiting, submittedUs: 5 })),
    found: (f) =>
      new RegExp(`^l .* 0+5 ${f.waiting.id}: was submitted at ${f.waiting.submittedUs}, not when`),
    mendable: false,
  },
  'a live process of a colony that is gone': {
    plant: (w, f, store) => move(w, store, waitingKey(f), liveKey({ ...f.waiting, colony: GONE })),
    found: () => /^l 0000004d .*: its colony does not exist/,
    mendable: false,
  },
  'a process that is live and finished': {
    plant: (w, f, store) => w.put(keys.done(f.waiting.id), text(store, waitingKey(f))),
    found: (f) => new RegExp(`^l .* ${f.waiting.id}: is live and finished`),
    mendable: false,
  },
  'a process that is live in two colonies': {
    plant: (w, f, store) =>
      w.put(liveKey({ ...f.waiting, colony: f.other.no }), text(store, waitingKey(f))),
    found: (f) => new RegExp(`^l .* ${f.waiting.id}: another live process has the same id`),
    mendable: false,
  },
  'a process that runs on nobody': {
    plant: (w, f, store) => {
      const key = keys.progressBeside(liveKey(f.running));
      w.put(key, text(store, key).replace(f.ann.id, STRANGER));
    },
    found: (f) => new RegExp(`^l .* ${f.running.id}: runs on ${STRANGER}, which is not registered`),
    mendable: false,
  },
  'a running process that is assigned to nobody': {
    plant: (w, f, store) => {
      const key = keys.progressBeside(liveKey(f.running));
      w.put(key, text(store, key).replace('true', 'false'));
    },
    found: (f) => new RegExp(`^l .* ${f.running.id}: is in state 1, assigned to`),
    mendable: false,
  },
  'a finished process that cannot be read': {
    plant: (w, f) => w.put(keys.done(f.done.id), ''),
    found: (f) => new RegExp(`^d ${f.done.id}: cannot be read`),
    mendable: false,
  },
  'a finished process that is not finished': {
    plant: (w, f, store) => w.put(keys.done(f.done.id), text(store, waitingKey(f))),
    found: (f) => new RegExp(`^d ${f.done.id}: is not finished, but kept as finished`),
    mendable: false,
  },
  'a log line missing in the index by process': {
    plant: (w, f) => w.del(f.logged),
    found: (f) => new RegExp(`^p .* ${f.done.id} .*: is missing in the index of log lines`),
    mendable: true,
  },
  'an index of log lines by process that leads nowhere': {
    plant: (w, f) => w.put(keys.processLog(f.colony.no, f.done.id, 7), ''),
    found: (f) => new RegExp(`^p .* ${f.done.id} 0+7: leads to no log line`),
    mendable: true,
  },
  'an index of log lines by executor that leads nowhere': {
    plant: (w, f) => w.put(keys.executorLog(f.colony.no, 'ann', 7), ''),
    found: () => /^q .* ann 0+7: leads to no log line/,
    mendable: true,
  },
  'a log line that cannot be read': {
    plant: (w, f) => w.put(keys.log(f.colony.no, 7), '{'),
    found: () => /^g .* 0+7: cannot be read/,
    mendable: false,
  },
  'a log line of a colony that is gone': {
    plant: (w) => w.put(keys.log(GONE, 7), '["","ann","x"]'),
    found: () => /^g 0000004d .*: its colony does not exist/,
    mendable: false,
  },
  'a colony whose row is of another': {
    plant: (w, f, store) => copy(w, store, keys.colony(f.colony.no), keys.colony(50), {}),
    found: () => /^c 00000032: is not the row of its colony/,
    mendable: false,
  },
  'two colonies of one name': {
    plant: (w, f, store) =>
      copy(w, store, keys.colony(f.other.no), keys.colony(f.other.no), { name: 'dev' }),
    found: () => /^c .*: another colony has the same name/,
    mendable: false,
  },
  'two colonies of one id': {
    plant: (w, f, store) =>
      copy(w, store, keys.colony(f.other.no), keys.colony(f.other.no), { id: f.colony.id }),
    found: () => /^c .*: another colony has the same id/,
    mendable: false,
  },
  'a colony that exists and is being removed': {
    plant: (w, f, store) => w.put(keys.removing(f.other.no), text(store, keys.colony(f.other.no))),
    found: () => /^z .*: the colony exists and is being removed/,
    mendable: false,
  },
  'a user of a colony that is gone': {
    plant: (w, f, store) =>
      copy(w, store, keys.user(f.colony.no, 'someone'), keys.user(GONE, 'x'), {}),
    found: () => /^u 0000004d x: its colony does not exist/,
    mendable: false,
  },
  'two users of one id': {
    plant: (w, f, store) => {
      const key = keys.user(f.colony.no, 'second');
      copy(w, store, key, key, { id: f.user.id });
    },
    found: () => /^u .*: another user of the colony has the same id/,
    mendable: false,
  },
  'two registered executors of one id': {
    plant: (w, f, store) => {
      const key = keys.executor(f.colony.no, 'bob');
      copy(w, store, key, key, { id: f.ann.id });
    },
    found: () => /^x .*: another registered executor of the colony has the same id/,
    mendable: false,
  },
  'an executor that spoke what is no word': {
    plant: (w, f, store) => {
      const key = keys.executor(f.colony.no, 'ann');
      copy(w, store, key, key, { spoke: 7 });
    },
    found: () => /^x .* ann: spoke no dialect/,
    mendable: false,
  },
  'a live process that waits in the wrong place': {
    plant: (w, f, store) => {
      const key = waitingKey(f);
      w.put(key, text(store, key).replace(`,${f.waiting.orderUs},`, ',1,'));
    },
    found: (f) => new RegExp(`^l .* ${f.waiting.id}: waits in another place than it should`),
    mendable: false,
  },
  'a live process for others than its specification says': {
    plant: (w, f, store) => {
      const key = waitingKey(f);
      w.put(key, text(store, key).replace('"cli"', '"other"'));
    },
    found: (f) => new RegExp(`^l .* ${f.waiting.id}: is queued for executortype other, not cli`),
    mendable: false,
  },
  'a log line missing in the index by executor': {
    plant: (w, f) => w.del(f.loggedBy),
    found: () => /^q .* ann .*: is missing in the index of log lines/,
    mendable: true,
  },
  'a function of an executor that is not registered': {
    plant: (w, f, store) => {
      const key = keys.function(f.colony.no, 'fun-1');
      copy(w, store, key, key, { executorid: STRANGER });
    },
    found: () => /^f .* fun-1: its executor is not registered/,
    mendable: false,
  },
  'a function twice': {
    plant: (w, f, store) => {
      const from = keys.function(f.colony.no, 'fun-1');
      const wire = { ...FUNCTION, functionid: 'fun-2' };
      copy(w, store, from, keys.function(f.colony.no, 'fun-2'), { wire });
    },
    found: () => /^f .* fun-2: its executor has another function of the same name/,
    mendable: false,
  },
  'a counter of colonies that would give a number again': {
    plant: (w) => w.put(keys.meta('nextcolony'), '1'),
    found: () => /^m nextcolony: is 1, but colony 2 exists/,
    mendable: false,
  },
  'another layout': {
    plant: (w) => w.put(keys.meta('version'), '0'),
    found: () => /^m version: is 0, not/,
    mendable: false,
  },
  'a server id that is none': {
    plant: (w) => w.put(keys.meta('serverid'), 'me'),
    found: () => /^m serverid: is not an id/,
    mendable: false,
  },
  'rows of no table': {
    plant: (w) => {
      for (const key of ['', 'b\u0000x', 'lost', '~', '\u{1f600}']) if (key) w.put(key, 'x');
    },
    found: () => /^lost: is a row of no known table|^l: is a row of no known table/,
    mendable: false,
  },
};

describe.each(Object.entries(DAMAGES))('%s', (_name, damage) => {
  test('is found, and mended when an index is wrong', async () => {
    const bench = await openBench();
    const facts = await furnished(bench);
    const { store } = bench;
    expect(await problemsOf(store)).toEqual([]);
    await store.write((w) => damage.plant(w, facts, store));
    const found = await checkStore(store);
    const lines = found.map(({ key, what }) => `${shownKey(key)}: ${what}`);
    const at = lines.findIndex((line) => damage.found(facts).test(line));
    expect({ at: at >= 0, lines }).toEqual({ at: true, lines });
    expect(found[at]?.mendable).toBe(damage.mendable);
    expect(await problemsOf(store)).toEqual(lines);
    await checkStore(store, { repair: true });
    const rest = await problemsOf(store);
    if (damage.mendable) expect(rest).toEqual([]);
    else expect(rest).toContain(lines[at]);
    await bench.close();
  });
});

test('a check of thousands of problems lists some, counts the rest, and mends all', async () => {
  const bench = await openBench();
  const colony = await bench.colony();
  const many = LIMITS.checkProblemsMax + 500;
  await bench.store.write((w) => {
    for (let i = 0; i < many; i++) w.put(keys.ended(colony.no, 2, i, STRANGER), '[]');
  });
  const problems = await checkStore(bench.store, { repair: true });
  expect(problems).toHaveLength(LIMITS.checkProblemsMax + 1);
  expect(problems.at(-1)).toEqual({ key: '', what: 'and 500 more problems', mendable: false });
  expect(await problemsOf(bench.store)).toEqual([]);
});
