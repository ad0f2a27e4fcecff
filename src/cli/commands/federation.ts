// `colonies federation publish` and `resolve`: saying which servers host a colony, and finding out.
// Records are signed and verified here; the colony's key never leaves this machine.

import type { Host, Resolution } from '../../federation/resolve.ts';
import { anchorsOf, TRUST_FLAGS } from '../attach/anchors.ts';
import { telling, unknownColony } from '../attach/explained.ts';
import { colonyMemory } from '../attach/memory.ts';
import { type Opened, openMet } from '../attach/open.ts';
import { BOOTSTRAP_FLAGS, bootstrapsOrServer, overlayOf } from '../attach/sources.ts';
import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { AdvisedError, advised, ServerError, usageProblem } from '../errors.ts';
import { COLONY_OWNER_FLAGS, colonyOwnerKey, colonyRef, idOf } from '../identity.ts';
import { lifeMs } from '../life.ts';
import type { Published } from '../owner-records.ts';
import { done, showRounded, yesNo } from '../report.ts';

const IS_ID = /^[0-9a-f]{64}$/;

const checkServers = (servers: readonly string[], withdraw: boolean): void => {
  const odd = servers.find((id) => !IS_ID.test(id));
  if (odd !== undefined) {
    throw usageProblem(`--server ${odd}: expected a server id, 64 lower-case hex digits`);
  }
  if (withdraw !== (servers.length === 0)) {
    throw usageProblem(
      withdraw
        ? '--withdraw publishes that no server hosts the colony: leave --server out'
        : 'required flag(s) "server" not set',
    );
  }
};

const NO_FLAGS = 'none';

/** The flags of the record: those named, none, or undefined to keep what was published before. */
const recordFlags = (named: readonly string[]): readonly string[] | undefined => {
  if (named.length === 0) return undefined;
  return named.includes(NO_FLAGS) ? [] : named;
};

const hashOf = async (id: string | undefined): Promise<string | undefined> => {
  if (id === undefined) return undefined;
  if (!IS_ID.test(id)) throw usageProblem('--recovery: expected an id, 64 lower-case hex digits');
  return (await import('../../node/crypto/hash.ts')).sha3Hex(id);
};

/** The record that counts now, as far as anybody who was asked knows. */
const newest = async ({ met }: Opened, colonyid: string): Promise<Resolution | undefined> =>
  telling(() => met.reader.resolver.resolve(colonyid, { anew: true }));

const KEPT_HERE_ONLY =
  'No other node is known to this one yet: the record is kept there only, and spread when others join.';

const publish = command({
  path: ['federation', 'publish'],
  summary: 'Publish which servers host a colony',
  details:
    'Signs the record of the colony with the key of its owner, which stays here (COLONIES_COLONYPRVKEY or the\n' +
    'keychain), and hands it to a node, which spreads it. The first --server is the home; the others are used,\n' +
    'in order, while no connection to it can be made. Publish again before it expires.\n\n' +
    'Name, flags and successor stay as they were published last unless they are given.',
  examples: [
    'colonies federation publish --colonyid $COLONY --server $HOME_SERVER --insecure',
    'colonies federation publish --colonyid $COLONY --server $NEW_HOME --server $SECOND --expires 30d',
    'colonies federation publish --colonyid $COLONY --withdraw',
  ],
  flags: {
    ...COLONY_OWNER_FLAGS,
    ...SERVER_FLAGS,
    ...BOOTSTRAP_FLAGS,
    server: { kind: 'list', help: 'Server id of a host, the home first; may be repeated' },
    expires: { kind: 'string', help: 'How long the record is valid: 90d, 12h', default: '90d' },
    name: { kind: 'string', help: 'Name of the colony, for people' },
    flag: {
      kind: 'list',
      help: 'What the colony demands, such as nonces-required; "none" demands nothing more',
    },
    successor: { kind: 'string', help: 'Colony id that counts when the key is revoked' },
    recovery: { kind: 'string', help: 'As --successor, but only the hash of the id is published' },
    withdraw: { kind: 'bool', help: 'Publish that no server hosts the colony' },
  },
  run: async (ctx, flags) => {
    checkServers(flags.server, flags.withdraw === true);
    const ref = colonyRef(ctx, flags);
    const key = await colonyOwnerKey(ctx, flags, ref);
    const colonyid = await idOf(key);
    if (IS_ID.test(ref) && ref !== colonyid) {
      throw advised(
        `The key is that of colony ${colonyid}, not of ${ref}`,
        'Give the key of the colony with COLONIES_COLONYPRVKEY or --colonyprvkey, or store it in the keychain.',
      );
    }
    const { openStore } = colonyMemory(ctx.keychain, colonyid);
    const meeting = { ...overlayOf(ctx, flags), openStore };
    const opened = await openMet(ctx, bootstrapsOrServer(ctx, flags), meeting);
    try {
      const previous = await newest(opened, colonyid);
      const { stateColony } = await import('../../federation/statements.ts');
      const { signerOf } = await import('../../federation/signature.ts');
      const record = await stateColony(signerOf(key), {
        network: opened.met.nodes.network,
        now: ctx.clock.now(),
        lifeMs: lifeMs(flags.expires),
        servers: flags.server,
        previous: previous?.record,
        name: flags.name,
        flags: recordFlags(flags.flag),
        successor: flags.successor,
        recovery: await hashOf(flags.recovery),
      });
      const records = [Buffer.from(record.bytes).toString('base64')];
      const fields = { records };
      const [taken] = await opened.call<readonly Published[]>('publishrecordsmsg', fields, key);
      await opened.met.reader.book.offer('colony', colonyid, record.bytes, { wanted: true });
      const { epoch, seq, exp, servers, name, net } = record.payload;
      const { copies = 0, asked = 0 } = taken ?? {};
      const facts = { ColonyID: colonyid, Network: net, Epoch: epoch, Sequence: seq };
      const isAlone = asked === 0;
      done(
        ctx,
        'Published the colony',
        {
          ...facts,
          Servers: servers.length,
          Copies: isAlone ? 'on this node only' : `${copies} of ${asked}`,
        },
        {
          colonyid,
          network: net,
          name,
          epoch,
          sequence: seq,
          expiresat: exp,
          servers,
          copies,
          asked,
        },
      );
      if (isAlone) ctx.log.warn(KEPT_HERE_ONLY);
    } finally {
      await opened.close();
    }
    return undefined;
  },
});

