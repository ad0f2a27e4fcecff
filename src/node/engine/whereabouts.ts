// In which colonies an id is a member's: what is asked of an identity that names no colony must
// not cost a look at each of them. Most ids are in one colony, which is kept without a set.

export interface Whereabouts<C> {
  /** The id is a member's of this colony; once more is no change. */
  enter(id: string, colony: C): void;
  /** It no longer is; once more is no change. */
  leave(id: string, colony: C): void;
  /** The colonies of which it is a member's, in no order. */
  of(id: string): readonly C[];
}

const NOWHERE: readonly never[] = Object.freeze([]);

export const makeWhereabouts = <C extends object>(): Whereabouts<C> => {
  const colonies = new Map<string, C | Set<C>>();
  return {
    enter: (id, colony) => {
      const known = colonies.get(id);
      if (known === undefined) colonies.set(id, colony);
      else if (known instanceof Set) known.add(colony);
      else if (known !== colony) colonies.set(id, new Set([known, colony]));
    },
    leave: (id, colony) => {
      const known = colonies.get(id);
      if (known instanceof Set) known.delete(colony);
      if (known === colony || (known instanceof Set && known.size === 0)) colonies.delete(id);
    },
    of: (id) => {
      const known = colonies.get(id);
      if (known === undefined) return NOWHERE;
      return known instanceof Set ? [...known] : [known];
    },
  };
};
