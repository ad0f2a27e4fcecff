// Who signs a call: finds ids and private keys in flags, environment and keychain, for both
// vocabularies. Never prints or logs a key.

import type { Context, Flags } from './command.ts';
import type { Env, EnvName } from './env.ts';
import { advised, MissingKey, usageProblem } from './errors.ts';
import { type Vocabulary, vocabularyOf } from './vocabulary.ts';

/** The flags that name the one who calls as a member of a colony, in either vocabulary. */
export const MEMBER_FLAGS = {
  colonyid: { kind: 'string', help: 'Colony id (or name)' },
  runtimeid: { kind: 'string', help: 'Runtime id' },
  runtimeprvkey: { kind: 'string', help: 'Private key of the runtime' },
  prvkey: { kind: 'string', help: 'Private key of the user or executor' },
} as const satisfies Flags;

/** The flags that name a colony and its owner's key. */
export const COLONY_OWNER_FLAGS = {
  colonyid: { kind: 'string', help: 'Colony id (or name)' },
  colonyprvkey: { kind: 'string', help: 'Private key of the colony owner' },
} as const satisfies Flags;

/** The flags that name the server owner. */
export const SERVER_OWNER_FLAGS = {
  serverid: { kind: 'string', help: 'Server id' },
  serverprvkey: { kind: 'string', help: 'Private key of the server owner' },
} as const satisfies Flags;

/** Values of any of the flags above; commands pass what they have. */
export interface IdentityFlags {
  readonly colonyid?: string | undefined;
  readonly colonyname?: string | undefined;
  readonly colonyprvkey?: string | undefined;
  readonly runtimeid?: string | undefined;
  readonly runtimeprvkey?: string | undefined;
  readonly prvkey?: string | undefined;
  readonly serverid?: string | undefined;
  readonly serverprvkey?: string | undefined;
}

type Needs = Pick<Context, 'env' | 'keychain'>;

export interface Identity {
  readonly id: string;
  readonly prvkey: string;
}

/** An empty flag counts as not given, as an empty variable does. */
const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

const first = (env: Env, names: readonly EnvName[]): string | undefined => {
  for (const name of names) if (env[name] !== undefined) return env[name];
  return undefined;
};

const inOrder = (
  vocabulary: Vocabulary,
  runtime: EnvName,
  executor: EnvName,
): readonly EnvName[] => (vocabulary === 'runtime' ? [runtime, executor] : [executor, runtime]);

/** The environment says nothing at all: names the variable of each vocabulary, and where to get them. */
const notSet = (today: string, runtime: string, flags: string): string =>
  `${today} not set (in the words of 2022: ${runtime}), and no ${flags} given; ` +
  '`colonies dev` prints the variables of a development server';

const BAD_KEY = 'A private key is 64 hex digits; `colonies keychain generate` makes one.';

/** What `make` gives, which needs a private key; a bad key is told as such. */
export const withKey = <T>(make: () => T): T => {
  try {
    return make();
  } catch (error) {
    // Expected: digits, length or range of the key are wrong.
    const why = error instanceof Error ? error.message : String(error);
    throw advised(`Failed to generate signature: ${why}`, BAD_KEY, error);
  }
};

/** The id of a private key. The curve is loaded here and not before. */
export const idOf = async (prvkey: string): Promise<string> => {
  const { idOfKey } = await import('../node/crypto/keys.ts');
  return withKey(() => idOfKey(prvkey));
};

const IS_ID = /^[0-9a-f]{64}$/;

/**
 * The key of `id`: the first of `candidates` that belongs to it, else the one in the keychain.
 * Without an id, the first candidate. Undefined when there is none.
 */
const keyOf = async (
  ctx: Needs,
  id: string | undefined,
  candidates: readonly (string | undefined)[],
): Promise<string | undefined> => {
  const there = candidates.filter((key) => key !== undefined);
  if (id === undefined || !IS_ID.test(id)) return there[0];
  for (const key of there) if ((await idOf(key)) === id) return key;
  return ctx.keychain.find(id);
};

const NO_KEY =
  'Store it with `colonies keychain add --id ID --prvkey KEY`, or set the variable of ' +
  'docs/CLI.md that holds it.';

// The documented text of a missing key is the operating system's.
const missingKey = (ctx: Needs, id: string, whose: string): Error =>
  new MissingKey(
    `open ${ctx.keychain.fileOf(id)}: no such file or directory`,
    `No private key of ${whose} ${id}. ${NO_KEY}`,
  );