const hostShown = (host: Host) => ({
  serverid: host.serverid,
  home: host.home,
  urls: host.urls,
  addresses: host.addresses,
  trusted: host.trusted,
  usable: host.usable,
  reason: host.reason,
  chain: host.chain,
  consent: host.consent,
  fresh: host.fresh,
  peerid: host.peer ?? '',
});

const shown = (resolution: Resolution, network: string) => ({
  colonyid: resolution.colonyid,
  network,
  name: resolution.name,
  epoch: resolution.epoch,
  sequence: resolution.sequence,
  flags: resolution.flags,
  expiresat: resolution.expiresAt,
  confirmedat: resolution.confirmedAt,
  forked: resolution.forked,
  forks: resolution.forks,
  servers: resolution.hosts.map(hostShown),
});

const show = (ctx: Context, found: ReturnType<typeof shown>): void => {
  showRounded(ctx, [
    ['Colony', found.colonyid],
    ['Name', found.name],
    ['Network', found.network],
    ['Epoch, sequence', `${found.epoch}, ${found.sequence}`],
    ['Expires', new Date(found.expiresat).toISOString()],
    ['Flags', found.flags.join(', ')],
    ...(found.forked ? [['Forked', found.forks.join('\n')] as const] : []),
  ]);
  if (found.servers.length === 0) {
    ctx.out('Its owner withdrew it: no server hosts it.\n');
    return;
  }
  showRounded(
    ctx,
    found.servers.map((host) => [
      host.home ? 'home' : '',
      host.serverid,
      [...host.urls, ...host.addresses].join('\n'),
      yesNo(host.usable),
      yesNo(host.trusted),
      host.reason,
    ]),
    { header: ['', 'Server', 'Addresses', 'Usable', 'Trusted', 'Reason'] },
  );
};

interface Anchor {
  readonly serverid: string;
  readonly depth: number;
}

/**
 * The anchors of the own node, where the key of its owner is at hand: what he trusts there he
 * trusts here. Without the key, or at the node of somebody else, there are none.
 */
const addOwnAnchors = async (ctx: Context, opened: Opened): Promise<void> => {
  const key = ctx.env.COLONIES_SERVERPRVKEY ?? ctx.env.COLONIES_SERVER_PRVKEY;
  if (key === undefined) return;
  const { callProven, met } = opened;
  const call = callProven(await idOf(key));
  try {
    const { anchors } = await call<{ anchors: readonly Anchor[] }>('gettrustmsg', {}, key);
    for (const { serverid, depth } of anchors)
      await met.reader.trust.addAnchor(serverid, { depth });
  } catch (error) {
    // Expected at the node of somebody else, which cannot prove that it is ours.
    if (!(error instanceof ServerError || error instanceof AdvisedError)) throw error;
    ctx.log.debug('The node has another owner', { err: error.message });
  }
};

const resolve = command({
  path: ['federation', 'resolve'],
  summary: 'Find the servers of a colony',
  details:
    'Asks a node, verifies every record here and judges the servers by anchors given here: no node is taken at\n' +
    'its word. With --json one object; `servers` are in order, the home first.',
  examples: [
    'colonies federation resolve $COLONY --insecure',
    'colonies federation resolve $COLONY --json --bootstrap https://node.example.org',
    'colonies federation resolve $COLONY --mode federated --anchor $SERVER',
  ],
  positionals: ['colonyid'],
  flags: { ...SERVER_FLAGS, ...BOOTSTRAP_FLAGS, ...TRUST_FLAGS },
  run: async (ctx, flags, [colonyid = '']) => {
    if (!IS_ID.test(colonyid)) {
      throw usageProblem(`${colonyid} is no colony id: expected 64 lower-case hex digits`);
    }
    const { openStore } = colonyMemory(ctx.keychain, colonyid);
    const meeting = { ...overlayOf(ctx, flags), openStore, ...anchorsOf(ctx, flags) };
    const opened = await openMet(ctx, bootstrapsOrServer(ctx, flags), meeting);
    try {
      if (flags.anchor.length === 0) await addOwnAnchors(ctx, opened);
      const found = await newest(opened, colonyid);
      if (found === undefined) throw unknownColony(colonyid);
      const document = shown(found, opened.met.nodes.network);
      if (ctx.globals.json) ctx.json(document);
      else show(ctx, document);
    } finally {
      await opened.close();
    }
    return undefined;
  },
});

export const commands: readonly Command[] = [publish, resolve];
