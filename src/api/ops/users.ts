// Operations on the users of a colony.

import { z } from 'zod';
import { fault } from '../../node/errors.ts';
import { User, UserMsg, userWire } from '../../node/model/user.ts';
import { pointer, struct, text } from '../../node/model/wire.ts';
import { given, type Missing, op } from '../op.ts';
import { DONE, Done, wrong } from './wrong.ts';

const NO_USER = 'Failed to add user, executor is nil';

const noColony: Missing<{ readonly colonyname: string }> = {
  code: 'bad-request',
  text: (m) => `Colony with name <${m.colonyname}> does not exists`,
};

export const addUser = op({
  type: 'addusermsg',
  doc: 'Adds a user to a colony.',
  kind: 'write',
  wrong: wrong('Failed to add user'),
  msg: struct({ user: pointer(UserMsg) }),
  needs: ['user'],
  reply: User,
  allow: {
    who: 'colony-owner',
    colony: (m) => given(m.user, NO_USER).colonyname,
    missing: { code: 'bad-request', text: (m) => noColony.text(given(m.user, NO_USER)) },
  },
  says: {
    name: ({ user }) =>
      `A user with name <${user?.name}> already exists in Colony with name <${user?.colonyname}>`,
    id: ({ user }) =>
      `A user with id <${user?.userid}> already exists in Colony with name <${user?.colonyname}>`,
  },
  run: async (cx, m) => {
    const { userid, name, email, phone } = given(m.user, NO_USER);
    const row = await cx.engine.users.add(cx.colony, { id: userid, name, email, phone });
    return userWire(row, cx.name);
  },
});

export const getUsers = op({
  type: 'getusersmsg',
  doc: 'Lists the users of a colony.',
  kind: 'read',
  wrong: wrong('Failed to get users'),
  msg: struct({ colonyname: text() }),
  needs: ['colonyname'],
  reply: z.array(User),
  allow: { who: 'member-any', colony: (m) => m.colonyname, missing: noColony },
  run: (cx) => cx.engine.users.list(cx.colony).map((row) => userWire(row, cx.name)),
});

export const getUser = op({
  type: 'getusermsg',
  doc: 'Gives one user of a colony by name.',
  kind: 'read',
  wrong: wrong('Failed to get user'),
  msg: struct({ colonyname: text(), name: text() }),
  needs: ['colonyname', 'name'],
  reply: User,
  allow: { who: 'member-any', colony: (m) => m.colonyname, missing: noColony },
  run: (cx, m) => {
    const row = cx.engine.users.byName(cx.colony, m.name);
    if (row === undefined) throw fault('not-found', 'Failed to get user, user is nil');
    return userWire(row, cx.name);
  },
});

export const getUserById = op({
  type: 'getuserbyidmsg',
  doc: 'Gives one user of a colony by id.',
  kind: 'read',
  wrong: wrong('Failed to get user by ID'),
  msg: struct({ colonyname: text(), userid: text() }),
  needs: ['colonyname', 'userid'],
  reply: User,
  allow: { who: 'member-any', colony: (m) => m.colonyname, missing: noColony },
  run: (cx, m) => {
    const row = cx.engine.users.byId(cx.colony, m.userid);
    if (row === undefined) throw fault('not-found', 'Failed to get user by ID, user is nil');
    return userWire(row, cx.name);
  },
});

export const removeUser = op({
  type: 'removeusermsg',
  doc: 'Removes a user from a colony. What the user submitted stays.',
  kind: 'write',
  wrong: wrong('Failed to remove user'),
  msg: struct({ colonyname: text(), name: text() }),
  needs: ['colonyname', 'name'],
  reply: Done,
  allow: { who: 'colony-owner', colony: (m) => m.colonyname, missing: noColony },
  run: async (cx, m) => {
    const row = cx.engine.users.byName(cx.colony, m.name);
    if (row === undefined) throw fault('bad-request', `User with name <${m.name}> not found`);
    await cx.engine.users.remove(row);
    return DONE;
  },
});
