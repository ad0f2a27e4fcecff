// Imports point down. The table is the one of docs/architecture.md, written a second time on purpose.

import { expect, test } from 'vitest';
import { importsOf, sources } from './source.ts';

const GROUND = [
  'node/errors.ts',
  'node/clock.ts',
  'node/limits.ts',
  'node/log.ts',
  'node/recent.ts',
  'node/signals.ts',
];

/** Layer (longest prefix wins) and what it may import besides itself and the ground. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  'node/errors.ts': [],
  'node/clock.ts': [],
  'node/limits-overlay.ts': [],
  'node/limits.ts': ['node/limits-overlay.ts'],
  'node/log.ts': [],
  'node/recent.ts': [],
  'node/signals.ts': [],
  'node/config-overlay.ts': ['node/model'],
  'node/config.ts': ['node/config-overlay.ts', 'node/model'],
  'node/folder.ts': [],
  'node/lifecycle.ts': [],
  'node/crypto': [],
  'node/model': ['node/crypto'],
  'node/store': ['node/model', 'node/crypto', 'node/folder.ts'],
  'node/engine': ['node/store', 'node/model', 'node/crypto'],
  dht: ['node/model', 'node/crypto'],
  federation: ['node/engine', 'node/model', 'node/crypto'],
  api: ['node/engine', 'node/model', 'node/crypto'],
  attach: ['api', 'federation', 'node/model', 'node/crypto'],
  'sdk.ts': ['attach', 'api', 'node/model', 'node/crypto', 'federation'],
  'index.ts': ['compose', 'api', 'dht', 'federation', 'node'],
  compose: ['api', 'dht', 'federation', 'node'],
  cli: [
    'index.ts',
    'compose',
    'sdk.ts',
    'attach',
    'api',
    'federation',
    'node/model',
    'node/crypto',
    'node/config.ts',
    'node/folder.ts',
    'node/lifecycle.ts',
  ],
};

const layerOf = (path: string): string | undefined =>
  Object.keys(MAY)
    .filter((layer) => path === layer || path.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length)[0];

const inside = (path: string, layer: string): boolean =>
  path === layer || path.startsWith(`${layer}/`);

test('every source file belongs to a layer', () => {
  const strays = sources('src').filter(({ path }) => !layerOf(path.slice('src/'.length)));
  expect(strays.map(({ path }) => path)).toEqual([]);
});

test('imports point down', () => {
  const wrong = sources('src').flatMap((source) => {
    const from = layerOf(source.path.slice('src/'.length)) ?? '';
    return importsOf(source)
      .map((target) => target.slice('src/'.length))
      .filter((target) => !inside(target, from) && !GROUND.includes(target))
      .filter((target) => !(MAY[from] ?? []).some((layer) => inside(target, layer)))
      .map((target) => `${source.path} imports ${target}`);
  });
  expect(wrong).toEqual([]);
});

test('every source file is used', () => {
  const files = sources('src');
  const used = new Set(files.flatMap(importsOf));
  const entries = ['src/cli/main.ts', 'src/index.ts', 'src/sdk.ts'];
  const worker = (path: string): boolean => path.endsWith('-worker.ts');
  const dead = files
    .map(({ path }) => path)
    .filter((path) => !used.has(path) && !entries.includes(path) && !worker(path));
  expect(dead).toEqual([]);
});
