// Gathers the short calls that go to one node and sends those of a moment as one batch: one pass, one
// exchange. Each call is answered by itself, or fails as it would have alone.

import type { RelayPass } from '../federation/relay-auth.ts';
import type { Clock } from '../node/clock.ts';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import type { Reply } from '../node/model/envelope.ts';
import { headerOf } from './ask.ts';
import type { Outbound, OutboundHead, OutboundReply, OutboundRequest } from './outbound.ts';
import { BATCH_HEADER, BATCH_TYPE, encodeCalls, makeReplyDecoder } from './relay-batch-wire.ts';
import { passHeaders, RELAY_PATH } from './relay-post.ts';

export interface BatchesDeps {
  readonly outbound: Outbound;
  /** Header values that pass a body to a server; undefined without a certificate. */
  readonly pass: (target: string, body: Uint8Array) => Promise<RelayPass | undefined>;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
  readonly limits: Limits;
}

/**
 * Sends a call to a server (by its id) behind a base URL. Rejects with a Fault whose `detail.sent`
 * is 0 when no byte of it left this node.
 */
export type SendShort = (base: string, target: string, body: Uint8Array) => Promise<Reply>;

interface Waiting {
  readonly body: Uint8Array;
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

interface Lane {
  take(call: Waiting): void;
  isIdle(): boolean;
}

/** The reply in an answer. Throws outcome-unknown for one that no node gives. */
export const replyIn = (base: string, { status, headers, body }: OutboundReply): Reply => {
  // No node answers so: something in between does, and what became of the call is not known.
  if (status >= 300 && status < 400) {
    throw fault('outcome-unknown', `${base} answered with a redirect`, { sent: 1 });
  }
  const proof = headerOf(headers['colonies-reply-proof']);
  return { status, body: body.toString('utf8'), proof };
};

const isOfBatch = ({ status, headers }: OutboundHead): boolean =>
  status === 200 && headers['content-type'] === BATCH_TYPE;

/** What goes out of one lane: a call by itself, or several as a batch. */
const makeSending = (deps: BatchesDeps, base: string, target: string) => {
  const { outbound, pass, limits } = deps;
  // Until the other node says so it is not known to take batches.
  let callsMax = 1;

  const post = async (body: Uint8Array, pieces?: OutboundRequest['pieces']) => {
    const headers = passHeaders(await pass(target, body));
    const asked = { method: 'POST', base, path: RELAY_PATH, headers, body } as const;
    return outbound.request(pieces === undefined ? asked : { ...asked, pieces });
  };

  const alone = async (call: Waiting): Promise<void> => {
    try {
      const answer = await post(call.body);
      const told = Number(headerOf(answer.headers[BATCH_HEADER]) ?? 1);
      callsMax = told >= 1 ? Math.min(Math.floor(told), limits.relayBatchCallsMax) : 1;
      call.resolve(replyIn(base, answer));
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
      const body = encodeCalls(calls.map((call) => call.body));
      const answer = await post(body, (head) => (isOfBatch(head) ? take : undefined));
      if (isOfBatch(answer)) {
        throw fault('outcome-unknown', `${base} left calls unanswered`, { sent: 1 });
      }
      if (answer.status === 400) {
        // Only a node that knows no batches finds this one malformed: nothing was done.
        callsMax = 1;
        await Promise.all([...open].map(alone));
        return;
      }
      // Refused as a whole, so each call was.
      const reply = replyIn(base, answer);
      for (const call of open) call.resolve(reply);
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
const makeLane = (deps: BatchesDeps, base: string, target: string): Lane => {
  const { clock, limits } = deps;
  const { relayBatchCallBytesMax, relayBatchBytesMax, relayBatchGatherMs } = limits;
  const sending = makeSending(deps, base, target);
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

/** The short calls of one node on their way out over HTTP. */
export const makeBatches = (deps: BatchesDeps): SendShort => {
  const lanes = new Map<string, Lane>();
  const laneTo = (base: string, target: string): Lane => {
    const key = `${target} ${base}`;
    const known = lanes.get(key);
    if (known !== undefined) return known;
    if (lanes.size >= deps.limits.outboundTargetsMax) {
      for (const [other, lane] of lanes) if (lane.isIdle()) lanes.delete(other);
    }
    const lane = makeLane(deps, base, target);
    lanes.set(key, lane);
    return lane;
  };
  return (base, target, body) =>
    new Promise((resolve, reject) => {
      laneTo(base, target).take({ body, resolve, reject });
    });
};
