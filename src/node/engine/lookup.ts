// Finding a process by its id, wherever it is.

import { isId } from '../crypto/ids.ts';
import type { ProcessRow } from '../model/process.ts';
import { keys } from '../store/keys.ts';
import { decodeProcess, decodeSpecText } from '../store/tables/processes.ts';
import type { Live } from './live.ts';
import type { ColonyState, State } from './state.ts';

/**
 * The row of a live process, with the text of its specification. That of a process which waited
 * when the folder was opened is read when it is first asked for and kept from then on: a backlog is
 * opened without its texts.
 */
export const rowOf = ({ store }: State, { row }: Live): ProcessRow => {
  const { spec } = row;
  if (typeof spec.json === 'string') return row;
  const value = store.get(keys.live(row.colony, row.id));
  if (value === undefined) throw new Error(`corrupt store: no row of the live process ${row.id}`);
  spec.json = decodeSpecText(value);
  return row;
};

/** The process with this id: live ones from memory, finished ones from disk. */
export const findProcess = (state: State, id: string): ProcessRow | undefined => {
  const live = state.live.get(id);
  if (live) return rowOf(state, live);
  if (!isId(id)) return undefined;
  const value = state.store.get(keys.done(id));
  return value === undefined ? undefined : decodeProcess(value);
};

/** The live process and its colony; undefined when it finished or was removed. */
export const liveOf = (
  state: State,
  id: string,
): { live: Live; colony: ColonyState } | undefined => {
  const live = state.live.get(id);
  const colony = live && state.colonies.get(live.row.colony);
  return live && colony ? { live, colony } : undefined;
};
