// `colonies colony add | remove | ls | stats | check | chid`: colonies in the words of 1.9; `ls` in
// both.

import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { MEMBER_FLAGS, SERVER_OWNER_FLAGS } from '../identity.ts';
import { done, listOf, showAscii, showRounded } from '../report.ts';
import { asColonyMember, asColonyOwner, asServerOwner } from '../session.ts';

interface Colony {
  readonly colonyid: string;
  readonly name: string;
}

const add = command({
  path: ['colony', 'add'],
  summary: 'Add a colony under the id of its owner',
  details: '`colonies colony register` also generates and stores the key of the owner.',
  examples: ['colonies colony add --name dev --colonyid $COLONIES_COLONYID'],
  flags: {
    ...SERVER_FLAGS,
    ...SERVER_OWNER_FLAGS,
    name: { kind: 'string', help: 'Name of the colony', required: true },
    colonyid: { kind: 'string', help: 'Id of the colony owner', required: true },
  },
  run: async (ctx, { colonyid, name, ...flags }) => {
    const { call } = await asServerOwner(ctx, flags);
    const added = await call<Colony>('addcolonymsg', { colony: { colonyid, name } });
    done(ctx, 'Colony added', { ColonyID: colonyid, ColonyName: name }, added);
    return undefined;
  },
});

const remove = command({
  path: ['colony', 'remove'],
  summary: 'Remove a colony with everything in it',
  examples: ['colonies colony remove --name dev'],
  flags: {
    ...SERVER_FLAGS,
    ...SERVER_OWNER_FLAGS,
    name: { kind: 'string', help: 'Name of the colony', required: true },
  },
  run: async (ctx, flags) => {
    const { call } = await asServerOwner(ctx, flags);
    await call('removecolonymsg', { colonyname: flags.name });
    done(ctx, 'Colony removed', { ColonyName: flags.name });
    return undefined;
  },
});

const ls = command({
  path: ['colony', 'ls'],
  summary: 'List the colonies of a server',
  examples: ['colonies colony ls --insecure', 'colonies colony ls --json'],
  flags: { ...SERVER_FLAGS, ...SERVER_OWNER_FLAGS },
  run: async (ctx, flags) => {
    const { vocabulary, call } = await asServerOwner(ctx, flags);
    const colonies = listOf(await call<readonly Colony[] | null>('getcoloniesmsg', {}));
    if (ctx.globals.json) {
      ctx.json(colonies);
    } else if (vocabulary === 'runtime') {
      const rows = colonies.map((colony) => [colony.colonyid, colony.name]);
      showAscii(ctx, rows, { header: ['ID', 'Name'], alignNumbers: true });
    } else {
      const rows = colonies.map((colony) => [colony.name, colony.colonyid]);
      showRounded(ctx, rows, { header: ['Name', 'ColonyId'] });
    }
    return undefined;
  },
});

const COUNTERS = [
  ['Executors', 'executors'],
  ['Active executors', 'activeexecutors'],
  ['Unregistered executors', 'unregisteredexecutors'],
  ['Waiting processes', 'waitingprocesses'],
  ['Running processes', 'runningprocesses'],
  ['Successful processes', 'successfulprocesses'],
  ['Failed processes', 'failedprocesses'],
  ['Cancelled processes', 'cancelledprocesses'],
  ['Waiting workflows', 'waitingworkflows'],
  ['Running workflows', 'runningworkflows'],
  ['Successful workflows', 'successfulworkflows'],
  ['Failed workflows', 'failedworkflows'],
] as const;

const stats = command({
  path: ['colony', 'stats'],
  summary: 'Count the executors, processes and workflows of a colony',
  examples: ['colonies colony stats', 'colonies colony stats --json'],
  flags: { ...SERVER_FLAGS, ...MEMBER_FLAGS },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, flags);
    const reply = await call<Record<string, number>>('getcolonystatsmsg', { colonyname: colony });
    if (ctx.globals.json) {
      ctx.json(reply);
      return undefined;
    }
    showRounded(ctx, [
      ['Colony', colony],
      ...COUNTERS.map(([label, field]) => [label, reply[field] ?? 0]),
    ]);
    return undefined;
  },
});

const check = command({
  path: ['colony', 'check'],
  summary: 'Check that a colony exists and the caller is a member: exit code 0 or 255',
  examples: ['colonies colony check --name dev'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    name: { kind: 'string', help: 'Name of the colony' },
  },
  run: async (ctx, { name, ...flags }) => {
    const { call, colony } = await asColonyMember(ctx, { ...flags, colonyname: name });
    const found = await call<Colony>('getcolonymsg', { colonyname: colony });
    done(ctx, 'Colony exists', { ColonyName: colony }, found);
    return undefined;
  },
});

const chid = command({
  path: ['colony', 'chid'],
  summary: 'Change the id of a colony: its owner gets another key',
  examples: ['colonies colony chid --colonyid $NEW_ID'],
  flags: {
    ...SERVER_FLAGS,
    colonyid: { kind: 'string', help: 'New colony id', required: true },
    colonyname: { kind: 'string', help: 'Colony name' },
    colonyprvkey: { kind: 'string', help: 'Private key of the colony owner of now' },
  },
  run: async (ctx, { colonyid, ...flags }) => {
    const { call, colony } = await asColonyOwner(ctx, flags);
    await call('changecolonyidmsg', { colonyname: colony, colonyid });
    done(ctx, 'Changed colony Id', { ColonyId: colonyid, ColonyName: colony });
    return undefined;
  },
});

export const commands: readonly Command[] = [add, remove, ls, stats, check, chid];
