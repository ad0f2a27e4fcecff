// Operations on colonies.

import { z } from 'zod';
import { fault } from '../../node/errors.ts';
import { Colony, ColonyMsg, colonyWire } from '../../node/model/colony.ts';
import { Statistics } from '../../node/model/statistics.ts';
import { pointer, struct, text } from '../../node/model/wire.ts';
import { given, op } from '../op.ts';
import { DONE, Done, wrong } from './wrong.ts';

const ID_LENGTH = 64;

export const addColony = op({
  type: 'addcolonymsg',
  doc: 'Adds a colony. Its id is the id of its owner’s key.',
  kind: 'write',
  wrong: wrong('Failed to add colony'),
  msg: struct({ colony: pointer(ColonyMsg) }),
  needs: ['colony'],
  reply: Colony,
  allow: { who: 'server-owner' },
  says: {
    name: (m) => `A Colony with name <${m.colony?.name}> already exists`,
    id: (m) => `A Colony with id <${m.colony?.colonyid}> already exists`,
  },
  run: async (cx, m) => {
    const { colonyid, name } = given(m.colony, 'Failed to add colony, colony is <nil>');
    if (colonyid.length !== ID_LENGTH) {
      throw fault('bad-request', 'Failed to add colony, invalid colony Id length');
    }
    return colonyWire(await cx.engine.colonies.add(colonyid, name));
  },
});

export const removeColony = op({
  type: 'removecolonymsg',
  doc: 'Removes a colony with everything in it.',
  kind: 'write',
  wrong: wrong('Failed to remove colony'),
  msg: struct({ colonyname: text() }),
  needs: ['colonyname'],
  reply: Done,
  allow: { who: 'server-owner' },
  run: async (cx, m) => {
    const colony = cx.engine.colonies.find(m.colonyname);
    if (colony === undefined) {
      throw fault('bad-request', `Colony with name <${m.colonyname}> not found`);
    }
    await cx.engine.colonies.remove(colony);
    return DONE;
  },
});

export const getColonies = op({
  type: 'getcoloniesmsg',
  doc: 'Lists the colonies of this server.',
  kind: 'read',
  wrong: wrong('Failed to get colonies'),
  msg: struct({}),
  reply: z.array(Colony),
  allow: { who: 'server-owner' },
  run: (cx) => cx.engine.colonies.list().map(colonyWire),
});

export const getColony = op({
  type: 'getcolonymsg',
  doc: 'Gives a colony’s id and name.',
  kind: 'read',
  wrong: wrong('Failed to get colony'),
  msg: struct({ colonyname: text() }),
  needs: ['colonyname'],
  reply: Colony,
  allow: { who: 'member', colony: (m) => m.colonyname },
  run: (cx) => colonyWire(cx.colony),
});

export const getColonyStatistics = op({
  type: 'getcolonystatsmsg',
  doc: 'Counts a colony’s executors, processes and workflows.',
  kind: 'read',
  wrong: wrong('Failed to get colony statistics'),
  msg: struct({ colonyname: text() }),
  needs: ['colonyname'],
  reply: Statistics,
  allow: {
    who: 'member',
    colony: (m) => m.colonyname,
    missing: {
      code: 'bad-request',
      text: (m) => `Colony with name <${m.colonyname}> not found`,
    },
  },
  run: (cx) => cx.engine.colonies.statistics(cx.colony),
});
