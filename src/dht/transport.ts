// The TCP transport with two changes. A name is resolved here, the answer judged by the address
// policy, and exactly the judged address connected to: a name can so never lead where the policy
// forbids, however often its answer changes. And a connection writes once for each moment.

import { lookup } from 'node:dns/promises';
import type { Transport } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import type { Limits } from '../node/limits.ts';
import { forbidden } from '../node/model/address.ts';
import { corking } from './corked.ts';
import { pinned, placeOf, type Stand } from './policy.ts';
import { orAborted } from './signals.ts';

export interface Answer {
  readonly address: string;
  readonly family: 4 | 6;
}

export type ResolveName = (name: string, family: 4 | 6 | undefined) => Promise<readonly Answer[]>;

const resolveBySystem: ResolveName = async (name, family) =>
  (await lookup(name, { all: true, family: family ?? 0 })).map((answer) => ({
    address: answer.address,
    family: answer.family === 6 ? 6 : 4,
  }));

type TcpParts = Parameters<ReturnType<typeof tcp>>[0];

/** A factory of TCP transports for a node that stands at `stand`. */
export const policedTcp =
  (stand: Stand, limits: Limits, resolveName: ResolveName = resolveBySystem) =>
  (parts: TcpParts): Transport => {
    const transport = tcp({
      maxConnections: limits.overlayConnectionsMax + limits.overlayPendingInboundMax,
      backlog: limits.overlayPendingInboundMax,
      inboundSocketInactivityTimeout: limits.overlaySocketSilenceMs,
      outboundSocketInactivityTimeout: limits.overlaySocketSilenceMs,
    })(parts);
    const listener = transport.createListener.bind(transport);
    transport.createListener = (options) =>
      listener({ ...options, upgrader: corking(options.upgrader) });
    const plainDial = transport.dial.bind(transport);
    const dial: Transport['dial'] = (address, options) =>
      plainDial(address, { ...options, upgrader: corking(options.upgrader) });
    transport.dial = async (address, options) => {
      const place = placeOf(address);
      if (place?.isName !== true) return dial(address, options);
      const answers = await orAborted(resolveName(place.host, place.family), options.signal);
      for (const { address: ip, family } of answers) {
        if (forbidden(stand.policy, ip, stand) === undefined) {
          return dial(pinned(address, ip, family), options);
        }
      }
      throw new Error(`${place.host} has no address that the policy ${stand.policy} permits`);
    };
    return transport;
  };
