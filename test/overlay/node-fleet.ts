// Many whole nodes in several processes, which can be killed, frozen and started again.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, getJson, post, sealed } from '../federation-node/nodes.ts';
import { type Child, startChild } from '../support/line-child.ts';
import { idOf, keyOf } from '../support/world.ts';

const CHILD = fileURLToPath(new URL('../support/node-child.js', import.meta.url));

/** A node in some process; ports and folder stay when it is started again. */
export interface FleetNode {
  readonly owner: string;
  readonly id: string;
  readonly process: number;
  readonly url: string;
  send(name: string, type: string, fields?: object): ReturnType<typeof post>;
  // biome-ignore lint/suspicious/noExplicitAny: a body is whatever the test says it is
  status(): Promise<any>;
}

interface Slot extends FleetNode {
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface NodeFleet {
  readonly nodes: readonly FleetNode[];
  /** Starts the nodes; without bootstraps when `again`. */
  start(again?: boolean): Promise<void>;
  /** Nodes whose process lives and is not frozen. */
  live(): readonly FleetNode[];
  signal(process: number, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  usage(process: number): Promise<{ cpu: NodeJS.CpuUsage; rss: number }>;
  end(): Promise<void>;
}

const makeSlot = async (root: string, i: number, processes: number): Promise<Slot> => {
  const owner = `fleet ${i}`;
  const [httpPort, overlayPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${httpPort}`;
  return {
    owner,
    id: idOf(owner),
    process: i % processes,
    url,
    settings: {
      dataDir: join(root, `n${i}`),
      'server.id': idOf(owner),
      'http.host': '127.0.0.1',
      'http.port': httpPort,
      'http.tls': false,
      'overlay.listen': [`/ip4/127.0.0.1/tcp/${overlayPort}`],
      'overlay.addressPolicy': 'test',
      'overlay.network': 'testnet',
    },
    send: (name, type, fields = {}) => post(url, sealed(name, type, fields)),
    status: async () => (await getJson(url, '/federation/status')).body,
  };
};

/** `count` nodes spread over `processes` processes, not started. */
export const makeNodeFleet = async (
  count: number,
  processes: number,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<NodeFleet> => {
  const root = await mkdtemp(join(tmpdir(), 'colonies-'));
  const slots: Slot[] = [];
  for (let i = 0; i < count; i += 1) slots.push(await makeSlot(root, i, processes));
  let children = Array.from({ length: processes }, () => startChild(CHILD));
  const away = new Set<number>();
  return {
    nodes: slots,
    start: async (again = false) => {
      if (again) children = Array.from({ length: processes }, () => startChild(CHILD));
      away.clear();
      for (const [i, { owner, process: at, settings: own }] of slots.entries()) {
        const bootstrap = again || i === 0 ? [] : [(slots[0] as Slot).url];
        const all = { ...own, 'overlay.bootstrap': bootstrap, ...settings };
        const child = children[at] as Child;
        await child.ask(owner, 'start', { settings: all, serverKey: keyOf(owner) });
      }
    },
    live: () => slots.filter((slot) => !away.has(slot.process)),
    signal: async (number, name) => {
      const child = (children[number] as Child).process;
      const gone = new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
      });
      child.kill(name);
      if (name === 'SIGCONT') away.delete(number);
      else away.add(number);
      if (name === 'SIGKILL') await gone;
    },
    usage: async (number) =>
      (await (children[number] as Child).ask('', 'usage')) as Awaited<
        ReturnType<NodeFleet['usage']>
      >,
    end: async () => {
      for (const { process: child } of children) child.kill('SIGKILL');
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};
