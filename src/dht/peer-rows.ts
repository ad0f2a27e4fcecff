// The rows of the library's peer store: read from memory, and written when they change. By itself
// the library reads a row from the disk for every peer of every answer it gives, and takes a lock
// and reads ids and addresses anew for each, which was half of the work of an answer; and it reads
// and writes a row for every stream in either direction, to note its protocol.

import type { Peer, PeerId, PeerInfo, PeerStore } from '@libp2p/interface';
import type { Datastore } from 'interface-datastore';
import type { Limits } from '../node/limits.ts';
import { makeRecent } from '../node/recent.ts';
import type { Host } from './host.ts';
import { overlaid } from './overlaid.ts';

/** A datastore whose values, at most `overlayPeerRowsKeptMax` of them, are kept in memory, too. */
export const keepRows = (
  disk: Datastore,
  { overlayPeerRowsKeptMax: max }: Pick<Limits, 'overlayPeerRowsKeptMax'>,
): Datastore => {
  const kept = makeRecent<Uint8Array>(max);
  let changes = 0;
  const forget = (name: string): void => {
    changes += 1;
    kept.delete(name);
  };
  const over: Pick<Datastore, 'get' | 'put' | 'delete'> = {
    get: async (key, options) => {
      const name = key.toString();
      const before = changes;
      const value = kept.get(name) ?? (await disk.get(key, options));
      // What was read while something was written may be older than that.
      if (changes === before) kept.set(name, value);
      return value;
    },
    put: async (key, value, options) => {
      const name = key.toString();
      forget(name);
      await disk.put(key, value, options);
      forget(name);
      kept.set(name, value);
      return key;
    },
    delete: async (key, options) => {
      const name = key.toString();
      forget(name);
      await disk.delete(key, options);
      forget(name);
    },
  };
  return overlaid(disk, over);
};

interface Noted {
  readonly protocols: Set<string>;
  /** Its row as it was written last. */
  peer: Peer;
}

type Merge = PeerStore['merge'];

/** The protocol of a stream, when that is all there is to note. */
const onlyProtocol = (data: Parameters<Merge>[1]): string | undefined => {
  const [first, second] = data.protocols ?? [];
  return Object.keys(data).length === 1 && second === undefined ? first : undefined;
};

/**
 * Makes a node note each protocol of a connected peer once, until its row changes. Ends with the
 * node.
 */
export const noteProtocolsOnce = (host: Host): void => {
  const { peerStore } = host;
  const noted = new Map<string, Noted>();
  const merge = peerStore.merge.bind(peerStore);
  const forget = (peer: PeerId): boolean => noted.delete(peer.toString());
  host.addEventListener('peer:update', ({ detail }) => forget(detail.peer.id));
  host.addEventListener('peer:disconnect', ({ detail }) => forget(detail));
  peerStore.merge = async (id, data, options) => {
    const protocol = onlyProtocol(data);
    const name = id.toString();
    const known = noted.get(name);
    if (protocol !== undefined && known?.protocols.has(protocol) === true) return known.peer;
    const peer = await merge(id, data, options);
    // An answer that comes after the end of the connection is nothing to keep.
    if (protocol === undefined || host.getConnections(id).length === 0) return peer;
    const now = noted.get(name) ?? { protocols: new Set(), peer };
    now.peer = peer;
    now.protocols.add(protocol);
    noted.set(name, now);
    return peer;
  };
};

/**
 * Makes a node give the addresses of a peer as it read them last, at most
 * `overlayPeerRowsKeptMax` of them, until its row changes. Ends with the node.
 */
export const readInfosOnce = (
  host: Host,
  { overlayPeerRowsKeptMax: max }: Pick<Limits, 'overlayPeerRowsKeptMax'>,
): void => {
  const { peerStore } = host;
  const kept = makeRecent<PeerInfo>(max);
  let changes = 0;
  const forget = (peer: PeerId): void => {
    changes += 1;
    kept.delete(peer.toString());
  };
  host.addEventListener('peer:update', ({ detail }) => forget(detail.peer.id));
  host.addEventListener('self:peer:update', ({ detail }) => forget(detail.peer.id));
  const remove = peerStore.delete.bind(peerStore);
  peerStore.delete = async (id, options) => {
    await remove(id, options);
    forget(id);
  };
  const read = peerStore.getInfo.bind(peerStore);
  peerStore.getInfo = async (id, options) => {
    const name = id.toString();
    const before = kept.get(name);
    if (before !== undefined) return before;
    const since = changes;
    const info = await read(id, options);
    // What was read while something changed may be older than that.
    if (changes === since) kept.set(name, info);
    return info;
  };
};
