// The serving side of call streams: admits calls within the limits, runs the handler for each,
// and makes sure that whoever answered learns whether the answer arrived.

import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { type Buckets, makeBuckets } from './buckets.ts';
import { type Budget, type Inbox, makeInbox, makeOutbox, type Outbox } from './call-body.ts';
import { makeProbe, readFrames } from './call-stream.ts';
import { makeWriter, type Writer } from './call-writer.ts';
import { encodeCancel, encodeFrame, FRAME, type Frame, FrameError, REASON } from './frames.ts';
import type { CallAnswer, CallRequest, OverlayStream } from './overlay.ts';

export type CallHandler = (request: CallRequest) => Promise<CallAnswer>;

/** The counts of calls being served, over all streams of a node. */
export interface Admission {
  /** Lets a call in: gives what to call when it is over; undefined when it is one too many. */
  enter(peer: string, waits: boolean): (() => void) | undefined;
  /** Counts so many more calls against the rate of a peer; false, counting none, over it. */
  charge(peer: string, calls: number): boolean;
  counts(): { readonly calls: number; readonly waits: number };
}

/** Short and waiting calls are counted apart: a thousand idle polls must not keep one call out. */
export const makeAdmission = (limits: Limits, now: () => number): Admission => {
  const rate: Buckets = makeBuckets({
    perSecond: limits.callsPerSecond,
    burst: limits.callsBurst,
    keysMax: limits.overlayTrackedPeersMax,
    now,
  });
  const lane = (perPeerMax: number, max: number) => {
    const ofPeer = new Map<string, number>();
    let all = 0;
    return {
      enter: (peer: string): (() => void) | undefined => {
        const count = ofPeer.get(peer) ?? 0;
        if (count >= perPeerMax || all >= max) return undefined;
        ofPeer.set(peer, count + 1);
        all += 1;
        return () => {
          all -= 1;
          const left = (ofPeer.get(peer) ?? 1) - 1;
          if (left === 0) ofPeer.delete(peer);
          else ofPeer.set(peer, left);
        };
      },
      count: () => all,
    };
  };
  const short = lane(limits.callsPerPeerMax, limits.callsMax);
  const waiting = lane(limits.callWaitsPerPeerMax, limits.callWaitsMax);
  return {
    enter: (peer, waits) => (rate.take(peer) ? (waits ? waiting : short).enter(peer) : undefined),
    charge: (peer, calls) => rate.take(peer, calls),
    counts: () => ({ calls: short.count(), waits: waiting.count() }),
  };
};

export interface CallServerDeps {
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly log: Log;
  readonly budget: Budget;
  readonly admission: Admission;
  readonly handler: CallHandler;
}

interface Served {
  readonly id: number;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly controller: AbortController;
  answer: CallAnswer | undefined;
  /** Whether the end of the answer was sent. */
  isWhole: boolean;
  whole(): void;
  /** What `outbox.progress` was at the last look, for stalled readers. */
  seen: number;
  /** Ends the call for good; the first call counts. */
  over(delivered: boolean, reason?: number, text?: string): void;
}

interface Line extends CallServerDeps {
  readonly peer: string;
  readonly writer: Writer;
  readonly calls: Map<number, Served>;
}

const makeServed = (line: Line, id: number, waits: boolean, leave: () => void): Served => {
  const { writer, limits, budget, clock, calls } = line;
  const controller = new AbortController();
  const outbox = makeOutbox(id, writer, limits);
  const inbox = makeInbox({
    id,
    writer,
    limits,
    budget,
    bytesMax: limits.callBytesMax,
    onDrained: () => undefined,
    onTooLarge: () => served.over(false, REASON.tooLarge, 'the request is longer than permitted'),
  });
  const endAfter = (ms: number): (() => void) =>
    clock.after(ms, () => served.over(false, REASON.deadline));
  let cancelDeadline = endAfter(waits ? limits.callWaitMs : limits.callMs);
  const served: Served = {
    id,
    inbox,
    outbox,
    controller,
    answer: undefined,
    isWhole: false,
    seen: -1,
    // A waiting call is allowed hours, but not for confirming an answer that is already there.
    whole: () => {
      served.isWhole = true;
      if (!waits) return;
      cancelDeadline();
      cancelDeadline = endAfter(limits.callMs);
    },
    over: (delivered, reason, text = '') => {
      if (!calls.delete(id)) return;
      cancelDeadline();
      leave();
      outbox.stop();
      inbox.fail(new Error('the call is over'));
      if (reason !== undefined) writer.send(encodeCancel(id, reason, text));
      if (!delivered) controller.abort(new Error('the call is over'));
      served.answer?.delivered?.(delivered);
    },
  };
  calls.set(id, served);
  return served;
};

