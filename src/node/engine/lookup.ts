// Finding a process by its id, wherever it is.

import { isId } from '../crypto/ids.ts';
import type { ProcessRow } from '../model/process.ts';
import { keys } from '../store/keys.ts';
import { decodeProcess } from '../store/tables/processes.ts';
import type { Live } from './live.ts';
import type { ColonyState, State } from './state.ts';

/** The process with this id: live ones from memory, finished ones from disk. */
export const findProcess = (state: State, id: string): ProcessRow | undefined => {
  const live = state.live.get(id);
  if (live) return state.texts.rowOf(live);
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
