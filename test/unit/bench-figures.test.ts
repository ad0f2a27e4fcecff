// The figures of the benchmark that are more than a division.

import { expect, it } from 'vitest';

type Sample = { readonly atMs: number; readonly cpuUs: number };

// The benchmark is plain JavaScript and has no types.
const { sharesOf }: { sharesOf(samples: Sample[], windowS: number): object } = await import(
  new URL('../../bench/figures.js', import.meta.url).href
);

/** Samples ten seconds apart, of a process that used so many milliseconds in each step. */
const samplesOf = (stepsMs: readonly number[]) => {
  let cpuUs = 5_000;
  return [0, ...stepsMs].map((ms, i) => {
    cpuUs += ms * 1_000;
    return { atMs: 700 + i * 10_000, cpuUs };
  });
};

it('the worst minute is the one with the most in it, wherever it begins', () => {
  // 3 s of CPU in 120 s, of which 2.4 s lie within one minute that is no whole one of the run.
  const steps = [0, 0, 0, 600, 600, 0, 0, 600, 600, 0, 0, 600];
  expect(sharesOf(samplesOf(steps), 60)).toEqual({ mean: 2.5, worst: 4 });
});

it('a run that is shorter than a minute is its own worst one', () => {
  expect(sharesOf(samplesOf([100, 300]), 60)).toEqual({ mean: 2, worst: 2 });
});
