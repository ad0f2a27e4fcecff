// The port behind which a digest and a parsed signature become an id, and its plain form: the
// engine on the calling thread. The other form, worker threads, is pool.ts.

import type { Engine, EngineName, Recoverable } from './engine.ts';
import { idOrThrow } from './refusals.ts';
import { recoverDigest } from './signature.ts';

export interface Recovery {
  readonly engine: EngineName;
  /** Worker threads in use; 0 when the engine runs on the calling thread. */
  readonly workers: number;
  /** The signer's id; throws or rejects with the faults of refusals.ts, or `unavailable`. */
  recover(digest: Uint8Array, signature: Recoverable): string | Promise<string>;
  /** Ends the threads; recoveries that still wait are rejected with `unavailable`. */
  close(): Promise<void>;
}

/** Recovery on the calling thread; answers at once. */
export const inlineRecovery = (engine: Engine): Recovery => ({
  engine: engine.name,
  workers: 0,
  recover: (digest, signature) => idOrThrow(recoverDigest(engine, digest, signature)),
  close: async () => undefined,
});
