// What both sides of a call stream share: the reading loop and the probe of a silent peer.

import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import { type Frame, makeDecoder } from './frames.ts';
import type { OverlayStream } from './overlay.ts';

/**
 * Reads frames off a stream until it ends; always tells `onEnd`, with the error if there was
 * one.
 */
export const readFrames = async (
  stream: OverlayStream,
  limits: Limits,
  onFrame: (frame: Frame) => void,
  onEnd: (error: Error | undefined) => void,
): Promise<void> => {
  const decode = makeDecoder(limits);
  try {
    for await (const chunk of stream) for (const frame of decode(chunk)) onFrame(frame);
    onEnd(undefined);
  } catch (error) {
    // A broken stream or a broken frame: both end the stream, and are told apart by the listener.
    onEnd(error as Error);
  }
};

export interface Probe {
  /** Something came in. */
  heard(): void;
  stop(): void;
}

/**
 * Asks a silent stream for a sign of life while there are calls, and gives it up after two
 * silences.
 */
export const makeProbe = (
  clock: Pick<Clock, 'now' | 'after'>,
  limits: Limits,
  isBusy: () => boolean,
  ask: () => void,
  giveUp: () => void,
): Probe => {
  let heardAt = clock.now();
  let asked = 0;
  let cancel: () => void = () => undefined;
  const tick = (): void => {
    const silentMs = clock.now() - heardAt;
    if (silentMs < limits.callProbeMs || !isBusy()) asked = 0;
    else if (asked >= 2) {
      giveUp();
      return;
    } else {
      asked += 1;
      ask();
    }
    cancel = clock.after(limits.callProbeMs, tick);
  };
  cancel = clock.after(limits.callProbeMs, tick);
  return {
    heard: () => {
      heardAt = clock.now();
      asked = 0;
    },
    stop: () => cancel(),
  };
};
