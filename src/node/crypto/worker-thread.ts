// Real worker threads for the recovery pool, and where their compiled entry lies. Server side only.

import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Limits } from '../limits.ts';
import type { EngineName } from './engine.ts';
import type { StartThread } from './place.ts';
import { READY } from './recovery-wire.ts';

const SOURCES = '/src/node/crypto/';
const BUILT = '/dist/node/crypto/';

/**
 * The file a worker thread can run, or undefined. Compiled code has it beside this file. Code that
 * runs from its sources (tests) uses the source where Node itself reads TypeScript (22.18 and
 * later), else the last build of the same checkout; the worker's self-test guards against a stale
 * one.
 */
export const workerEntry = (here: string = import.meta.url): URL | undefined => {
  const readsTypes = Boolean(Reflect.get(process.features, 'typescript'));
  const candidates = here.endsWith('.ts')
    ? [
        ...(readsTypes ? [new URL('recovery-worker.ts', here)] : []),
        new URL('recovery-worker.js', here.replace(SOURCES, BUILT)),
      ]
    : [new URL('recovery-worker.js', here)];
  return candidates.find((url) => existsSync(url));
};

/**
 * Starts threads that run `entry` with one engine. They keep the process alive only while they
 * work.
 */
export const threadStarter =
  (entry: URL, engine: EngineName, limits: Limits): StartThread =>
  (events) => {
    const worker = new Worker(entry, {
      name: 'colonies-crypto',
      workerData: { engine },
      // Neither secrets of the environment nor flags of the parent (loaders, inspectors) go along.
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: limits.cryptoWorkerHeapMiB },
    });
    let unanswered = 0;
    let why = '';
    worker.on('message', (message: unknown) => {
      if (message === READY) {
        worker.unref();
        events.onReady();
      } else if (message instanceof Uint8Array) {
        unanswered -= 1;
        if (unanswered === 0) worker.unref();
        events.onAnswers(message);
      }
    });
    worker.on('error', (error) => {
      why = error.message;
    });
    worker.on('exit', (code) => events.onEnd(why === '' ? `exit code ${code}` : why));
    return {
      post: (asks) => {
        unanswered += 1;
        worker.ref();
        worker.postMessage(asks);
      },
      stop: async () => {
        await worker.terminate();
      },
    };
  };
