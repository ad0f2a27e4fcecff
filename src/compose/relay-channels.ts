// Which servers are called on a stream over HTTP: those to which calls keep going. A lone call is
// posted; a stream that does not open is not tried again for a while.

import type { Calls } from '../dht/overlay.ts';
import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { makeRecent } from '../node/recent.ts';
import { NEVER } from '../node/signals.ts';

export interface ChannelsDeps {
  readonly calls: Pick<Calls, 'ready'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly limits: Pick<
    Limits,
    | 'relayChannelAfter'
    | 'relayChannelPauseMs'
    | 'relayChannelRetryMs'
    | 'callIdleMs'
    | 'outboundTargetsMax'
  >;
}

export interface Channels {
  /** Whether a call that goes to this end now may take a stream; asked once for each call. */
  serves(end: string): boolean;
  /** A call was answered on the stream. */
  answered(end: string): void;
  /** The stream broke off under a call: the next ones are posted until another is open. */
  broke(end: string): void;
  /** No stream opened. */
  failed(end: string): void;
}

interface End {
  lastAt: number;
  /** Calls without a long pause between them. */
  streak: number;
  isOpen: boolean;
  /** Whether calls were answered on it since it opened. */
  isProven: boolean;
  isOpening: boolean;
  notBefore: number;
}

/** The channels of one node. */
export const makeChannels = ({ calls, clock, log, limits }: ChannelsDeps): Channels => {
  const ends = makeRecent<End>(limits.outboundTargetsMax);
  const fail = (end: End): void => {
    Object.assign(end, { isOpen: false, isProven: false });
    end.notBefore = clock.now() + limits.relayChannelRetryMs;
  };
  const open = async (name: string, end: End): Promise<void> => {
    end.isOpening = true;
    try {
      await calls.ready(name, { signal: NEVER });
      end.isOpen = true;
    } catch (error) {
      // Expected of servers that know no streams, and behind proxies that pass none on.
      log.debug('no stream for relayed calls; they are posted', {
        end: name,
        error: String(error),
      });
      fail(end);
    } finally {
      end.isOpening = false;
    }
  };
  return {
    serves: (name) => {
      const now = clock.now();
      const end = ends.get(name) ?? {
        ...{ lastAt: now, streak: 0, notBefore: 0 },
        ...{ isOpen: false, isProven: false, isOpening: false },
      };
      ends.set(name, end);
      const pauseMs = now - end.lastAt;
      end.streak = pauseMs > limits.relayChannelPauseMs ? 1 : end.streak + 1;
      // By then an idle one is closed.
      if (pauseMs >= limits.callIdleMs) end.isOpen = false;
      end.lastAt = now;
      if (end.isOpen) return true;
      const isWanted = end.streak >= limits.relayChannelAfter && now >= end.notBefore;
      if (isWanted && !end.isOpening) void open(name, end);
      return false;
    },
    answered: (name) => {
      const end = ends.get(name);
      if (end !== undefined) end.isProven = true;
    },
    broke: (name) => {
      const end = ends.get(name);
      if (end === undefined) return;
      // One that never carried an answer is a proxy's that opens streams and passes nothing on.
      if (end.isProven) Object.assign(end, { isOpen: false, isProven: false });
      else fail(end);
    },
    failed: (name) => {
      const end = ends.get(name);
      if (end !== undefined) fail(end);
    },
  };
};
