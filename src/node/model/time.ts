// Times of the model: whole microseconds since the epoch, 0 for "not set", and their RFC 3339 text.

import { ZERO_TIME } from './wire.ts';

export const SECOND_US = 1_000_000;
export const DAY_US = 86_400 * SECOND_US;

/** RFC 3339 in UTC with at most 6 fraction digits, trailing zeros dropped; 0 is the zero time. */
export const timeText = (us: number): string => {
  if (us === 0) return ZERO_TIME;
  const seconds = Math.floor(us / SECOND_US);
  const fraction = us - seconds * SECOND_US;
  const head = new Date(seconds * 1000).toISOString().slice(0, 19);
  if (fraction === 0) return `${head}Z`;
  return `${head}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}Z`;
};

/**
 * Seconds from now to an absolute time, saturating: absurd spans mean "never" and stay
 * representable.
 */
export const deadlineUs = (nowUs: number, seconds: number): number =>
  seconds > 0 ? Math.min(nowUs + seconds * SECOND_US, LATEST_US) : 0;

/** 9999-12-31T23:59:59Z, the last time RFC 3339 can write. */
export const LATEST_US = 253_402_300_799 * SECOND_US;
