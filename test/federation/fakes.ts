// A small world of federations in one process: an overlay that is a shelf of copies, pushes that arrive at
// once, questions that are answered by calling the other node. No sockets, no time of its own.

import { type Federation, openFederation } from '../../src/federation/federation.ts';
import { memoryStore } from '../../src/federation/memory-store.ts';
import type {
  Ask,
  Asked,
  Copy,
  Overlay,
  Place,
  Pushes,
  Store,
} from '../../src/federation/ports.ts';
import type { SelfFacts } from '../../src/federation/publish.ts';
import { rememberSignatures } from '../../src/federation/rules.ts';
import { checkWith } from '../../src/federation/signature.ts';
import { certificateRequest, stateCertificate } from '../../src/federation/statements.ts';
import type { TrustPolicy } from '../../src/federation/trust.ts';
import type { Clock } from '../../src/node/clock.ts';
import { fault } from '../../src/node/errors.ts';
import { type Log, silentLog } from '../../src/node/log.ts';
import { engine, type Identity, keyOf, NETWORK, type TestClock, testClock } from './world.ts';

// Shared by all nodes: what one has checked the others need not pay for again.
const isSigned = rememberSignatures(checkWith(engine));

/** Lets everything that is ready run. */
export const settle = async (rounds = 50): Promise<void> => {
  for (let i = 0; i < rounds; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** An overlay that gives the copies it was told to, in order. `hang` keeps the search open until aborted. */
export const scriptedOverlay = (copies: Record<string, readonly Copy[]>, hang = false) => {
  const calls: string[] = [];
  const placed = new Map<string, Uint8Array>();
  const overlay: Overlay = {
    peerId: 'self',
    search: async function* (ns, key, signal) {
      calls.push(`search ${ns}/${key}`);
      for (const copy of copies[`${ns}/${key}`] ?? []) {
        if (signal?.aborted) return;
        yield copy;
      }
      if (!hang || signal?.aborted) return;
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    },
    get: async (ns, key) => void calls.push(`get ${ns}/${key}`),
    put: async (ns, key, bytes) => {
      calls.push(`put ${ns}/${key}`);
      placed.set(`${ns}/${key}`, bytes);
      return { copies: 3, asked: 3 };
    },
    keep: async (ns, key) => {
      calls.push(`keep ${ns}/${key}`);
      return true;
    },
  };
  return { overlay, calls, placed };
};

export interface World {
  readonly clock: TestClock;
  /** Frames on the shelf of the overlay, by `ns/id`, by holder. */
  readonly shelf: Map<string, Map<string, Uint8Array>>;
  /** Nodes that do not answer and are not pushed to. */
  readonly down: Set<string>;
  readonly nodes: Map<string, Member>;
  readonly asked: string[];
}

export interface Member {
  readonly name: string;
  readonly owner: Identity;
  readonly node: Identity;
  readonly url: string;
  readonly hosted: Set<string>;
  readonly store: Store;
  readonly federation: Federation;
  readonly place: Place;
}

export const makeWorld = (): World => ({
  clock: testClock(),
  shelf: new Map(),
  down: new Set(),
  nodes: new Map(),
  asked: [],
});

const overlayOf = (world: World, name: string, peerId: string): Overlay => {
  const shelfOf = (ns: string, key: string): Map<string, Uint8Array> => {
    const at = `${ns}/${key}`;
    const shelf = world.shelf.get(at) ?? new Map<string, Uint8Array>();
    world.shelf.set(at, shelf);
    return shelf;
  };
  return {
    peerId,
    search: async function* (ns, key) {
      for (const [holder, bytes] of [...shelfOf(ns, key)]) {
        if (!world.down.has(holder)) yield { bytes, from: holder === name ? peerId : holder };
      }
    },
    get: async () => undefined,
    put: async (ns, key, bytes) => {
      shelfOf(ns, key).set(name, bytes);
      let copies = 0;
      for (const other of world.nodes.keys()) {
        if (other === name || world.down.has(other)) continue;
        shelfOf(ns, key).set(other, bytes);
        copies += 1;
      }
      return { copies, asked: world.nodes.size - 1 };
    },
    keep: async (ns, key, bytes) => {
      shelfOf(ns, key).set(name, bytes);
      return true;
    },
  };
};

const pushesOf = (world: World, name: string): Pushes => {
  const deliver = (to: Member, bytes: Uint8Array): void => {
    void to.federation.pusher.received(name, bytes);
  };
  const push = (peer: string, bytes: Uint8Array): boolean => {
    const to = world.nodes.get(peer);
    if (!to || world.down.has(peer) || world.down.has(name)) return false;
    deliver(to, bytes);
    return true;
  };
  return {
    push,
    pushAll: (bytes, not) =>
      [...world.nodes.keys()].filter((peer) => peer !== name && peer !== not && push(peer, bytes))
        .length,
  };
};

/** Asks the node that a place belongs to, by its URL. */
export const askOf =
  (world: World, asker: string): Ask =>
  async (place, path, signal): Promise<Asked> => {
    world.asked.push(`${asker} ${place.urls[0] ?? place.peer} ${path.split('?')[0]}`);
    const member = [...world.nodes.values()].find(({ url }) => place.urls.includes(url));
    if (!member || world.down.has(member.name)) throw fault('unavailable', 'connection refused');
    if (signal.aborted) throw fault('unavailable', 'aborted');
    const answer = await member.federation.answers.answer(path, { address: asker });
    if (!answer) return { status: 404, body: '', proof: undefined, via: member.url };
    return { status: answer.status, body: answer.body, proof: answer.proof, via: member.url };
  };

export interface MemberOptions {
  readonly policy?: Partial<TrustPolicy>;
  readonly certified?: boolean;
  readonly store?: Store;
  readonly bootstraps?: readonly string[];
  /** Key of the node, when it is not the usual one of its name. */
  readonly nodeKey?: string;
  readonly log?: Log;
}

export const addNode = async (
  world: World,
  name: string,
  options: MemberOptions = {},
): Promise<Member> => {
  const { policy, certified = true, store = memoryStore(), bootstraps = [], nodeKey } = options;
  const owner = keyOf(`server ${name}`);
  const node = keyOf(nodeKey ?? `node ${name}`);
  const url = `https://${name}.example.org`;
  const hosted = new Set<string>();
  const self: SelfFacts = {
    addresses: [`/dns4/${name}.example.org/tcp/4001/p2p/${node.peer}`],
    urls: [url],
    versions: { node: '0.1.0' },
  };
  const place: Place = { serverid: owner.id, peer: node.peer, urls: [url], addresses: [] };
  const federation = await openFederation({
    network: NETWORK,
    serverid: owner.id,
    nodeKey: node,
    policy: { mode: 'open', depthMax: 3, scopes: [], ...policy },
    store,
    clock: world.clock,
    log: options.log ?? silentLog(),
    overlay: overlayOf(world, name, node.peer),
    pushes: pushesOf(world, name),
    ask: askOf(world, name),
    bootstraps: () =>
      bootstraps.flatMap((other) => {
        const member = world.nodes.get(other);
        return member ? [member.place] : [];
      }),
    self: () => self,
    hosts: (colonyid) => hosted.has(colonyid),
    hosted: () => [...hosted],
    isSigned,
  });
  const member: Member = { name, owner, node, url, hosted, store, federation, place };
  world.nodes.set(name, member);
  if (certified && !federation.certificates.current()) await certifyNode(world.clock, member);
  return member;
};

/** Gives a node the certificate of its own server owner. */
export const certifyNode = async (
  clock: Clock,
  { owner, node, federation }: Pick<Member, 'owner' | 'node' | 'federation'>,
  lifeMs?: number,
): Promise<void> => {
  const request = certificateRequest(NETWORK, node.publicKey);
  const certificate = await stateCertificate(owner, request, { now: clock.now(), lifeMs });
  await federation.certificates.accept(certificate.bytes);
};

/** Every node does what is due. */
export const tickAll = async (world: World): Promise<void> => {
  for (const { name, federation } of world.nodes.values()) {
    if (!world.down.has(name)) await federation.tick();
  }
  await settle();
};
