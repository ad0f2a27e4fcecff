// Chooses the curve engine at start: native, then WASM, then pure. An engine serves only after it
// gave every known answer. Server side only: the SDK signs with the pure engine.

import { fault } from '../errors.ts';
import type { Log } from '../log.ts';
import { bytesToHex, hexToBytes } from './bytes.ts';
import { ENGINES, type Engine, type EngineName } from './engine.ts';
import { pureEngine } from './engine-pure.ts';
import {
  KNOWN_DIGEST,
  KNOWN_RECOVERIES,
  KNOWN_SIGNATURES,
  KNOWN_SIGNER,
  KNOWN_VERDICTS,
} from './known-answers.ts';

/** Loads one engine by name; rejects where it cannot run here. Loading does not test it. */
export const loadEngine = async (name: EngineName): Promise<Engine> => {
  if (name === 'native') return (await import('./engine-native.ts')).loadNativeEngine();
  if (name === 'wasm') return await (await import('./engine-wasm.ts')).loadWasmEngine();
  return pureEngine;
};

/** The first known answer that `engine` gets wrong, in words, or undefined when all are right. */
export const selfTest = (engine: Engine): string | undefined => {
  for (const { why, digest, r, s, v, x, y } of KNOWN_RECOVERIES) {
    const found = engine.recover(hexToBytes(digest), hexToBytes(r + s), v);
    const key = x === '' ? undefined : `04${x}${y}`;
    if ((found && bytesToHex(found)) !== key) return `recover: ${why}`;
  }
  for (const { key, digest, r, s, v } of KNOWN_SIGNATURES) {
    const signed = engine.sign(hexToBytes(digest), hexToBytes(key));
    if (bytesToHex(signed.rs) !== r + s || signed.v !== v) return `sign: ${digest}`;
  }
  for (const { why, r, s, good } of KNOWN_VERDICTS) {
    const verdict = engine.verify(
      hexToBytes(KNOWN_DIGEST),
      hexToBytes(r + s),
      hexToBytes(KNOWN_SIGNER),
    );
    if (verdict !== good) return `verify: ${why}`;
  }
  return undefined;
};

type Load = (name: EngineName) => Promise<Engine>;

// Why the engine cannot serve, or the engine.
const tryEngine = async (name: EngineName, load: Load): Promise<Engine | string> => {
  try {
    const engine = await load(name);
    const wrong = selfTest(engine);
    return wrong === undefined ? engine : `gave a wrong known answer (${wrong})`;
  } catch (error) {
    // Expected where a binary is missing for this platform, or WebAssembly is not allowed.
    return error instanceof Error ? error.message : String(error);
  }
};

export interface EngineChoice {
  /** Use this engine or fail; without it the first of native, wasm, pure that works. */
  readonly want?: EngineName | undefined;
  readonly log?: Log | undefined;
  /** Replaces `loadEngine`, so that a test can hand in an engine that lies. */
  readonly load?: Load | undefined;
}

/** The engine to use. Rejects with `unavailable` when the wanted one, or none, works here. */
export const chooseEngine = async (choice: EngineChoice = {}): Promise<Engine> => {
  const { want, log, load = loadEngine } = choice;
  const candidates = want === undefined ? ENGINES : [want];
  let last = '';
  for (const name of candidates) {
    const found = await tryEngine(name, load);
    if (typeof found !== 'string') return found;
    last = `the ${name} signature engine cannot be used: ${found}`;
    log?.warn('signature engine not usable', { engine: name, why: found });
  }
  throw fault('unavailable', last);
};
