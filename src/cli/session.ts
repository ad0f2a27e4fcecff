// A command's calls, signed as one of the three kinds of callers.

import type { Context } from './command.ts';
import { MissingKey, ServerError } from './errors.ts';
import {
  colonyOwnerKey,
  colonyRef,
  findColonyOwnerKey,
  findColonyRef,
  type IdentityFlags,
  memberKey,
  serverOwnerKey,
} from './identity.ts';
import { type Call, caller } from './rpc.ts';
import { type Vocabulary, vocabularyOf } from './vocabulary.ts';

export type SessionFlags = IdentityFlags & {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
};

/** Calls one message, signed; `T` is the documented reply. */
export type SignedCall = <T>(
  payloadtype: string,
  fields: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
) => Promise<T>;

export interface Session {
  readonly vocabulary: Vocabulary;
  readonly prvkey: string;
  readonly call: SignedCall;
  /**
   * Fields for messages that are the same in both vocabularies and need no colony: naming one all
   * the same says which reply is wanted.
   */
  readonly words: Words;
}

export type Words = Readonly<Record<string, string | undefined>>;

/** A session about one colony. */
export interface ColonySession extends Session {
  /** The colony's id or name, as flags and environment say. */
  readonly colony: string;
}

/** Binds a key to a caller. */
export const signedBy =
  (call: Call, prvkey: string): SignedCall =>
  (payloadtype, fields, signal) =>
    call(payloadtype, fields, prvkey, signal);

const session = (ctx: Context, flags: SessionFlags, prvkey: string): Session => {
  const vocabulary = vocabularyOf(ctx.env, flags);
  const colony = findColonyRef(ctx, flags);
  return {
    vocabulary,
    prvkey,
    call: signedBy(caller(ctx, flags), prvkey),
    words: vocabulary === 'runtime' ? { colonyid: colony } : { colonyname: colony },
  };
};

/** Signed as the runtime, executor or user. */
export const asMember = async (ctx: Context, flags: SessionFlags): Promise<Session> =>
  session(ctx, flags, await memberKey(ctx, flags));

/** Signed as the runtime, executor or user, about the colony that flags and environment name. */
export const asColonyMember = async (ctx: Context, flags: SessionFlags): Promise<ColonySession> => {
  const colony = colonyRef(ctx, flags);
  return { ...(await asMember(ctx, flags)), colony };
};

/** Today's words for a session that speaks those of 2022. */
const ofToday = <S extends Session>(session: S): S => ({
  ...session,
  vocabulary: 'executor',
  words: { colonyname: session.words['colonyid'] ?? session.words['colonyname'] },
});

/**
 * Asks in the words of the session, and gives the session that was answered. Users do not exist in
 * the words of 2022: a caller refused in those asks once more in today's. Throws what the first
 * attempt threw when both are refused.
 */
export const inEitherWords = async <S extends Session, T>(
  session: S,
  ask: (session: S) => Promise<T>,
): Promise<{ readonly value: T; readonly session: S }> => {
  const isRefusal = (error: unknown): boolean =>
    error instanceof ServerError && error.status === 403;
  try {
    return { value: await ask(session), session };
  } catch (refused) {
    if (session.vocabulary === 'executor' || !isRefusal(refused)) throw refused;
    const today = ofToday(session);
    try {
      return { value: await ask(today), session: today };
    } catch (error) {
      // Neither vocabulary knows the caller: the words that were chosen say so.
      throw isRefusal(error) ? refused : error;
    }
  }
};

/** Signed as the owner of the colony that flags and environment name. */
export const asColonyOwner = async (ctx: Context, flags: SessionFlags): Promise<ColonySession> => {
  const colony = colonyRef(ctx, flags);
  return { ...session(ctx, flags, await colonyOwnerKey(ctx, flags, colony)), colony };
};

/** Signed as the owner of the server. */
export const asServerOwner = async (ctx: Context, flags: SessionFlags): Promise<Session> =>
  session(ctx, flags, await serverOwnerKey(ctx, flags));

/**
 * Reads with the key of the runtime, or with the key of the colony when there is no runtime key
 * here or the server refuses it. Also gives the call that worked. Throws what the runtime's attempt
 * threw.
 */
export const memberElseOwner = async <T>(
  ctx: Context,
  flags: SessionFlags,
  colony: string,
  read: (call: SignedCall) => Promise<T>,
): Promise<{ readonly value: T; readonly call: SignedCall }> => {
  const call = caller(ctx, flags);
  const readWith = async (prvkey: string) => {
    const signed = signedBy(call, prvkey);
    return { value: await read(signed), call: signed };
  };
  try {
    return await readWith(await memberKey(ctx, flags));
  } catch (error) {
    // Expected: no key of a runtime here, or one that the colony does not know.
    if (error instanceof ServerError ? error.status !== 403 : !(error instanceof MissingKey))
      throw error;
    const owner = await findColonyOwnerKey(ctx, flags, colony);
    if (owner === undefined) throw error;
    return readWith(owner);
  }
};
