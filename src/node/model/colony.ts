// A colony: a set of workers under one identity. Its id is the id of its owner's key.

import { z } from 'zod';
import { fault } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isUnfit, struct, text } from './wire.ts';

export const ColonyMsg = struct({ colonyid: text(), name: text() });
export const Colony = z.object({ colonyid: z.string(), name: z.string() });
export type Colony = z.output<typeof Colony>;

/**
 * The stored colony. `no` is the node's own number for it: the prefix of its keys, never on the
 * wire.
 */
export interface ColonyRow {
  readonly no: number;
  readonly id: string;
  readonly name: string;
  readonly paused: boolean;
}

/**
 * Refuses a name that cannot serve as a name: control characters, broken surrogates, or longer than
 * LIMITS.nameLengthMax. `what` starts the message.
 */
export const checkName = (what: string, name: string): void => {
  if (name.length > LIMITS.nameLengthMax) {
    throw fault(
      'bad-request',
      `${what} is too long: ${name.length} characters, at most ${LIMITS.nameLengthMax}`,
    );
  }
  if (isUnfit(name)) {
    throw fault('bad-request', `${what} contains control characters or broken Unicode`);
  }
};

/** A colony name may not look like an id, so that an id in place of a name is never ambiguous. */
export const checkColonyName = (name: string): void => {
  checkName('Colony name', name);
  if (/^[0-9a-fA-F]{64}$/.test(name)) {
    throw fault(
      'bad-request',
      'A colony name must not be 64 hex digits: that is the form of an id',
    );
  }
};

/** The colony as it travels, named the way the request named it. */
export const colonyWire = (row: ColonyRow): Colony => ({ colonyid: row.id, name: row.name });
