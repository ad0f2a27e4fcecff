// Durations and times as the tables of the command line show them. Pure.

/** 0 for the zero time of the protocol: any year up to 1 counts as "not set". */
export const timeToUs = (text: string): number => {
  const match = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(
    text,
  );
  if (!match) return 0;
  const [, date, clock, fraction = '', zone] = match;
  if (Number(date?.slice(0, 4)) <= 1) return 0;
  const ms = Date.parse(`${date}T${clock}${zone}`);
  return Number.isNaN(ms) ? 0 : ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
};

/**
 * `2006-01-02 15:04:05` of an RFC 3339 time, in the offset it was sent with; other text as it is.
 */
export const tableTime = (text: string): string => {
  const match = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)/.exec(text);
  return match ? `${match[1]} ${match[2]}` : text;
};

const trimmed = (whole: bigint, rest: bigint, digits: number): string => {
  const fraction = rest.toString().padStart(digits, '0').replace(/0+$/, '');
  return fraction === '' ? whole.toString() : `${whole}.${fraction}`;
};

const SECOND = 1_000_000_000n;

/** A duration of nanoseconds the way Go writes it: `0s`, `1.5ms`, `1m23.5s`, `1h0m0.5s`. */
export const durationText = (ns: bigint): string => {
  if (ns === 0n) return '0s';
  if (ns < 0n) return `-${durationText(-ns)}`;
  if (ns < 1_000n) return `${ns}ns`;
  if (ns < 1_000_000n) return `${trimmed(ns / 1_000n, ns % 1_000n, 3)}µs`;
  if (ns < SECOND) return `${trimmed(ns / 1_000_000n, ns % 1_000_000n, 6)}ms`;
  const minutes = ns / (60n * SECOND);
  const seconds = ns % (60n * SECOND);
  const tail = `${trimmed(seconds / SECOND, seconds % SECOND, 9)}s`;
  if (minutes === 0n) return tail;
  return minutes < 60n ? `${minutes}m${tail}` : `${minutes / 60n}h${minutes % 60n}m${tail}`;
};

/** As `durationText`, of whole microseconds. */
export const durationOfUs = (us: number): string => durationText(BigInt(Math.round(us)) * 1000n);

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of `1h30m`, `90s`, `250ms`, `7d`; a bare number is seconds. Undefined when it is
 * neither.
 */
export const parseDuration = (text: string): number | undefined => {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    ms += Number(amount) * (UNITS[unit as string] as number);
  }
  return ms;
};