const run = async (line: Line, served: Served, head: Uint8Array, waits: boolean): Promise<void> => {
  const { writer, handler, peer, calls, admission } = line;
  const { id, inbox, outbox, controller } = served;
  const answer = await handler({
    peer,
    head,
    body: inbox,
    waits,
    signal: controller.signal,
    charge: (more) => admission.charge(peer, more),
  });
  if (!calls.has(id)) {
    // Cancelled meanwhile: the answer has nobody to go to.
    answer.delivered?.(false);
    return;
  }
  served.answer = answer;
  writer.send(encodeFrame(FRAME.reply, id, answer.head));
  if ((await outbox.run(answer.body ?? new Uint8Array(0))) && calls.has(id)) served.whole();
};

const open = (line: Line, frame: Frame): void => {
  const { writer, limits, budget, admission, peer, log } = line;
  const flags = frame.bytes[0];
  if (flags === undefined) throw new FrameError('an opening without flags');
  const waits = (flags & 1) === 1;
  const leave = budget.bytes < limits.callBufferBytesMax ? admission.enter(peer, waits) : undefined;
  if (leave === undefined) {
    writer.send(encodeCancel(frame.id, REASON.busy, ''));
    return;
  }
  const served = makeServed(line, frame.id, waits, leave);
  const head = new Uint8Array(frame.bytes.subarray(1));
  run(line, served, head, waits).catch((error: Error) => {
    // The handler turns what callers may know into answers; this is a bug, or a body that broke
    // off.
    if (line.calls.has(served.id)) log.warn('a call could not be answered', { peer, error });
    served.over(false, REASON.failed);
  });
};

const onCallFrame = (served: Served, frame: Frame): void => {
  switch (frame.type) {
    case FRAME.data:
      served.inbox.push(frame.bytes);
      return;
    case FRAME.end:
      served.inbox.end();
      return;
    case FRAME.cancel:
      served.over(false);
      return;
    case FRAME.credit:
      served.outbox.credit(Buffer.from(frame.bytes).readUInt32BE(0));
      return;
    case FRAME.received:
      if (!served.isWhole) throw new FrameError('a receipt before the end');
      served.over(true);
      return;
    default:
      throw new FrameError(`frame type ${frame.type} from the calling side`);
  }
};

/** Ends calls whose reader took nothing between two looks while bytes waited for it. */
const watchStalls = (line: Pick<Line, 'calls' | 'clock' | 'limits'>): (() => void) => {
  const { calls, clock, limits } = line;
  const look = (): void => {
    for (const served of [...calls.values()]) {
      const progress = served.outbox.progress();
      if (served.outbox.isBlocked() && served.seen === progress) {
        served.over(false, REASON.stalled);
      }
      served.seen = served.outbox.isBlocked() ? progress : -1;
    }
    cancel = clock.after(limits.callStallMs, look);
  };
  let cancel = clock.after(limits.callStallMs, look);
  return () => cancel();
};

/**
 * Serves the calls of one stream until it ends. Gives the FrameError when the peer broke the
 * protocol, undefined when the stream ended or broke for another reason. Never rejects.
 */
export const serveCalls = async (
  stream: OverlayStream,
  deps: CallServerDeps,
): Promise<FrameError | undefined> => {
  const { limits, clock } = deps;
  const calls = new Map<number, Served>();
  let lastId = 0;
  let fault: FrameError | undefined;
  const giveUp = (error: Error): void => stream.abort(error);
  const writer = makeWriter(stream, deps, giveUp);
  const line: Line = { ...deps, peer: stream.peer, writer, calls };
  const ask = (): void => writer.control(encodeFrame(FRAME.ping, 0));
  const probe = makeProbe(
    clock,
    limits,
    () => calls.size > 0,
    ask,
    () => giveUp(new Error('the calling node is silent')),
  );
  const stopStalls = watchStalls(line);
  const onFrame = (frame: Frame): void => {
    probe.heard();
    if (frame.type === FRAME.pong) return;
    if (frame.type === FRAME.ping) {
      writer.control(encodeFrame(FRAME.pong, 0));
      return;
    }
    if (frame.type === FRAME.open) {
      if (frame.id <= lastId) throw new FrameError('a call number used twice');
      lastId = frame.id;
      open(line, frame);
      return;
    }
    if (frame.id === 0 || frame.id > lastId) throw new FrameError('a frame of no call');
    const served = calls.get(frame.id);
    // Late frames of a call that ended here are no fault: they crossed our cancel.
    if (served !== undefined) onCallFrame(served, frame);
  };
  await readFrames(stream, limits, onFrame, (error) => {
    if (error instanceof FrameError) fault = error;
    probe.stop();
    stopStalls();
    for (const served of [...calls.values()]) served.over(false);
    stream.abort(error ?? new Error('the calling side ended'));
  });
  return fault;
};
