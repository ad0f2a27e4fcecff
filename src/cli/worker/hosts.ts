// The hosts that a worker serves at the same time, and the room it has: it looks for work at one more host
// only while those before it are away, and stays wherever it was let in.

import type { Clock } from '../../node/clock.ts';

export interface HostBoard {
  /** Server ids in order, as the colony's record names them now. */
  setOrder(serverids: readonly string[]): void;
  /** Hosts that the worker should serve now, in order. */
  wanted(): readonly string[];
  joined(serverid: string): void;
  /** The host cannot be reached; gives whether that is news. */
  away(serverid: string): boolean;
  /** The host answers; gives whether that is news. */
  back(serverid: string): boolean;
  /** A process of this host runs from now on; the returned function ends that. */
  begin(serverid: string): () => void;
  /** Settles when no process of a host that answers runs, or when the signal fires. */
  room(signal: AbortSignal): Promise<void>;
  /** Told of every change of `wanted`; the returned function ends it. */
  onChange(listener: () => void): () => void;
}

/** An empty board. */
export const makeHostBoard = (): HostBoard => {
  const members = new Set<string>();
  const gone = new Set<string>();
  const running = new Map<number, string>();
  const listeners = new Set<() => void>();
  let order: readonly string[] = [];
  let count = 0;

  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const change = (set: Set<string>, serverid: string, there: boolean): boolean => {
    if (set.has(serverid) === there) return false;
    if (there) set.add(serverid);
    else set.delete(serverid);
    tell();
    return true;
  };
  const onChange = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  // What runs for a host that is away goes on, but the worker looks for other work meanwhile.
  const hasRoom = (): boolean => [...running.values()].every((serverid) => gone.has(serverid));

  return {
    onChange,
    setOrder: (serverids) => {
      order = serverids;
      tell();
    },
    wanted: () =>
      order.filter(
        (serverid, i) => members.has(serverid) || order.slice(0, i).every((one) => gone.has(one)),
      ),
    joined: (serverid) => void change(members, serverid, true),
    away: (serverid) => change(gone, serverid, true),
    back: (serverid) => change(gone, serverid, false),
    begin: (serverid) => {
      count += 1;
      const name = count;
      running.set(name, serverid);
      return () => {
        running.delete(name);
        tell();
      };
    },
    room: (signal) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!signal.aborted && !hasRoom()) return;
          stop();
          signal.removeEventListener('abort', look);
          resolve();
        };
        const stop = onChange(look);
        signal.addEventListener('abort', look, { once: true });
        look();
      }),
  };
};

/** Settles after `ms`, at a change of the board, or when the signal fires. */
export const changeOrPause = (
  board: Pick<HostBoard, 'onChange'>,
  clock: Pick<Clock, 'after'>,
  ms: number,
  signal: AbortSignal,
): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      cancel();
      stop();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    const stop = board.onChange(end);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
