// `colonies federation` and `colonies node` against real nodes.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { endNodes, startNode, startNodes, type TestNode, until } from '../federation-node/nodes.ts';
import { idOf, keyOf } from '../support/world.ts';
import { type Ran, runIn, words } from './world.ts';

let nodes: TestNode[];
let [one, two, three] = [] as unknown as [TestNode, TestNode, TestNode];
let home: string;

beforeAll(async () => {
  nodes = await startNodes(['s1', 's2', 's3']);
  [one, two, three] = nodes as [TestNode, TestNode, TestNode];
}, 60_000);
afterAll(() => endNodes(nodes), 60_000);
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'colonies-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

type Env = Readonly<Record<string, string | undefined>>;

/** Runs a command line against a node, given as --port. */
const run = (node: TestNode, line: string, env: Env = {}, input: readonly string[] = []) =>
  runIn(home, [...words(line), '--insecure', '--port', `${node.node.port}`], { env, input });

const asOwner = ({ owner }: TestNode): Env => ({
  COLONIES_SERVERID: idOf(owner),
  COLONIES_SERVERPRVKEY: keyOf(owner),
});
const asColony = (name: string): Env => ({ COLONIES_COLONYPRVKEY: keyOf(name) });

const json = ({ code, out, err }: Ran) => {
  if (code !== 0) throw new Error(err);
  return JSON.parse(out);
};

/** Publishes a colony by the command and gives what it prints. */
const publish = async (name: string, hosts: readonly TestNode[], more = '') => {
  const servers = hosts.map(({ id }) => `--server ${id}`).join(' ');
  const line = `federation publish --colonyid ${idOf(name)} ${servers} ${more} --json`;
  return json(await run(three, line, asColony(name)));
};

const resolve = async (node: TestNode, name: string, more = '', env: Env = {}) =>
  json(await run(node, `federation resolve ${idOf(name)} --json ${more}`, env));

