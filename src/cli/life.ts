// How long signed statements live, as flags say it.

import { parseDuration } from './duration.ts';
import { usageProblem } from './errors.ts';

/** Milliseconds of the value of --expires: `90d`, `12h`. Throws a UsageError for anything else. */
export const lifeMs = (text: string): number => {
  const ms = parseDuration(text);
  if (ms !== undefined && Number.isFinite(ms) && ms > 0) return Math.round(ms);
  throw usageProblem(
    `invalid argument ${JSON.stringify(text)} for "--expires" flag: ` +
      'expected a duration such as 90d or 12h',
  );
};
