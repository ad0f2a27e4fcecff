// `colonies federation members copy`: the members of a colony on one of its hosts, registered on
// another. Until
// colonies travel whole, members have to exist on every host that is to serve them.

import { openColony } from '../attach/open.ts';
import { BOOTSTRAP_FLAGS, bootstrapsOrServer, overlayOf } from '../attach/sources.ts';
import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { AdvisedError, advised, ServerError } from '../errors.ts';
import { COLONY_OWNER_FLAGS, colonyOwnerKey, colonyRef, idOf } from '../identity.ts';
import { serverIdOf } from '../owner-records.ts';
import { listOf } from '../report.ts';
import { type SignedCall, signedBy } from '../session.ts';

const APPROVED = 1;
const UNREGISTERED = 3;
const TEMPORARY = 'members-copy-';

interface Executor {
  readonly executorid: string;
  readonly executorname: string;
  readonly state: number;
}

interface User {
  readonly userid: string;
  readonly name: string;
}

interface Members {
  readonly users: readonly User[];
  readonly executors: readonly Executor[];
}

/** Reads the members as one of them. */
const listMembers = async (call: SignedCall, colonyname: string): Promise<Members> => {
  const users = listOf(await call<readonly User[] | null>('getusersmsg', { colonyname }));
  const all = listOf(await call<readonly Executor[] | null>('getexecutorsmsg', { colonyname }));
  const executors = all.filter((one) => {
    return one.state !== UNREGISTERED && !one.executorname.startsWith(TEMPORARY);
  });
  return { users, executors };
};

/**
 * Reads the members with the identity of a temporary executor: a colony's owner may make members,
 * but only members may list them. It is unregistered at the end.
 */
const readMembers = async (
  ctx: Context,
  owner: SignedCall,
  as: (prvkey: string) => SignedCall,
  colonyname: string,
): Promise<Members> => {
  const { generateKey, idOfKey } = await import('../../node/crypto/keys.ts');
  const key = generateKey(ctx.clock);
  const executorid = idOfKey(key);
  const executorname = `${TEMPORARY}${executorid.slice(0, 12)}`;
  const executor = { executorid, executorname, executortype: 'members-copy', colonyname };
  await owner('addexecutormsg', { executor });
  try {
    await owner('approveexecutormsg', { colonyname, executorname });
    return await listMembers(as(key), colonyname);
  } finally {
    await owner('removeexecutormsg', { colonyname, executorname });
  }
};

const isThere = (error: unknown): boolean =>
  error instanceof ServerError && /already exists/.test(error.message);

/** Runs an addition; false when the member was there already. */
const added = async (add: () => Promise<unknown>): Promise<boolean> => {
  try {
    await add();
    return true;
  } catch (error) {
    // Expected when members were copied before.
    if (isThere(error)) return false;
    throw error;
  }
};

interface Counts {
  users: number;
  executors: number;
  present: number;
}

const writeMembers = async (
  owner: SignedCall,
  { users, executors }: Members,
  colonyname: string,
): Promise<Counts> => {
  const counts: Counts = { users: 0, executors: 0, present: 0 };
  for (const user of users) {
    const isNew = await added(() => owner('addusermsg', { user: { ...user, colonyname } }));
    if (isNew) counts.users += 1;
    else counts.present += 1;
  }
  for (const one of executors) {
    const { state, executorname } = one;
    const executor = { ...one, colonyname };
    const isNew = await added(() => owner('addexecutormsg', { executor }));
    if (isNew) counts.executors += 1;
    else counts.present += 1;
    if (state === APPROVED) await owner('approveexecutormsg', { colonyname, executorname });
  }
  return counts;
};

const NO_COLONY =
  'The colony has to exist there first: the owner of that server adds the same colony id with ' +
  '`colonies colony add`.';

const copy = command({
  path: ['federation', 'members', 'copy'],
  summary: 'Register the members of a colony on another of its hosts',
  details:
    'Reads users and executors (runtimes) on one host and registers those that are missing on the others, with\n' +
    'the key of the colony owner. Without --from the home is read; without --to all other hosts get them.\n' +
    'The colony must exist on each. Functions are not copied: executors add their own.',
  examples: [
    'colonies federation members copy --colonyid $COLONY --to $SECOND --insecure',
    'colonies federation members copy --colonyid $COLONY --from $SECOND --to $THIRD',
  ],
  flags: {
    ...COLONY_OWNER_FLAGS,
    ...SERVER_FLAGS,
    ...BOOTSTRAP_FLAGS,
    prvkey: { kind: 'string', help: 'Key of a member to read with; without it a temporary one' },
    from: { kind: 'string', help: 'Server id to read from; without it the home' },
    to: {
      kind: 'list',
      help: 'Server id to write to; may be repeated; without it all other hosts',
    },
  },
  run: async (ctx, flags) => {
    const key = await colonyOwnerKey(ctx, flags, colonyRef(ctx, flags));
    const colonyid = await idOf(key);
    const bootstraps = bootstrapsOrServer(ctx, flags);
    const colony = await openColony(ctx, colonyid, bootstraps, overlayOf(ctx, flags));
    try {
      const { hosts } = await colony.attachment.hosts.refresh();
      const ids = hosts.map(({ serverid }) => serverid);
      const from = flags.from === undefined ? (ids[0] ?? '') : serverIdOf(flags.from);
      const targets = flags.to.length > 0 ? flags.to.map(serverIdOf) : ids;
      const others = targets.filter((id) => id !== from);
      if (others.length === 0) {
        throw advised(
          'There is no other host to copy members to',
          'Publish the colony with a second --server, or name one with --to.',
        );
      }
      const at = (id: string) => (prvkey: string) => signedBy(colony.callTo(id), prvkey);
      const members =
        flags.prvkey === undefined
          ? await readMembers(ctx, at(from)(key), at(from), colonyid)
          : await listMembers(at(from)(flags.prvkey), colonyid);
      const copied = [];
      for (const serverid of others) {
        try {
          const counts = await writeMembers(at(serverid)(key), members, colonyid);
          copied.push({ serverid, ...counts });
        } catch (error) {
          if (!(error instanceof ServerError || error instanceof AdvisedError)) throw error;
          throw advised(`Server ${serverid}: ${error.message}`, NO_COLONY, error);
        }
      }
      for (const { serverid, users, executors, present } of copied) {
        const facts = { ServerID: serverid, Users: users, Executors: executors, Present: present };
        ctx.log.info('Copied members', facts);
      }
      if (ctx.globals.json) ctx.json({ colonyid, from, copied });
    } finally {
      await colony.close();
    }
    return undefined;
  },
});

export const commands: readonly Command[] = [copy];
