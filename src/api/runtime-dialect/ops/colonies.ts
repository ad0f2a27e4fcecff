// Messages of 2022 about colonies and the server.

import { z } from 'zod';
import { fault } from '../../../node/errors.ts';
import { Colony, ColonyMsg, colonyWire } from '../../../node/model/colony.ts';
import { pointer, struct, text } from '../../../node/model/wire.ts';
import { given, op } from '../../op.ts';
import { ColonyRef, Empty, ProcessStat } from '../shapes.ts';
import { DONE, duplicate, WRONG } from '../wrong.ts';

const ID_LENGTH = 64;

export const version = op({
  type: 'versionmsg',
  doc: 'Tells the version of the server. Needs no signature.',
  kind: 'read',
  wrong: WRONG,
  msg: struct({ buildversion: text(), buildtime: text() }),
  reply: z.object({ buildversion: z.string(), buildtime: z.string(), msgtype: z.string() }),
  allow: { who: 'anyone' },
  run: ({ server }) => ({
    buildversion: server.buildversion,
    buildtime: server.buildtime,
    msgtype: 'versionmsg',
  }),
});

export const addColony = op({
  type: 'addcolonymsg',
  doc: 'Adds a colony. Its id is the id of its owner’s key.',
  kind: 'write',
  wrong: WRONG,
  msg: struct({ colony: pointer(ColonyMsg) }),
  needs: ['colony'],
  reply: Colony,
  allow: { who: 'server-owner' },
  says: {
    id: duplicate('colonies'),
    name: (m) => `A Colony with name <${m.colony?.name}> already exists`,
  },
  run: async (cx, m) => {
    const { colonyid, name } = given(m.colony, 'colony is nil');
    if (Buffer.byteLength(colonyid) !== ID_LENGTH) {
      throw fault('bad-request', 'invalid colony id length');
    }
    return colonyWire(await cx.engine.colonies.add(colonyid, name));
  },
});

export const deleteColony = op({
  type: 'deletecolonymsg',
  doc: 'Removes a colony with everything in it. An unknown id is no error.',
  kind: 'write',
  wrong: WRONG,
  msg: ColonyRef,
  needs: ['colonyid'],
  reply: Empty,
  allow: { who: 'server-owner' },
  run: async (cx, m) => {
    const colony = cx.engine.colonies.find(m.colonyid);
    if (colony?.id === m.colonyid) await cx.engine.colonies.remove(colony);
    // That it is gone may be the doing of another call, whose effect is still on its way to disk.
    else await cx.engine.settled();
    return DONE;
  },
});

export const getColonies = op({
  type: 'getcoloniesmsg',
  doc: 'Lists the colonies of this server.',
  kind: 'read',
  wrong: WRONG,
  msg: struct({}),
  reply: z.array(Colony),
  allow: { who: 'server-owner' },
  run: (cx) => cx.engine.colonies.list().map(colonyWire),
});

export const getColony = op({
  type: 'getcolonymsg',
  doc: 'Gives a colony’s id and name.',
  kind: 'read',
  wrong: WRONG,
  msg: ColonyRef,
  needs: ['colonyid'],
  reply: Colony,
  allow: { who: 'member', colony: (m) => m.colonyid },
  run: (cx) => colonyWire(cx.colony),
});

export const getProcessStat = op({
  type: 'getprocstatmsg',
  doc: 'Counts a colony’s processes by state.',
  kind: 'read',
  wrong: WRONG,
  msg: ColonyRef,
  needs: ['colonyid'],
  reply: ProcessStat,
  allow: { who: 'member-or-owner', colony: (m) => m.colonyid },
  run: (cx) => {
    const [waiting, running, success, failed, cancelled] = cx.engine.processes.counts(cx.colony);
    return { waiting, running, success, failed: failed + cancelled };
  },
});
