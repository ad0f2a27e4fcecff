// Who an identity is: to the server, to a colony.

import { EXECUTOR_STATE } from '../model/executor.ts';
import type { Roles } from './engine.ts';
import type { State } from './state.ts';

/** Makes the roles part of the engine. */
export const makeRoles = (state: State): Roles => ({
  isServerOwner: (id) => state.serverId !== '' && id === state.serverId,
  isColonyOwner: (colony, id) => state.colonies.get(colony.no)?.row.id === id,
  member: (colony, id, any = false) => {
    const found = state.colonies.get(colony.no);
    const hold = found?.executorsById.get(id);
    if (hold && (any || hold.row.state === EXECUTOR_STATE.approved)) {
      return { kind: 'executor', executor: hold.row };
    }
    const user = found?.usersById.get(id);
    return user ? { kind: 'user', user } : undefined;
  },
  isKnown: (id) => state.byId.has(id) || state.whereabouts.of(id).length > 0,
  heard: (executor, spoke) => {
    const hold = state.colonies.get(executor.colony)?.executorsById.get(executor.id);
    if (!hold) return;
    if (spoke !== undefined && hold.row.spoke !== spoke) hold.row = { ...hold.row, spoke };
    hold.heardUs = state.clock.nowUs();
    state.heard.add(hold);
  },
});
