// What the node is meant to reach, and whether it did.

import { median, short } from './figures.js';

/**
 * @typedef {object} Results
 * @property {import('./plan.js').Plan} plan
 * @property {readonly import('./measure.js').Opened[]} variants
 * @property {readonly import('./measure.js').Floor[]} floors One a round.
 * @property {Record<string, readonly import('./measure.js').Load[]>} loads One a round, by `loadKey`.
 * @property {Awaited<ReturnType<typeof import('./measure.js').measurePolls>>} polls
 */

/** @param {{ name: string }} variant @param {number} callers */
export const loadKey = ({ name }, callers) => `${name} / ${callers}`;

/** Medians of what two lists make of each round. */
const ofRounds = (a, b, make) => median(a.map((one, round) => make(one, b[round])));

/** CPU time per request over the floor of its engine in the same round. @param {Results} results */
export const overFloor = ({ loads, floors }, variant, callers) =>
  ofRounds(
    loads[loadKey(variant, callers)],
    floors,
    (load, floor) => load.cpuUs / floor.least[variant.engine],
  );

/** Lifecycles a second of one variant over those of another. @param {Results} results */
export const rateOver = ({ loads, plan }, variant, base) =>
  ofRounds(
    loads[loadKey(variant, plan.callers)],
    loads[loadKey(base, plan.callers)],
    (a, b) => a.cyclesPerS / b.cyclesPerS,
  );

/** Bytes of one process that was submitted and waits, beside its specification. */
export const bytesBesideSpec = ({ submittedBytes, specBytes, backlog }) =>
  (submittedBytes - specBytes) / backlog;

/** Bytes of one process that waits since before the start; its specification is on disk. */
export const bytesReopened = (variant, empty) =>
  (variant.memory.live - empty.memory.live) / variant.backlog;

/** Microseconds to bring one waiting process back; the quietest start counts. */
export const restartUs = (variant, empty, what) => {
  const best = (/** @type {import('./measure.js').Opened} */ { starts }) =>
    Math.min(...starts.map((start) => start[what])) * (what === 'wallMs' ? 1_000 : 1);
  return (best(variant) - best(empty)) / variant.backlog;
};

const atMost = (goal, value, limit, unit = '') => ({
  goal: `${goal} <= ${limit}${unit}`,
  value: `${short(value)}${unit}`,
  met: value <= limit,
});

const atLeast = (goal, value, limit, unit = '') => ({
  goal: `${goal} >= ${limit}${unit}`,
  value: `${short(value)}${unit}`,
  met: value >= limit,
});

/**
 * Goal, measured value and verdict of each.
 * @param {Results} results
 */
export const goalsOf = (results) => {
  const { plan, variants, loads, polls } = results;
  const [base] = variants;
  const most = plan.callers;
  const waiting = variants.filter(({ backlog }) => backlog > 0);
  const largest = waiting.filter(({ backlog }) => backlog === waiting.at(-1)?.backlog);
  const of = (engine, make) =>
    variants
      .filter((one) => one.engine === engine && one.callers.includes(most) && !one.backlog)
      .map(make);
  return [
    ...of('native', (one) =>
      atMost(
        `CPU per request, native, ${most} callers, over its floor`,
        overFloor(results, one, most),
        3,
        'x',
      ),
    ),
    ...largest.map((one) =>
      atLeast(`lifecycles/s of "${one.name}" over empty`, rateOver(results, one, base), 0.8, 'x'),
    ),
    atLeast(
      `operations in a synced batch at ${most} callers`,
      median(loads[loadKey(base, most)].map((load) => load.perBatch)),
      10,
    ),
    ...largest.map((one) =>
      atMost(
        `memory per process of "${one.name}" beside its specification`,
        bytesBesideSpec(one),
        900,
        ' B',
      ),
    ),
    atMost(
      `memory per idle poller, ${plan.pollers.toLocaleString('en')} of them`,
      // Memory that the system had given before may hold some of them.
      Math.max(polls.rss, polls.live) / 1_024,
      20,
      ' KB',
    ),
    atMost('start per live process', restartUs(largest[0], base, 'wallMs'), 10, ' us'),
    ...of('wasm', (one) =>
      atLeast(`lifecycles/s, wasm over ${base.name}`, rateOver(results, one, base), 0.5, 'x'),
    ),
    ...of('pure', (one) =>
      atMost('CPU per request, pure, over its floor', overFloor(results, one, most), 1.3, 'x'),
    ),
  ];
};
