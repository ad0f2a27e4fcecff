// Log lines on disk: stored once by time, found by process and by executor through two indices.

import type { LogRow } from '../../model/log.ts';
import type { Writer } from '../commit.ts';
import { keys } from '../keys.ts';

export const encodeLog = (row: LogRow): string =>
  JSON.stringify([row.processid, row.executorname, row.message]);

/** The line stored at `timestampNs`. */
export const decodeLog = (timestampNs: number, value: string): LogRow => {
  const [processid, executorname, message] = JSON.parse(value) as [string, string, string];
  return { processid, executorname, message, timestampNs };
};

export const logTable = {
  put: (w: Writer, colony: number, row: LogRow): void => {
    w.put(keys.log(colony, row.timestampNs), encodeLog(row));
    if (row.processid !== '') w.put(keys.processLog(colony, row.processid, row.timestampNs), '');
    w.put(keys.executorLog(colony, row.executorname, row.timestampNs), '');
  },
  del: (w: Writer, colony: number, row: LogRow): void => {
    w.del(keys.log(colony, row.timestampNs));
    if (row.processid !== '') w.del(keys.processLog(colony, row.processid, row.timestampNs));
    w.del(keys.executorLog(colony, row.executorname, row.timestampNs));
  },
} as const;
