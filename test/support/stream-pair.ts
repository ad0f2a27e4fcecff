// Two ends of a stream in memory, with a bounded buffer, for tests of protocols without sockets.

import type { OverlayStream } from '../../src/dht/overlay.ts';

interface Pipe {
  readonly chunks: Uint8Array[];
  bytes: number;
  ended: boolean;
  failure: Error | undefined;
  readonly waiters: (() => void)[];
}

const makePipe = (): Pipe => ({
  chunks: [],
  bytes: 0,
  ended: false,
  failure: undefined,
  waiters: [],
});

const wake = (pipe: Pipe): void => {
  for (const waiter of pipe.waiters.splice(0)) waiter();
};

const changed = (pipe: Pipe): Promise<void> =>
  new Promise((resolve) => {
    pipe.waiters.push(resolve);
  });

const makeEnd = (peer: string, out: Pipe, inn: Pipe, room: number): OverlayStream => ({
  peer,
  protocol: '/test',
  send: async (bytes) => {
    if (out.failure !== undefined) throw out.failure;
    if (out.ended) throw new Error('closed');
    out.chunks.push(new Uint8Array(bytes));
    out.bytes += bytes.length;
    wake(out);
    while (out.bytes > room && out.failure === undefined) await changed(out);
    if (out.failure !== undefined) throw out.failure;
  },
  close: async () => {
    out.ended = true;
    wake(out);
  },
  abort: (reason) => {
    for (const pipe of [out, inn]) {
      pipe.failure ??= reason;
      pipe.chunks.length = 0;
      wake(pipe);
    }
  },
  async *[Symbol.asyncIterator]() {
    for (;;) {
      const chunk = inn.chunks.shift();
      if (chunk !== undefined) {
        inn.bytes -= chunk.length;
        wake(inn);
        yield chunk;
      } else if (inn.failure !== undefined) throw inn.failure;
      else if (inn.ended) return;
      else await changed(inn);
    }
  },
});

/** The two ends; each sees the other as the peer of that name. At most about `room` bytes wait. */
export const streamPair = (
  names: readonly [string, string] = ['client', 'server'],
  room = 64 * 1024,
): [OverlayStream, OverlayStream] => {
  const there = makePipe();
  const back = makePipe();
  return [makeEnd(names[1], there, back, room), makeEnd(names[0], back, there, room)];
};
