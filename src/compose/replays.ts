// Which calls take effect once, by the rules of the federation and what the colonies of this node
// demand.

import type { Protect } from '../api/run.ts';
import { protectionOf } from '../federation/replay.ts';
import type { Clock } from '../node/clock.ts';

export interface ReplayDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly serverid: () => string;
  /** Whether the colony's owner demands a nonce in every call; never without a federation. */
  readonly demands?: (colonyid: string) => boolean;
}

const NONE = {};

/** The guard of the dispatchers of one node. */
export const makeProtect =
  ({ clock, serverid, demands }: ReplayDeps): Protect =>
  (fields, { caller, mutating, colonyid }) => {
    const demanded = colonyid !== undefined && demands?.(colonyid) === true;
    if (fields === undefined && !demanded) return undefined;
    const facts = { now: clock.now(), serverid: serverid(), caller, mutating, demanded };
    const protection = protectionOf(fields ?? NONE, facts);
    return protection.kind === 'open' ? undefined : protection;
  };
