// `colonies process delete | deleteall` (2022) and `remove | removeall` (1.9): taking processes
// away.

import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { EXIT, usageProblem } from '../errors.ts';
import { COLONY_OWNER_FLAGS, MEMBER_FLAGS } from '../identity.ts';
import { aborted, done } from '../report.ts';
import { asColonyOwner, asMember, inEitherWords, type Session } from '../session.ts';

const PROCESS_FLAGS = {
  ...SERVER_FLAGS,
  ...MEMBER_FLAGS,
  processid: { kind: 'string', short: 'p', help: 'Process id', required: true },
} as const;

const YES_FLAG = { kind: 'bool', help: 'Do not ask' } as const;

const deleteOne = command({
  path: ['process', 'delete'],
  summary: 'Delete a process',
  details:
    'Users, whom 2022 does not know, delete a process that is not running, as with `remove`.',
  examples: ['colonies process delete --processid $ID --insecure'],
  flags: PROCESS_FLAGS,
  run: async (ctx, flags) => {
    const { processid } = flags;
    const session: Session = { ...(await asMember(ctx, flags)), vocabulary: 'runtime' };
    await inEitherWords(session, ({ vocabulary, call }) =>
      call(vocabulary === 'runtime' ? 'deleteprocessmsg' : 'removeprocessmsg', { processid }),
    );
    done(ctx, 'Process deleted', { processID: processid });
    return undefined;
  },
});

const deleteAll = command({
  path: ['process', 'deleteall'],
  summary: 'Delete all processes of a colony',
  details: 'Asks first; only the exact line YES goes on.',
  examples: ['echo YES | colonies process deleteall --insecure'],
  flags: {
    ...SERVER_FLAGS,
    ...COLONY_OWNER_FLAGS,
    runtimeid: { kind: 'string', help: 'Unused' },
    runtimeprvkey: { kind: 'string', help: 'Unused' },
    yes: YES_FLAG,
  },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyOwner(ctx, flags);
    const question =
      'WARNING!!! Are you sure you want to delete all process in the Colony ' +
      'This operation cannot be undone! (YES,no): ';
    if (!flags.yes && !(await ctx.confirm(question))) {
      aborted(ctx);
      return undefined;
    }
    await call('deleteallprocessesmsg', { colonyid: colony });
    done(ctx, 'Deleting all processes in Colony', { colonyID: colony });
    return undefined;
  },
});

const remove = command({
  path: ['process', 'remove'],
  summary: 'Remove a process that is not running',
  examples: ['colonies process remove --processid $ID'],
  flags: PROCESS_FLAGS,
  run: async (ctx, flags) => {
    const { call } = await asMember(ctx, flags);
    await call('removeprocessmsg', { processid: flags.processid });
    done(ctx, 'Process removed', { ProcessId: flags.processid });
    return undefined;
  },
});

const STATES = { waiting: 0, successful: 2, failed: 3, cancelled: 4 } as const;
const ALL = -1;

const removeAll = command({
  path: ['process', 'removeall'],
  summary: 'Remove all processes of a colony, or all in one state',
  details: 'Asks first; only the exact line YES goes on.',
  examples: [
    'echo YES | colonies process removeall --failed',
    'colonies process removeall --successful --yes',
  ],
  flags: {
    ...SERVER_FLAGS,
    ...COLONY_OWNER_FLAGS,
    waiting: { kind: 'bool', help: 'Only waiting processes' },
    successful: { kind: 'bool', help: 'Only successful processes' },
    failed: { kind: 'bool', help: 'Only failed processes' },
    cancelled: { kind: 'bool', help: 'Only cancelled processes' },
    yes: YES_FLAG,
  },
  run: async (ctx, flags) => {
    const names = (Object.keys(STATES) as (keyof typeof STATES)[]).filter((name) => flags[name]);
    const [which] = names;
    if (names.length > 1) throw usageProblem(`give at most one of --${names.join(', --')}`);
    const { call, colony } = await asColonyOwner(ctx, flags);
    const what = `${which ?? 'all'} processes in colony <${colony}>`;
    const question =
      `WARNING!!! Are you sure you want to remove ${what}. ` +
      'This operation cannot be undone! (YES,no): ';
    if (!flags.yes && !(await ctx.confirm(question))) {
      aborted(ctx);
      return undefined;
    }
    const state = which === undefined ? ALL : STATES[which];
    await call('removeallprocessesmsg', { colonyname: colony, state });
    done(ctx, `Removing ${what}`, { ColonyName: colony });
    return EXIT.ok;
  },
});

export const commands: readonly Command[] = [deleteOne, deleteAll, remove, removeAll];
