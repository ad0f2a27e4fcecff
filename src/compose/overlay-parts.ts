// The overlay of a node with everything it is made from: key, rules, quotas, settings. Loads
// libp2p,
// so it is loaded itself only when the overlay is on.

import { join } from 'node:path';
import { makeOverlay } from '../dht/node.ts';
import { openNodeKey } from '../dht/node-key.ts';
import type { NamespaceQuota, Overlay } from '../dht/overlay.ts';
import { makeRecordRules } from '../federation/federation.ts';
import { NAMESPACES } from '../federation/payloads.ts';
import { bytesMaxOf } from '../federation/rules.ts';
import type { SignatureCheck } from '../federation/signature.ts';
import type { Clock } from '../node/clock.ts';
import type { Config } from '../node/config.ts';
import type { Engine as CryptoEngine } from '../node/crypto/engine.ts';
import { fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { makeResolveBootstrap, makeResolveNamed } from './bootstrap-urls.ts';
import { makeNamedPeers, type NamedPeers } from './named-peers.ts';
import type { Outbound } from './outbound.ts';
import { multiaddressesIn } from './self.ts';
import { readSharedKey } from './shared-key.ts';
import { SHIPPED_BOOTSTRAPS } from './shipped.ts';

const NO_BOOTSTRAP = 'no bootstrap known: pass --bootstrap or start the first node';

/** The overlay that a node joins when its settings name none. */
export const GLOBAL_NETWORK = 'colonies';

export interface OverlayPartsDeps {
  readonly config: Config;
  readonly crypto: CryptoEngine;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
  /** Told of valid records that lost against others in the overlay's store. */
  readonly lost: (namespace: string, key: string, bytes: Uint8Array) => void;
}

export interface OverlayParts {
  readonly network: string;
  readonly overlay: Overlay;
  readonly isSigned: SignatureCheck;
  /** What to join through, as given or as shipped. */
  readonly bootstraps: readonly string[];
  /** Whom it connects with, in the mode `closed`. */
  readonly named: NamedPeers | undefined;
}

const quotasOf = (limits: Limits): Record<string, NamespaceQuota> =>
  Object.fromEntries(
    NAMESPACES.map((namespace) => [
      namespace,
      {
        bytesMax: bytesMaxOf(namespace),
        recordsMax: limits.overlayRecordsPerNamespaceMax,
        recordsPerOwnerMax: limits.overlayRecordsPerOwnerMax,
      },
    ]),
  );

/** What to join through. A node that listens may be the first one; others need somebody. */
const bootstrapsOf = ({ overlay }: Config): readonly string[] => {
  const known = overlay.bootstrap.length > 0 ? overlay.bootstrap : SHIPPED_BOOTSTRAPS;
  if (known.length === 0 && overlay.listen.length === 0 && !overlay.mdns) {
    throw fault('bad-request', NO_BOOTSTRAP);
  }
  return known;
};

/** Makes the overlay, not started. Throws bad-request for settings that cannot work. */
export const makeOverlayParts = async (deps: OverlayPartsDeps): Promise<OverlayParts> => {
  const { config, crypto, outbound, clock, log, limits, lost } = deps;
  const settings = config.overlay;
  const network = settings.network || GLOBAL_NETWORK;
  const bootstraps = bootstrapsOf(config);
  const { rules, isSigned } = makeRecordRules(network, clock, crypto);
  const key = await openNodeKey(join(config.dataDir, 'node.key'), clock);
  const named =
    config.federation.mode === 'closed'
      ? makeNamedPeers({ settings: config.federation, bootstraps, log })
      : undefined;
  const { relayServer, relayClient, holePunching, portMapping } = settings;
  const overlay = makeOverlay(
    {
      network,
      policy: settings.addressPolicy,
      key,
      folder: join(config.dataDir, 'overlay'),
      listen: settings.listen,
      announce: multiaddressesIn(settings.announce),
      bootstraps,
      resolveBootstrap:
        named === undefined
          ? makeResolveBootstrap(outbound, network, limits)
          : makeResolveNamed(outbound, network, limits, named.name),
      ...(named === undefined ? {} : { admits: named.admits }),
      ...(settings.sharedKeyFile === ''
        ? {}
        : { sharedKey: await readSharedKey(settings.sharedKeyFile) }),
      mdns: settings.mdns,
      extras: { relayServer, relayClient, holePunching, portMapping },
      rules: { ...rules, lost },
      quotas: quotasOf(limits),
    },
    { clock, log, limits },
  );
  return { network, overlay, isSigned, bootstraps, named };
};
