// `colonies federation endorse` and `revoke`: for whom the owner of a server vouches, and which
// keys are dead.
// Statements are signed here; the owner's key never leaves this machine.

import type { SignedRecord } from '../../federation/record.ts';
import { serverAddress } from '../address.ts';
import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { advised, EXIT, usageProblem } from '../errors.ts';
import {
  COLONY_OWNER_FLAGS,
  colonyOwnerKey,
  colonyRef,
  idOf,
  SERVER_OWNER_FLAGS,
  serverOwnerKey,
} from '../identity.ts';
import { lifeMs } from '../life.ts';
import { getFrom, statusOf } from '../node-status.ts';
import { handIn, recordAt, serverIdOf } from '../owner-records.ts';
import { done } from '../report.ts';
import type { SessionFlags } from '../session.ts';

const DEPTH_MAX = 7;

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The hashes of the endorsements of `subject` that the issuer's node serves. */
const hashesOf = async (
  ctx: Context,
  flags: SessionFlags,
  network: string,
  issuer: string,
  subject: string,
): Promise<readonly string[]> => {
  const { recordPath, readDocument } = await import('../../federation/documents.ts');
  const { validateTimeless } = await import('../../federation/record.ts');
  const value = await getFrom(serverAddress(ctx, flags), recordPath('endorsements', issuer));
  return readDocument(JSON.stringify(value)).flatMap(({ kind, bytes }) => {
    if (kind !== 'endorsement') return [];
    const checked = validateTimeless(bytes, { network, ns: 'endorsement', key: issuer });
    return checked.ok && checked.record.payload.sub === subject ? [checked.record.hash] : [];
  });
};

const endorse = command({
  path: ['federation', 'endorse'],
  summary: 'Vouch for a server, as the owner of another one',
  details:
    'Signs an endorsement and the list that makes it live, and hands both to the node of your server. Whoever\n' +
    'trusts your server then trusts this one too, --depth further links included. --withdraw takes it back:\n' +
    'connected nodes know within seconds.',
  examples: [
    'colonies federation endorse $SERVER',
    'colonies federation endorse $SERVER --depth 1 --expires 30d',
    'colonies federation endorse $SERVER --withdraw',
  ],
  positionals: ['serverid'],
  flags: {
    ...SERVER_FLAGS,
    serverprvkey: SERVER_OWNER_FLAGS.serverprvkey,
    depth: {
      kind: 'int',
      help: `Further links that may hang from it, 0 to ${DEPTH_MAX}`,
      default: 0,
    },
    scope: { kind: 'list', help: 'What it is vouched for; without it "host"' },
    expires: { kind: 'string', help: 'How long it holds: 90d, 12h', default: '90d' },
    withdraw: { kind: 'bool', help: 'Vouch for it no longer' },
  },
  run: async (ctx, flags, [text]) => {
    const subject = serverIdOf(text);
    if (flags.depth < 0 || flags.depth > DEPTH_MAX) {
      throw usageProblem(`--depth ${flags.depth}: expected 0 to ${DEPTH_MAX}`);
    }
    const key = await serverOwnerKey(ctx, flags);
    const { stateEndorsement, stateList } = await import('../../federation/statements.ts');
    const signer = (await import('../../federation/signature.ts')).signerOf(key);
    const issuer = await idOf(key);
    const { network } = (await statusOf(ctx, flags)).shown;
    const previous = await recordAt(ctx, flags, { kind: 'endorsements', id: issuer, network });
    const now = ctx.clock.now();
    if (flags.withdraw === true) {
      const drop = previous ? await hashesOf(ctx, flags, network, issuer, subject) : [];
      if (drop.length === 0) {
        throw advised(
          `Server ${issuer} does not vouch for ${subject}`,
          '`colonies federation trust ls` shows for whom it does.',
        );
      }
      const list = await stateList(signer, previous, { drop }, { network, now });
      await handIn(ctx, flags, [list], key);
      done(ctx, 'Vouching for a server no longer', { ServerID: subject }, { issuer, subject });
      return undefined;
    }
    const scope = flags.scope.length > 0 ? flags.scope : ['host'];
    const { endorsement, list } = await stateEndorsement(signer, {
      ...{ network, now, subject, scope, previous },
      lifeMs: lifeMs(flags.expires),
      depth: flags.depth,
    });
    // The endorsement first: a list may not name what its own node does not have.
    await handIn(ctx, flags, [endorsement, list], key);
    const { depth, exp } = endorsement.payload;
    const facts = { ServerID: subject, Depth: depth, Expires: day(exp) };
    const { hash } = endorsement;
    done(ctx, 'Vouching for a server', facts, {
      issuer,
      subject,
      depth,
      scope,
      expiresat: exp,
      hash,
    });
    return undefined;
  },
});

