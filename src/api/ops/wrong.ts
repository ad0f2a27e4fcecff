// The executor dialect's texts for a payload that cannot be read. Most types have one prefix for
// all.

import { z } from 'zod';
import type { Wrong } from '../op.ts';

const MISMATCH = 'msg.MsgType does not match payloadType';

/** The texts of a type with this prefix; `odd` replaces those of the irregular types. */
export const wrong = (
  prefix: string,
  odd: { readonly invalid?: string; readonly mismatch?: string } = {},
): Wrong => {
  const invalid = odd.invalid ?? `${prefix}, invalid JSON`;
  return {
    invalid: () => invalid,
    nothing: invalid,
    mismatch: odd.mismatch ?? `${prefix}, ${MISMATCH}`,
  };
};

/** The reply of operations that only do something: `{}`. */
export const Done = z.object({});
export const DONE = Object.freeze({});