/** The private key of the server owner. */
export const serverOwnerKey = async (ctx: Needs, flags: IdentityFlags): Promise<string> => {
  const byFlag = given(flags.serverprvkey);
  if (byFlag !== undefined) return byFlag;
  const vocabulary = vocabularyOf(ctx.env, flags);
  const id = given(flags.serverid) ?? ctx.env.COLONIES_SERVERID;
  const names = inOrder(vocabulary, 'COLONIES_SERVERPRVKEY', 'COLONIES_SERVER_PRVKEY');
  const key = await keyOf(
    ctx,
    id,
    names.map((name) => ctx.env[name]),
  );
  if (key !== undefined) return key;
  if (id !== undefined) throw missingKey(ctx, id, 'server');
  if (vocabulary === 'executor') {
    throw usageProblem(
      notSet('COLONIES_SERVER_PRVKEY', 'COLONIES_SERVERID', '--serverprvkey or --serverid'),
    );
  }
  throw advised('Unknown Server Id', 'Give --serverid, or set COLONIES_SERVERID.');
};

/**
 * The colony that a command is about: an id in the words of 2022, a name in those of 1.9; either
 * works. Undefined when nothing names one.
 */
export const findColonyRef = (ctx: Pick<Needs, 'env'>, flags: IdentityFlags): string | undefined =>
  given(flags.colonyid) ??
  given(flags.colonyname) ??
  first(
    ctx.env,
    inOrder(vocabularyOf(ctx.env, flags), 'COLONIES_COLONYID', 'COLONIES_COLONY_NAME'),
  );

/** As `findColonyRef`, but throws when nothing names a colony. */
export const colonyRef = (ctx: Pick<Needs, 'env'>, flags: IdentityFlags): string => {
  const found = findColonyRef(ctx, flags);
  if (found !== undefined) return found;
  if (vocabularyOf(ctx.env, flags) === 'executor') {
    throw usageProblem(notSet('COLONIES_COLONY_NAME', 'COLONIES_COLONYID', '--colonyid'));
  }
  throw advised('Unknown Colony Id', 'Give --colonyid, or set COLONIES_COLONYID.');
};

/**
 * The private key of the owner of `colony` (an id or a name); undefined when there is none here.
 */
export const findColonyOwnerKey = (
  ctx: Needs,
  flags: IdentityFlags,
  colony: string,
): Promise<string | undefined> => {
  const byFlag = given(flags.colonyprvkey);
  if (byFlag !== undefined) return Promise.resolve(byFlag);
  const vocabulary = vocabularyOf(ctx.env, flags);
  const names = inOrder(vocabulary, 'COLONIES_COLONYPRVKEY', 'COLONIES_COLONY_PRVKEY');
  return keyOf(
    ctx,
    colony,
    names.map((name) => ctx.env[name]),
  );
};

/** As `findColonyOwnerKey`, but throws when there is none. */
export const colonyOwnerKey = async (
  ctx: Needs,
  flags: IdentityFlags,
  colony: string,
): Promise<string> => {
  const key = await findColonyOwnerKey(ctx, flags, colony);
  if (key !== undefined) return key;
  if (vocabularyOf(ctx.env, flags) === 'executor' && !IS_ID.test(colony)) {
    throw usageProblem(notSet('COLONIES_COLONY_PRVKEY', 'COLONIES_COLONYID', '--colonyprvkey'));
  }
  throw missingKey(ctx, colony, 'colony');
};

const memberId = (ctx: Needs, flags: IdentityFlags): string | undefined =>
  given(flags.runtimeid) ??
  (vocabularyOf(ctx.env, flags) === 'runtime' || ctx.env.COLONIES_PRVKEY === undefined
    ? ctx.env.COLONIES_RUNTIMEID
    : undefined);

/**
 * The private key of the runtime, executor or user that calls. Given by flag, by the variables of
 * the vocabulary in use, then of the other one, then by the keychain.
 */
export const memberKey = async (ctx: Needs, flags: IdentityFlags): Promise<string> => {
  const byFlag = given(flags.prvkey) ?? given(flags.runtimeprvkey);
  if (byFlag !== undefined) return byFlag;
  const vocabulary = vocabularyOf(ctx.env, flags);
  const id = memberId(ctx, flags);
  const names = inOrder(vocabulary, 'COLONIES_RUNTIMEPRVKEY', 'COLONIES_PRVKEY');
  const key = await keyOf(
    ctx,
    id,
    names.map((name) => ctx.env[name]),
  );
  if (key !== undefined) return key;
  if (id !== undefined) throw missingKey(ctx, id, 'runtime');
  if (vocabulary === 'executor') {
    throw usageProblem(notSet('COLONIES_PRVKEY', 'COLONIES_RUNTIMEID', '--prvkey'));
  }
  throw new MissingKey('Unknown Runtime Id', 'Give --runtimeid, or set COLONIES_RUNTIMEID.');
};

/** As `memberKey`, with the id that belongs to the key. */
export const member = async (ctx: Needs, flags: IdentityFlags): Promise<Identity> => {
  const prvkey = await memberKey(ctx, flags);
  return { id: await idOf(prvkey), prvkey };
};
