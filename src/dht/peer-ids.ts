// Peer ids and the keys in them.

import { ECDH } from 'node:crypto';
import type { PeerId } from '@libp2p/interface';

/**
 * The uncompressed public key (130 hex digits) inside a secp256k1 peer id; undefined for other
 * kinds of keys, whose owners can connect but are no node of ours.
 */
export const publicKeyOf = (peer: PeerId): string | undefined => {
  if (peer.type !== 'secp256k1') return undefined;
  const raw = Buffer.from(peer.publicKey.raw);
  return ECDH.convertKey(raw, 'secp256k1', undefined, 'hex', 'uncompressed') as string;
};
