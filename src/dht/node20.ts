// libp2p calls `Promise.withResolvers`, which Node 20 lacks: without this it fails at the first
// lock it takes. Import before anything of libp2p is called; delete when the floor is Node 22.

interface Resolvers<T> {
  promise: Promise<T>;
  resolve: (value: T | PromiseLike<T>) => void;
  reject: (reason?: unknown) => void;
}

const withResolvers = <T>(): Resolvers<T> => {
  let resolve: Resolvers<T>['resolve'] = () => undefined;
  let reject: Resolvers<T>['reject'] = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};

const target = Promise as unknown as { withResolvers?: typeof withResolvers };
target.withResolvers ??= withResolvers;
