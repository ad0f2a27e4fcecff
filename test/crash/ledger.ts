// What a server acknowledged, and how a store is held to it after a crash. Written by clients that saw
// the reply; what was sent without an answer is not in it.

import type { Engine } from '../../src/node/engine/engine.ts';
import type { ColonyRow } from '../../src/node/model/colony.ts';
import { type ProcessRow, STATE } from '../../src/node/model/process.ts';

const STATES = {
  success: STATE.success,
  failed: STATE.failed,
  cancelled: STATE.cancelled,
} as const;
export type End = keyof typeof STATES | 'removed';

interface Entry {
  readonly id: string;
  /** The executor whose assignment was acknowledged last. */
  holder?: string;
  /** The acknowledged end. */
  ended?: End;
  out?: string;
  /** An end was asked for; without `ended` it may or may not have happened. */
  endAsked: boolean;
  /** Its deadline, or the removal of its executor, may put it back at any time. */
  loose: boolean;
  readonly attributes: string[];
  logs: number;
}

export interface Ledger {
  submitted(id: string, loose: boolean): void;
  /** Notes a violation when somebody else holds a lease. */
  assigned(id: string, executor: string): void;
  askEnd(id: string): void;
  ended(id: string, how: End, out?: string): void;
  attribute(id: string, attributeid: string): void;
  logged(id: string): void;
  member(name: string): void;
  /** What of the acknowledged is not in the store: all that is new, and a part of the rest. */
  problems(engine: Engine, colony: ColonyRow): Promise<string[]>;
  /** Processes acknowledged so far. */
  size(): number;
}

const lost = (entry: Entry, p: ProcessRow | undefined): string[] => {
  if (entry.ended === 'removed') return p ? ['was removed, but is there'] : [];
  if (!p) return entry.endAsked ? [] : ['is gone'];
  const found: string[] = [];
  if (entry.ended !== undefined && p.state !== STATES[entry.ended]) {
    found.push(`ended as ${entry.ended}, but its state is ${p.state}`);
  }
  if (entry.out !== undefined && p.out !== entry.out) found.push(`output became ${p.out}`);
  const leased = entry.holder !== undefined && !entry.endAsked && !entry.loose;
  if (leased && (p.state !== STATE.running || p.executorid !== entry.holder)) {
    found.push(`was given to ${entry.holder}, but is in state ${p.state} of '${p.executorid}'`);
  }
  for (const id of entry.attributes) {
    if (!p.attributes.some((a) => a.id === id)) found.push(`lost attribute ${id}`);
  }
  return found;
};

const lostLogs = async (engine: Engine, entry: Entry, p: ProcessRow): Promise<string[]> => {
  if (entry.logs === 0) return [];
  const lines = await engine.logs.ofProcess(p, { count: 500, sinceNs: 0, latest: false });
  return lines.length < entry.logs ? [`${entry.logs} log lines became ${lines.length}`] : [];
};

/** Makes an empty ledger. */
export const makeLedger = (): Ledger => {
  const entries = new Map<string, Entry>();
  const members = new Set<string>();
  const violations: string[] = [];
  let fresh = new Set<string>();

  const at = (id: string): Entry => {
    let entry = entries.get(id);
    // A worker may be told of a process before its submitter is.
    if (!entry) {
      entry = { id, endAsked: false, loose: true, attributes: [], logs: 0 };
      entries.set(id, entry);
    }
    fresh.add(id);
    return entry;
  };

  return {
    size: () => entries.size,
    submitted: (id, loose) => {
      at(id).loose = loose;
    },
    assigned: (id, executor) => {
      const entry = at(id);
      const held = entry.holder !== undefined && entry.holder !== executor;
      if (held && !entry.loose && !entry.endAsked) {
        violations.push(`${id} runs on ${entry.holder} and on ${executor}`);
      }
      if (entry.ended !== undefined) violations.push(`${id} ended and was assigned again`);
      entry.holder = executor;
    },
    askEnd: (id) => {
      at(id).endAsked = true;
    },
    ended: (id, how, out) => {
      const entry = at(id);
      entry.ended = how;
      if (out !== undefined) entry.out = out;
    },
    attribute: (id, attributeid) => {
      at(id).attributes.push(attributeid);
    },
    logged: (id) => {
      at(id).logs += 1;
    },
    member: (name) => {
      members.add(name);
    },
    problems: async (engine, colony) => {
      const found = [...violations];
      const others = [...entries.keys()].filter((_id, n) => n % 7 === 0);
      const ids = new Set([...fresh, ...others]);
      fresh = new Set();
      for (const id of ids) {
        const entry = entries.get(id) as Entry;
        const p = engine.processes.find(id);
        const all = [...lost(entry, p), ...(p ? await lostLogs(engine, entry, p) : [])];
        found.push(...all.map((what) => `${id}: ${what}`));
      }
      for (const name of members) {
        if (!engine.executors.byName(colony, name)) found.push(`executor ${name} is gone`);
      }
      return found;
    },
  };
};
