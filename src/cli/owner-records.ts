// What owners of servers and colonies sign: records read from a node and verified, new ones handed
// in.

import type { SignedRecord } from '../federation/record.ts';
import { serverAddress } from './address.ts';
import type { Context } from './command.ts';
import { ServerError, usageProblem } from './errors.ts';
import { getFrom } from './node-status.ts';
import { listOf } from './report.ts';
import { callerTo } from './rpc.ts';
import type { SessionFlags } from './session.ts';

/** What a node says about each record that it took. */
export interface Published {
  readonly kind: string;
  readonly id: string;
  readonly sequence: number;
  readonly hash: string;
  /** Other nodes that hold it already, and those that were asked. */
  readonly copies: number;
  readonly asked: number;
}

const IS_ID = /^[0-9a-f]{64}$/;

/** A server id on the command line; throws a UsageError for anything else. */
export const serverIdOf = (text: string | undefined): string => {
  if (text !== undefined && IS_ID.test(text)) return text;
  throw usageProblem(`${text ?? ''} is no server id: expected 64 lower-case hex digits`);
};

/** A record at a path of a node, verified; undefined when the node knows none. */
export const recordAt = async <K extends 'endorsements' | 'server'>(
  ctx: Context,
  flags: SessionFlags,
  question: { readonly kind: K; readonly id: string; readonly network: string },
): Promise<SignedRecord<K> | undefined> => {
  const { kind, id, network } = question;
  const { recordPath, readDocument } = await import('../federation/documents.ts');
  const { verify } = await import('../federation/record.ts');
  try {
    const value = await getFrom(serverAddress(ctx, flags), recordPath(kind, id));
    const found = readDocument(JSON.stringify(value)).find((one) => one.kind === kind);
    return found && verify(found.bytes, ctx.clock.now(), { network, ns: kind, key: id });
  } catch (error) {
    if (error instanceof ServerError && error.status === 404) return undefined;
    throw error;
  }
};

/** Hands records in at a node, in order. */
export const handIn = async (
  ctx: Context,
  flags: SessionFlags,
  made: readonly SignedRecord[],
  key: string,
): Promise<readonly Published[]> => {
  const records = made.map(({ bytes }) => Buffer.from(bytes).toString('base64'));
  const call = callerTo(serverAddress(ctx, flags));
  return listOf(await call<readonly Published[] | null>('publishrecordsmsg', { records }, key));
};