describe('publish and resolve', () => {
  test('a colony published through one node is found through every other', async () => {
    await one.colony('spread');
    await two.colony('spread');
    const said = await publish('spread', [one, two], '--name lab');
    expect(said).toMatchObject({
      colonyid: idOf('spread'),
      network: 'testnet',
      name: 'lab',
      epoch: 1,
      servers: [one.id, two.id],
    });
    expect(said.copies).toBeGreaterThan(0);
    for (const node of nodes) {
      const found = await resolve(node, 'spread');
      expect(found).toMatchObject({ colonyid: idOf('spread'), sequence: said.sequence });
      expect(found.servers).toMatchObject([
        { serverid: one.id, home: true, urls: [one.url], usable: true, consent: 'claims' },
        { serverid: two.id, home: false, urls: [two.url], usable: true, consent: 'claims' },
      ]);
      expect(found.servers[0].addresses[0]).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//);
      expect(found.servers[0]).toMatchObject({ trusted: false, reason: /no endorsement/ });
    }
    const { out } = await run(two, `federation resolve ${idOf('spread')}`);
    expect(out).toContain(one.url);
  });

  test('only a change of home raises the epoch, and every record outranks the last', async () => {
    const first = await publish('moving', [one]);
    const second = await publish('moving', [one, two], '--name moved --flag nonces-required');
    const third = await publish('moving', [two, one]);
    expect([first.epoch, second.epoch, third.epoch]).toEqual([1, 1, 2]);
    expect(second.sequence).toBeGreaterThan(first.sequence);
    expect(third.sequence).toBeGreaterThan(second.sequence);
    const found = await resolve(one, 'moving');
    expect(found).toMatchObject({ name: 'moved', flags: ['nonces-required'] });
    const cleared = await publish('moving', [two, one], '--flag none');
    expect(cleared.epoch).toBe(2);
    expect(await resolve(one, 'moving')).toMatchObject({ flags: [] });
  });

  test('the life of a record is what was asked for', async () => {
    const { expiresat } = await publish('brief', [one], '--expires 12h');
    const { servers, ...found } = await resolve(one, 'brief');
    expect(found.expiresat).toBe(expiresat);
    expect(expiresat - found.sequence).toBe(12 * 3_600_000);
    const odd = await run(one, `federation publish --server ${one.id} --expires soon`, {
      ...asColony('brief'),
      COLONIES_COLONYID: idOf('brief'),
    });
    expect(odd.code).toBe(1);
    expect(odd.err).toMatch(/invalid argument "soon" for "--expires" flag/);
  });

  test('a colony can be withdrawn', async () => {
    await publish('gone', [one]);
    expect(await publish('gone', [], '--withdraw')).toMatchObject({ servers: [], epoch: 2 });
    const shown = await run(two, `federation resolve ${idOf('gone')}`);
    expect(shown.out).toContain('no server hosts it');
    expect(await resolve(two, 'gone')).toMatchObject({ servers: [] });
  });

  test('a host that was not told of the colony says so', async () => {
    await publish('unhosted', [two]);
    const { servers } = await resolve(one, 'unhosted');
    expect(servers).toMatchObject([
      { consent: 'denies', usable: false, reason: 'does not claim this colony' },
    ]);
  });

  test.each([
    ['', 1, /required flag\(s\) "server" not set/],
    ['--server nonsense', 1, /--server nonsense: expected a server id/],
    ['--withdraw --server HOST', 1, /leave --server out/],
    ['--server HOST --colonyid OTHER', 255, /open .*no such file or directory/],
    ['--server HOST --colonyid OTHER --colonyprvkey KEY', 255, /The key is that of colony/],
  ])('publish %s is refused', async (flags, code, text) => {
    const line = flags
      .replace('HOST', one.id)
      .replace('OTHER', idOf('somebody else'))
      .replace('KEY', keyOf('spread'));
    const ran = await run(one, `federation publish ${line}`, {
      ...asColony('spread'),
      ...(line.includes('--colonyid') ? {} : { COLONIES_COLONYID: idOf('spread') }),
    });
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(text);
  });

  test('a colony that nobody knows, and an id that is none', async () => {
    const unknown = await run(one, `federation resolve ${idOf('never published')}`);
    expect(unknown.code).toBe(255);
    expect(unknown.err).toMatch(/no node that was asked knows colony/);
    expect(unknown.err).toMatch(/colonies federation publish/);
    const odd = await run(one, 'federation resolve abc');
    expect(odd.code).toBe(1);
    expect(odd.err).toMatch(/abc is no colony id/);
  });

  test('any node is a bootstrap, by URL or by multiaddress', async () => {
    await publish('anyway', [one]);
    const { addresses } = await two.status();
    for (const bootstrap of [two.url, addresses[0], addresses[0].replace(/\/p2p\/.*/, '')]) {
      const line = `federation resolve ${idOf('anyway')} --json --bootstrap ${bootstrap}`;
      expect(json(await runIn(home, words(line)))).toMatchObject({ network: 'testnet' });
    }
    const env = { COLONIES_BOOTSTRAP: `http://127.0.0.1:1025, ${two.url}` };
    const line = `federation resolve ${idOf('anyway')} --json`;
    expect(json(await runIn(home, words(line), { env }))).toMatchObject({ network: 'testnet' });
  });

  test('bootstraps that are silent, odd, or of another network', async () => {
    const id = idOf('anyway');
    const at = (more: string) => runIn(home, words(`federation resolve ${id} ${more}`));
    const silent = await at('--bootstrap http://127.0.0.1:1025');
    expect(silent.err).toMatch(/no bootstrap answers: .*127\.0\.0\.1:1025/);
    expect(silent.err).toMatch(/Is a node running there\?/);
    expect((await at('--bootstrap node.example.org')).err).toMatch(/not a bootstrap: node\.exam/);
    const other = await at(`--bootstrap ${one.url} --network elsewhere`);
    expect(other.err).toMatch(/is of the network testnet, not of elsewhere/);
    expect(other.err).toMatch(/choose this one with --network/);
  });
});

