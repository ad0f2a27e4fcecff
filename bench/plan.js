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
 * @property {boolean} judged Whether enough is measured for a verdict.
 * @property {number} rounds
 * @property {number} warmUp Requests before anything counts: by then the code is compiled.
 * @property {number} settle Requests before each window: a process that was idle finds its memory cold.
 * @property {number} window Requests in a window, so that a busy machine measures no less work …
 * @property {number} windowMs … but for no longer than this.
 * @property {number} idleMs How long idle polls are watched.
 * @property {number} pieceMs For one piece of the floor.
 * @property {number} callers The number at which variants are compared.
 * @property {number} pollers
 * @property {number} wakes
 * @property {number} restarts
 * @property {readonly Variant[]} variants The first one is what others are compared with.
 */

/**
 * @param {'native' | 'wasm'} base The fastest engine of this machine.
 * @param {readonly number[]} callers
 * @param {readonly number[]} backlogs
 * @returns {Variant[]}
 */
const variantsOf = (base, callers, backlogs) => {
  const most = callers.at(-1) ?? 1;
  const largest = backlogs.at(-1) ?? 0;
  const waiting = (backlog, targeted) => ({
    name: `${base}, ${backlog.toLocaleString('en')} waiting${targeted ? ', 9 of 10 for others' : ''}`,
    engine: base,
    backlog,
    targeted,
    callers: [most],
  });
  const other = (engine) => ({
    name: engine,
    engine,
    backlog: 0,
    targeted: false,
    callers: [most],
  });
  return [
    { name: base, engine: base, backlog: 0, targeted: false, callers },
    ...backlogs.map((backlog) => waiting(backlog, false)),
    waiting(largest, true),
    ...(base === 'native' ? [other('wasm')] : []),
    other('pure'),
  ];
};

/**
 * The plans of a machine.
 * @param {'native' | 'wasm'} base
 * @returns {Record<'usual' | 'full' | 'smoke', Plan>}
 */
export const plansFor = (base) => ({
  usual: {
    judged: true,
    rounds: 5,
    warmUp: 15_000,
    settle: 3_000,
    window: 6_000,
    windowMs: 8_000,
    idleMs: 3_000,
    pieceMs: 300,
    callers: 100,
    pollers: 1_000,
    wakes: 300,
    restarts: 3,
    variants: variantsOf(base, [1, 16, 64, 100], [100_000]),
  },
  full: {
    judged: true,
    rounds: 7,
    warmUp: 20_000,
    settle: 4_000,
    window: 12_000,
    windowMs: 15_000,
    idleMs: 5_000,
    pieceMs: 400,
    callers: 100,
    pollers: 10_000,
    wakes: 1_000,
    restarts: 3,
    variants: variantsOf(base, [1, 16, 64, 100], [100_000, 1_000_000]),
  },
  smoke: {
    judged: false,
    rounds: 1,
    warmUp: 30,
    settle: 10,
    window: 60,
    windowMs: 1_000,
    idleMs: 200,
    pieceMs: 20,
    callers: 4,
    pollers: 20,
    wakes: 5,
    restarts: 1,
    // Three of them are every kind of path; the rest repeats them.
    variants: variantsOf(base, [1, 4], [200]).filter(
      ({ backlog, targeted, engine }) => engine !== 'wasm' && (backlog === 0 || targeted),
    ),
  },
});
