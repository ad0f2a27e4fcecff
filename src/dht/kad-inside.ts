// The inside of kad-dht 16.4 as far as we use it: its public type hides the table, the network and
// the message handlers. Types only; ./kad.ts and ./answers.ts change what
// it does.

import type { Connection, PeerId, PeerInfo, Stream } from '@libp2p/interface';
import type { KadDHT, QueryEvent } from '@libp2p/kad-dht';

export type MessageName =
  | 'PUT_VALUE'
  | 'GET_VALUE'
  | 'ADD_PROVIDER'
  | 'GET_PROVIDERS'
  | 'FIND_NODE'
  | 'PING';

export interface Message {
  type: MessageName;
  key?: Uint8Array;
  record?: Uint8Array;
  closer?: unknown[];
  providers?: unknown[];
}

/** An answer, as far as the library looks at it when it made the request. */
export interface Answer {
  readonly type: MessageName;
  readonly key?: Uint8Array;
  readonly record?: Uint8Array;
  readonly closer: { map(): PeerInfo[] };
  readonly providers: readonly never[];
}

export interface RequestOptions {
  signal?: AbortSignal;
  path?: { index: number; queued: number; running: number; total: number };
}

export interface Contact {
  readonly peerId: PeerId;
  readonly kadId: Uint8Array;
  /** Epoch milliseconds of the last answer to a ping; 0 before the first. */
  lastPing: number;
}

export interface KadInside extends KadDHT {
  readonly network: {
    sendRequest(to: PeerId, message: Message, options: RequestOptions): AsyncGenerator<QueryEvent>;
    safeDispatchEvent(type: 'peer', detail: { detail: PeerInfo }): boolean;
    /** One request on a stream of its own, and its answer. */
    _writeReadMessage(stream: Stream, message: Message, options: RequestOptions): Promise<Answer>;
  };
  readonly routingTable: {
    readonly size: number;
    /** Tags the closest peers, so that their connections are kept. Milliseconds. */
    readonly closestPeerTagger: { refreshInterval: number };
    closestPeers(place: Uint8Array, options: { count: number }): PeerId[];
    remove(peer: PeerId): Promise<void>;
    /** Adds a peer when it answers a ping. */
    queueRoutingTableUpdate(peer: PeerId): void;
    readonly kb: { toIterable(): Iterable<Contact> };
    addEventListener(
      type: 'peer:add' | 'peer:remove',
      listener: (event: { readonly detail: PeerId }) => void,
    ): void;
  };
  /** Looks up one random far key every five minutes; ./upkeep.ts does better for less. */
  readonly routingTableRefresh: { refreshTable(): void };
  readonly contentFetching: {
    /** The walk of `get` without its selector and corrections. */
    getMany(key: Uint8Array, options: { signal: AbortSignal }): AsyncGenerator<QueryEvent>;
  };
  readonly rpc: {
    readonly handlers: { [name: string]: unknown };
    handleMessage(peer: PeerId, message: Message): Promise<Message | undefined>;
    onIncomingStream(stream: Stream, connection: Connection): Promise<void>;
  };
}