describe('trust', () => {
  test('anchors are added, listed and removed by the owner of a server', async () => {
    const owner = asOwner(one);
    const line = `federation trust add ${two.id} --depth 0 --note lab --json`;
    expect(json(await run(one, line, owner))).toMatchObject({ serverid: two.id, depth: 0 });
    const state = json(await run(one, 'federation trust ls --json', owner));
    expect(state).toMatchObject({ mode: 'open', anchors: [{ serverid: two.id, note: 'lab' }] });
    await publish('trusted', [two]);
    await two.colony('trusted');
    expect((await resolve(one, 'trusted', '', owner)).servers).toMatchObject([
      { trusted: true, reason: 'anchor' },
    ]);
    expect((await run(one, `federation trust remove ${two.id}`, owner)).code).toBe(0);
    const again = await run(one, `federation trust remove ${two.id}`, owner);
    expect(again.code).toBe(255);
    expect(again.err).toMatch(/is no anchor/);
    const stranger = await run(one, `federation trust add ${two.id}`, asOwner(two));
    expect(stranger.code).toBe(255);
  });

  test('an endorsement makes a chain, its withdrawal breaks it', async () => {
    const owner = asOwner(one);
    const given = json(await run(one, `federation endorse ${three.id} --json`, owner));
    expect(given).toMatchObject({ issuer: one.id, subject: three.id, scope: ['host'] });
    const path = `federation path ${three.id} --json`;
    expect(json(await run(one, path, owner))).toMatchObject({
      trusted: true,
      chain: [one.id, three.id],
    });
    const anchored = `${path} --anchor ${one.id}`;
    await until(async () => (await run(two, anchored)).code === 0);
    expect(json(await run(two, anchored))).toMatchObject({ chain: [one.id, three.id] });
    const { out } = await run(one, `federation path ${three.id}`, owner);
    expect(out).toBe(`${one.id}\n  endorses ${three.id}\n`);
    const withdraw = `federation endorse ${three.id} --withdraw`;
    expect((await run(one, withdraw, owner)).code).toBe(0);
    await until(async () => (await run(two, anchored)).code !== 0);
    const broken = await run(two, `federation path ${three.id} --anchor ${one.id}`);
    expect(broken.out).toMatch(/^not trusted: .*no longer lists its endorsement/);
    const deep = await run(one, `federation endorse ${three.id} --depth 8`, owner);
    expect([deep.code, deep.err]).toEqual([
      1,
      expect.stringContaining('--depth 8: expected 0 to 7'),
    ]);
    const twice = await run(one, withdraw, owner);
    expect(twice.err).toMatch(/does not vouch for/);
  });

  test('who is nobody has no path', async () => {
    const nobody = idOf('nobody');
    const { code, out } = await run(one, `federation path ${nobody}`, asOwner(one));
    expect(code).toBe(255);
    expect(out).toMatch(/^not trusted: no (valid record|endorsement)/);
    const odd = await run(one, 'federation path nonsense', asOwner(one));
    expect(odd.code).toBe(1);
    expect(odd.err).toMatch(/nonsense is no server id/);
  });
});

