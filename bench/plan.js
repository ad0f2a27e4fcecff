// How much is measured: the everyday run, the full one, and one that only proves that it works.

/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {'native' | 'wasm' | 'pure'} engine
 * @property {number} backlog Processes waiting all the time.
 * @property {boolean} targeted Whether most of them are meant for other executors.
 * @property {readonly number[]} callers
 */

/**
 * @typedef {object} Plan
 * @property {number} rounds
 * @property {number} settleMs Before each window.
 * @property {number} windowMs
 * @property {number} pieceMs For one piece of the floor.
 * @property {number} callers The number at which variants are compared.
 * @property {number} pollers
 * @property {number} wakes
 * @property {number} restarts
 * @property {readonly Variant[]} variants The first one is what others are compared with.
 */

/** @param {readonly number[]} callers @param {readonly number[]} backlogs @returns {Variant[]} */
const variantsOf = (callers, backlogs) => {
  const most = callers.at(-1) ?? 1;
  const largest = backlogs.at(-1) ?? 0;
  const waiting = (backlog, targeted) => ({
    name: `native, ${backlog.toLocaleString('en')} waiting${targeted ? ', 9 of 10 for others' : ''}`,
    engine: /** @type {const} */ ('native'),
    backlog,
    targeted,
    callers: [most],
  });
  const engine = (name, of) => ({ name, engine: of, backlog: 0, targeted: false, callers: [most] });
  return [
    { name: 'native', engine: 'native', backlog: 0, targeted: false, callers },
    ...backlogs.map((backlog) => waiting(backlog, false)),
    waiting(largest, true),
    engine('wasm', 'wasm'),
    engine('pure', 'pure'),
  ];
};

/** @type {Record<'usual' | 'full' | 'smoke', Plan>} */
export const PLANS = {
  usual: {
    rounds: 5,
    settleMs: 400,
    windowMs: 2_000,
    pieceMs: 300,
    callers: 100,
    pollers: 1_000,
    wakes: 300,
    restarts: 3,
    variants: variantsOf([1, 16, 64, 100], [100_000]),
  },
  full: {
    rounds: 7,
    settleMs: 500,
    windowMs: 3_000,
    pieceMs: 400,
    callers: 100,
    pollers: 10_000,
    wakes: 1_000,
    restarts: 3,
    variants: variantsOf([1, 16, 64, 100], [100_000, 1_000_000]),
  },
  smoke: {
    rounds: 1,
    settleMs: 50,
    windowMs: 200,
    pieceMs: 20,
    callers: 4,
    pollers: 20,
    wakes: 5,
    restarts: 1,
    variants: variantsOf([1, 4], [200]),
  },
};
