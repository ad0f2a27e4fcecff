// Printing the logs of a process or an executor from a place on, each line once.

import type { Context } from './command.ts';
import { listOf } from './report.ts';
import type { SignedCall } from './session.ts';

export interface LogLine {
  readonly processid: string;
  readonly executorname: string;
  readonly message: string;
  /** Nanoseconds since the epoch: beyond 2^53, so a bigint when it matters. */
  readonly timestamp: number | bigint;
}

/** Whose logs: one of the two. */
export interface LogSource {
  readonly colonyname?: string;
  readonly processid?: string;
  readonly executorname?: string;
}

/** Lines asked for at once while following: the most that a server gives. */
const FOLLOW_COUNT = 500;

/** The message field set of a request for logs. */
export const logRequest = (
  source: LogSource,
  more: { readonly count: number; readonly since: bigint | number; readonly latest: boolean },
): Readonly<Record<string, unknown>> => ({
  colonyname: source.colonyname ?? '',
  processid: source.processid ?? '',
  executorname: source.executorname ?? '',
  ...more,
});

/**
 * A function that prints what is new since its last call, messages as they are. Times are exact: no
 * line is repeated or lost.
 */
export const followLogs = (
  ctx: Context,
  call: SignedCall,
  source: LogSource,
  since: bigint = 0n,
): (() => Promise<void>) => {
  let last = since;
  return async () => {
    for (;;) {
      const request = logRequest(source, { count: FOLLOW_COUNT, since: last, latest: false });
      const lines = listOf(await call<readonly LogLine[] | null>('getlogsmsg', request));
      for (const line of lines) {
        ctx.out(line.message);
        const at = BigInt(line.timestamp);
        if (at > last) last = at;
      }
      if (lines.length < FOLLOW_COUNT) return;
    }
  };
};
