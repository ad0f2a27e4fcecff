// Users of a colony.

import { fault } from '../errors.ts';
import { checkName } from '../model/colony.ts';
import type { UserRow } from '../model/user.ts';
import { userTable } from '../store/tables/members.ts';
import type { Users } from './engine.ts';
import { type ColonyState, noteMember, type State, stateOf } from './state.ts';

/** Puts a user into the maps: a new one, or one read from disk. */
export const placeUser = (colony: ColonyState, user: UserRow): void => {
  colony.usersByName.set(user.name, user);
  colony.usersById.set(user.id, user);
  noteMember(colony, user.id);
};

const unplace = (colony: ColonyState, user: UserRow): void => {
  colony.usersByName.delete(user.name);
  if (colony.usersById.get(user.id)?.name === user.name) colony.usersById.delete(user.id);
  noteMember(colony, user.id);
};

const idTaken = (colony: ColonyState, id: string): void => {
  if (colony.usersById.has(id)) {
    throw fault(
      'conflict',
      `A user with id <${id}> already exists in Colony with name <${colony.row.name}>`,
      { reason: 'id' },
    );
  }
};

/** Makes the users part of the engine. */
export const makeUsers = (state: State): Users => ({
  list: (row) => [...stateOf(state, row).usersByName.values()],
  byName: (row, name) => stateOf(state, row).usersByName.get(name),
  byId: (row, id) => stateOf(state, row).usersById.get(id),
  add: async (row, user) => {
    const colony = stateOf(state, row);
    checkName('User name', user.name);
    checkName('User id', user.id);
    if (colony.usersByName.has(user.name)) {
      throw fault(
        'conflict',
        `A user with name <${user.name}> already exists in Colony with name <${colony.row.name}>`,
        { reason: 'name' },
      );
    }
    idTaken(colony, user.id);
    const added: UserRow = { ...user, colony: row.no };
    placeUser(colony, added);
    await state.store.write((w) => {
      userTable.put(w, added);
      w.made(added.id);
    });
    return added;
  },
  remove: async (user) => {
    const colony = state.colonies.get(user.colony);
    if (colony) unplace(colony, user);
    await state.store.write((w) => userTable.del(w, user));
  },
  changeId: async (user, id) => {
    const colony = state.colonies.get(user.colony);
    if (!colony) throw fault('not-found', 'the colony of the user is gone');
    if (id !== user.id) idTaken(colony, id);
    const next = { ...user, id };
    unplace(colony, user);
    placeUser(colony, next);
    await state.store.write((w) => userTable.put(w, next));
  },
});
