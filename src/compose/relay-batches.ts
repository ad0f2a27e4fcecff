// Gathers the short calls that go to one node and sends those of a moment as one batch: one pass, one
// exchange. Each call is answered by itself, or fails as it would have alone.

import type { Clock } from '../node/clock.ts';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Reply } from '../node/model/envelope.ts';
import { encodeCalls, makeReplyDecoder } from './relay-batch-wire.ts';
import type { Way } from './relay-ways.ts';

export interface BatchesDeps {
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly limits: Limits;
}

/** Sends a call a way. Rejects with a Fault whose `detail.sent` is 0 when no byte of it left. */
export type SendShort = (way: Way, body: Uint8Array) => Promise<Reply>;

interface Waiting {
  readonly body: Uint8Array;
  readonly way: Way;
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

interface Lane {
  take(call: Waiting): void;
  isIdle(): boolean;
}

/** What goes out of one lane: a call by itself, or several as a batch. */
const makeSending = ({ limits }: BatchesDeps) => {
  // Until the other node says so it is not known to take batches.
  let callsMax = 1;

  const alone = async (call: Waiting): Promise<void> => {
    try {
      const answered = await call.way.alone(call.body);
      callsMax = Math.min(answered.callsMax, limits.relayBatchCallsMax);
      call.resolve(answered.reply);
    } catch (error) {
      call.reject(error);
    }
  };

  const together = async (calls: readonly Waiting[], onSign: () => void): Promise<void> => {
    const open = new Set(calls);
    const take = makeReplyDecoder(calls.length, limits.callBytesMax, ({ index, ...reply }) => {
      const call = calls[index] as Waiting;
      open.delete(call);
      call.resolve(reply);
      onSign();
    });
    try {
      // The newest way knows best where its end is.
      const { way } = calls.at(-1) as Waiting;
      const batch = encodeCalls(calls.map((call) => call.body));
      const whole = await way.together(batch, calls.length, take);
      if (whole === undefined) {
        throw fault('outcome-unknown', 'the other node left calls unanswered', { sent: 1 });
      }
      if (whole.status === 400) {
        // Only a node that knows no batches finds this one malformed: nothing was done.
        callsMax = 1;
        await Promise.all([...open].map(alone));
        return;
      }
      // Refused as a whole, so each call was.
      for (const call of open) call.resolve(whole);
    } catch (error) {
      for (const call of open) call.reject(error);
    }
  };

  return {
    callsMax: () => callsMax,
    send: async (calls: readonly Waiting[], onSign: () => void): Promise<void> => {
      const several: Promise<void>[] = [];
      for (let at = 0; at < calls.length; at += callsMax) {
        const some = calls.slice(at, at + callsMax);
        several.push(some.length > 1 ? together(some, onSign) : alone(some[0] as Waiting));
      }
      await Promise.all(several);
    },
  };
};

/** The way of short calls to one server. */
const makeLane = (deps: BatchesDeps): Lane => {
  const { clock, limits } = deps;
  const { relayBatchCallBytesMax, relayBatchBytesMax, relayBatchGatherMs } = limits;
  const sending = makeSending(deps);
  let queue: Waiting[] = [];
  let bytes = 0;
  /** Batches that left and of which nothing came back yet. */
  let ahead = 0;
  let underWay = 0;
  let isTurn = false;
  let cancel: (() => void) | undefined;

  const leave = (): void => {
    cancel?.();
    cancel = undefined;
    const calls = queue;
    if (calls.length === 0) return;
    queue = [];
    bytes = 0;
    go(calls);
  };

  const go = (calls: readonly Waiting[]): void => {
    let isAhead = true;
    const onSign = (): void => {
      if (!isAhead) return;
      isAhead = false;
      ahead -= 1;
      if (queue.length > 0) soon();
    };
    ahead += 1;
    underWay += 1;
    void sending.send(calls, onSign).finally(() => {
      underWay -= 1;
      onSign();
    });
  };

  // At the end of this turn: whatever else is read from sockets in it comes along.
  const soon = (): void => {
    if (isTurn) return;
    isTurn = true;
    setImmediate(() => {
      isTurn = false;
      if (ahead === 0) leave();
      else if (queue.length > 0) cancel ??= clock.after(relayBatchGatherMs, leave);
    });
  };

  return {
    take: (call) => {
      const { length } = call.body;
      if (length > relayBatchCallBytesMax) {
        go([call]);
        return;
      }
      if (bytes + length > relayBatchBytesMax) leave();
      queue.push(call);
      bytes += length;
      if (sending.callsMax() > 1 && queue.length >= sending.callsMax()) leave();
      else soon();
    },
    isIdle: () => underWay === 0 && queue.length === 0,
  };
};

/** The short calls of one node on their way out. */
export const makeBatches = (deps: BatchesDeps): SendShort => {
  const lanes = new Map<string, Lane>();
  const laneOf = (name: string): Lane => {
    const known = lanes.get(name);
    if (known !== undefined) return known;
    if (lanes.size >= deps.limits.outboundTargetsMax) {
      for (const [other, lane] of lanes) if (lane.isIdle()) lanes.delete(other);
    }
    const lane = makeLane(deps);
    lanes.set(name, lane);
    return lane;
  };
  return (way, body) =>
    new Promise((resolve, reject) => {
      laneOf(way.name).take({ body, way, resolve, reject });
    });
};
