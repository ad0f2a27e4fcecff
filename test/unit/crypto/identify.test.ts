// The identify port: cache before recovery, real worker threads, and the log line that names the
// engine.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/node/clock.ts';
import { pureEngine } from '../../../src/node/crypto/engine-pure.ts';
import { loadEngine } from '../../../src/node/crypto/engines.ts';
import { createIdentify, makeIdentify } from '../../../src/node/crypto/identify.ts';
import { openRecovery, workersFor } from '../../../src/node/crypto/open-recovery.ts';
import { inlineRecovery, type Recovery } from '../../../src/node/crypto/recovery.ts';
import { sign } from '../../../src/node/crypto/sign.ts';
import { workerEntry } from '../../../src/node/crypto/worker-thread.ts';
import { LIMITS } from '../../../src/node/limits.ts';
import { makeLog, silentLog } from '../../../src/node/log.ts';
import { type Built, buildWorker } from './built.ts';
import { altered, ENGINES_HERE, highTwin, ID, KEY } from './samples.ts';

const lines: string[] = [];
const log = makeLog('info', (level, message, fields) => {
  lines.push(`${level} ${message} ${fields['engine'] ?? ''} ${fields['workers'] ?? ''}`.trim());
});
const payload = 'eyJtc2d0eXBlIjoiZ2V0Y29sb255bXNnIn0=';
const signature = sign(payload, KEY);

/** A recovery that counts how often it was asked. */
const counting = (recovery: Recovery = inlineRecovery(pureEngine)) => {
  const counted = {
    ...recovery,
    asked: 0,
    recover: (...ask: Parameters<Recovery['recover']>) => {
      counted.asked += 1;
      return recovery.recover(...ask);
    },
  };
  return counted;
};

describe('identify', () => {
  it('a remembered pair is answered at once, without recovery', () => {
    const recovery = counting();
    const identify = makeIdentify(recovery);
    expect(identify(payload, signature)).toBe(ID);
    identify.remember(payload, signature, ID);
    expect(identify(payload, signature)).toBe(ID);
    expect(recovery.asked).toBe(1);
  });

  it('a caller who was not remembered is recovered every time', () => {
    const recovery = counting();
    const identify = makeIdentify(recovery);
    for (let i = 0; i < 3; i++) expect(identify(payload, signature)).toBe(ID);
    expect(recovery.asked).toBe(3);
  });

  it('another payload or another writing of the signature is recovered anew', () => {
    const recovery = counting();
    const identify = makeIdentify(recovery);
    identify.remember(payload, signature, ID);
    expect(identify(`${payload}\n`, signature)).not.toBe(ID);
    expect(identify(payload, signature.toUpperCase())).toBe(ID);
    expect(identify(payload, altered(signature, { v: 1 ^ Number(signature.at(-1)) }))).not.toBe(ID);
    expect(recovery.asked).toBe(3);
  });

  it('a bad signature never reaches the engine', () => {
    const recovery = counting();
    const identify = makeIdentify(recovery);
    for (const bad of ['', 'zz', signature.slice(2), altered(signature, { v: 8, r: 0n })]) {
      expect(() => identify(payload, bad)).toThrow(expect.objectContaining({ code: 'forbidden' }));
    }
    expect(recovery.asked).toBe(0);
  });
});

