// Floods that no protocol sees for itself: streams opened faster than anybody needs them, of
// protocols that exist and ones that do not; connections made and dropped; a peer that says again
// and again who it is. Each costs a handshake, a negotiation or a write to the disk.

import type { Connection, IdentifyResult, Stream } from '@libp2p/interface';
import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import { makeBuckets } from './buckets.ts';
import type { Conduct } from './conduct.ts';
import type { Host } from './host.ts';

export interface FloodsDeps {
  readonly host: Host;
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'now'>;
  readonly conduct: Conduct;
}

type Muxer = EventTarget | undefined;

/** Watches the connections of one node; the returned function ends it. */
export const watchFloods = ({ host, limits, clock, conduct }: FloodsDeps): (() => void) => {
  const bucketsOf = (perSecond: number, burst: number) =>
    makeBuckets({ perSecond, burst, keysMax: limits.overlayTrackedPeersMax, now: clock.now });
  const streams = bucketsOf(limits.overlayStreamsPerSecond, limits.overlayStreamsBurst);
  const meetings = bucketsOf(limits.overlayMeetingsPerMinute / 60, limits.overlayMeetingsBurst);
  const identifies = bucketsOf(
    limits.overlayIdentifiesPerMinute / 60,
    limits.overlayIdentifiesBurst,
  );

  const onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    const peer = connection.remotePeer.toString();
    if (connection.direction === 'inbound' && !meetings.take(peer)) {
      conduct.fault(peer, 'connection-flood');
    }
    const { muxer } = connection as unknown as { readonly muxer: Muxer };
    muxer?.addEventListener('stream', (event) => {
      if (streams.take(peer)) return;
      (event as CustomEvent<Stream>).detail.abort(new Error('too many streams'));
      conduct.fault(peer, 'stream-flood');
    });
  };
  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    const peer = detail.peerId.toString();
    if (!identifies.take(peer)) conduct.fault(peer, 'identify-flood');
  };
  host.addEventListener('connection:open', onOpen);
  host.addEventListener('peer:identify', onIdentify);
  return () => {
    host.removeEventListener('connection:open', onOpen);
    host.removeEventListener('peer:identify', onIdentify);
  };
};
