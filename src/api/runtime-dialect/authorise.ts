// Who may call in the runtime dialect, and the words of its refusals. Members are runtimes only:
// users do not exist in 2022, so a user's key is refused here as any stranger's is.

import type { Engine, Member } from '../../node/engine/engine.ts';
import { fault } from '../../node/errors.ts';
import type { ColonyRow } from '../../node/model/colony.ts';
import { EXECUTOR_STATE } from '../../node/model/executor.ts';
import type { Rank } from '../op.ts';
import { isLive } from './translate/runtime.ts';

/** The refusal of a runtime that was not approved. */
export const notApproved = (id: string): string => `Runtime with Id <${id}> is not approved`;

const unknownColony = (ref: string): string => `Colony <${ref}> does not exists`;

// The member, or why the caller is none.
const findMember = (
  colony: ColonyRow | undefined,
  ref: string,
  caller: string,
  any: boolean,
  engine: Engine,
): Member | string => {
  if (colony === undefined) return unknownColony(ref);
  const rows = engine.executors.anywhere(caller).filter(isLive);
  const executor = rows.find((row) => row.colony === colony.no);
  const who = `Runtime with Id <${caller}> is not a member of Colony with Id <${colony.id}>`;
  if (executor === undefined) {
    return rows.length === 0
      ? `${who} (Runtime does not exist)`
      : `${who}, (Recovered Id and Colony Id missmatches)`;
  }
  if (!any && executor.state !== EXECUTOR_STATE.approved) return notApproved(caller);
  return { kind: 'executor', executor };
};

/**
 * Who the caller is to the colony; undefined for its owner. An owner is no member. Where either may
 * call, only the owner's refusals are ever told. Throws forbidden.
 */
export const authorise = (
  rank: Rank,
  colony: ColonyRow | undefined,
  ref: string,
  caller: string,
  engine: Engine,
): Member | undefined => {
  if (rank !== 'colony-owner') {
    const any = rank === 'member-any' || rank === 'member-any-or-owner';
    const member = findMember(colony, ref, caller, any, engine);
    if (typeof member !== 'string') return member;
    if (rank === 'member' || rank === 'member-any') throw fault('forbidden', member);
  }
  if (caller !== (colony?.id ?? ref)) {
    throw fault('forbidden', 'RecoveredID does not match Colony Id');
  }
  if (colony === undefined) throw fault('forbidden', unknownColony(ref));
  return undefined;
};