describe('identify over real worker threads', () => {
  let built: Built;
  let entry: URL;
  const open = async (name: 'native' | 'wasm' | 'pure', workers = 1) => {
    const engine = await loadEngine(name);
    const clock = systemClock();
    return makeIdentify(await openRecovery(engine, { workers, clock, log, limits: LIMITS, entry }));
  };

  beforeAll(async () => {
    built = await buildWorker();
    entry = built.file('node/crypto/recovery-worker.ts');
  });
  afterAll(() => built.remove());

  it.each(ENGINES_HERE)('the %s engine answers and refuses as it does inline', async (name) => {
    const identify = await open(name, 2);
    try {
      expect(identify.engine).toBe(name);
      expect(identify.workers).toBe(2);
      const texts = Array.from({ length: 60 }, (_, i) => `text ${i}`);
      const ids = await Promise.all(texts.map((text) => identify(text, sign(text, KEY))));
      expect(new Set(ids)).toEqual(new Set([ID]));
      const refused: [string, string][] = [
        [highTwin(signature), 'high-s'],
        [altered(signature, { r: 5n, v: 0 }), 'not-on-curve'],
      ];
      for (const [bad, reason] of refused) {
        await expect(identify(payload, bad)).rejects.toMatchObject({
          code: 'forbidden',
          detail: { reason },
        });
      }
    } finally {
      await identify.close();
    }
  });

  it('a remembered pair is answered at once while the threads are busy', async () => {
    const identify = await open('pure');
    try {
      identify.remember(payload, signature, ID);
      const busy = Promise.all(
        Array.from({ length: 50 }, (_, i) => identify(`t${i}`, sign(`t${i}`, KEY))),
      );
      expect(identify(payload, signature)).toBe(ID);
      await busy;
    } finally {
      await identify.close();
    }
  });

  it('closing rejects what still waits', async () => {
    const identify = await open('pure');
    const waiting = Array.from({ length: 40 }, (_, i) => identify(`t${i}`, sign(`t${i}`, KEY)));
    const settled = Promise.allSettled(waiting);
    await identify.close();
    for (const each of await settled) {
      if (each.status === 'rejected') expect(each.reason.code).toBe('unavailable');
      else expect(each.value).toBe(ID);
    }
    expect((await settled).some((each) => each.status === 'rejected')).toBe(true);
  });

  it('a thread that dies of every call does not take the process along', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'colonies-'));
    try {
      const crashing = join(folder, 'worker.mjs');
      await writeFile(
        crashing,
        `import { parentPort } from 'node:worker_threads';
         parentPort.on('message', () => { throw new Error('crashed'); });
         parentPort.postMessage('ready');`,
      );
      const options = { clock: systemClock(), log: silentLog(), limits: LIMITS };
      const recovery = await openRecovery(pureEngine, {
        ...options,
        workers: 1,
        entry: pathToFileURL(crashing),
      });
      expect(recovery.workers).toBe(1);
      await expect(makeIdentify(recovery)(payload, signature)).rejects.toMatchObject({
        code: 'unavailable',
        message: 'signatures cannot be checked now: the crypto worker died',
      });
      await recovery.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('a worker that cannot start leaves the engine on the main thread, and the log says so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'colonies-'));
    try {
      const broken = join(folder, 'worker.mjs');
      await writeFile(broken, 'throw new Error("broken");');
      lines.length = 0;
      const recovery = await openRecovery(pureEngine, {
        workers: 1,
        clock: systemClock(),
        log,
        limits: LIMITS,
        entry: pathToFileURL(broken),
      });
      expect(recovery.workers).toBe(0);
      expect(makeIdentify(recovery)(payload, signature)).toBe(ID);
      expect(lines).toContain(
        'warn crypto workers do not start: signatures are checked on the main thread',
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('where recovery runs', () => {
  it('the native engine stays on the main thread of a small machine; the others never do', () => {
    const table = [1, 2, 3, 4, 8, 64].map((cores) => [
      workersFor('native', cores, 4),
      workersFor('wasm', cores, 4),
      workersFor('pure', cores, 4),
    ]);
    expect(table).toEqual([
      [0, 1, 1],
      [0, 1, 1],
      [0, 2, 2],
      [2, 3, 3],
      [4, 4, 4],
      [4, 4, 4],
    ]);
  });

  it('an impossible number of workers is refused', async () => {
    const options = { clock: systemClock(), log: silentLog(), limits: LIMITS };
    for (const workers of [-1, 1.5, 5, Number.NaN]) {
      await expect(openRecovery(pureEngine, { ...options, workers })).rejects.toThrow(RangeError);
    }
  });

  it('the compiled worker lies beside compiled code, and in dist for code run from its sources', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'colonies-'));
    const file = (path: string): string => pathToFileURL(join(folder, path)).href;
    try {
      expect(workerEntry(file('src/node/crypto/worker-thread.ts'))).toBeUndefined();
      expect(workerEntry(file('dist/node/crypto/worker-thread.js'))).toBeUndefined();
      await mkdir(join(folder, 'dist/node/crypto'), { recursive: true });
      await writeFile(join(folder, 'dist/node/crypto/recovery-worker.js'), '');
      const found = file('dist/node/crypto/recovery-worker.js');
      expect(workerEntry(file('dist/node/crypto/worker-thread.js'))?.href).toBe(found);
      expect(workerEntry(file('src/node/crypto/worker-thread.ts'))?.href).toBe(found);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('createIdentify', () => {
  it('uses the fastest engine that works here and says which', async () => {
    lines.length = 0;
    const identify = await createIdentify({ log, workers: 0 });
    expect(identify.engine).toBe(ENGINES_HERE[0]);
    expect(await identify(payload, signature)).toBe(ID);
    expect(lines).toEqual([`info signature engine ready ${ENGINES_HERE[0]} 0`]);
    await identify.close();
  });

  it('uses the engine it is given, so that other parts may share it', async () => {
    const recovered: number[] = [];
    const engine = await loadEngine('wasm');
    const watched = {
      ...engine,
      recover: (...ask: Parameters<typeof engine.recover>) => {
        recovered.push(ask[2]);
        return engine.recover(...ask);
      },
    };
    const identify = await createIdentify({ engine: watched, workers: 0 });
    expect(await identify(payload, signature)).toBe(ID);
    expect(recovered).toHaveLength(1);
  });

  it('uses the engine it is told to', async () => {
    const identify = await createIdentify({ engine: 'wasm', workers: 0 });
    expect(identify.engine).toBe('wasm');
    expect(await identify(payload, signature)).toBe(ID);
  });
});
