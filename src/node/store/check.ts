// The checker: rebuilds every index from the records and compares. It looks at a store that nobody
// changes meanwhile; it mends indices when asked to, and never touches a record.

import { isId } from '../crypto/ids.ts';
import { LIMITS } from '../limits.ts';
import type { Check, Problem } from './checks/findings.ts';
import { checkLogs } from './checks/logs.ts';
import { checkMembers } from './checks/members.ts';
import { checkOnce } from './checks/once.ts';
import { checkProcesses } from './checks/processes.ts';
import type { Writer } from './commit.ts';
import { keys, partsOf } from './keys.ts';
import { STORE_VERSION } from './migrate.ts';
import type { Store } from './store.ts';

export type { Problem } from './checks/findings.ts';

const TABLES = [...'acdefgklmnopqrtuxz'];

/** What no table holds: keys before, between and behind the tables. */
const checkStrays = async (check: Check): Promise<void> => {
  const ends = TABLES.map((table) => `${table}\u0001`);
  const starts = TABLES.map((table) => `${table}\u0000`);
  for (const [i, gte] of ['', ...ends].entries()) {
    const lt = starts[i] ?? '\u{10ffff}';
    await check.each({ gte, lt }, (key) => check.found(key, 'is a row of no known table'));
  }
};

/** Whether the folder has the layout that is checked here; reported when not. */
const hasLayout = (check: Check): boolean => {
  const version = check.store.get(keys.meta('version'));
  if (version === String(STORE_VERSION)) return true;
  check.found(keys.meta('version'), `is ${version ?? 'missing'}, not ${STORE_VERSION}`);
  return false;
};

const checkMeta = (check: Check): void => {
  const { store } = check;
  const highest = [...check.colonies.keys()].reduce((a, b) => Math.max(a, b), 0);
  const next = Number(store.get(keys.meta('nextcolony')) ?? '1');
  if (!Number.isSafeInteger(next) || next <= highest) {
    check.found(keys.meta('nextcolony'), `is ${next}, but colony ${highest} exists`);
  }
  const server = store.get(keys.meta('serverid')) ?? '';
  if (server !== '' && !isId(server)) check.found(keys.meta('serverid'), 'is not an id');
};

export interface CheckOptions {
  /** Makes the indices what the records say. */
  readonly repair?: boolean;
}

interface Run {
  readonly check: Check;
  readonly problems: Problem[];
  /** Problems beyond LIMITS.checkProblemsMax. */
  unlisted(): number;
  /** Mends what was found mendable since the last time. */
  mendAll(): Promise<void>;
}

const makeRun = (store: Store, repair: boolean): Run => {
  const problems: Problem[] = [];
  let unlisted = 0;
  let mends: ((w: Writer) => void)[] = [];

  const mendAll = async (): Promise<void> => {
    const now = mends;
    mends = [];
    if (now.length === 0) return;
    await store.write((w) => {
      for (const mend of now) mend(w);
    });
  };

  const check: Check = {
    store,
    colonies: new Map(),
    found: (key, what, mend) => {
      if (problems.length >= LIMITS.checkProblemsMax) unlisted += 1;
      else problems.push({ key, what, mendable: mend !== undefined });
      if (repair && mend) mends.push(mend);
    },
    each: async (range, visit) => {
      for await (const page of store.pages(range)) {
        for (const [key, value] of page) visit(key, value);
        await mendAll();
      }
    },
  };
  return { check, problems, unlisted: () => unlisted, mendAll };
};

/**
 * Checks a store that nobody writes to. Returns what is wrong, at most LIMITS.checkProblemsMax of
 * it; a longer list ends with an entry without a key that says so. Read-only unless `repair`.
 */
export const checkStore = async (
  store: Store,
  { repair = false }: CheckOptions = {},
): Promise<readonly Problem[]> => {
  const { check, problems, unlisted, mendAll } = makeRun(store, repair);
  // Rows of another layout would all look damaged, and mending them would do the damage.
  if (!hasLayout(check)) return problems;
  await checkMembers(check);
  checkMeta(check);
  await checkProcesses(check);
  await mendAll();
  await checkLogs(check);
  await checkOnce(check);
  await checkStrays(check);
  if (unlisted() === 0) return problems;
  return [...problems, { key: '', what: `and ${unlisted()} more problems`, mendable: false }];
};

/** A key as people read it: its table and its parts. */
export const shownKey = (key: string): string => [key.slice(0, 1), ...partsOf(key)].join(' ');
