// Chooses the dialect of each message with detect(), and remembers what each identity showed: on
// its connection, and anywhere on this node. Both memories are bounded and may forget; what an
// executor used last is kept with its row as well, which outlives a restart. Nothing depends on
// any of them but the words of messages that are the same in both dialects.

import { LIMITS } from '../../node/limits.ts';
import type { ExecutorRow } from '../../node/model/executor.ts';
import type { ChooseDialect } from '../admission.ts';
import { type DialectName, detect, evidence, isDialectName } from './detect.ts';
import { registeredIn } from './translate/runtime.ts';

const note = (memory: Map<string, string>, id: string, name: DialectName, max: number): void => {
  memory.delete(id);
  memory.set(id, name);
  if (memory.size <= max) return;
  const [oldest] = memory.keys();
  if (oldest !== undefined) memory.delete(oldest);
};

const recall = (memory: ReadonlyMap<string, string>, id: string): DialectName | undefined => {
  const name = memory.get(id);
  return isDialectName(name) ? name : undefined;
};

/** What an identity used last, from its rows, registered ones first. */
const spokenLast = (rows: readonly ExecutorRow[]): DialectName | undefined =>
  rows.map(({ spoke }) => spoke).find(isDialectName);

/** Makes the chooser of a node, with its memory of identities. */
export const makeChoose = (): ChooseDialect => {
  const memory = new Map<string, string>();
  return (payloadtype, candidates, payload, caller, origin, engine) => {
    const [first] = candidates;
    if (first === undefined) throw new Error(`no dialect has ${payloadtype}`);
    const named = (name: DialectName) => candidates.find((dialect) => dialect.name === name);
    const has = {
      executor: named('executor') !== undefined,
      runtime: named('runtime') !== undefined,
    };
    const shown = evidence({ payloadtype, has, payload });
    if (shown !== undefined && caller !== '') {
      note(origin.connection, caller, shown, LIMITS.dialectsPerConnectionMax);
      note(memory, caller, shown, LIMITS.dialectsRememberedMax);
    }
    const rows = shown !== undefined || caller === '' ? [] : engine.executors.anywhere(caller);
    const name =
      shown ??
      detect({
        payloadtype,
        has,
        payload,
        onConnection: recall(origin.connection, caller),
        last: recall(memory, caller) ?? spokenLast(rows),
        registered: registeredIn(rows),
      });
    return named(name) ?? first;
  };
};
