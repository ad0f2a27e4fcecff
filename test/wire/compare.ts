// Compares a recorded reply with ours: same fields, same types, same values, except what differs from run to
// run (ids, times) and the deviations that are fixes.

export const ID = /^[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;
const UNSET = /^000[01]-/;

/** Where two replies differ, and how: `spec.args: null became []`. */
export interface Difference {
  readonly path: string;
  readonly recorded: unknown;
  readonly ours: unknown;
}

/** Fields whose numbers are points in time. */
const CLOCKED = ['prioritytime', 'timestamp'];

const same = (
  path: string,
  a: unknown,
  b: unknown,
  learn: (a: string, b: string) => void,
): boolean => {
  if (typeof a === 'string' && typeof b === 'string') {
    if (ID.test(a) && ID.test(b)) {
      learn(a, b);
      return true;
    }
    if (TIME.test(a) && TIME.test(b)) return UNSET.test(a) === UNSET.test(b);
  }
  const name = path.split('.').at(-1) ?? '';
  if (CLOCKED.includes(name)) return typeof a === 'number' && typeof b === 'number' && b > 1e17;
  return a === b;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** All differences. `learn` is told which recorded id stands where which of ours does. */
export const differences = (
  recorded: unknown,
  ours: unknown,
  learn: (recorded: string, ours: string) => void,
  path = '',
): Difference[] => {
  const at = (name: string | number): string => (path === '' ? String(name) : `${path}.${name}`);
  if (Array.isArray(recorded) && Array.isArray(ours)) {
    if (recorded.length !== ours.length) return [{ path, recorded, ours }];
    return recorded.flatMap((item, i) => differences(item, ours[i], learn, at(i)));
  }
  if (isObject(recorded) && isObject(ours)) {
    const names = new Set([...Object.keys(recorded), ...Object.keys(ours)]);
    return [...names].flatMap((name) => differences(recorded[name], ours[name], learn, at(name)));
  }
  return same(path, recorded, ours, learn) ? [] : [{ path, recorded, ours }];
};
