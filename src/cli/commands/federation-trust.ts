// `colonies federation trust` and `path`: whom a server trusts, and why.

import { anchorsOf, TRUST_FLAGS } from '../attach/anchors.ts';
import { telling } from '../attach/explained.ts';
import { openMet } from '../attach/open.ts';
import { BOOTSTRAP_FLAGS, bootstrapsOrServer, overlayOf } from '../attach/sources.ts';
import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { EXIT } from '../errors.ts';
import { SERVER_OWNER_FLAGS } from '../identity.ts';
import { serverIdOf } from '../owner-records.ts';
import { done, listOf, showRounded } from '../report.ts';
import { asServerOwner } from '../session.ts';

const OWNER_FLAGS = { ...SERVER_FLAGS, ...SERVER_OWNER_FLAGS } as const;

interface Anchor {
  readonly serverid: string;
  readonly depth: number;
  readonly note: string;
  readonly addedat: number;
}

interface Endorsement {
  readonly issuer: string;
  readonly subject: string;
  readonly depth: number;
  readonly scope: readonly string[];
  readonly expiresat: number;
}

interface TrustState {
  readonly mode: string;
  readonly depthmax: number;
  readonly scopes: readonly string[];
  readonly anchors: readonly Anchor[];
  readonly given: readonly Endorsement[];
  readonly stapled: readonly Endorsement[];
}

const add = command({
  path: ['federation', 'trust', 'add'],
  summary: 'Trust a server without a chain, as the owner of a server',
  details:
    'From then on the server, and those that a chain of endorsements from it leads to, are trusted. --depth\n' +
    'limits the links of such chains: 0 trusts this server alone.',
  examples: [
    'colonies federation trust add $SERVER',
    'colonies federation trust add $SERVER --depth 0 --note "the lab"',
  ],
  positionals: ['serverid'],
  flags: {
    ...SERVER_FLAGS,
    serverprvkey: SERVER_OWNER_FLAGS.serverprvkey,
    depth: {
      kind: 'int',
      help: "Links that may hang from it; -1 is the server's policy",
      default: -1,
    },
    note: { kind: 'string', help: 'For whoever reads the list', default: '' },
  },
  run: async (ctx, flags, [text]) => {
    const serverid = serverIdOf(text);
    const { depth, note } = flags;
    const { call } = await asServerOwner(ctx, flags);
    const anchor = await call<Anchor>('addtrustmsg', { serverid, depth, note });
    done(ctx, 'Trusting a server', { ServerID: serverid, Depth: anchor.depth }, anchor);
    return undefined;
  },
});

const remove = command({
  path: ['federation', 'trust', 'remove'],
  summary: 'Trust a server no longer, as the owner of a server',
  examples: ['colonies federation trust remove $SERVER'],
  positionals: ['serverid'],
  flags: { ...SERVER_FLAGS, serverprvkey: SERVER_OWNER_FLAGS.serverprvkey },
  run: async (ctx, flags, [text]) => {
    const serverid = serverIdOf(text);
    const { call } = await asServerOwner(ctx, flags);
    await call('removetrustmsg', { serverid });
    done(ctx, 'Trusting a server no longer', { ServerID: serverid }, { serverid });
    return undefined;
  },
});

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const showTrust = (ctx: Context, state: TrustState): void => {
  showRounded(ctx, [
    ['Mode', state.mode],
    ['Links at most', state.depthmax],
    ['Scopes', state.scopes.join(', ')],
  ]);
  const anchors = listOf(state.anchors);
  showRounded(
    ctx,
    anchors.map((one) => [one.serverid, one.depth, one.note, day(one.addedat)]),
    { title: 'Anchors', header: ['Server', 'Depth', 'Note', 'Added'] },
  );
  const rows = (list: readonly Endorsement[], of: 'issuer' | 'subject') =>
    list.map((one) => [one[of], one.depth, one.scope.join(', '), day(one.expiresat)]);
  const header = ['Server', 'Depth', 'Scope', 'Expires'];
  showRounded(ctx, rows(listOf(state.given), 'subject'), { title: 'Vouched for', header });
  showRounded(ctx, rows(listOf(state.stapled), 'issuer'), { title: 'Vouched for by', header });
};

const ls = command({
  path: ['federation', 'trust', 'ls'],
  summary: 'Show whom a server trusts and who vouches for it, as its owner',
  examples: ['colonies federation trust ls', 'colonies federation trust ls --json'],
  flags: OWNER_FLAGS,
  run: async (ctx, flags) => {
    const { call } = await asServerOwner(ctx, flags);
    const state = await call<TrustState>('gettrustmsg', {});
    if (ctx.globals.json) ctx.json(state);
    else showTrust(ctx, state);
    return undefined;
  },
});

interface Path {
  readonly serverid: string;
  readonly trusted: boolean;
  readonly usable: boolean;
  readonly reason: string;
  readonly chain: readonly string[];
}

/** The verdict that follows from anchors given here. */
const computed = async (
  ctx: Context,
  flags: Parameters<typeof bootstrapsOrServer>[1] &
    Parameters<typeof anchorsOf>[1] &
    Parameters<typeof overlayOf>[1],
  serverid: string,
): Promise<Path> => {
  const meeting = { ...overlayOf(ctx, flags), ...anchorsOf(ctx, flags) };
  const { met, close } = await openMet(ctx, bootstrapsOrServer(ctx, flags), meeting);
  try {
    const host = await telling(() => met.reader.resolver.server(serverid, { anew: true }));
    const { trusted, usable, reason, chain } = host;
    return { serverid, trusted, usable, reason, chain };
  } finally {
    await close();
  }
};

const verdictText = ({ trusted, usable, reason, chain }: Path): string => {
  if (!trusted) return `not trusted: ${reason}\n`;
  const links = `${chain.join('\n  endorses ')}\n`;
  return usable ? links : `${links}but it cannot be used now: ${reason}\n`;
};

const path = command({
  path: ['federation', 'path'],
  summary: 'Show why a server is trusted: the chain, or what broke',
  details:
    'With --anchor (or COLONIES_ANCHORS) the verdict is computed here from records that are verified here.\n' +
    'Without, the owner of a server asks his own node for its verdict. Ends with 255 when it is not trusted.',
  examples: [
    'colonies federation path $SERVER',
    'colonies federation path $SERVER --anchor $MY_SERVER --json',
  ],
  positionals: ['serverid'],
  flags: {
    ...SERVER_FLAGS,
    ...BOOTSTRAP_FLAGS,
    ...TRUST_FLAGS,
    serverprvkey: SERVER_OWNER_FLAGS.serverprvkey,
  },
  run: async (ctx, flags, [text]) => {
    const serverid = serverIdOf(text);
    const here = flags.anchor.length > 0 || ctx.env.COLONIES_ANCHORS !== undefined;
    const told = here
      ? await computed(ctx, flags, serverid)
      : await (await asServerOwner(ctx, flags)).call<Path>('gettrustpathmsg', { serverid });
    // The mode says what may be used; here the question is what is trusted.
    const found = { ...told, reason: told.reason.replace(/^open mode: valid record; /, '') };
    if (ctx.globals.json) ctx.json(found);
    else ctx.out(verdictText(found));
    return found.trusted ? EXIT.ok : EXIT.failed;
  },
});

export const commands: readonly Command[] = [add, remove, ls, path];
