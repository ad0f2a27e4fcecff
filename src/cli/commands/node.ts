// `colonies node`: what a node is in the overlay, whom it is connected to, which records it knows;
// and the
// certificate that its server owner signs, with or without a network.

import { readFileSync } from 'node:fs';
import { serverAddress } from '../address.ts';
import { writeWhole } from '../attach/file-store.ts';
import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { advised, usageProblem } from '../errors.ts';
import { type IdentityFlags, SERVER_OWNER_FLAGS, serverOwnerKey } from '../identity.ts';
import { lifeMs } from '../life.ts';
import { type NodeStatus, statusOf } from '../node-status.ts';
import { done, listOf, showRounded, yesNo } from '../report.ts';
import { callerTo } from '../rpc.ts';
import { asServerOwner, type SessionFlags } from '../session.ts';

const timeText = (ms: number): string =>
  ms === 0 ? 'never' : new Date(ms).toISOString().replace('T', ' ').slice(0, 19);

const short = (id: string): string => (id.length > 20 ? `${id.slice(0, 16)}…` : id);

const certificateText = ({ state, expiresat }: NodeStatus['certificate']): string =>
  expiresat === 0 ? state : `${state}, expires ${timeText(expiresat)}`;

const publishedText = ({ sequence, copies }: NodeStatus['published']): string =>
  sequence === 0 ? 'not yet' : `sequence ${sequence}, ${copies} copies`;

const showStatus = (ctx: Context, status: NodeStatus): void => {
  const { certificate, published } = status;
  showRounded(ctx, [
    ['Server id', status.serverid],
    ['Peer id', status.peerid],
    ['Network', status.network],
    ['Mode', status.mode],
    ['Address policy', status.policy],
    ['Addresses', status.addresses.join('\n')],
    ['URLs', status.urls.join('\n')],
    ['Peers', status.peers],
    ['Certificate', certificateText(certificate)],
    ...(certificate.help === '' ? [] : [['What to do', certificate.help] as const]),
    ['Published', publishedText(published)],
    ['Version', status.version],
  ]);
};

const status = command({
  path: ['node', 'status'],
  summary: 'Show what a node is in the overlay',
  details: 'Needs no key. With --json one object, as `GET /federation/status` answers it.',
  examples: ['colonies node status --insecure', 'colonies node status --json --port 50081'],
  flags: SERVER_FLAGS,
  run: async (ctx, flags) => {
    const { shown, raw } = await statusOf(ctx, flags);
    if (ctx.globals.json) ctx.json(raw);
    else showStatus(ctx, shown);
    return undefined;
  },
});

interface Peer {
  readonly peerid: string;
  readonly serverid: string;
  readonly addresses: readonly string[];
  readonly direction: string;
  readonly member: boolean;
  readonly relayed: boolean;
  readonly rttms: number;
}

const peers = command({
  path: ['node', 'peers'],
  summary: 'List the peers that are connected to a node, as its owner',
  examples: ['colonies node peers', 'colonies node peers --json'],
  flags: { ...SERVER_FLAGS, ...SERVER_OWNER_FLAGS },
  run: async (ctx, flags) => {
    const { call } = await asServerOwner(ctx, flags);
    const found = listOf(await call<readonly Peer[] | null>('getnodepeersmsg', {}));
    if (ctx.globals.json) {
      ctx.json(found);
      return undefined;
    }
    if (found.length === 0) {
      ctx.out('No peers are connected\n');
      return undefined;
    }
    showRounded(
      ctx,
      found.map((peer) => [
        peer.peerid,
        short(peer.serverid),
        peer.addresses[0] ?? '',
        peer.direction,
        yesNo(peer.member),
        yesNo(peer.relayed),
        peer.rttms < 0 ? '' : peer.rttms,
      ]),
      { header: ['Peer', 'Server', 'Address', 'Direction', 'Member', 'Relayed', 'RTT ms'] },
    );
    return undefined;
  },
});

