// `colonies user`: members that submit and read, but never take work.

import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { COLONY_OWNER_FLAGS, MEMBER_FLAGS } from '../identity.ts';
import { aborted, done, listOf, showRounded } from '../report.ts';
import { asColonyMember, asColonyOwner } from '../session.ts';

interface User {
  readonly userid: string;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly colonyname: string;
}

const NAME = { kind: 'string', help: 'Username', required: true } as const;

const add = command({
  path: ['user', 'add'],
  summary: 'Add a user to a colony',
  examples: ['colonies user add --name ann --userid $ID --email ann@example.org'],
  flags: {
    ...SERVER_FLAGS,
    ...COLONY_OWNER_FLAGS,
    name: NAME,
    userid: { kind: 'string', help: 'Id of the user, 64 hex digits', required: true },
    email: { kind: 'string', help: 'Email address', default: '' },
    phone: { kind: 'string', help: 'Phone number', default: '' },
  },
  run: async (ctx, flags) => {
    const { userid, name, email, phone } = flags;
    if (userid.length !== 64) throw new Error('User Id must be 64 characters');
    const { call, colony } = await asColonyOwner(ctx, flags);
    const added = await call<User>('addusermsg', {
      user: { colonyname: colony, userid, name, email, phone },
    });
    const facts = {
      ColonyName: colony,
      Email: email,
      Phone: phone,
      UserId: userid,
      Username: name,
    };
    done(ctx, 'User added', facts, added);
    return undefined;
  },
});

const ls = command({
  path: ['user', 'ls'],
  summary: 'List the users of a colony',
  examples: ['colonies user ls', 'colonies user ls --json'],
  flags: { ...SERVER_FLAGS, ...MEMBER_FLAGS },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, flags);
    const users = listOf(await call<readonly User[] | null>('getusersmsg', { colonyname: colony }));
    if (ctx.globals.json) {
      ctx.json(users);
      return undefined;
    }
    const rows = users.map((user) => [user.name, user.email, user.phone]);
    showRounded(ctx, rows, { header: ['Username', 'Email', 'Phone'] });
    return undefined;
  },
});

const get = command({
  path: ['user', 'get'],
  summary: 'Show a user',
  examples: ['colonies user get --name ann'],
  flags: { ...SERVER_FLAGS, ...MEMBER_FLAGS, name: NAME },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, flags);
    const user = await call<User>('getusermsg', { colonyname: colony, name: flags.name });
    if (ctx.globals.json) {
      ctx.json(user);
      return undefined;
    }
    showRounded(ctx, [
      ['Username', user.name],
      ['UserId', user.userid],
      ['Phone', user.phone],
      ['Email', user.email],
      ['Colony', user.colonyname],
    ]);
    return undefined;
  },
});

const remove = command({
  path: ['user', 'remove'],
  summary: 'Remove a user',
  details: 'Asks first; only the exact line YES goes on.',
  examples: ['echo YES | colonies user remove --name ann', 'colonies user remove --name ann --yes'],
  flags: {
    ...SERVER_FLAGS,
    ...COLONY_OWNER_FLAGS,
    name: NAME,
    yes: { kind: 'bool', help: 'Do not ask' },
  },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyOwner(ctx, flags);
    const question =
      `WARNING!!! Are you sure you want to remove user <${flags.name}> ` +
      `in colony <${colony}> ! (YES,no): `;
    if (!flags.yes && !(await ctx.confirm(question))) {
      aborted(ctx);
      return undefined;
    }
    await call('removeusermsg', { colonyname: colony, name: flags.name });
    done(ctx, 'User removed', { ColonyName: colony, Username: flags.name });
    return undefined;
  },
});

const chid = command({
  path: ['user', 'chid'],
  summary: 'Change the id of the user that calls',
  examples: ['colonies user chid --userid $NEW_ID'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    userid: { kind: 'string', help: 'New user id', required: true },
  },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, flags);
    await call('changeuseridmsg', { colonyname: colony, userid: flags.userid });
    done(ctx, 'Changed user Id', { ColonyName: colony, UserId: flags.userid });
    return undefined;
  },
});

export const commands: readonly Command[] = [add, ls, get, remove, chid];
