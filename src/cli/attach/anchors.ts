// Whom a command trusts: the anchors and the mode given to it, and the own server where it is
// known. The verdict
// is computed here, never asked for.

import type { Context, Flags } from '../command.ts';
import { usageProblem } from '../errors.ts';

export const TRUST_FLAGS = {
  anchor: { kind: 'list', help: 'Server id trusted without a chain; may be repeated' },
  mode: {
    kind: 'string',
    help: 'open: every valid record is usable; federated: only trusted servers',
  },
} as const satisfies Flags;

export interface TrustValues {
  readonly anchor: readonly string[];
  readonly mode: string | undefined;
}

const IS_ID = /^[0-9a-f]{64}$/;

/** Anchors by flag, else by COLONIES_ANCHORS. Throws a UsageError for what is no server id. */
export const givenAnchors = (
  ctx: Pick<Context, 'env'>,
  { anchor }: Pick<TrustValues, 'anchor'>,
): readonly string[] => {
  const fromEnv = (ctx.env.COLONIES_ANCHORS ?? '').split(/[\s,]+/);
  const named = (anchor.length > 0 ? anchor : fromEnv).filter((id) => id !== '');
  const odd = named.find((id) => !IS_ID.test(id));
  if (odd === undefined) return named;
  throw usageProblem(`--anchor ${odd}: expected a server id, 64 lower-case hex digits`);
};

/**
 * The anchors and mode of a command; the own server, where the environment names it, is an anchor
 * too.
 */
export const anchorsOf = (
  ctx: Pick<Context, 'env'>,
  flags: TrustValues,
): { readonly anchors: readonly string[]; readonly mode: 'open' | 'federated' } => {
  const { mode = 'open' } = flags;
  if (mode !== 'open' && mode !== 'federated') {
    throw usageProblem(`--mode ${mode}: expected open or federated`);
  }
  const own = ctx.env.COLONIES_SERVERID ?? ctx.env.COLONIES_SERVER_ID ?? '';
  const anchors = [...givenAnchors(ctx, flags), ...(IS_ID.test(own) ? [own] : [])];
  return { anchors: [...new Set(anchors)], mode };
};
