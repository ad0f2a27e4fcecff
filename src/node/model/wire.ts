// Field builders for everything that comes in over the wire. The leniency of the protocol is
// written here once: absent or null means the zero value, names match in any case, unknown fields
// are ignored.

import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { OddNumber } from './json.ts';

const orElse =
  (zero: unknown) =>
  (value: unknown): unknown =>
    value ?? zero;

type Issues = Pick<z.RefinementCtx, 'addIssue'>;

const tooLong = (issues: Issues, input: string, maximum: number): never => {
  const message = `expected at most ${maximum} characters, not ${input.length}`;
  issues.addIssue({ code: 'too_big', origin: 'string', maximum, input, message });
  return z.NEVER;
};

// Looked at before the string itself: a check of its own would cost every field of every message.
const atMost = (maxLength: number) =>
  z.preprocess(
    (value, ctx) =>
      typeof value === 'string' && value.length > maxLength
        ? tooLong(ctx, value, maxLength)
        : (value ?? ''),
    z.string('expected a string').meta({ maxLength }),
  );

/**
 * A name, an id, a type, a label or a key: a string of at most LIMITS.nameLengthMax; absent or null
 * is ''.
 */
export const text = () => atMost(LIMITS.nameLengthMax);

const UNFIT = /[\p{Cc}\p{Cs}]/u;
const UNFIT_TEXT = 'contains control characters or broken Unicode';

/** Whether a text holds what no name may hold: control characters, halves of surrogate pairs. */
export const isUnfit = (name: string): boolean => UNFIT.test(name);

const unfit = (issues: Issues, input: string): never => {
  issues.addIssue({ code: 'custom', params: { unfit: true }, input, message: UNFIT_TEXT });
  return z.NEVER;
};

/** As `text`, of what is kept and shown as a name: one that `isUnfit` is refused. */
export const name = () =>
  z.preprocess(
    (value, ctx) => (typeof value === 'string' && isUnfit(value) ? unfit(ctx, value) : value),
    text(),
  );

/** A path, a command or a sentence: at most LIMITS.lineLengthMax; absent or null is ''. */
export const line = () => atMost(LIMITS.lineLengthMax);

/** A value, bounded only by the body that holds it; absent or null is ''. */
export const longText = () => z.preprocess(orElse(''), z.string('expected a string'));

/** A boolean; absent or null is false. */
export const flag = () => z.preprocess(orElse(false), z.boolean('expected true or false'));

// An integer that a number cannot hold was read as a bigint.
const notInt = ({ input }: { readonly input?: unknown }): string =>
  typeof input === 'bigint' ? 'expected an integer below 2^53' : 'expected an integer';

/** An integer within ±2^53; absent or null is 0. */
export const int = () => z.preprocess(orElse(0), z.int({ error: notInt }));

const INT64 = 'expected a 64-bit integer';

/** A 64-bit integer, exact: a number when safe, else a bigint; absent or null is 0. */
export const int64 = () =>
  z.preprocess(
    orElse(0),
    z.union(
      [
        z.int(),
        z
          .bigint(INT64)
          .min(-(2n ** 63n), INT64)
          .max(2n ** 63n - 1n, INT64),
      ],
      INT64,
    ),
  );

/** A floating point number; absent or null is 0. */
export const real = () =>
  z.preprocess(
    (v) => (v instanceof OddNumber ? v.value : typeof v === 'bigint' ? Number(v) : (v ?? 0)),
    z.number('expected a number'),
  );

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * An RFC 3339 time; absent or null is the zero time. Kept as text: the server sets its own times.
 */
export const time = () =>
  z.preprocess(
    orElse(ZERO_TIME),
    z.string('expected an RFC 3339 time').regex(RFC3339, 'expected an RFC 3339 time'),
  );

/** "Not set", as every server of the protocol writes it. */
export const ZERO_TIME = '0001-01-01T00:00:00Z';

const tooMany = (issues: Issues, input: object): never => {
  const maximum = LIMITS.listEntriesMax;
  issues.addIssue({ code: 'too_big', origin: 'map', maximum, input, message: TOO_MANY });
  return z.NEVER;
};

const TOO_MANY = `expected at most ${LIMITS.listEntriesMax} entries`;

const bounded = <T extends z.ZodType>(of: T) =>
  z.array(of, 'expected a list').max(LIMITS.listEntriesMax, TOO_MANY);

/** A list; absent or null is []. */
export const list = <T extends z.ZodType>(of: T) => z.preprocess(orElse([]), bounded(of));

/** A list that keeps null (and absent) apart from []. */
export const nullableList = <T extends z.ZodType>(of: T) =>
  z.preprocess(orElse(null), bounded(of).nullable());

// A list without anything to change stays what it is: it may hold millions of values.
const plainList = (list: readonly unknown[], depth: number): unknown => {
  let changed: unknown[] | undefined;
  for (const [at, part] of list.entries()) {
    const next = plain(part, depth + 1);
    if (next !== part) {
      changed ??= [...list];
      changed[at] = next;
    }
  }
  return changed ?? list;
};

/** What is written as a number and fits no double: it would be kept as null. */
class HugeNumber extends RangeError {}

