// The multiplexer as we run it. The library gives room back for every message that it reads, in a
// message of its own that costs both sides as much, and opens a stream with a message that says
// nothing else: more than half of all messages of a short exchange. Here room is given back when half
// of the window is used, which is soon enough, and what a stream begins with opens it.

import type { Stream } from '@libp2p/interface';
import { yamux } from '@libp2p/yamux';

type Options = Parameters<typeof yamux>[0];
type Factory = ReturnType<typeof yamux>;

interface Windowed {
  sendWindowUpdate?(): void;
  readonly recvWindow?: number;
  readonly recvWindowCapacity?: number;
}

interface Opening {
  /** Makes every stream, ours and theirs. */
  _newStream(...given: unknown[]): Stream;
}

const giveRoomRarely = (stream: Stream): void => {
  const windowed = stream as unknown as Windowed;
  const give = windowed.sendWindowUpdate?.bind(windowed);
  if (give === undefined) return;
  windowed.sendWindowUpdate = () => {
    const { recvWindow = 0, recvWindowCapacity = 0 } = windowed;
    if (recvWindowCapacity <= recvWindow / 2) give();
  };
};

const sparing = <M>(muxer: M): M => {
  const inside = muxer as unknown as Opening;
  const make = inside._newStream.bind(inside);
  inside._newStream = (...given) => {
    const stream = make(...given);
    giveRoomRarely(stream);
    return stream;
  };
  return muxer;
};

/** A factory of multiplexers that say no more than they must. */
export const sparingYamux =
  (options: Options): Factory =>
  () => {
    const factory = yamux(options)();
    const make = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => sparing(make(connection));
    return factory;
  };
