// Checks colonies and their members: rows agree with their keys, ids are not used twice, nobody
// belongs to a colony that is gone.

import { isId } from '../../crypto/ids.ts';
import type { ColonyRow } from '../../model/colony.ts';
import { EXECUTOR_STATE, type ExecutorRow } from '../../model/executor.ts';
import type { FunctionRow } from '../../model/function.ts';
import { parseJson } from '../../model/json.ts';
import type { UserRow } from '../../model/user.ts';
import { colonyIn, keys, partsOf, type Range } from '../keys.ts';
import { type Check, type CheckedColony, colonyOf, readable } from './findings.ts';

/** Reports the second of two rows that claim the same thing. */
const claims = (check: Check, what: string): ((key: string, claim: string) => void) => {
  const seen = new Set<string>();
  return (key, claim) => {
    if (seen.has(claim)) check.found(key, what);
    seen.add(claim);
  };
};

const checkColonies = async (check: Check): Promise<void> => {
  const id = claims(check, 'another colony has the same id');
  const name = claims(check, 'another colony has the same name');
  const visit =
    (removing: boolean) =>
    (key: string, value: string): void => {
      const row = readable(check, key, () => parseJson(value) as ColonyRow);
      const no = colonyIn(partsOf(key)[0]);
      if (check.colonies.has(no)) check.found(key, 'the colony exists and is being removed');
      check.colonies.set(no, { removing, executors: new Set() });
      if (!row) return;
      if (row.no !== no || !isId(row.id)) check.found(key, 'is not the row of its colony');
      if (removing) return;
      id(key, row.id);
      name(key, row.name);
    };
  await check.each(keys.colonies, visit(false));
  await check.each(keys.allRemoving, visit(true));
};

/** Visits the rows of members whose colony lives; `name` is the last part of the key. */
const eachMember = <Row extends { readonly colony: number }>(
  check: Check,
  range: Range,
  visit: (key: string, row: Row, colony: CheckedColony, name: string) => void,
): Promise<void> =>
  check.each(range, (key, value) => {
    const [no, name = ''] = partsOf(key);
    const colony = colonyOf(check, key, colonyIn(no));
    const row = readable(check, key, () => parseJson(value) as Row);
    if (!colony || !row) return;
    if (colony.removing) check.found(key, 'its colony is being removed');
    if (row.colony !== colonyIn(no)) check.found(key, 'is the row of another colony');
    visit(key, row, colony, name);
  });

/** Which words there are is not known here: the API keeps one with a member. */
const isWord = (spoke: unknown): boolean => typeof spoke === 'string' && /^[a-z]+$/.test(spoke);

/** Checks colonies, users, executors and functions, and fills `check.colonies`. */
export const checkMembers = async (check: Check): Promise<void> => {
  await checkColonies(check);
  const userId = claims(check, 'another user of the colony has the same id');
  await eachMember<UserRow>(check, keys.users, (key, row, _colony, name) => {
    if (row.name !== name) check.found(key, 'is the row of another user');
    userId(key, `${row.colony} ${row.id}`);
  });
  const executorId = claims(check, 'another registered executor of the colony has the same id');
  await eachMember<ExecutorRow>(check, keys.executors, (key, row, colony, name) => {
    if (row.name !== name) check.found(key, 'is the row of another executor');
    if (row.spoke !== undefined && !isWord(row.spoke)) check.found(key, 'spoke no dialect');
    if (row.state === EXECUTOR_STATE.unregistered) return;
    colony.executors.add(row.id);
    executorId(key, `${row.colony} ${row.id}`);
  });
  const offered = claims(check, 'its executor has another function of the same name');
  await eachMember<FunctionRow>(check, keys.functions, (key, row, colony, id) => {
    if (row.wire.functionid !== id) check.found(key, 'is the row of another function');
    if (!colony.executors.has(row.executorid)) check.found(key, 'its executor is not registered');
    offered(key, `${row.colony} ${row.executorid} ${row.wire.funcname}`);
  });
};
