// Keeps the board of an attached worker in step with the hosts of its colony: looks at them again now
// and then, and often while there is none.

import { LIMITS as ATTACH_LIMITS } from '../../attach/limits.ts';
import type { Host } from '../../federation/resolve.ts';
import { LIMITS } from '../../node/limits.ts';
import { telling } from '../attach/explained.ts';
import type { Context } from '../command.ts';
import type { HostBoard } from './hosts.ts';

/** The part of a resolution that matters here. */
interface Found {
  readonly hosts: readonly Pick<Host, 'serverid' | 'usable' | 'reason'>[];
}

/** The part of the hosts of a colony (see src/attach/hosts.ts) that is used here. */
interface Source {
  current(): Promise<Found>;
  refresh(): Promise<unknown>;
  onChange(listener: (found: Found) => void): () => void;
}

/** The hosts that a worker may use, in order; one that denies the colony is none. */
const usableIds = ({ hosts }: Found): readonly string[] =>
  hosts.filter(({ usable }) => usable).map(({ serverid }) => serverid);

/**
 * Tells the board of the hosts, now and whenever they change. Rejects when nobody knows the colony;
 * the returned function ends it.
 */
export const followHosts = async (
  { clock, log }: Pick<Context, 'clock' | 'log'>,
  hosts: Source,
  board: Pick<HostBoard, 'setOrder'>,
): Promise<() => void> => {
  let count = 0;
  let isOver = false;
  let cancel = (): void => undefined;
  const take = (found: Found): void => {
    const ids = usableIds(found);
    if (ids.length === 0 && count !== 0) log.warn('No host of the colony can be used now');
    count = ids.length;
    board.setOrder(ids);
  };
  const lookLater = (): void => {
    // A look that was under way at the end is followed by none: it would keep the worker alive.
    if (isOver) return;
    const ms = count === 0 ? LIMITS.workerWatchMs : ATTACH_LIMITS.attachRefreshMs;
    cancel = clock.after(ms, () => {
      hosts
        .refresh()
        .catch((error: unknown) => {
          log.error('The colony can no longer be used', { err: error });
        })
        .finally(lookLater);
    });
  };
  const end = hosts.onChange(take);
  const first = await telling(() => hosts.current());
  for (const { serverid, usable, reason } of first.hosts) {
    if (!usable) log.warn('A host cannot be used', { serverID: serverid, reason });
  }
  take(first);
  lookLater();
  return () => {
    isOver = true;
    end();
    cancel();
  };
};