const finite = (value: number): number => {
  if (Number.isFinite(value)) return value;
  throw new HugeNumber('number out of range');
};

const plain = (value: unknown, depth: number): unknown => {
  if (depth > LIMITS.nestingDepthMax) throw new RangeError('nested too deeply');
  if (typeof value === 'number') return finite(value);
  if (typeof value === 'bigint') return finite(Number(value));
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof OddNumber) return value.value;
  if (Array.isArray(value)) return plainList(value, depth);
  const entries = Object.entries(value);
  if (entries.length > LIMITS.listEntriesMax) throw new RangeError(TOO_MANY);
  return Object.fromEntries(entries.map(([k, v]) => [k, plain(v, depth + 1)] as const));
};

/**
 * Any JSON value, nested at most LIMITS.nestingDepthMax deep, maps in it of at most
 * LIMITS.listEntriesMax entries; numbers become doubles, and are refused when they cannot.
 */
export const anything = () =>
  z.unknown().transform((value, ctx): unknown => {
    try {
      return plain(value, 1);
    } catch (error) {
      // plain() throws only its own RangeErrors, for depth and size.
      const { message } = error as Error;
      const origin = error instanceof HugeNumber ? 'number' : 'value';
      ctx.addIssue({ code: 'too_big', origin, maximum: 0, input: value, message });
      return z.NEVER;
    }
  });

const own = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof OddNumber);

const keyProblem = (key: string, names: boolean, issues: Issues): boolean => {
  if (key.length > LIMITS.nameLengthMax) tooLong(issues, key, LIMITS.nameLengthMax);
  else if (names && isUnfit(key)) unfit(issues, key);
  else return false;
  return true;
};

const entriesOf = <T extends z.ZodType>(of: T, names: boolean) =>
  z.preprocess(orElse({}), z.custom<object>(own, 'expected an object')).transform((value, ctx) => {
    const out: [string, z.output<T>][] = [];
    const entries = Object.entries(value);
    if (entries.length > LIMITS.listEntriesMax) {
      return tooMany(ctx, value);
    }
    for (const [key, part] of entries) {
      if (keyProblem(key, names, ctx)) return z.NEVER;
      const parsed = of.safeParse(part);
      if (parsed.success) out.push([key, parsed.data]);
      else
        for (const issue of parsed.error.issues)
          ctx.addIssue({ ...issue, input: part, path: [key, ...issue.path] } as never);
    }
    return Object.fromEntries(out) as Record<string, z.output<T>>;
  });

/** A map with free keys, at most LIMITS.listEntriesMax of them; absent or null is {}. */
export const dict = <T extends z.ZodType>(of: T) => entriesOf(of, false);

/** As `dict`, with names for keys. */
export const named = <T extends z.ZodType>(of: T) => entriesOf(of, true);

const isSpelling = (shape: object, name: string): boolean =>
  !Object.hasOwn(shape, name) && Object.hasOwn(shape, name.toLowerCase());

// Of a name sent in several spellings the last one counts, as on the original servers.
const matchNames = (shape: object, value: unknown, issues: Issues): unknown => {
  if (value instanceof OddNumber) return value.value;
  if (!own(value)) return value;
  const names = Object.keys(value);
  if (names.length > LIMITS.listEntriesMax) return tooMany(issues, value);
  if (!names.some((name) => isSpelling(shape, name))) return value;
  return Object.fromEntries(
    names.map((name) => [isSpelling(shape, name) ? name.toLowerCase() : name, value[name]]),
  );
};

/** An object with these fields, names in any case; absent or null is the object of zero values. */
export const struct = <S extends z.core.$ZodLooseShape>(shape: S) =>
  z.preprocess(
    (value, ctx) => matchNames(shape, value ?? {}, ctx),
    z.object(shape, 'expected an object'),
  );

/**
 * As `struct`, but absent or null is null, so that the message can be refused with its own text.
 */
export const pointer = <T extends z.ZodType>(to: T) =>
  z.preprocess(orElse(null), z.union([z.null(), to]));

type Issue = z.core.$ZodIssue;

/** The issue that says most, with its whole path: that of the last alternative of a union. */
const innermost = (issue: Issue): Issue => {
  const nested = issue.code === 'invalid_union' ? issue.errors.flat().at(-1) : undefined;
  return nested ? innermost({ ...nested, path: [...issue.path, ...nested.path] }) : issue;
};

/** The first problem of a failed parse, as `field.path: what was expected`. */
export const problemOf = (error: z.ZodError): string => {
  if (!error.issues[0]) return 'malformed';
  const { path, message } = innermost(error.issues[0]);
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
};

const NUMBERS: ReadonlySet<string> = new Set(['number', 'int', 'bigint']);

/**
 * Whether that problem is one of the right type: too much of it, or a name that cannot be one. A
 * number out of range is of the wrong type.
 */
export const isUnwanted = ({ issues: [first] }: z.ZodError): boolean => {
  const issue = first && innermost(first);
  if (issue?.code === 'custom') return issue.params?.['unfit'] === true;
  return issue?.code === 'too_big' && !NUMBERS.has(issue.origin);
};