interface KnownRecord {
  readonly kind: string;
  readonly id: string;
  readonly sequence: number;
  readonly expiresat: number;
  readonly confirmedat: number;
  readonly forked: boolean;
  readonly published: boolean;
  readonly copies: number;
}

const records = command({
  path: ['node', 'records'],
  summary: 'List the signed records that a node knows, as its owner',
  details:
    'Kinds are colony, server, endorsements and revocation. Copies are other nodes that held the record\n' +
    'when this one placed it last.',
  examples: ['colonies node records', 'colonies node records --kind colony --json'],
  flags: {
    ...SERVER_FLAGS,
    ...SERVER_OWNER_FLAGS,
    kind: { kind: 'string', help: 'Only records of this kind', default: '' },
    count: {
      kind: 'int',
      help: 'At most so many records; 0 is as many as one answer holds',
      default: 0,
    },
    after: { kind: 'string', help: 'Only ids after this one', default: '' },
  },
  run: async (ctx, flags) => {
    const { kind, count, after } = flags;
    const { call } = await asServerOwner(ctx, flags);
    const fields = { kind, count, after };
    const found = listOf(await call<readonly KnownRecord[] | null>('getnoderecordsmsg', fields));
    if (ctx.globals.json) {
      ctx.json(found);
      return undefined;
    }
    if (found.length === 0) {
      ctx.out('No records are known\n');
      return undefined;
    }
    showRounded(
      ctx,
      found.map((record) => [
        record.kind,
        record.id,
        record.sequence,
        timeText(record.expiresat),
        timeText(record.confirmedat),
        record.published ? (record.copies < 0 ? 'not yet' : record.copies) : '',
        record.forked ? 'forked' : '',
      ]),
      { header: ['Kind', 'Id', 'Sequence', 'Expires', 'Confirmed', 'Copies', ''] },
    );
    return undefined;
  },
});

const readText = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw advised(`Cannot read ${file}: ${(error as Error).message}`, HOW_OFFLINE, error);
  }
};

const HOW_OFFLINE =
  'On the machine of the node: `colonies node request --out request.json`. Where the key is: ' +
  '`colonies node certify --request request.json --out certificate.txt`. Back at the node: ' +
  '`colonies node certify --certificate certificate.txt`.';

/** A request as `node request` writes it, or the status of a node, which says the same. */
const requestOf = async (file: string, value: unknown) => {
  const { readCertificateRequest } = await import('../../federation/statements.ts');
  const { network, publickey, nodekey, peerid } = (value ?? {}) as Partial<NodeStatus> & {
    publickey?: string;
  };
  try {
    return readCertificateRequest({ network, publickey: publickey ?? nodekey, peerid });
  } catch (error) {
    throw advised(`${file}: ${(error as Error).message}`, HOW_OFFLINE, error);
  }
};