interface Death {
  readonly key: string;
  /** The certificate of the dead key, when it is a node key. */
  readonly certificate: SignedRecord<'certificate'> | undefined;
  readonly id: string;
  readonly text: string;
}

const deathOf = async (
  ctx: Context,
  flags: SessionFlags,
  what: string,
  network: string,
): Promise<Death> => {
  if (what === 'colony') {
    const key = await colonyOwnerKey(ctx, flags, colonyRef(ctx, flags));
    const id = await idOf(key);
    return { key, id, certificate: undefined, text: `the key of colony ${id}` };
  }
  const key = await serverOwnerKey(ctx, flags);
  const id = await idOf(key);
  if (what === 'server')
    return { key, id, certificate: undefined, text: `the key of server ${id}` };
  const record = await recordAt(ctx, flags, { kind: 'server', id, network });
  const certificate = record?.certificate;
  if (certificate === undefined) {
    throw advised(
      `No record of server ${id} is known, so its node key is not`,
      'Ask a node that knows it: --host and --port.',
    );
  }
  const nodeid = certificate.payload.sub;
  return { key, id: nodeid, certificate, text: `the node key ${nodeid} of server ${id}` };
};

const revoke = command({
  path: ['federation', 'revoke'],
  summary: 'Declare a key dead, for everything and for ever',
  details:
    'WHAT is `node` (the key of a node, revoked by its server owner, who certifies a new one), `server` or\n' +
    '`colony` (the owner revokes his own key). Nothing signed by the key counts any more; it cannot be taken\n' +
    'back, and it appoints no heir: a successor counts only when it was published at least 7 days before.\n' +
    '--successor shows the id whose hash was published with --recovery.',
  examples: [
    'colonies federation revoke node --reason stolen',
    'colonies federation revoke colony --colonyid $COLONY --yes',
  ],
  positionals: ['what'],
  flags: {
    ...SERVER_FLAGS,
    ...SERVER_OWNER_FLAGS,
    ...COLONY_OWNER_FLAGS,
    reason: { kind: 'string', help: 'Why, at most 64 characters, for everybody to read' },
    successor: { kind: 'string', help: 'Id behind the recovery hash that was published' },
    yes: { kind: 'bool', help: 'Do not ask' },
  },
  run: async (ctx, flags, [what = '']) => {
    if (!['node', 'server', 'colony'].includes(what)) {
      throw usageProblem(`cannot revoke ${JSON.stringify(what)}: expected node, server or colony`);
    }
    const { network } = (await statusOf(ctx, flags)).shown;
    const death = await deathOf(ctx, flags, what, network);
    if (flags.yes !== true) {
      const asked = `Revoking ${death.text}: this cannot be undone. Are you sure? (YES/no): `;
      if (!(await ctx.confirm(asked))) {
        ctx.log.info('Nothing was revoked');
        return EXIT.failed;
      }
    }
    const { stateRevocation } = await import('../../federation/statements.ts');
    const { signerOf } = await import('../../federation/signature.ts');
    const { reason, successor } = flags;
    const { certificate } = death;
    const now = ctx.clock.now();
    const said = { network, now, certificate, reason, successor };
    const record = await stateRevocation(signerOf(death.key), said);
    const [taken] = await handIn(ctx, flags, [record], death.key);
    const facts = { Id: death.id, Copies: taken?.copies ?? 0 };
    done(ctx, `Revoked ${death.text}`, facts, { id: death.id, kind: what, hash: record.hash });
    return undefined;
  },
});

export const commands: readonly Command[] = [endorse, revoke];
