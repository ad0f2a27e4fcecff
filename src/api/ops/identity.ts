// Operations that move an identity to another key. The old id stops working at once; each replies
// by echoing the request.

import { z } from 'zod';
import { isId } from '../../node/crypto/ids.ts';
import { fault } from '../../node/errors.ts';
import { struct, text } from '../../node/model/wire.ts';
import { op } from '../op.ts';
import { wrong } from './wrong.ts';

const ID_LENGTH = 64;

const notEmpty = (id: string, prefix: string): void => {
  if (id === '') throw fault('bad-request', `${prefix} is empty`);
};

// An id that is no id could never sign again.
const checkNewId = (prefix: string, what: string, id: string): void => {
  if (id.length !== ID_LENGTH) {
    throw fault('bad-request', `${prefix}, new ${what} Id is not 64 characters`);
  }
  if (!isId(id)) {
    throw fault('bad-request', `${prefix}, new ${what} Id is not 64 lower-case hex digits`);
  }
};

const USER = 'Failed to change user Id';
const EXECUTOR = 'Failed to change executor Id';
const COLONY = 'Failed to change colony Id';

export const changeUserId = op({
  type: 'changeuseridmsg',
  doc: 'Gives the calling user another id.',
  kind: 'write',
  wrong: wrong(USER, { invalid: 'Failed to add log, invalid JSON' }),
  msg: struct({ colonyname: text(), userid: text() }),
  needs: ['colonyname', 'userid'],
  reply: z.object({ colonyname: z.string(), userid: z.string(), msgtype: z.string() }),
  allow: { who: 'member-any', colony: (m) => m.colonyname },
  first: (m) => notEmpty(m.userid, `${USER}, user Id`),
  says: { id: (m) => `${USER}, id <${m.userid}> already exists` },
  run: async (cx, m) => {
    const user = cx.engine.users.byId(cx.colony, cx.caller);
    if (user === undefined) throw fault('bad-request', `${USER}, user not found`);
    checkNewId(USER, 'user', m.userid);
    await cx.engine.users.changeId(user, m.userid);
    return { ...m, msgtype: 'changeuseridmsg' };
  },
});

export const changeExecutorId = op({
  type: 'changeexecutoridmsg',
  doc: 'Gives the calling executor another id; its running processes stay its own.',
  kind: 'write',
  wrong: wrong(EXECUTOR),
  msg: struct({ colonyname: text(), executorid: text() }),
  needs: ['colonyname', 'executorid'],
  reply: z.object({ colonyname: z.string(), executorid: z.string(), msgtype: z.string() }),
  allow: { who: 'member-any', colony: (m) => m.colonyname },
  first: (m) => notEmpty(m.executorid, `${EXECUTOR}, executor Id`),
  says: { id: (m) => `${EXECUTOR}, id <${m.executorid}> already exists` },
  run: async (cx, m) => {
    if (cx.member.kind !== 'executor') {
      throw fault('bad-request', `${EXECUTOR}, executor not found`);
    }
    checkNewId(EXECUTOR, 'executor', m.executorid);
    await cx.engine.executors.changeId(cx.member.executor, m.executorid);
    return { ...m, msgtype: 'changeexecutoridmsg' };
  },
});

export const changeColonyId = op({
  type: 'changecolonyidmsg',
  doc: 'Moves a colony to another owner key.',
  kind: 'write',
  wrong: wrong(COLONY),
  msg: struct({ colonyname: text(), colonyid: text() }),
  needs: ['colonyname', 'colonyid'],
  reply: z.object({ colonyname: z.string(), colonyid: z.string(), msgtype: z.string() }),
  allow: { who: 'colony-owner', colony: (m) => m.colonyname },
  first: (m) => notEmpty(m.colonyid, `${COLONY}, colony Id`),
  says: { id: (m) => `${COLONY}, id <${m.colonyid}> already exists` },
  run: async (cx, m) => {
    checkNewId(COLONY, 'colony', m.colonyid);
    await cx.engine.colonies.changeId(cx.colony, m.colonyid);
    return { ...m, msgtype: 'changecolonyidmsg' };
  },
});

export const changeServerId = op({
  type: 'changeserveridmsg',
  doc: 'Moves the server to another owner key.',
  kind: 'write',
  wrong: wrong(COLONY),
  msg: struct({ serverid: text() }),
  needs: ['serverid'],
  reply: z.object({ serverid: z.string(), msgtype: z.string() }),
  allow: { who: 'server-owner' },
  first: (m) => notEmpty(m.serverid, `${COLONY}, colony Id`),
  run: async (cx, m) => {
    checkNewId('Failed to change server Id', 'server', m.serverid);
    await cx.engine.server.changeId(m.serverid);
    return { ...m, msgtype: 'changeserveridmsg' };
  },
});
