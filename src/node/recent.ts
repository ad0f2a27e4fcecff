// A map with a bound, for what may be forgotten: the names, verdicts and records met lately.

export interface Recent<V> {
  /** The value of a key, which is now the one used last. */
  get(key: string): V | undefined;
  /** Keeps a value; beyond the bound the one that was not used for longest is forgotten. */
  set(key: string, value: V): void;
  delete(key: string): boolean;
  /** What is kept, the one used last at the end. */
  values(): Iterable<V>;
}

/** An empty map of at most `max` entries. */
export const makeRecent = <V>(max: number): Recent<V> => {
  const map = new Map<string, V>();
  const set = (key: string, value: V): void => {
    map.delete(key);
    map.set(key, value);
    const oldest = map.size > max ? map.keys().next().value : undefined;
    if (oldest !== undefined) map.delete(oldest);
  };
  return {
    get: (key) => {
      const value = map.get(key);
      if (value !== undefined) set(key, value);
      return value;
    },
    set,
    delete: (key) => map.delete(key),
    values: () => map.values(),
  };
};
