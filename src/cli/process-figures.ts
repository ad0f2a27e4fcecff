// Figures about a span of time, computed from the histories of the four states. Pure.

import { timeToUs } from './duration.ts';
import { type AnyProcess, processingUs, waitingUs } from './process-view.ts';

export interface Figures {
  readonly retries: number;
  /** Share of the span in which an executor was at work, in percent; several can pass 100. */
  readonly utilizationPercent: number;
  readonly avgWaitingSeconds: number;
  readonly avgProcessingSeconds: number;
}

const US = 1_000_000;

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** `history` is all processes of the span; averages and utilization count the successful ones. */
export const figures = (history: readonly AnyProcess[], nowUs: number): Figures => {
  const done = history.filter((p) => p.state === 2);
  const busyUs = sum(done.map((p) => processingUs(p, nowUs)));
  const queuedUs = sum(done.map((p) => waitingUs(p, nowUs)));
  const oldestUs = Math.min(...done.map((p) => timeToUs(p.submissiontime)));
  const spanUs = nowUs - oldestUs;
  const count = Math.max(1, done.length);
  return {
    retries: sum(history.map((p) => p.retries)),
    utilizationPercent: done.length === 0 || spanUs <= 0 ? 0 : (busyUs / spanUs) * 100,
    avgWaitingSeconds: queuedUs / count / US,
    avgProcessingSeconds: busyUs / count / US,
  };
};

/** Six decimals, as the originals print every figure. */
export const decimals = (value: number): string => value.toFixed(6);
