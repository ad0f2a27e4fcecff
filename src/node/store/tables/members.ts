// Colonies, users, executors and functions on disk: one JSON row each; everything else about them
// is rebuilt in memory at start.

import type { ColonyRow } from '../../model/colony.ts';
import type { ExecutorRow } from '../../model/executor.ts';
import type { FunctionRow } from '../../model/function.ts';
import { parseJson, stringifyJson } from '../../model/json.ts';
import type { UserRow } from '../../model/user.ts';
import type { Writer } from '../commit.ts';
import { keys, type Range } from '../keys.ts';
import type { Store } from '../store.ts';

/** A table of rows that are read whole at start. */
export interface Table<Row> {
  put(w: Writer, row: Row): void;
  del(w: Writer, row: Row): void;
  all(store: Store): Promise<Row[]>;
}

const table = <Row>(range: Range, keyOf: (row: Row) => string): Table<Row> => ({
  put: (w, row) => w.put(keyOf(row), stringifyJson(row)),
  del: (w, row) => w.del(keyOf(row)),
  all: async (store) => {
    const rows: Row[] = [];
    for await (const page of store.pages(range)) {
      for (const [, value] of page) rows.push(parseJson(value) as Row);
    }
    return rows;
  },
});

export const colonyTable = table<ColonyRow>(keys.colonies, (row) => keys.colony(row.no));
/** Colonies whose history is still being deleted. */
export const removingTable = table<ColonyRow>(keys.allRemoving, (row) => keys.removing(row.no));
export const userTable = table<UserRow>(keys.users, (row) => keys.user(row.colony, row.name));
export const executorTable = table<ExecutorRow>(keys.executors, (row) =>
  keys.executor(row.colony, row.name),
);
export const functionTable = table<FunctionRow>(keys.functions, (row) =>
  keys.function(row.colony, row.wire.functionid),
);
