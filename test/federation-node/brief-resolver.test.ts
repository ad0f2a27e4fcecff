// Resolutions by the thousand: quick questions share an answer for a moment.

import { expect, test } from 'vitest';
import { briefly } from '../../src/federation/brief-resolver.ts';
import type { Resolution, ResolveOptions } from '../../src/federation/resolve.ts';
import { manualClock } from '../support/clock.ts';

const ID = 'a'.repeat(64);

const asking = (answer: () => Resolution | undefined) => {
  const clock = manualClock();
  const asked: ResolveOptions[] = [];
  const { resolve } = briefly(
    {
      resolve: async (_id, options = {}) => {
        asked.push(options);
        return answer();
      },
    },
    clock,
  );
  return { clock, asked, resolve };
};

const found = { colonyid: ID } as Resolution;

test('quick questions about one colony are asked once a second', async () => {
  const { clock, asked, resolve } = asking(() => found);
  const quick = { until: 'first' } as const;
  await Promise.all([resolve(ID, quick), resolve(ID, quick), resolve('b'.repeat(64), quick)]);
  expect(asked).toHaveLength(2);
  clock.advance(1_000);
  expect(await resolve(ID, quick)).toBe(found);
  expect(asked).toHaveLength(3);
});

test('whoever asks anew, or wants a settled answer, gets one', async () => {
  const { asked, resolve } = asking(() => found);
  await resolve(ID, { until: 'first' });
  await resolve(ID, { anew: true });
  await resolve(ID);
  expect(asked).toHaveLength(3);
  await resolve(ID, { until: 'first' });
  expect(asked).toHaveLength(3);
});

test('what was not found, or failed, is asked again at once', async () => {
  let isBroken = false;
  const { asked, resolve } = asking(() => {
    if (isBroken) throw new Error('no');
    return undefined;
  });
  expect(await resolve(ID, { until: 'first' })).toBeUndefined();
  isBroken = true;
  await expect(resolve(ID, { until: 'first' })).rejects.toThrow('no');
  await expect(resolve(ID, { until: 'first' })).rejects.toThrow('no');
  expect(asked).toHaveLength(3);
});
