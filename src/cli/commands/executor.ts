// `colonies executor add | create | remove | approve | reject | chid`: changing executors. The
// group's --colonyid names the colony, by name or id.

import { writeFileSync } from 'node:fs';
import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { usageProblem } from '../errors.ts';
import { idOf } from '../identity.ts';
import { keepingKey } from '../new-key.ts';
import { done } from '../report.ts';
import { asColonyMember, asColonyOwner, type SessionFlags } from '../session.ts';
import { type JsonObject, readSpec } from '../spec-file.ts';

/**
 * --colonyid in this group is a colony in the words of 1.9, so it must not choose those of 2022.
 */
export const EXECUTOR_FLAGS = {
  ...SERVER_FLAGS,
  colonyid: { kind: 'string', help: 'Colony name (or id)' },
} as const;

const OWNER_FLAGS = {
  ...EXECUTOR_FLAGS,
  colonyprvkey: { kind: 'string', help: 'Private key of the colony owner' },
} as const;

/** The flags of a session, with the colony under its 1.9 name. */
export const today = <F extends SessionFlags>({ colonyid, ...flags }: F): SessionFlags => ({
  ...flags,
  colonyname: colonyid,
});

const SPEC_FLAGS = {
  spec: { kind: 'string', help: 'JSON file that describes the executor' },
  name: { kind: 'string', help: 'Executor name; before the one in the file' },
  type: { kind: 'string', help: 'Executor type; before the one in the file' },
  approve: { kind: 'bool', help: 'Also approve the executor' },
} as const;

interface SpecFlags {
  readonly spec: string | undefined;
  readonly name: string | undefined;
  readonly type: string | undefined;
}

const describe = (ctx: Context, flags: SpecFlags): JsonObject => {
  const file = flags.spec === undefined ? {} : readSpec(flags.spec);
  const executorname = flags.name || file['executorname'] || ctx.env.COLONIES_EXECUTOR_NAME;
  const executortype = flags.type || file['executortype'] || ctx.env.COLONIES_EXECUTOR_TYPE;
  if (typeof executorname !== 'string' || typeof executortype !== 'string') {
    throw usageProblem('give --name and --type, or --spec with executorname and executortype');
  }
  return { ...file, executorname, executortype };
};

const register = async (
  ctx: Context,
  flags: SessionFlags & SpecFlags & { readonly approve: boolean | undefined },
  executorid: string,
): Promise<void> => {
  const spec = describe(ctx, flags);
  const { call, colony } = await asColonyOwner(ctx, today(flags));
  const added = await call('addexecutormsg', {
    executor: { ...spec, executorid, colonyname: colony },
  });
  const name = spec['executorname'];
  if (flags.approve) {
    ctx.log.info('Approving Executor', { ExecutorName: name });
    await call('approveexecutormsg', { colonyname: colony, executorname: name });
  }
  const facts = {
    ColonyName: colony,
    ExecutorID: executorid,
    ExecutorName: name,
    ExecutorType: spec['executortype'],
  };
  done(ctx, 'Executor added', facts, added);
};

const add = command({
  path: ['executor', 'add'],
  summary: 'Add an executor whose key already exists',
  examples: ['colonies executor add --executorid $ID --name ex1 --type cli --approve'],
  flags: {
    ...OWNER_FLAGS,
    ...SPEC_FLAGS,
    executorid: { kind: 'string', help: 'Executor id, 64 hex digits', required: true },
  },
  run: async (ctx, flags) => {
    if (flags.executorid.length !== 64) throw new Error('Executor Id must be 64 characters');
    await register(ctx, flags, flags.executorid);
    return undefined;
  },
});

const create = command({
  path: ['executor', 'create'],
  summary: 'Generate the key of an executor and add it',
  details:
    'Writes the key to --keypath and the id to --idpath, readable by their owner only; without them\n' +
    'the key goes to the keychain.',
  examples: [
    'colonies executor create --name ex1 --type cli --approve',
    'colonies executor create --name ex2 --type cli --keypath ./ex2.key --idpath ./ex2.id',
  ],
  flags: {
    ...OWNER_FLAGS,
    ...SPEC_FLAGS,
    keypath: { kind: 'string', help: 'File for the private key; needs --idpath' },
    idpath: { kind: 'string', help: 'File for the id; needs --keypath' },
  },
  run: async (ctx, flags) => {
    const { keypath, idpath } = flags;
    if ((keypath === undefined) !== (idpath === undefined)) {
      throw usageProblem('give both --keypath and --idpath, or neither');
    }
    describe(ctx, flags);
    const { generateKey } = await import('../../node/crypto/keys.ts');
    const key = generateKey(ctx.clock);
    const id = await idOf(key);
    if (keypath === undefined || idpath === undefined) {
      await keepingKey(ctx, id, key, () => register(ctx, flags, id));
      return undefined;
    }
    // Kept first: an executor whose key was lost could never be used.
    writeFileSync(keypath, key, { mode: 0o600 });
    writeFileSync(idpath, id, { mode: 0o600 });
    await register(ctx, flags, id);
    return undefined;
  },
});

const remove = command({
  path: ['executor', 'remove'],
  summary: 'Remove an executor; what it runs goes back to the queue',
  examples: ['colonies executor remove --name ex1'],
  flags: { ...OWNER_FLAGS, name: { kind: 'string', help: 'Executor name', required: true } },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyOwner(ctx, today(flags));
    await call('removeexecutormsg', { colonyname: colony, executorname: flags.name });
    done(ctx, 'Executor removed', { ColonyName: colony, ExecutorName: flags.name });
    return undefined;
  },
});

const decide = (name: string, type: string, summary: string, text: string): Command =>
  command({
    path: ['executor', name],
    summary,
    examples: [`colonies executor ${name} --name ex1`],
    flags: { ...OWNER_FLAGS, name: { kind: 'string', help: 'Executor name', required: true } },
    run: async (ctx, flags) => {
      const { call, colony } = await asColonyOwner(ctx, today(flags));
      await call(type, { colonyname: colony, executorname: flags.name });
      done(ctx, text, { ColonyName: colony, ExecutorName: flags.name });
      return undefined;
    },
  });

const chid = command({
  path: ['executor', 'chid'],
  summary: 'Change the id of the executor that calls',
  examples: ['colonies executor chid --executorid $NEW_ID'],
  flags: {
    ...EXECUTOR_FLAGS,
    prvkey: { kind: 'string', help: 'Private key of the executor of now' },
    executorid: { kind: 'string', help: 'New executor id', required: true },
  },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, today(flags));
    await call('changeexecutoridmsg', { colonyname: colony, executorid: flags.executorid });
    done(ctx, 'Changed executor Id', { ColonyName: colony, ExecutorId: flags.executorid });
    return undefined;
  },
});

export const commands: readonly Command[] = [
  add,
  create,
  remove,
  decide('approve', 'approveexecutormsg', 'Let an executor in', 'Executor approved'),
  decide('reject', 'rejectexecutormsg', 'Shut an executor out', 'Executor rejected'),
  chid,
];
