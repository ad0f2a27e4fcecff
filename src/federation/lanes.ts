// One thing at a time per name, in the order asked for; different names do not wait for each other.

/** Gives `lane(name, run)`: runs after everything asked for earlier under the name has ended. */
export const makeLanes = (): (<T>(name: string, run: () => Promise<T>) => Promise<T>) => {
  const tails = new Map<string, Promise<unknown>>();
  return (name, run) => {
    const before = tails.get(name) ?? Promise.resolve();
    const mine = before.then(run, run);
    // The tail only orders: a failure is its own caller's to handle.
    const tail = mine.then(
      () => undefined,
      () => undefined,
    );
    tails.set(name, tail);
    void tail.then(() => {
      if (tails.get(name) === tail) tails.delete(name);
    });
    return mine;
  };
};
