// Placing records at the nodes closest to their key, again and again: every few hours with jitter,
// sooner after a poor result or when the overlay grew. Keeps the figures that operators ask for.

import type { Clock } from '../node/clock.ts';
import type { Log } from '../node/log.ts';
import type { Book } from './book.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import { rankOf } from './order.ts';
import type { Namespace } from './payloads.ts';
import type { Overlay, PutResult } from './ports.ts';

/** What is known about one record this node publishes. Times are epoch milliseconds. */
export interface Placed {
  readonly ns: Namespace;
  readonly id: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly expiresAt: number | undefined;
  /** Other nodes that confirmed to hold it when it was last placed, and how many were asked. */
  readonly copies: number;
  readonly asked: number;
  readonly placedAt: number;
  readonly dueAt: number;
}

export interface PlacerDeps {
  readonly book: Book;
  readonly overlay: Pick<Overlay, 'put'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Placer {
  /** Places the record that counts under (ns, id) now. */
  place(ns: Namespace, id: string): Promise<PutResult>;
  /**
   * Places those of `wanted` that are due, a few at a time; forgets what is not wanted any more.
   */
  placeDue(wanted: readonly (readonly [Namespace, string])[]): Promise<void>;
  isDue(ns: Namespace, id: string): boolean;
  due(ns: Namespace, id: string): void;
  /** Everything is due within a few seconds, each at its own moment. */
  dueSoon(): void;
  report(): readonly Placed[];
}

interface Entry extends Placed {
  readonly failures: number;
}

/** Whether enough nodes hold it: three, or all that were asked when fewer are known. */
const isEnough = ({ copies, asked }: PutResult): boolean =>
  asked > 0 && copies >= Math.min(LIMITS.copiesMin, asked);

/** A random number in [0, 1). */
const chance = (clock: Clock): number => {
  const [a = 0, b = 0] = clock.random(new Uint8Array(2));
  return (a * 256 + b) / 65_536;
};

/** The placer over an overlay. */
export const makePlacer = ({ book, overlay, clock, log }: PlacerDeps): Placer => {
  const entries = new Map<string, Entry>();
  const early = new Map<string, number>();
  const nameOf = (ns: Namespace, id: string): string => `${ns}/${id}`;

  const dueAt = (name: string): number =>
    Math.min(entries.get(name)?.dueAt ?? 0, early.get(name) ?? Number.POSITIVE_INFINITY);

  const nextDue = (result: PutResult, failures: number): number => {
    const retry = Math.min(LIMITS.placeRetryMs * 2 ** failures, LIMITS.placeRetryMaxMs);
    const base = isEnough(result) ? LIMITS.republishMs : retry;
    // Between 0.8 and 1.2 times: nodes that started together do not stay in step.
    return clock.now() + Math.round(base * (0.8 + 0.4 * chance(clock)));
  };

  const put = async (ns: Namespace, id: string, bytes: Uint8Array): Promise<PutResult> => {
    const controller = new AbortController();
    const cancel = clock.after(LIMITS.placeMs, () => controller.abort());
    try {
      return await overlay.put(ns, id, bytes, { signal: controller.signal });
    } catch (error) {
      // Expected when the overlay is stopping or knows nobody: counts as no copies.
      log.debug('placing a record failed', { ns, id, error: String(error) });
      return { copies: 0, asked: 0 };
    } finally {
      cancel();
    }
  };

  const place = async (ns: Namespace, id: string): Promise<PutResult> => {
    const name = nameOf(ns, id);
    const held = await book.find(ns, id);
    if (!held) return { copies: 0, asked: 0 };
    early.delete(name);
    const result = await put(ns, id, held.record.bytes);
    const failures = isEnough(result) ? 0 : (entries.get(name)?.failures ?? -1) + 1;
    const [epoch, sequence] = rankOf(held.record);
    const { payload } = held.record;
    entries.set(name, {
      ns,
      id,
      epoch,
      sequence,
      expiresAt: 'exp' in payload ? payload.exp : undefined,
      ...result,
      placedAt: clock.now(),
      dueAt: nextDue(result, failures),
      failures,
    });
    return { copies: result.copies, asked: result.asked };
  };

  return {
    place,
    isDue: (ns, id) => dueAt(nameOf(ns, id)) <= clock.now(),
    due: (ns, id) => void early.set(nameOf(ns, id), 0),
    dueSoon: () => {
      for (const name of entries.keys()) {
        early.set(name, clock.now() + Math.round(LIMITS.placeSoonMs * chance(clock)));
      }
    },
    placeDue: async (wanted) => {
      const names = new Set(wanted.map(([ns, id]) => nameOf(ns, id)));
      for (const name of entries.keys()) if (!names.has(name)) entries.delete(name);
      for (const name of early.keys()) if (!names.has(name)) early.delete(name);
      const now = clock.now();
      const due = wanted.filter(([ns, id]) => dueAt(nameOf(ns, id)) <= now);
      for (let i = 0; i < due.length; i += LIMITS.placesAtOnce) {
        await Promise.all(due.slice(i, i + LIMITS.placesAtOnce).map(([ns, id]) => place(ns, id)));
      }
    },
    report: () => [...entries.values()].map(({ failures: _failures, ...placed }) => placed),
  };
};
