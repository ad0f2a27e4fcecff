// An object of a library with some of its members replaced, for what no option offers.

/** `target` with some members replaced; methods keep their `this`. */
export const overlaid = <T extends object>(target: T, over: Partial<Record<keyof T, unknown>>): T =>
  new Proxy(target, {
    get: (_target, name) => {
      if (Object.hasOwn(over, name)) return over[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
