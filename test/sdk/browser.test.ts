// The SDK as a web page gets it: bundled for browsers into one script that loads nothing more, and
// run where there is only what browsers have: no process, no Buffer, no require.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Served, serve } from '../support/served.ts';
import { keyOf, openWorld, type World } from '../support/world.ts';

const ROOT = resolve(import.meta.dirname, '../..');

interface Chunk {
  readonly type: string;
  readonly code: string;
  readonly imports: readonly string[];
}
type Build = (options: object) => Promise<readonly { readonly output: readonly Chunk[] }[]>;

/** The bundler that the test runner is built on. */
const loadBundler = async (): Promise<Build> => {
  const runner = createRequire(createRequire(import.meta.url).resolve('vitest/package.json'));
  const { build } = await import(pathToFileURL(runner.resolve('vite')).href);
  return build;
};

const bundle = async (): Promise<readonly Chunk[]> => {
  const build = await loadBundler();
  const [built] = await build({
    configFile: false,
    root: ROOT,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      lib: { entry: `${ROOT}/src/sdk.ts`, formats: ['iife'], name: 'colonies' },
    },
  });
  return built?.output ?? [];
};

/** What pages can use, of those things that the language itself does not have. */
const PAGE = {
  AbortController,
  AbortSignal,
  DOMException,
  TextDecoder,
  TextEncoder,
  URL,
  WebSocket,
  atob,
  btoa,
  clearTimeout,
  console,
  crypto,
  fetch,
  performance,
  queueMicrotask,
  setTimeout,
};

let w: World;
let at: Served;
let chunks: readonly Chunk[];
beforeAll(async () => {
  w = await openWorld();
  await w.settle();
  at = await serve(w);
  chunks = await bundle();
});
afterAll(async () => {
  await at.close();
  await w.close();
});

test('the bundle is one script that needs nothing else', () => {
  expect(chunks.map(({ imports }) => imports)).toEqual([[]]);
  // What the bundler puts in place of a module that only Node.js has.
  expect(chunks[0]?.code).not.toContain('__vite-browser-external');
});

test('a page makes keys, signs calls, polls, subscribes and works', async () => {
  const page = createContext({ ...PAGE, url: at.url, alice: keyOf('alice'), e1: keyOf('e1') });
  runInContext(chunks[0]?.code ?? '', page);
  const said = await runInContext(
    `(async () => {
      const { generateKey, idOfKey, makeClient, work } = colonies;
      const client = makeClient({ url, key: alice });
      const stop = new AbortController();
      const working = work(
        { url, colony: 'dev', key: e1, signal: stop.signal },
        async ({ spec: { args: [name] } }) => 'hello ' + name,
      );
      const { processid } = await client.submit({
        spec: {
          funcname: 'greet', args: ['page'],
          conditions: { colonyname: 'dev', executortype: 'worker' },
        },
      });
      const { state, out } = await client.waitForProcess({ processid });
      stop.abort();
      await working;
      return JSON.stringify({ id: idOfKey(generateKey()).length, state, out, node: typeof process });
    })()`,
    page,
  );
  expect(JSON.parse(said)).toEqual({ id: 64, state: 2, out: ['hello page'], node: 'undefined' });
});
