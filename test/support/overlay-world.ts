// Overlay nodes for tests: real libp2p over loopback TCP, real LevelDB in temporary folders, and
// records of a made-up namespace that say nothing but their own order.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOverlay } from '../../src/dht/node.ts';
import { nodeKey } from '../../src/dht/node-key.ts';
import type { OverlayOptions } from '../../src/dht/options.ts';
import type { NamespaceQuota, Overlay, RecordRules } from '../../src/dht/overlay.ts';
import { systemClock } from '../../src/node/clock.ts';
import { generateKey } from '../../src/node/crypto/keys.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import { type Log, makeLog } from '../../src/node/log.ts';

export interface Thing {
  readonly key: string;
  readonly seq: number;
  /** Epoch milliseconds. */
  readonly exp?: number;
  readonly owner?: string;
  readonly fill?: string;
}

export const thing = (content: Thing): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(content));

export const readThing = (bytes: Uint8Array | undefined): Thing | undefined =>
  bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as Thing);

const compare = (a: Uint8Array, b: Uint8Array): number => {
  const order = (readThing(a)?.seq ?? 0) - (readThing(b)?.seq ?? 0);
  return order === 0 ? Buffer.compare(a, b) : order;
};

/** Rules: a thing names its key, has a whole positive sequence, and has not expired. */
export const thingRules = (now: () => number = Date.now): RecordRules => ({
  validate: (_namespace, key, bytes) => {
    const content = readThing(bytes);
    if (content?.key !== key) throw new Error('names another key');
    if (!Number.isInteger(content.seq) || content.seq < 1) throw new Error('has no sequence');
    if (content.exp !== undefined && content.exp <= now()) throw new Error('has expired');
  },
  compare: (_namespace, _key, a, b) => compare(a, b),
  select: (_namespace, _key, list) => {
    let best = 0;
    for (let i = 1; i < list.length; i += 1) {
      if (compare(list[i] as Uint8Array, list[best] as Uint8Array) > 0) best = i;
    }
    return best;
  },
  owner: (_namespace, key, bytes) => readThing(bytes)?.owner ?? key,
  expiresAt: (_namespace, _key, bytes) => readThing(bytes)?.exp,
});

export const QUOTAS: Record<string, NamespaceQuota> = {
  thing: { bytesMax: 4_096, recordsMax: 1_000, recordsPerOwnerMax: 100 },
};

export interface WorldNode {
  readonly overlay: Overlay;
  readonly folder: string;
  readonly lines: string[];
  /** The first announced address. */
  address(): string;
}

export interface World {
  /** A started node. Without `bootstraps` it knows the first node of the world. */
  node(
    options?: Partial<OverlayOptions>,
    limits?: Partial<Record<keyof Limits, number>>,
  ): Promise<WorldNode>;
  nodes(count: number): Promise<WorldNode[]>;
  end(): Promise<void>;
}

/** Collects log lines as text, `level message fields`. */
export const lineLog = (lines: string[]): Log =>
  makeLog('debug', (level, message, fields) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  });

let worlds = 0;

/** An empty world with a network name of its own. */
export const makeWorld = (): World => {
  worlds += 1;
  const network = `t-${process.pid}-${worlds}`;
  const clock = systemClock();
  const all: WorldNode[] = [];
  const folders: string[] = [];
  const node: World['node'] = async (options = {}, limits = {}) => {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'colonies-')));
    folders.push(folder);
    const lines: string[] = [];
    const [first] = all;
    const overlay = makeOverlay(
      {
        network,
        policy: 'test',
        key: nodeKey(generateKey(clock)),
        folder,
        listen: ['/ip4/127.0.0.1/tcp/0'],
        bootstraps: first === undefined ? [] : [first.address()],
        rules: thingRules(),
        quotas: QUOTAS,
        ...options,
      },
      { clock, log: lineLog(lines), limits: { ...LIMITS, ...limits } as Limits },
    );
    await overlay.start();
    const made = { overlay, folder, lines, address: () => overlay.addresses()[0] ?? '' };
    all.push(made);
    return made;
  };
  return {
    node,
    nodes: async (count) => {
      const made: WorldNode[] = [];
      for (let i = 0; i < count; i += 1) made.push(await node());
      return made;
    },
    end: async () => {
      await Promise.all(all.map(({ overlay }) => overlay.stop()));
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Waits until `holds` gives a truthy value; fails with `what` after `withinMs`. */
export const until = async <T>(
  what: string,
  holds: () => T | Promise<T>,
  withinMs = 15_000,
): Promise<NonNullable<T>> => {
  const end = Date.now() + withinMs;
  for (;;) {
    const value = await holds();
    if (value) return value as NonNullable<T>;
    if (Date.now() > end) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 25);
    });
  }
};
