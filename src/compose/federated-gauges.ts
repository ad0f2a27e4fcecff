// What a federated node shows of itself as metrics.

import type { Overlay, OverlayStatus } from '../dht/overlay.ts';
import type { Federation } from '../federation/federation.ts';
import type { Outward } from './elsewhere.ts';
import { counter, type Gauge, gauge } from './metrics.ts';

/** The counters of the overlay without what goes up and down. */
const eventsIn = ({ counters }: OverlayStatus): Record<string, number> =>
  Object.fromEntries(Object.entries(counters).filter(([name]) => !/-(now|bytes)$/.test(name)));

/** The gauges and counters of overlay, federation and relay. */
export const gaugesOf = (
  overlay: Overlay,
  { lookups, book, pusher }: Federation,
  outward: Outward,
  counts: Readonly<Record<string, number>>,
): readonly Gauge[] => {
  const status = overlay.status();
  const { short, waiting } = outward.counts();
  return [
    gauge('colonies_overlay_connections', 'Open connections of the overlay.', status.connections),
    gauge('colonies_overlay_members', 'Connected peers of our network.', status.members),
    gauge('colonies_overlay_table', 'Peers in the routing table.', status.table),
    gauge('colonies_overlay_records', 'Records held for the overlay.', status.records),
    gauge('colonies_overlay_record_bytes', 'Bytes of those records.', status.recordBytes),
    gauge('colonies_overlay_queries', 'Overlay lookups under way.', status.queries),
    counter('colonies_overlay_events_total', 'Overlay events.', 'event', eventsIn(status)),
    gauge('colonies_federation_records', 'Ids known to the federation.', book.size()),
    gauge('colonies_federation_lookups', 'Lookups under way.', lookups.running()),
    counter('colonies_federation_pushes_total', 'Pushed records.', 'event', { ...pusher.counts() }),
    gauge('colonies_relay_calls', 'Short calls being relayed.', short),
    gauge('colonies_relay_waits', 'Waiting calls and subscriptions being relayed.', waiting),
    counter('colonies_relay_events_total', 'What became of relayed calls.', 'event', counts),
  ];
};