describe('revoke', () => {
  test('a colony key is dead for every node, after a question', async () => {
    await publish('dead', [one]);
    const env = { ...asColony('dead'), COLONIES_COLONYID: idOf('dead') };
    const kept = await run(one, 'federation revoke colony', env, ['no']);
    expect(kept.code).toBe(255);
    expect(kept.out).toMatch(/Revoking the key of colony .*cannot be undone/);
    const said = json(await run(one, 'federation revoke colony --yes --json', env));
    expect(said).toMatchObject({ id: idOf('dead'), kind: 'colony' });
    await until(async () => {
      const { err } = await run(two, `federation resolve ${idOf('dead')}`);
      return /revoked, no successor/.test(err) && /declared the key dead/.test(err);
    });
    const again = await run(one, `federation publish --server ${one.id}`, env);
    expect(again.code).toBe(255);
    expect(again.err).toMatch(/revoked/);
  });

  test('a node key and the key of a server are dead for every node, which say so', async () => {
    const dying = await startNode({ owner: 'dying', bootstrap: [one.url] });
    try {
      await publish('orphan', [dying]);
      const path = `federation path ${dying.id}`;
      const verdict = async (): Promise<string> => (await run(one, path, asOwner(one))).out;
      const node = await run(dying, 'federation revoke node --yes --json', asOwner(dying));
      expect(json(node)).toMatchObject({ kind: 'node' });
      await until(async () => /^not trusted: its node key .* is revoked/.test(await verdict()));
      const found = json(await run(two, `federation resolve ${idOf('orphan')} --json`));
      expect(found.servers[0].reason).toMatch(/^its node key .* is revoked/);
      expect((await run(dying, 'node status')).out).toMatch(/move node.key .* away/);
      // An anchor is trusted whatever its node key is worth, which is not all there is to say.
      const anchor = await run(two, `${path} --anchor ${dying.id}`);
      expect(anchor.code).toBe(0);
      expect(anchor.out).toMatch(/\nbut it cannot be used now: its node key .* is revoked/);

      const server = await run(dying, 'federation revoke server --yes --json', asOwner(dying));
      expect(json(server)).toMatchObject({ id: dying.id, kind: 'server' });
      await until(async () => /^not trusted: the key .* is revoked/.test(await verdict()));
      for (const line of ['federation trust ls', 'node peers', `federation endorse ${one.id}`]) {
        const { code, err } = await run(dying, line, asOwner(dying));
        expect([line, code]).toEqual([line, 255]);
        expect(err).toMatch(/revoked"/);
        expect(err).toMatch(/declared dead, for everything and for ever/);
      }
    } finally {
      await endNodes([dying]);
    }
  });

  test('only three kinds of keys can be revoked', async () => {
    const { code, err } = await run(one, 'federation revoke everything', asOwner(one));
    expect(code).toBe(1);
    expect(err).toMatch(/expected node, server or colony/);
  });
});

describe('members', () => {
  test('are copied to another host once, with their approval', async () => {
    await one.colony('many');
    await two.colony('many');
    await one.user('alice', 'many');
    await one.executor('worker', 'many');
    await publish('many', [one, two]);
    const line = `federation members copy --colonyid ${idOf('many')} --json`;
    const first = json(await run(three, line, asColony('many')));
    expect(first).toMatchObject({
      from: one.id,
      copied: [{ serverid: two.id, users: 1, executors: 1, present: 0 }],
    });
    const fields = { colonyname: idOf('many') };
    const { payload } = await two.send('alice', 'getexecutorsmsg', fields);
    expect(payload).toMatchObject([{ executorid: idOf('worker'), state: 1 }]);
    const second = json(await run(three, line, asColony('many')));
    expect(second.copied).toMatchObject([{ users: 0, executors: 0, present: 2 }]);
  });

  test('a host without the colony is named, with what to do', async () => {
    await one.colony('half');
    await one.user('bob', 'half');
    await publish('half', [one]);
    const line = `federation members copy --colonyid ${idOf('half')}`;
    const alone = await run(three, line, asColony('half'));
    expect(alone.err).toMatch(/There is no other host/);
    const { code, err } = await run(three, `${line} --to ${two.id}`, asColony('half'));
    expect(code).toBe(255);
    expect(err).toMatch(two.id);
    expect(err).toMatch(/The colony has to exist there first/);
    await two.colony('half');
    const later = await run(three, `${line} --to ${two.id} --json`, asColony('half'));
    expect(json(later).copied).toMatchObject([{ serverid: two.id, users: 1 }]);
  });
});

describe('node', () => {
  test('status needs no key and prints one object', async () => {
    const status = json(await run(one, 'node status --json'));
    expect(status).toMatchObject({
      serverid: one.id,
      peerid: /^16Uiu2/,
      network: 'testnet',
      urls: [one.url],
      peers: expect.any(Number),
    });
    expect(status.addresses[0]).toContain(status.peerid);
    expect((await run(one, 'node status')).out).toContain(one.id);
  });

  test('peers and records are for the owner', async () => {
    const peers = json(await run(one, 'node peers --json', asOwner(one)));
    expect(peers.length).toBeGreaterThan(0);
    expect(peers[0]).toMatchObject({ member: true });
    await publish('listed', [one]);
    const kind = 'node records --kind colony --json';
    const records = json(await run(three, kind, asOwner(three)));
    const ids = records.map((record: { id: string }) => record.id);
    expect(ids).toContain(idOf('listed'));
    expect((await run(one, 'node peers', asOwner(one))).out).toContain('/ip4/127.0.0.1/tcp/');
    expect((await run(one, 'node records', asOwner(one))).out).toContain('colony');
    expect((await run(one, 'node peers', asOwner(two))).code).toBe(255);
  });

  test('a server without an overlay says how to get one', async () => {
    const settings = { 'overlay.listen': [], 'overlay.network': '' };
    const plain = await startNode({ owner: 's4', settings });
    const { code, err } = await run(plain, 'node status');
    await endNodes([plain]);
    expect(code).toBe(255);
    expect(err).toMatch(/does not take part in an overlay/);
    expect(err).toMatch(/--listen/);
  });
});

describe('certify', () => {
  let bare: TestNode;
  beforeAll(async () => {
    bare = await startNode({ owner: 's5', certified: false, bootstrap: [one.url] });
  }, 60_000);
  afterAll(() => endNodes([bare]), 60_000);

  const state = async (): Promise<string> => (await bare.status()).certificate.state;

  test('offline: a request to a file, a certificate to a file, and back', async () => {
    expect(await state()).toBe('missing');
    expect((await bare.status()).certificate.help).toMatch(/colonies node certify/);
    const [request, certificate] = [join(home, 'request.json'), join(home, 'certificate.txt')];
    expect((await run(bare, `node request --out ${request}`)).code).toBe(0);
    const signing = words(`node certify --request ${request} --out ${certificate} --json`);
    const signed = json(await runIn(home, signing, { env: asOwner(bare) }));
    expect(signed).toMatchObject({ serverid: bare.id, network: 'testnet' });
    expect((await run(bare, `node certify --certificate ${certificate}`)).code).toBe(0);
    expect(await state()).toBe('valid');
  });

  test('a status is a request too, and - is stdout', async () => {
    const file = join(home, 'status.json');
    await writeFile(file, (await run(bare, 'node status --json')).out);
    const line = words(`node certify --request ${file} --out - --expires 10d`);
    const { code, out } = await runIn(home, line, { env: asOwner(bare) });
    expect(code).toBe(0);
    expect(out).toMatch(/^[A-Za-z0-9+/]+=*\n$/);
  });

  test('online: signed here, handed to the node', async () => {
    const said = json(await run(bare, 'node certify --json', asOwner(bare)));
    expect(said).toMatchObject({ serverid: bare.id, peerid: (await bare.status()).peerid });
    expect(await state()).toBe('valid');
    await until(async () => (await resolvable(bare.id)) === true);
  });

  const resolvable = async (id: string): Promise<boolean> => {
    const { status } = await fetch(`${one.url}/federation/servers/${id}`);
    return status === 200;
  };

  test.each([
    ['--request /nowhere/request.json --out x', 255, /Cannot read \/nowhere\/request\.json/],
    ['--request FILE --out x', 255, /is no certificate request/],
    ['--request FILE', 1, /name the file to write with --out/],
    ['--certificate FILE --out x', 1, /leave --request and --out out/],
    ['--certificate FILE', 255, /certificate/],
  ])('certify %s is refused', async (flags, code, text) => {
    const file = join(home, 'odd.json');
    await writeFile(file, 'nonsense');
    const ran = await run(bare, `node certify ${flags.replace('FILE', file)}`, asOwner(bare));
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(text);
  });

  test('the key of another server certifies nothing', async () => {
    const { code, err } = await run(bare, 'node certify', asOwner(two));
    expect(code).toBe(255);
    expect(err).toMatch(/certificate refused/);
  });
});

describe('what a client remembers', () => {
  test('is the network and the nodes of each colony, and the records it verified', async () => {
    await one.colony('kept');
    await publish('kept', [one]);
    const line = `federation members copy --colonyid ${idOf('kept')}`;
    await run(one, line, asColony('kept'));
    const folder = join(home, '.colonies', 'federation');
    expect((await readdir(folder)).sort()).toEqual([
      `${idOf('kept')}.json`,
      `${idOf('kept')}.testnet.records.json`,
    ]);
    const pin = JSON.parse(await readFile(join(folder, `${idOf('kept')}.json`), 'utf8'));
    expect(pin).toEqual({ network: 'testnet', bootstraps: [`http://localhost:${one.node.port}`] });
    await writeFile(join(folder, `${idOf('kept')}.json`), '{');
    const broken = await run(one, line, asColony('kept'));
    expect(broken.err).toMatch(/is damaged; remove it/);
  });

  test('a worker without any node says what to do', async () => {
    const line = `worker start --colonyid ${idOf('kept')} --name w --type t`;
    const { code, err } = await runIn(home, words(line), { env: asColony('kept') });
    expect(code).toBe(255);
    expect(err).toMatch(/no bootstrap known: pass --bootstrap or start the first node/);
  });
});
