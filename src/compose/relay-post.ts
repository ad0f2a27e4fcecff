// Where relayed calls are posted between nodes over HTTP, and what goes with every one.

import { RELAY_HEADERS, type RelayPass } from '../federation/relay-auth.ts';
import { fault } from '../node/errors.ts';

export const RELAY_PATH = '/federation/relay';
export const CANCEL_PATH = '/federation/relay/cancel';
export const WATCH_PATH = '/federation/relay/pubsub';
export const CALLS_PATH = '/federation/relay/calls';

/** The headers of a pass. Throws unavailable when this node may not relay. */
export const passHeaders = (pass: RelayPass | undefined): Record<string, string> => {
  if (pass === undefined) {
    throw fault('unavailable', 'this node has no valid certificate and cannot relay', { sent: 0 });
  }
  return { [RELAY_HEADERS.certificate]: pass.certificate, [RELAY_HEADERS.auth]: pass.auth };
};
