// Checks processes: live and finished rows, progress, the index of finished ones, the index of
// attributes, and the counts of finished ones.

import { parseJson, stringifyJson } from '../../model/json.ts';
import { isFinal, type ProcessRow, queueOrder, STATE } from '../../model/process.ts';
import { type FunctionSpec, type SpecRow, specRow, specText } from '../../model/spec.ts';
import { colonyIn, keys, partsOf } from '../keys.ts';
import { decodeProcess, encodedEnded, envAttributeIds } from '../tables/processes.ts';
import { type Check, colonyOf, readable } from './findings.ts';

type Finished = [success: number, failed: number, cancelled: number];

const isList = (json: string): boolean => Array.isArray(JSON.parse(json));

/** What the queue is told otherwise than the specification says. */
const misqueued = (spec: SpecRow, told: SpecRow): string | undefined => {
  for (const [name, value] of Object.entries(told) as [keyof SpecRow, unknown][]) {
    if (name === 'json' || name === 'nameAt') continue;
    const said = stringifyJson(spec[name]);
    if (said === stringifyJson(value)) continue;
    return `is queued for ${name} ${asText(spec[name])}, not ${asText(value)}`;
  }
  return undefined;
};

const asText = (value: unknown): string =>
  typeof value === 'string' ? value : stringifyJson(value);

/** What is wrong inside a row; throws when a part of it is no JSON. */
const flawOf = (p: ProcessRow): string | undefined => {
  const { spec } = p;
  const numbers = [p.submittedUs, p.orderUs, p.startedUs, p.endedUs, p.retries, p.lease];
  if (!numbers.every(Number.isSafeInteger)) return 'holds a number that is none';
  if (![p.in, p.out, p.errors].every(isList)) return 'holds input or output that is no list';
  const json = specText(spec);
  const told = parseJson(json) as FunctionSpec;
  const { conditions } = told as { conditions?: { colonyname?: unknown } };
  const place = '"colonyname":"';
  const before = json.slice(spec.nameAt - place.length, spec.nameAt);
  if (conditions?.colonyname !== '' || before !== place) {
    return 'holds a specification without a place for the name of its colony';
  }
  if (p.orderUs !== queueOrder(p.submittedUs, spec.priority)) {
    return 'waits in another place than it should';
  }
  const wrong = misqueued(spec, specRow(told, spec.ids));
  if (wrong !== undefined) return wrong;
  if (p.assigned !== (p.state === STATE.running || (isFinal(p.state) && p.executorid !== ''))) {
    return `is in state ${p.state}, assigned to "${p.executorid}"`;
  }
  return undefined;
};

const checkRow = (check: Check, key: string, p: ProcessRow): void => {
  const flaw = readable(check, key, () => flawOf(p) ?? '');
  if (flaw !== undefined && flaw !== '') check.found(key, flaw);
  for (const id of [...envAttributeIds(p), ...p.attributes.map((attribute) => attribute.id)]) {
    const index = keys.attribute(id);
    const leadsTo = check.store.get(index);
    if (leadsTo === p.id) continue;
    const what = leadsTo === undefined ? 'is missing' : 'leads to another process';
    check.found(index, `${what} in the index of attributes`, (w) => w.put(index, p.id));
  }
};

const checkProgress = (check: Check): Promise<void> =>
  check.each(keys.allProgress, (key) => {
    if (check.store.get(keys.liveBeside(key)) !== undefined) return;
    check.found(key, 'is progress of no live process', (w) => w.del(key));
  });

/** Checks live rows and gives the key of each by its id. */
const checkLive = async (check: Check): Promise<Map<string, string>> => {
  const liveKeys = new Map<string, string>();
  await check.each(keys.allLive, (key, value) => {
    const [no, submittedUs, id = ''] = partsOf(key);
    const colony = colonyOf(check, key, colonyIn(no));
    if (liveKeys.has(id)) check.found(key, 'another live process has the same id');
    liveKeys.set(id, key);
    const progress = check.store.get(keys.progressBeside(key));
    const p = readable(check, key, () => decodeProcess(value, progress));
    if (!p) return;
    if (p.id !== id || p.colony !== colonyIn(no)) check.found(key, 'is the row of another process');
    else if (p.submittedUs !== Number(submittedUs)) {
      check.found(key, `was submitted at ${p.submittedUs}, not when its key says`);
    }
    if (isFinal(p.state)) check.found(key, 'is finished, but kept as live');
    if (check.store.get(keys.done(id)) !== undefined) check.found(key, 'is live and finished');
    const isOrphan = colony?.removing === false && !colony.executors.has(p.executorid);
    if (p.state === STATE.running && isOrphan) {
      check.found(key, `runs on ${p.executorid}, which is not registered`);
    }
    checkRow(check, key, p);
  });
  return liveKeys;
};

