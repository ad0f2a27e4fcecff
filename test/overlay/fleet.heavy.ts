// Twelve nodes in six processes that are killed, frozen and started again.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, makeFleet, type ProcessNode } from '../support/overlay-processes.ts';
import { until } from '../support/overlay-world.ts';

interface Got {
  readonly seq: number;
  readonly agree: number;
  readonly ms: number;
}

describe('twelve nodes in six processes', () => {
  let fleet: Fleet;

  const table = async (node: ProcessNode): Promise<number> =>
    (await fleet.ask<{ table: number }>(node, 'status')).table;
  const allKnow = (count: number): Promise<unknown> =>
    until(
      `all live nodes know ${count}`,
      async () => (await Promise.all(fleet.live().map(table))).every((size) => size >= count),
      120_000,
    );
  /** Every live node finds the record with this sequence, one after the other. */
  const allFind = async (key: string, seq: number): Promise<void> => {
    for (const node of fleet.live()) {
      await until(
        `${node.name} finds ${key}`,
        async () => (await fleet.ask<Got>(node, 'get', { key })).seq === seq,
        30_000,
      );
    }
  };

  beforeAll(async () => {
    fleet = await makeFleet(6, 2, { overlayRedialMs: 500, overlayUpkeepMs: 3_000 });
    await fleet.start();
    await allKnow(11);
  });
  afterAll(() => fleet.end());

  it('place a record everywhere and find it from everywhere', async () => {
    const [first] = fleet.nodes;
    await until(
      'all others confirm the record',
      async () => {
        const placed = await fleet.ask(first as ProcessNode, 'put', { key: 'one', seq: 1 });
        return JSON.stringify(placed) === JSON.stringify({ copies: 11, asked: 11 });
      },
      60_000,
    );
    await allFind('one', 1);
  });

  it('answer quickly while half of them are frozen', async () => {
    for (const number of [1, 3, 5]) await fleet.signal(number, 'SIGSTOP');
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      for (const node of fleet.live()) {
        const got = await fleet.ask<Got>(node, 'get', { key: 'one' });
        expect(got.seq).toBe(1);
        times.push(got.ms);
      }
    }
    times.sort((a, b) => a - b);
    expect(times[Math.floor(times.length * 0.95)]).toBeLessThan(2_000);
    for (const number of [1, 3, 5]) await fleet.signal(number, 'SIGCONT');
    await allKnow(11);
  });

  it('still find everything when a third is killed, and place new records at all who live', async () => {
    for (const number of [4, 5]) await fleet.signal(number, 'SIGKILL');
    await allFind('one', 1);
    const [first] = fleet.live();
    await until(
      'a new record reaches all live nodes and no dead one is asked',
      async () => {
        const placed = await fleet.ask(first as ProcessNode, 'put', { key: 'two', seq: 2 });
        return JSON.stringify(placed) === JSON.stringify({ copies: 7, asked: 7 });
      },
      60_000,
    );
    for (const node of fleet.live()) {
      expect(await fleet.ask(node, 'local', { key: 'two' })).toBe(2);
    }
  });

  it('heal without bootstraps after all were killed at once', async () => {
    await Promise.all([0, 1, 2, 3].map((number) => fleet.signal(number, 'SIGKILL')));
    await fleet.start(true);
    await allKnow(11);
    await allFind('one', 1);
    await allFind('two', 2);
  });
});
