// Many overlay nodes in several processes, which can be killed, frozen and started again.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/node/clock.ts';
import { generateKey } from '../../src/node/crypto/keys.ts';
import { type Child, startChild } from './line-child.ts';

const CHILD = fileURLToPath(new URL('./overlay-child.js', import.meta.url));

export interface ProcessNode {
  readonly name: string;
  readonly process: number;
  readonly key: string;
  readonly folder: string;
  /** `/ip4/…/tcp/…/p2p/…` once it was started. */
  address: string;
}

export interface Fleet {
  readonly nodes: ProcessNode[];
  /** Starts all nodes, the first of them as bootstrap of the others; without any when `again`. */
  start(again?: boolean): Promise<void>;
  ask<T>(node: ProcessNode, action: string, options?: object): Promise<T>;
  /** Nodes whose process lives and is not frozen. */
  live(): ProcessNode[];
  signal(process: number, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  end(): Promise<void>;
}

/** `processes` processes with `each` nodes, not started. */
export const makeFleet = async (
  processes: number,
  each: number,
  limits: Readonly<Record<string, number>> = {},
): Promise<Fleet> => {
  const clock = systemClock();
  const root = await mkdtemp(join(tmpdir(), 'colonies-'));
  const network = `fleet-${process.pid}`;
  const nodes: ProcessNode[] = [];
  for (let i = 0; i < processes * each; i += 1) {
    const name = `n${i}`;
    const key = generateKey(clock);
    nodes.push({ name, process: i % processes, key, folder: join(root, name), address: '' });
  }
  let children = Array.from({ length: processes }, () => startChild(CHILD));
  const away = new Set<number>();
  const ask = async <T>(node: ProcessNode, action: string, options?: object): Promise<T> =>
    (await (children[node.process] as Child).ask(node.name, action, options)) as T;
  return {
    nodes,
    ask,
    start: async (again = false) => {
      if (again) {
        children = Array.from({ length: processes }, () => startChild(CHILD));
        away.clear();
      }
      for (const node of nodes) {
        const port = /tcp\/(\d+)/.exec(node.address)?.[1] ?? '0';
        const first = nodes[0]?.address ?? '';
        const bootstraps = again || first === '' ? [] : [first];
        const { key, folder } = node;
        node.address = await ask(node, 'start', { key, folder, port, bootstraps, network, limits });
      }
    },
    live: () => nodes.filter((node) => !away.has(node.process)),
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
    end: async () => {
      for (const { process: child } of children) child.kill('SIGKILL');
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};