/** Checks finished rows and counts them by colony. */
const checkDone = async (check: Check): Promise<Map<number, Finished>> => {
  const counts = new Map<number, Finished>();
  await check.each(keys.allDone, (key, value) => {
    const p = readable(check, key, () => decodeProcess(value));
    if (!p || !colonyOf(check, key, p.colony)) return;
    if (p.id !== partsOf(key)[0]) check.found(key, 'is the row of another process');
    checkRow(check, key, p);
    if (!isFinal(p.state)) {
      check.found(key, 'is not finished, but kept as finished');
      return;
    }
    const count = counts.get(p.colony) ?? [0, 0, 0];
    count[(p.state - STATE.success) as 0 | 1 | 2] += 1;
    counts.set(p.colony, count);
    const index = keys.ended(p.colony, p.state, p.endedUs, p.id);
    const stored = check.store.get(index);
    if (stored === encodedEnded(p)) return;
    const what = stored === undefined ? 'is missing' : 'tells something else';
    const mend = encodedEnded(p);
    check.found(index, `${what} in the index of finished processes`, (w) => w.put(index, mend));
  });
  return counts;
};

const checkEnded = (check: Check): Promise<void> =>
  check.each(keys.allEnded, (key) => {
    const id = partsOf(key)[3] ?? '';
    const value = check.store.get(keys.done(id));
    const p = value === undefined ? undefined : readable(check, key, () => decodeProcess(value));
    if (value !== undefined && !p) return;
    if (!p || keys.ended(p.colony, p.state, p.endedUs, id) !== key) {
      check.found(key, 'leads to no finished process', (w) => w.del(key));
    }
  });

const checkAttributes = (check: Check, liveKeys: ReadonlyMap<string, string>): Promise<void> =>
  check.each(keys.allAttributes, (key, id) => {
    const attribute = partsOf(key)[0] ?? '';
    const live = liveKeys.get(id);
    const stored = check.store.get(live ?? keys.done(id));
    const progress = live && check.store.get(keys.progressBeside(live));
    const p =
      stored === undefined
        ? undefined
        : readable(check, key, () => decodeProcess(stored, progress));
    if (stored !== undefined && !p) return;
    const own = p === undefined ? [] : [...envAttributeIds(p), ...p.attributes.map((a) => a.id)];
    if (!own.includes(attribute)) {
      check.found(key, 'leads to no attribute', (w) => w.del(key));
    }
  });

const checkCounts = async (check: Check, counts: ReadonlyMap<number, Finished>): Promise<void> => {
  const seen = new Set<number>();
  const compare = (key: string, no: number, stored: string | undefined): void => {
    const expected = JSON.stringify(counts.get(no) ?? [0, 0, 0]);
    if (stored === expected || (stored === undefined && !counts.has(no))) return;
    const what = `says ${stored ?? 'nothing'}, but ${expected} are finished`;
    check.found(key, what, (w) => w.put(key, expected));
  };
  await check.each(keys.allCounts, (key, value) => {
    const no = colonyIn(partsOf(key)[0]);
    seen.add(no);
    const colony = check.colonies.get(no);
    if (colony && !colony.removing) compare(key, no, value);
    else check.found(key, 'counts for no colony', (w) => w.del(key));
  });
  for (const [no, { removing }] of check.colonies) {
    if (!seen.has(no) && !removing) compare(keys.counts(no), no, undefined);
  }
};

/** Checks live and finished processes and every index of them. */
export const checkProcesses = async (check: Check): Promise<void> => {
  await checkProgress(check);
  const liveKeys = await checkLive(check);
  const counts = await checkDone(check);
  await checkEnded(check);
  await checkAttributes(check, liveKeys);
  await checkCounts(check, counts);
};
