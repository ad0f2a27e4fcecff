// The calling side of one call stream: many calls at once, told apart by number.
// Never repeats a call: it says whether a byte of it left, and the caller decides.

import type { Clock } from '../node/clock.ts';
import { type Fault, type FaultCode, fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import { type Budget, type Inbox, makeInbox, makeOutbox, type Outbox } from './call-body.ts';
import { makeProbe, readFrames } from './call-stream.ts';
import { makeWriter, type Queued, type Writer } from './call-writer.ts';
import { encodeCancel, encodeFrame, FRAME, type Frame, FrameError, REASON } from './frames.ts';
import type { CallBody, CallReply, OverlayStream } from './overlay.ts';

export interface ClientCallOptions {
  readonly signal: AbortSignal;
  readonly waits: boolean;
  readonly confirm: 'read' | 'explicit';
  /** Bytes the answer may have. */
  readonly bytesMax: number;
  /** Whether it waits for no other call of its turn. */
  readonly gathered: boolean;
  /** Told once when the call is over, however it ended. */
  readonly onOver: () => void;
}

export interface CallClient {
  call(head: Uint8Array, body: CallBody, options: ClientCallOptions): Promise<CallReply>;
  /** Calls under way. */
  readonly size: () => number;
  readonly isOpen: () => boolean;
  /** Closes it once the calls under way are over. */
  retire(): void;
  close(): void;
}

export interface CallClientDeps {
  readonly stream: OverlayStream;
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly budget: Budget;
  /** Told once, when the stream is gone, with the reason unless it was ours. */
  readonly onGone: (error: Error | undefined) => void;
}

interface Call {
  readonly id: number;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly confirm: 'read' | 'explicit';
  readonly isGathered: boolean;
  opened: Queued | undefined;
  /** Settles the promise of `call`; undefined once it is settled. */
  settle: { resolve(reply: CallReply): void; reject(error: unknown): void } | undefined;
  finish(): void;
  /** Ends it with an error for whoever waits or reads. */
  fail(error: Error): void;
  /** Ends it from our side: the other side is told, if it ever heard of the call. */
  abort(error: Error): void;
}

const REFUSALS: Readonly<Record<number, { code: FaultCode; text: string; sent: 0 | 1 }>> = {
  [REASON.busy]: { code: 'too-many', text: 'the other node is busy', sent: 0 },
  [REASON.tooLarge]: { code: 'too-large', text: 'the other node refused the size', sent: 1 },
  [REASON.deadline]: { code: 'outcome-unknown', text: 'the other node ran out of time', sent: 1 },
  [REASON.stalled]: { code: 'outcome-unknown', text: 'the answer was not read in time', sent: 1 },
};

const refusal = (bytes: Uint8Array): Fault => {
  const known = REFUSALS[bytes[0] ?? 0];
  const text = known?.text ?? 'the other node failed';
  const said = Buffer.from(bytes.subarray(1))
    .toString('utf8')
    .replace(/[^ -~]/g, '?');
  const sent = known?.sent ?? 1;
  return fault(known?.code ?? 'outcome-unknown', said === '' ? text : `${text}: ${said}`, { sent });
};

const brokenOff = (hasLeft: boolean): Fault =>
  hasLeft
    ? fault('outcome-unknown', 'the connection to the other node broke', { sent: 1 })
    : fault('unavailable', 'the connection to the other node broke', { sent: 0 });

const noAnswer = (hasLeft: boolean): Fault =>
  hasLeft
    ? fault('outcome-unknown', 'the other node did not answer in time', { sent: 1 })
    : fault('unavailable', 'the call could not leave in time', { sent: 0 });

const replyOf = (
  call: Call,
  head: Uint8Array,
  writer: Writer,
  { confirm, isGathered }: Pick<Call, 'confirm' | 'isGathered'>,
): CallReply => {
  let isSettled = false;
  const once = (run: () => void): void => {
    if (isSettled) return;
    isSettled = true;
    run();
    call.finish();
  };
  const receipt = (): Buffer => encodeFrame(FRAME.received, call.id);
  const received = (): void => once(() => writer.send(receipt()));
  // Whoever gathers calls has the next ones soon.
  const read = (): void => once(() => (isGathered ? writer.lazily : writer.send)(receipt()));
  const cancel = (): void =>
    once(() => {
      writer.send(encodeCancel(call.id, REASON.cancelled, ''));
      call.inbox.fail(new Error('the answer was cancelled'));
    });
  return {
    // A copy: the frame is a view of a chunk that carries other calls too.
    head: new Uint8Array(head),
    body: {
      async *[Symbol.asyncIterator]() {
        let isWhole = false;
        try {
          yield* call.inbox;
          isWhole = true;
        } finally {
          if (!isWhole) cancel();
          else if (confirm === 'read') read();
        }
      },
    },
    confirm: received,
    cancel,
  };
};

/** What a frame from the serving side means for the call it names. */
const onCallFrame = (call: Call, frame: Frame, writer: Writer): void => {
  const started = call.settle;
  switch (frame.type) {
    case FRAME.reply:
      if (started === undefined) throw new FrameError('a second answer');
      call.settle = undefined;
      started.resolve(replyOf(call, frame.bytes, writer, call));
      return;
    case FRAME.data:
      if (started !== undefined) throw new FrameError('bytes before the answer');
      call.inbox.push(frame.bytes);
      return;
    case FRAME.end:
      if (started !== undefined) throw new FrameError('an end before the answer');
      call.outbox.stop();
      call.inbox.end();
      return;
    case FRAME.cancel:
      call.fail(refusal(frame.bytes));
      return;
    case FRAME.credit:
      call.outbox.credit(Buffer.from(frame.bytes).readUInt32BE(0));
      return;
    default:
      throw new FrameError(`frame type ${frame.type} from the serving side`);
  }
};

/** Time for the refusal of the serving side to arrive. Milliseconds. */
const MARGIN_MS = 5_000;

interface Parts extends CallClientDeps {
  readonly writer: Writer;
  readonly calls: Map<number, Call>;
  /** Told of the end of each call. */
  readonly onFinished: () => void;
}

const makeCall = (id: number, parts: Parts, options: ClientCallOptions): Call => {
  const { writer, limits, budget, clock, calls } = parts;
  const outbox = makeOutbox(id, writer, limits);
  const finish = (): void => {
    if (!calls.delete(id)) return;
    cancelDeadline();
    options.onOver();
    outbox.stop();
    options.signal.removeEventListener('abort', onAbort);
    parts.onFinished();
  };
  const inbox = makeInbox({
    id,
    writer,
    limits,
    budget,
    bytesMax: options.bytesMax,
    onDrained: () => undefined,
    onTooLarge: () => {
      writer.send(encodeCancel(id, REASON.tooLarge, ''));
      call.fail(fault('too-large', 'the answer is longer than permitted', { sent: 1 }));
    },
  });
  const call: Call = {
    id,
    inbox,
    outbox,
    confirm: options.confirm,
    isGathered: options.gathered,
    opened: undefined,
    settle: undefined,
    finish,
    fail: (error) => {
      const started = call.settle;
      call.settle = undefined;
      finish();
      if (started === undefined) inbox.fail(error);
      else started.reject(error);
    },
    abort: (error) => {
      if (call.opened?.drop() !== true) writer.send(encodeCancel(id, REASON.cancelled, ''));
      call.fail(error);
    },
  };
  const onAbort = (): void => call.abort(options.signal.reason);
  // The serving side ends it before, if it does what it should.
  const late = (): void => call.abort(noAnswer(call.opened?.hasLeft() === true));
  const cancelDeadline = options.waits
    ? (): void => undefined
    : clock.after(limits.callMs + MARGIN_MS, late);
  options.signal.addEventListener('abort', onAbort, { once: true });
  return call;
};

/** The calling side on a stream of its own. */
export const makeCallClient = (deps: CallClientDeps): CallClient => {
  const { stream, limits, clock, onGone } = deps;
  const calls = new Map<number, Call>();
  let lastId = 0;
  let isOpen = true;
  let isRetired = false;
  const writer = makeWriter(stream, deps, (error) => gone(error));
  const ask = (): void => writer.control(encodeFrame(FRAME.ping, 0));
  const probe = makeProbe(
    clock,
    limits,
    () => calls.size > 0,
    ask,
    () => gone(new Error('the other node is silent')),
  );
  const gone = (error: Error | undefined): void => {
    if (!isOpen) return;
    isOpen = false;
    probe.stop();
    stream.abort(error ?? new Error('the stream ended'));
    for (const call of [...calls.values()]) call.fail(brokenOff(call.opened?.hasLeft() === true));
    onGone(error);
  };
  const onFrame = (frame: Frame): void => {
    probe.heard();
    if (frame.type === FRAME.pong) return;
    if (frame.type === FRAME.ping) {
      writer.control(encodeFrame(FRAME.pong, 0));
      return;
    }
    if (frame.id === 0 || frame.id > lastId) throw new FrameError('an answer to no call');
    const call = calls.get(frame.id);
    // Late frames of a call that ended here are no fault: they crossed our cancel.
    if (call !== undefined) onCallFrame(call, frame, writer);
  };
  void readFrames(stream, limits, onFrame, gone);
  const endIfRetired = (): void => {
    if (!isRetired || !isOpen || calls.size > 0) return;
    // The last receipt goes before the end. The other side ends in turn, and the reading with it.
    writer.flush();
    stream.close().catch((error: Error) => gone(error));
  };
  return {
    call: (head, body, options) =>
      new Promise<CallReply>((resolve, reject) => {
        if (!isOpen) throw brokenOff(false);
        options.signal.throwIfAborted();
        if (head.length > limits.callHeadBytesMax) {
          throw fault('too-large', 'the head of the call is too long', { sent: 0 });
        }
        lastId += 1;
        const call = makeCall(
          lastId,
          { ...deps, writer, calls, onFinished: endIfRetired },
          options,
        );
        calls.set(call.id, call);
        call.settle = { resolve, reject };
        const flags = Uint8Array.of(options.waits ? 1 : 0);
        call.opened = writer.send(encodeFrame(FRAME.open, call.id, flags, head));
        call.outbox.run(body).catch((error: Error) => call.abort(error));
        if (options.gathered) writer.flush();
      }),
    size: () => calls.size,
    isOpen: () => isOpen,
    retire: () => {
      isRetired = true;
      endIfRetired();
    },
    close: () => gone(undefined),
  };
};
