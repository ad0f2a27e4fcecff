// The clock of programs that attach without the command line, in Node.js and in browsers.

import type { Clock } from '../node/clock.ts';
import { bytesToHex } from '../node/crypto/bytes.ts';

/** The machine's own clock and randomness, from what browsers have too. */
export const webClock = (): Clock => {
  let last = 0;
  const random = (bytes: Uint8Array): Uint8Array =>
    globalThis.crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
  return {
    now: () => Date.now(),
    nowUs: () => {
      last = Math.max(last + 1, Date.now() * 1000);
      return last;
    },
    newId: () => bytesToHex(random(new Uint8Array(32))),
    random,
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  };
};
