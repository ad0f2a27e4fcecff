// The call protocol of a node: pooled streams to each peer, one for short calls and one for those
// that wait, so that idle polls and long answers never stand in front of a short call.

import type { Clock } from '../node/clock.ts';
import { Fault, fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { type CallClient, makeCallClient } from './call-client.ts';
import { makeAdmission, serveCalls } from './call-server.ts';
import type { Conduct, Counters } from './conduct.ts';
import { FrameError } from './frames.ts';
import type { CallOptions, CallReply, Calls, Overlay } from './overlay.ts';
import { reasonAt } from './reasons.ts';
import { deadline, orAborted } from './signals.ts';

export interface CallsDeps {
  readonly protocol: string;
  readonly streams: Pick<Overlay, 'handle' | 'open'>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly conduct: Pick<Conduct, 'fault'>;
  readonly counters: Pick<Counters, 'add'>;
}

/** Calls of a node with what the node needs to end them. */
export interface OwnedCalls extends Calls {
  stop(): void;
  counts(): { readonly calls: number; readonly waits: number; readonly unreadBytes: number };
}

interface Gate {
  /** Waits for a place; gives what to call when it is free again. */
  enter(signal: AbortSignal): Promise<() => void>;
  isIdle(): boolean;
}

/** At most `max` at once; others wait in line, at most `lineMax` of them. */
const makeGate = (max: number, lineMax: number): Gate => {
  const line: (() => void)[] = [];
  let inside = 0;
  const leave = (): void => {
    const next = line.shift();
    if (next === undefined) inside -= 1;
    else next();
  };
  return {
    enter: async (signal) => {
      if (inside < max) {
        inside += 1;
        return leave;
      }
      if (line.length >= lineMax) {
        throw fault('too-many', 'too many calls wait for the other node', { sent: 0 });
      }
      let admit: () => void = () => undefined;
      const admitted = new Promise<void>((resolve) => {
        admit = resolve;
      });
      line.push(admit);
      try {
        await orAborted(admitted, signal);
      } catch (reason) {
        // The caller gave up: its place in the line, or the one just given to it, goes to the next.
        const at = line.indexOf(admit);
        if (at >= 0) line.splice(at, 1);
        else leave();
        throw reason;
      }
      return leave;
    },
    isIdle: () => inside === 0,
  };
};

const unreachable = (peer: string, cause: unknown): Fault =>
  new Fault(
    'unavailable',
    `peer ${peer} cannot be reached: ${reasonAt(cause)}`,
    { sent: 0 },
    cause,
  );

/** The streams to other nodes, opened when needed and closed when idle. */
const makePool = (deps: CallsDeps, budget: { bytes: number }) => {
  const { protocol, streams, limits, clock, conduct, counters } = deps;
  const lanes = new Map<string, Promise<CallClient>>();
  /** Closes a client that had no call between two looks; gives what ends the looking. */
  const closeWhenIdle = (client: CallClient): (() => void) => {
    let cancel = clock.after(limits.callIdleMs, function look() {
      if (client.size() === 0) client.close();
      else cancel = clock.after(limits.callIdleMs, look);
    });
    return () => cancel();
  };
  const connect = async (
    peer: string,
    addresses: readonly string[] | undefined,
    forget: () => void,
  ): Promise<CallClient> => {
    const signal = deadline(2 * limits.overlayDialMs);
    const stream = await streams.open(peer, protocol, signal, addresses);
    counters.add('call-stream-opened');
    let stopLooking: () => void = () => undefined;
    const client = makeCallClient({
      stream,
      limits,
      clock,
      budget,
      onGone: (error) => {
        stopLooking();
        forget();
        if (error instanceof FrameError) conduct.fault(peer, 'call-frames', 5);
      },
    });
    stopLooking = closeWhenIdle(client);
    stream.whenLeft?.(() => {
      forget();
      client.retire();
    });
    return client;
  };
  const laneTo = (key: string, peer: string, options: CallOptions): Promise<CallClient> => {
    const known = lanes.get(key);
    if (known !== undefined) return known;
    const forget = (): void => {
      if (lanes.get(key) === lane) lanes.delete(key);
    };
    const lane = connect(peer, options.addresses, forget);
    lanes.set(key, lane);
    lane.catch(forget);
    return lane;
  };
  return {
    lane: async (peer: string, options: CallOptions): Promise<CallClient> => {
      const key = `${peer}\n${options.waits === true ? 'wait' : 'short'}`;
      const client = await orAborted(laneTo(key, peer, options), options.signal);
      if (client.isOpen()) return client;
      // It broke in the moment it opened; a new one says why if it breaks again.
      return orAborted(laneTo(key, peer, options), options.signal);
    },
    stop: () => {
      for (const lane of [...lanes.values()]) {
        lane.then(
          (client) => client.close(),
          () => undefined,
        );
      }
    },
  };
};

/** The call protocol `protocol` of one node. */
export const makeCalls = (deps: CallsDeps): OwnedCalls => {
  const { protocol, streams, limits, clock, log, conduct, counters } = deps;
  const budget = { bytes: 0 };
  const admission = makeAdmission(limits, clock.now);
  const pool = makePool(deps, budget);
  const gates = new Map<string, Gate>();
  let isStopped = false;

  const gateOf = (peer: string, waits: boolean): Gate => {
    const key = `${peer}\n${waits}`;
    const known = gates.get(key);
    if (known !== undefined) return known;
    if (gates.size >= limits.overlayTrackedPeersMax) {
      for (const [other, gate] of gates) if (gate.isIdle()) gates.delete(other);
    }
    const gate = waits
      ? makeGate(limits.callWaitsPerPeerMax, 0)
      : makeGate(limits.callsPerPeerMax, limits.callsMax);
    gates.set(key, gate);
    return gate;
  };

  const attempt = async <T>(
    peer: string,
    options: CallOptions,
    begin: (client: CallClient) => Promise<T>,
  ): Promise<T> => {
    if (isStopped) throw fault('unavailable', 'the overlay is stopped', { sent: 0 });
    try {
      return await begin(await pool.lane(peer, options));
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof Fault) throw error;
      throw unreachable(peer, error);
    }
  };

  return {
    ready: (peer, options) => attempt(peer, options, async () => undefined),
    serve: (handler) =>
      streams.handle(
        protocol,
        async (stream) => {
          const server = { limits, clock, log, budget, admission, handler };
          const broken = await serveCalls(stream, server);
          if (broken !== undefined) conduct.fault(stream.peer, 'call-frames', 5);
        },
        { inboundMax: limits.callStreamsPerPeerMax },
      ),
    call: async (peer, head, body, options) => {
      const { signal, waits = false, confirm = 'read', gathered = false } = options;
      const { bytesMax = limits.callBytesMax } = options;
      const leave = await gateOf(peer, waits).enter(signal);
      let isOver = false;
      const onOver = (): void => {
        if (isOver) return;
        isOver = true;
        leave();
      };
      const begin = (client: CallClient): Promise<CallReply> =>
        client.call(head, body, { signal, waits, confirm, bytesMax, gathered, onOver });
      try {
        counters.add('calls-made');
        return await attempt(peer, options, begin);
      } catch (error) {
        onOver();
        throw error;
      }
    },
    stop: () => {
      isStopped = true;
      pool.stop();
    },
    counts: () => ({ ...admission.counts(), unreadBytes: budget.bytes }),
  };
};
