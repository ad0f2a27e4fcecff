// Checks log lines against their two indices. Lines outlive their process and their executor.

import { colonyIn, keys, partsOf } from '../keys.ts';
import { decodeLog } from '../tables/logs.ts';
import { type Check, colonyOf, readable } from './findings.ts';

const checkLines = (check: Check): Promise<void> =>
  check.each(keys.allLogs, (key, value) => {
    const [no, time] = partsOf(key);
    const colony = colonyIn(no);
    const row = readable(check, key, () => decodeLog(Number(time), value));
    if (!colonyOf(check, key, colony) || !row) return;
    const need = (index: string): void => {
      if (check.store.get(index) === undefined) {
        check.found(index, 'is missing in the index of log lines', (w) => w.put(index, ''));
      }
    };
    if (row.processid !== '') need(keys.processLog(colony, row.processid, row.timestampNs));
    need(keys.executorLog(colony, row.executorname, row.timestampNs));
  });

/** Index rows that lead to no line, or to one of somebody else. */
const checkIndex = (
  check: Check,
  range: typeof keys.allProcessLogs,
  field: 'processid' | 'executorname',
): Promise<void> =>
  check.each(range, (key) => {
    const [no, of, time] = partsOf(key);
    const line = keys.log(colonyIn(no), BigInt(time ?? '0'));
    const value = check.store.get(line);
    const row =
      value === undefined ? undefined : readable(check, line, () => decodeLog(Number(time), value));
    if (value !== undefined && !row) return;
    if (row?.[field] !== of) {
      check.found(key, 'leads to no log line', (w) => w.del(key));
    }
  });

/** Checks log lines and their indices by process and by executor. */
export const checkLogs = async (check: Check): Promise<void> => {
  await checkLines(check);
  await checkIndex(check, keys.allProcessLogs, 'processid');
  await checkIndex(check, keys.allExecutorLogs, 'executorname');
};