const parseFile = (file: string): unknown => {
  try {
    return JSON.parse(readText(file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw advised(`${file} is no certificate request: ${error.message}`, HOW_OFFLINE, error);
  }
};

interface Certified {
  readonly certificate: string;
  readonly serverid: string;
  readonly peerid: string;
  readonly network: string;
  readonly expiresat: number;
}

const sign = async (
  ctx: Context,
  flags: IdentityFlags & { readonly expires: string },
  request: Awaited<ReturnType<typeof requestOf>>,
): Promise<Certified> => {
  const key = await serverOwnerKey(ctx, flags);
  const { stateCertificate } = await import('../../federation/statements.ts');
  const { signerOf } = await import('../../federation/signature.ts');
  const times = { now: ctx.clock.now(), lifeMs: lifeMs(flags.expires) };
  const { bytes, payload } = await stateCertificate(signerOf(key), request, times);
  return {
    certificate: Buffer.from(bytes).toString('base64'),
    serverid: payload.id,
    peerid: payload.peer,
    network: payload.net,
    expiresat: payload.exp,
  };
};

const handIn = async (
  ctx: Context,
  flags: SessionFlags,
  certificate: string,
): Promise<{ readonly expiresat: number }> => {
  const call = callerTo(serverAddress(ctx, flags));
  return call<{ expiresat: number }>('setnodecertificatemsg', { certificate }, undefined);
};

const CERTIFIED = 'The node is certified';

const certify = command({
  path: ['node', 'certify'],
  summary: 'Sign the certificate of a node with the key of its server owner',
  details:
    'Without files: asks the node for its key, signs the certificate here and hands it to the node. The key\n' +
    'is that of COLONIES_SERVERPRVKEY or the keychain, and stays here.\n\n' +
    'Where the key is kept away from networks, use files: `colonies node request --out F` at the\n' +
    'node, `node certify --request F --out F` where the key is, and at the node again\n' +
    '`node certify --certificate F`.\n' +
    'The output of `node status --json` is a request too.',
  examples: [
    'colonies node certify --insecure',
    'colonies node certify --request request.json --out certificate.txt',
    'colonies node certify --certificate certificate.txt --insecure',
  ],
  flags: {
    ...SERVER_FLAGS,
    ...SERVER_OWNER_FLAGS,
    request: { kind: 'string', help: 'File with the request of a node; nothing is sent' },
    out: { kind: 'string', help: 'File to write the certificate to; stdout when it is -' },
    certificate: { kind: 'string', help: 'File with a certificate to hand to the node' },
    expires: { kind: 'string', help: 'How long it is valid: 365d, 12h', default: '365d' },
  },
  run: async (ctx, flags) => {
    if (flags.certificate !== undefined) {
      if (flags.request !== undefined || flags.out !== undefined) {
        throw usageProblem('--certificate hands a certificate in: leave --request and --out out');
      }
      const { expiresat } = await handIn(ctx, flags, readText(flags.certificate).trim());
      done(ctx, CERTIFIED, { Expires: timeText(expiresat) }, { expiresat });
      return undefined;
    }
    if (flags.request !== undefined && flags.out === undefined) {
      throw usageProblem('--request signs without a network: name the file to write with --out');
    }
    const { out } = flags;
    const request = await (flags.request === undefined
      ? requestOf('the status of the node', (await statusOf(ctx, flags)).raw)
      : requestOf(flags.request, parseFile(flags.request)));
    const made = await sign(ctx, flags, request);
    const expires = timeText(made.expiresat);
    if (out === '-') {
      ctx.out(`${made.certificate}\n`);
      return undefined;
    }
    if (out !== undefined) {
      writeWhole(out, `${made.certificate}\n`);
      const facts = { File: out, PeerID: made.peerid, Network: made.network, Expires: expires };
      done(ctx, 'Wrote the certificate', facts, made);
      return undefined;
    }
    await handIn(ctx, flags, made.certificate);
    const { serverid, peerid, network } = made;
    const facts = { ServerID: serverid, PeerID: peerid, Network: network, Expires: expires };
    done(ctx, CERTIFIED, facts, made);
    return undefined;
  },
});

const request = command({
  path: ['node', 'request'],
  summary: 'Write what a certificate for a node is signed over',
  details:
    'Needs no key. The file goes to where the key of the server owner is: `node certify --request F`.',
  examples: ['colonies node request --out request.json --insecure'],
  flags: {
    ...SERVER_FLAGS,
    out: { kind: 'string', help: 'File to write; stdout when it is -', default: '-' },
  },
  run: async (ctx, flags) => {
    const { raw } = await statusOf(ctx, flags);
    const asked = await requestOf('the status of the node', raw);
    if (flags.out === '-') {
      ctx.json(asked);
      return undefined;
    }
    writeWhole(flags.out, `${JSON.stringify(asked, undefined, 2)}\n`);
    done(ctx, 'Wrote the request', { File: flags.out, PeerID: asked.peerid }, asked);
    return undefined;
  },
});

export const commands: readonly Command[] = [status, peers, records, request, certify];
