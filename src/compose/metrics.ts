// Counters and gauges of a node as Prometheus text. Labels come from bounded sets only.

import type { HttpRoute } from '../api/http.ts';
import type { Metrics } from '../api/metrics.ts';

export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly values: readonly {
    readonly labels?: Readonly<Record<string, string | number>>;
    readonly value: number;
  }[];
}

const labelText = (labels: Readonly<Record<string, string | number>> | undefined): string => {
  const pairs = Object.entries(labels ?? {});
  if (pairs.length === 0) return '';
  return `{${pairs.map(([name, value]) => `${name}=${JSON.stringify(String(value))}`).join(',')}}`;
};

/** The exposition text of some gauges. */
export const prometheusText = (gauges: readonly Gauge[]): string =>
  gauges
    .filter(({ values }) => values.length > 0)
    .map(({ name, help, kind, values }) => {
      const lines = values.map(({ labels, value }) => `${name}${labelText(labels)} ${value}`);
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines].join('\n');
    })
    .join('\n')
    .concat('\n');

const requests = (metrics: Metrics): Gauge => ({
  name: 'colonies_requests_total',
  help: 'Requests by payload type and status.',
  kind: 'counter',
  values: metrics
    .list()
    .map(({ type, status, count }) => ({ labels: { type, status }, value: count })),
});

/** Named counts as one counter with a label. */
export const counter = (
  name: string,
  help: string,
  label: string,
  counts: Readonly<Record<string, number>>,
): Gauge => ({
  name,
  help,
  kind: 'counter',
  values: Object.entries(counts).map(([key, value]) => ({ labels: { [label]: key }, value })),
});

export const gauge = (name: string, help: string, value: number): Gauge => ({
  name,
  help,
  kind: 'gauge',
  values: [{ value }],
});

/** `GET /metrics`; `more` adds what only some nodes have. */
export const metricsRoute = (metrics: Metrics, more: () => readonly Gauge[]): HttpRoute => ({
  method: 'GET',
  path: '/metrics',
  handle: () => ({
    status: 200,
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    body: prometheusText([requests(metrics), ...more()]),
  }),
});
