// What the node knows of an id without being told a colony, next to a look at every colony.

import { expect, test } from 'vitest';
import { EXECUTOR_STATE } from '../../src/node/model/executor.ts';
import type { Bench } from '../support/engine.ts';
import { openBench } from '../support/engine.ts';

const IDS = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64));

/** The same, found by asking each colony. */
const byLooking = ({ engine }: Bench, id: string) => {
  const { colonies, executors, roles } = engine;
  const rows = colonies.list().flatMap((colony) => executors.byId(colony, id) ?? []);
  const gone = ({ state }: { state: number }) => Number(state === EXECUTOR_STATE.unregistered);
  return {
    rows: rows.sort((a, b) => gone(a) - gone(b)),
    known: colonies
      .list()
      .some((row) => roles.isColonyOwner(row, id) || roles.member(row, id, true) !== undefined),
  };
};

test('an id is found in all its colonies, whatever became of it in each', async () => {
  const bench = await openBench();
  const check = (): number => {
    const owners = bench.engine.colonies.list().map(({ id }) => id);
    for (const id of [...IDS, ...owners]) {
      const { executors, roles } = bench.engine;
      const told = { rows: executors.anywhere(id), known: roles.isKnown(id) };
      expect(told).toEqual(byLooking(bench, id));
    }
    return IDS.filter((id) => bench.engine.roles.isKnown(id)).length;
  };
  const [a = '', b = '', c = '', d = ''] = IDS;
  const [one, two, three] = [
    await bench.colony('1'),
    await bench.colony('2'),
    await bench.colony('3'),
  ];
  expect(check()).toBe(0);
  const both = await bench.executor(one, 'both', { id: a });
  await bench.executor(three, 'both', { id: a });
  await bench.executor(two, 'both', { id: a });
  await bench.engine.users.add(two, { id: a, name: 'both', email: '', phone: '' });
  const user = await bench.engine.users.add(one, { id: b, name: 'user', email: '', phone: '' });
  expect(check()).toBe(2);
  await bench.engine.executors.remove(both);
  expect(check()).toBe(2);
  await bench.executor(one, 'both', { id: c });
  expect(check()).toBe(3);
  await bench.engine.users.changeId(user, d);
  expect(check()).toBe(3);
  await bench.engine.executors.changeId(bench.now(both), b);
  expect(check()).toBe(3);
  await bench.restart();
  expect(check()).toBe(3);
  await bench.engine.colonies.remove(two);
  expect(check()).toBe(3);
  await bench.engine.colonies.remove(three);
  expect(check()).toBe(2);
  await bench.engine.users.remove({ ...user, id: d });
  expect(check()).toBe(1);
  await bench.engine.colonies.remove(one);
  expect(check()).toBe(0);
});
