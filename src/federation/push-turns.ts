// Turns on the way out: what many senders give us goes on at a pace that every neighbour takes from
// one peer, and each sender has its fair share of it. Without this one loud sender would use up
// what our neighbours take from us, and they would drop what others told us, or send us away.

import type { Clock } from '../node/clock.ts';
import { makeBuckets } from './budget.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';

export interface TurnsDeps {
  readonly clock: Clock;
  /** Sends to all neighbours but the one it came from. */
  readonly send: (bytes: Uint8Array, from: string) => void;
  /** What was waiting will not be sent: others have more right to the room it took. */
  readonly dropped: (hash: string) => void;
}

export interface Turns {
  /**
   * Sends as soon as it is this sender's turn; false when too much of it waits already. What waits
   * already and comes from another sender goes out at the earlier turn of the two.
   */
  add(from: string, hash: string, bytes: Uint8Array): boolean;
  isWaiting(hash: string): boolean;
  stop(): void;
}

interface Waiting {
  readonly bytes: Uint8Array;
  readonly from: string;
  /** Places in the lanes that name it. */
  places: number;
}

const ALL = 'all';

/** The turns of one node. */
export const makeTurns = ({ clock, send, dropped }: TurnsDeps): Turns => {
  const perSecond = LIMITS.pushForwardsPerSecond;
  const burst = LIMITS.pushForwardsBurst;
  const pace = makeBuckets({ perSecond, burst, namesMax: 1 }, clock);
  /** Hashes that wait, by sender; whose turn it is comes first. */
  const lanes = new Map<string, string[]>();
  const waiting = new Map<string, Waiting>();
  let cancel: (() => void) | undefined;

  /** The next one out, if there is any; its sender's next turn comes after those of all others. */
  const next = (): Waiting | undefined => {
    for (const [from, lane] of lanes) {
      const hash = lane.shift() ?? '';
      lanes.delete(from);
      if (lane.length > 0) lanes.set(from, lane);
      const found = waiting.get(hash);
      // Otherwise it went out at another sender's turn.
      if (found !== undefined) {
        waiting.delete(hash);
        return found;
      }
    }
    return undefined;
  };
  const drain = (): void => {
    while (waiting.size > 0 && pace.take(ALL)) {
      const item = next();
      if (item !== undefined) send(item.bytes, item.from);
    }
    if (waiting.size === 0 || cancel !== undefined) return;
    cancel = clock.after(Math.ceil(1_000 / perSecond), () => {
      cancel = undefined;
      drain();
    });
  };
  /** Room for one more of a sender with `own` waiting, at the cost of who has most. */
  const makeRoom = (own: number): boolean => {
    if (waiting.size < LIMITS.pushWaitingMax) return true;
    let longest: string[] = [];
    for (const lane of lanes.values()) if (lane.length > longest.length) longest = lane;
    if (longest.length <= own + 1) return false;
    const hash = longest.pop() ?? '';
    const item = waiting.get(hash);
    if (item !== undefined) item.places -= 1;
    if (item?.places === 0) {
      waiting.delete(hash);
      dropped(hash);
    }
    return waiting.size < LIMITS.pushWaitingMax;
  };

  return {
    add: (from, hash, bytes) => {
      const lane = lanes.get(from) ?? [];
      if (lane.length >= LIMITS.pushWaitingOfOneMax || lane.includes(hash)) return false;
      const known = waiting.get(hash);
      if (known === undefined && !makeRoom(lane.length)) return false;
      waiting.set(hash, { bytes, from: known?.from ?? from, places: (known?.places ?? 0) + 1 });
      lane.push(hash);
      lanes.set(from, lane);
      drain();
      return true;
    },
    isWaiting: (hash) => waiting.has(hash),
    stop: () => {
      cancel?.();
      lanes.clear();
      waiting.clear();
    },
  };
};
