// Lists, history, and who hears of what.

import { describe, expect, test } from 'vitest';
import type { ListQuery } from '../../src/node/engine/engine.ts';
import { type ProcessRow, STATE } from '../../src/node/model/process.ts';
import { forType, openBench, want } from '../support/engine.ts';

const ids = (rows: readonly ProcessRow[]): string[] => rows.map((row) => row.id);

/** Processes in every state, with different types, labels and priorities. */
const furnished = async () => {
  const bench = await openBench();
  const { engine } = bench;
  const colony = await bench.colony();
  const ann = await bench.executor(colony, 'ann');
  const all: string[] = [];
  for (let i = 0; i < 40; i++) {
    const row = forType(i % 4 === 0 ? 'ml' : 'cli', {}, { label: `l${i % 3}`, priority: i % 2 });
    all.push((await bench.submit(colony, row)).id);
    bench.clock.advance(1);
  }
  const taken: ProcessRow[] = [];
  for (let i = 0; i < 15; i++) {
    const p = await engine.processes.assign(colony, ann, want());
    if (p) taken.push(p);
    bench.clock.advance(1);
  }
  for (const [i, p] of taken.entries()) {
    bench.clock.advance(1);
    if (i % 4 === 0) await engine.processes.closeSuccessful(p, ann.id);
    if (i % 4 === 1) await engine.processes.closeFailed(p, ann.id, '[]');
    if (i % 4 === 2) await engine.processes.cancel(p);
  }
  const rows = (): ProcessRow[] => all.map((id) => bench.engine.processes.find(id) as ProcessRow);
  return { bench, colony, ann, rows };
};

const ORDERS: Record<ListQuery['order'], (a: ProcessRow, b: ProcessRow) => number> = {
  queue: (a, b) => {
    if (a.state === STATE.waiting) return a.orderUs - b.orderUs;
    return a.state === STATE.running ? a.startedUs - b.startedUs : b.endedUs - a.endedUs;
  },
  newest: (a, b) => {
    if (a.state === STATE.waiting) return b.submittedUs - a.submittedUs;
    return a.state === STATE.running ? b.startedUs - a.startedUs : b.endedUs - a.endedUs;
  },
};

describe('lists', () => {
  test('every state, order, filter and count gives what a sort of everything would give', async () => {
    const { bench, colony, rows } = await furnished();
    for (const restart of [false, true]) {
      if (restart) await bench.restart();
      const everything = rows();
      for (const state of [0, 1, 2, 3, 4]) {
        for (const order of ['queue', 'newest'] as const) {
          for (const filter of [
            {},
            { executortype: 'cli' },
            { executortype: 'ml' },
            { label: 'l1' },
            { executortype: 'cli', label: 'l2' },
            { initiator: 'someone' },
            { initiator: 'nobody' },
            { label: '' },
          ]) {
            const expected = everything
              .filter((p) => p.state === state)
              .filter(
                (p) => !('executortype' in filter) || p.spec.executortype === filter.executortype,
              )
              .filter((p) => !('label' in filter) || p.spec.label === filter.label)
              .filter((p) => !('initiator' in filter) || p.initiatorname === filter.initiator)
              .sort(ORDERS[order]);
            for (const count of [0, 1, 5, 100]) {
              const query = { state, order, count, ...filter };
              const found = await bench.engine.processes.list(colony, query);
              expect(ids(found), JSON.stringify(query)).toEqual(ids(expected.slice(0, count)));
            }
          }
        }
      }
    }
  });

  test('history is what was submitted in the window, oldest first, at most so many', async () => {
    const { bench, colony, ann, rows } = await furnished();
    const now = bench.clock.nowUs();
    const everything = rows();
    for (const state of [0, 1, 2, 3, 4]) {
      for (const executorid of ['', ann.id, 'f'.repeat(64)]) {
        for (const seconds of [0, 0.05, 0.08, 1, 1_000_000_000]) {
          const expected = everything.filter(
            (p) =>
              p.state === state &&
              (executorid === '' || p.executorid === executorid) &&
              p.submittedUs >= now - seconds * 1_000_000,
          );
          const query = { state, seconds, executorid };
          const found = await bench.engine.processes.history(colony, query);
          const near = Math.abs(found.length - expected.length) <= 1;
          expect(near, JSON.stringify({ query, found: found.length })).toBe(true);
          if (found.length === expected.length) expect(ids(found)).toEqual(ids(expected));
        }
      }
    }
  });

  test('a long history gives the newest', async () => {
    const bench = await openBench({ limits: { historyListMax: 5 } });
    const colony = await bench.colony();
    const all: string[] = [];
    for (let i = 0; i < 12; i++) {
      const p = await bench.submit(colony);
      all.push(p.id);
      await bench.engine.processes.cancel(p);
    }
    const waiting = [];
    for (let i = 0; i < 8; i++) waiting.push((await bench.submit(colony)).id);
    const ask = (state: number) =>
      bench.engine.processes.history(colony, { state, seconds: 1000, executorid: '' });
    expect(ids(await ask(STATE.cancelled))).toEqual(all.slice(-5));
    expect(ids(await ask(STATE.waiting))).toEqual(waiting.slice(-5));
  });
});

describe('events', () => {
  test('tell every change once, in order, after it is on disk', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const heard: string[] = [];
    const note = (who: string) => (p: ProcessRow) => {
      heard.push(`${who} ${p.state}`);
      expect(bench.store.get(`d\u0000${p.id}`) !== undefined).toBe(p.state >= STATE.success);
    };
    const offs = [0, 1, 2].map((state) =>
      engine.events.ofColony(colony, 'cli', state, note('all')),
    );
    offs.push(engine.events.ofColony(colony, 'other', 0, note('never')));
    const waiting = engine.processes.assign(colony, ann, want({ waitMs: 1000 }));
    const p = await bench.submit(colony);
    await waiting;
    engine.events.ofProcess(p, STATE.success, note('one'));
    const closing = engine.processes.closeSuccessful(p, ann.id);
    expect(heard).toEqual(['all 0', 'all 1']);
    await closing;
    expect(heard).toEqual(['all 0', 'all 1', 'one 2', 'all 2']);
    for (const off of offs) off();
    await bench.submit(colony);
    expect(heard).toHaveLength(4);
  });

  test('a process that is already in the state is told at once, and only once', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const p = await bench.submit(colony);
    const heard: number[] = [];
    const note = (row: ProcessRow): void => {
      heard.push(row.state);
    };
    engine.events.ofProcess(p, STATE.waiting, note);
    expect(heard).toEqual([0]);
    const taking = engine.processes.assign(colony, ann, want());
    engine.events.ofProcess(p, STATE.running, note);
    expect(heard).toEqual([0]);
    await taking;
    expect(heard).toEqual([0, 1]);
    const other = bench.submit(colony);
    engine.events.ofProcess(p, STATE.running, note);
    const off = engine.events.ofProcess(p, STATE.running, note);
    off();
    await other;
    expect(heard).toEqual([0, 1, 1]);
  });

  test('nothing is told of what never reached the disk', async () => {
    const bench = await openBench();
    const { engine } = bench;
    const colony = await bench.colony();
    const ann = await bench.executor(colony, 'ann');
    const p = await bench.submit(colony);
    const heard: number[] = [];
    await bench.store.close();
    const taking = engine.processes.assign(colony, ann, want());
    engine.events.ofColony(colony, 'cli', 1, (row) => heard.push(row.state));
    engine.events.ofProcess(p, 1, (row) => heard.push(row.state));
    await expect(taking).rejects.toThrow();
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([]);
    await bench.restart();
  });
});
