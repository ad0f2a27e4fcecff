// The one map helper that the indices of the engine share.

/** The value under `key`, made and stored first when there is none. */
export const child = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
};
