// Counters of requests by payload type and status. Both sets are bounded: unknown types share one
// label.

export interface Metrics {
  count(type: string, status: number): void;
  /** Every counter so far. */
  list(): readonly { readonly type: string; readonly status: number; readonly count: number }[];
}

/** Makes an empty set of counters. */
export const makeMetrics = (): Metrics => {
  const types = new Map<string, Map<number, number>>();
  return {
    count: (type, status) => {
      let statuses = types.get(type);
      if (statuses === undefined) {
        statuses = new Map();
        types.set(type, statuses);
      }
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    },
    list: () =>
      [...types].flatMap(([type, statuses]) =>
        [...statuses].map(([status, count]) => ({ type, status, count })),
      ),
  };
};
