// A log line of a process or an executor.

import { z } from 'zod';

export const LogEntry = z.object({
  processid: z.string(),
  colonyname: z.string(),
  executorname: z.string(),
  message: z.string(),
  timestamp: z.union([z.number(), z.bigint()]),
});
export type LogEntry = z.output<typeof LogEntry>;

/**
 * The stored line. `timestampNs` is unique per node and a multiple of 256 ns: exact as a double.
 */
export interface LogRow {
  readonly processid: string;
  readonly executorname: string;
  readonly message: string;
  readonly timestampNs: number;
}

const STEP_NS = 256n;

/**
 * Nanoseconds of a µs time, rounded up to what a double holds exactly, so that `since` polling is
 * safe; after `lastNs` in any case.
 */
export const logTimestamp = (nowUs: number, lastNs: number): number => {
  const exact = Number(((BigInt(nowUs) * 1000n + STEP_NS - 1n) / STEP_NS) * STEP_NS);
  return Math.max(exact, lastNs + Number(STEP_NS));
};

/** The line as it travels; `colonyname` as the request named the colony. */
export const logWire = (row: LogRow, colonyname: string): LogEntry => ({
  processid: row.processid,
  colonyname,
  executorname: row.executorname,
  message: row.message,
  timestamp: BigInt(row.timestampNs),
});
