// The WebSocket behaviour of the original, frame by frame, as it was recorded.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Seen =
  | {
      readonly kind: 'frame';
      readonly payloadtype: string;
      readonly error: boolean;
      readonly status?: number;
    }
  | { readonly kind: 'cut' }
  | { readonly kind: 'silence' };

/** What each case saw, in order. */
export const recordedFrames = (): ReadonlyMap<string, readonly Seen[]> => {
  const cases = new Map<string, Seen[]>();
  let seen: Seen[] = [];
  const text = readFileSync(join(import.meta.dirname, 'ws-probe.txt'), 'utf8');
  for (const line of text.split('\n')) {
    const title = /^## (.*)$/.exec(line)?.[1];
    if (title !== undefined) {
      seen = [];
      cases.set(title, seen);
    }
    const frame = /text pt=(\w+) err=(\w+) payload=(.*)$/.exec(line);
    if (frame) {
      const status = /"status":(\d+)/.exec(frame[3] ?? '')?.[1];
      seen.push({
        kind: 'frame',
        payloadtype: frame[1] ?? '',
        error: frame[2] === 'True',
        ...(status === undefined ? {} : { status: Number(status) }),
      });
    }
    if (line.includes('ConnectionClosedException')) seen.push({ kind: 'cut' });
    if (line.includes('TimeoutException')) seen.push({ kind: 'silence' });
  }
  return cases;
};
