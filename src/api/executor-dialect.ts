// The executor dialect: today's vocabulary and the words in which it refuses.

import type { Engine, Member } from '../node/engine/engine.ts';
import { fault } from '../node/errors.ts';
import type { ColonyRow } from '../node/model/colony.ts';
import type { Dialect, Op, Rank, Watch } from './op.ts';

const authorise = (
  rank: Rank,
  colony: ColonyRow | undefined,
  ref: string,
  caller: string,
  engine: Engine,
): Member | undefined => {
  if (rank === 'colony-owner' && ref === '') throw fault('forbidden', 'Empty Colony name');
  if (colony === undefined) {
    throw fault('forbidden', `Colony with name <${ref}> does not exists`);
  }
  if (rank !== 'member' && rank !== 'member-any' && engine.roles.isColonyOwner(colony, caller)) {
    return undefined;
  }
  if (rank === 'colony-owner') throw fault('forbidden', 'Access denied, not colony owner');
  const any = rank === 'member-any' || rank === 'member-any-or-owner';
  const member = engine.roles.member(colony, caller, any);
  if (member !== undefined) return member;
  throw fault('forbidden', `Access denied, not a member of Colony with name <${ref}>`);
};

/** The executor dialect over these tables. */
export const executorDialect = (
  ops: ReadonlyMap<string, Op>,
  watches: ReadonlyMap<string, Watch>,
): Dialect => ({
  name: 'executor',
  ops,
  watches,
  closesRefused: false,
  authorise,
  notServerOwner: 'Access denied, not server owner',
  badSignature: (refusal) => refusal.message,
});
