// What the book keeps in memory: the names of all rows with who brought them, in the order in which
// they have to go.

/** Names by who brought them, the oldest first; knows at any time who has most. */
const makeShares = () => {
  const shares = new Map<string, Set<string>>();
  /** Who has so many. */
  const bySize = new Map<number, Set<string>>();
  let most = 0;
  const resize = (from: string, was: number, is: number): void => {
    const before = bySize.get(was);
    before?.delete(from);
    if (before?.size === 0) bySize.delete(was);
    if (is > 0) bySize.set(is, (bySize.get(is) ?? new Set()).add(from));
    most = bySize.has(is) ? Math.max(most, is) : most;
    while (most > 0 && !bySize.has(most)) most -= 1;
  };
  return {
    add: (from: string, name: string): void => {
      const share = shares.get(from) ?? new Set();
      if (share.has(name)) return;
      shares.set(from, share.add(name));
      resize(from, share.size - 1, share.size);
    },
    drop: (from: string, name: string): void => {
      const share = shares.get(from);
      if (share?.delete(name) !== true) return;
      if (share.size === 0) shares.delete(from);
      resize(from, share.size + 1, share.size);
    },
    of: (from: string): number => shares.get(from)?.size ?? 0,
    /** The oldest name of who has most. */
    next: (): string | undefined => {
      const from = bySize.get(most)?.values().next().value;
      return from === undefined ? undefined : shares.get(from)?.values().next().value;
    },
  };
};

/**
 * The names of all rows. Those nobody here asked for go before the others: the oldest of the sender
 * who has most of them, so that nobody can push out what others brought.
 */
export const makeIndex = () => {
  const senders = new Map<string, string>();
  const wanted = new Set<string>();
  const shares = makeShares();
  /** Of those who bring the same thing, it counts against who has least. */
  const lighter = (one: string, other: string): string =>
    shares.of(other) + 1 < shares.of(one) ? other : one;
  const drop = (name: string): void => {
    shares.drop(senders.get(name) ?? '', name);
    senders.delete(name);
    wanted.delete(name);
  };
  const put = (name: string, isWanted: boolean, from: string): void => {
    senders.set(name, from);
    if (isWanted) wanted.add(name);
    else shares.add(from, name);
  };
  return {
    has: (name: string): boolean => senders.has(name),
    isWanted: (name: string): boolean => wanted.has(name),
    /** Who brought it; empty when it is not known, or this node itself did. */
    senderOf: (name: string): string => senders.get(name) ?? '',
    /** Makes it the youngest; gives the sender against whom it counts. */
    touch: (name: string, isWanted: boolean, from: string): string => {
      const keep = wanted.has(name) || isWanted;
      const known = senders.get(name);
      const counted = known === undefined ? from : lighter(known, from);
      drop(name);
      put(name, keep, counted);
      return counted;
    },
    /** Another one brings it, too. */
    alsoBy: (name: string, from: string): void => {
      const known = senders.get(name);
      if (known === undefined || wanted.has(name) || lighter(known, from) === known) return;
      drop(name);
      put(name, false, from);
    },
    drop,
    /** Which one has to go next. */
    next: (): string | undefined => shares.next() ?? wanted.values().next().value,
    size: (): number => senders.size,
  };
};

/** At most `limit` of the items, taken from each group in turn; their order in a group stays. */
export const inTurns = <T>(
  items: Iterable<T>,
  groupOf: (item: T) => string,
  limit: number,
): T[] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groupOf(item);
    const known = groups.get(group);
    if (known === undefined) groups.set(group, [item]);
    // More than all that are wanted are never taken of one.
    else if (known.length < limit) known.push(item);
  }
  const taken: T[] = [];
  for (let turn = 0; taken.length < limit && groups.size > 0; turn += 1) {
    for (const [name, group] of groups) {
      const item = group[turn];
      if (item === undefined) groups.delete(name);
      else if (taken.length < limit) taken.push(item);
    }
  }
  return taken;
};
