// The port of the overlay: everything the layers above may ask of it, in plain types.
// No libp2p type appears here and nothing here knows what a record means: it is bytes under a key.
// The parts are made by `makeOverlay` in ./node.ts, which is slow to load: import that one
// dynamically (`await import('./dht/node.ts')`) and only when the overlay is on.

import type { AddressPolicy } from '../node/model/address.ts';

/** Rules for the records of all namespaces, given by the layer above. All are pure and quick. */
export interface RecordRules {
  /** Throws, with a reason fit for a log line, when `bytes` may not stand under `key` now. */
  validate(namespace: string, key: string, bytes: Uint8Array): void | Promise<void>;
  /**
   * Whether an honest node with another clock may send what `validate` threw this for; without it
   * no record that is refused is excused.
   */
  isExcusable?(error: unknown): boolean;
  /**
   * Positive when `a` is the better record, negative when `b` is, 0 when neither. Both are
   * valid.
   */
  compare(namespace: string, key: string, a: Uint8Array, b: Uint8Array): number;
  /** Index of the best of `list`, which is never empty; agrees with `compare`. */
  select(namespace: string, key: string, list: readonly Uint8Array[]): number;
  /** Whose quota a valid record counts against, usually its signer. Without it: the key itself. */
  owner?(namespace: string, key: string, bytes: Uint8Array): string;
  /** When a valid record stops to matter, in epoch milliseconds; undefined = never. */
  expiresAt?(namespace: string, key: string, bytes: Uint8Array): number | undefined;
  /** Told of every valid record that lost against the one held here, or was replaced by it. */
  lost?(namespace: string, key: string, bytes: Uint8Array): void;
}

/** What this node is ready to hold for others in one namespace. */
export interface NamespaceQuota {
  /** A longer record is refused before `validate` sees it. */
  readonly bytesMax: number;
  /** Records of the namespace held here, our own not counted. */
  readonly recordsMax: number;
  /** Records of one owner (see `RecordRules.owner`) held here. */
  readonly recordsPerOwnerMax: number;
}

/** One copy of a record as it came in. It passed `validate`. */
export interface Copy {
  readonly bytes: Uint8Array;
  /** Peer id of the holder; our own when it came from our store. */
  readonly from: string;
}

export interface Found {
  /** The best record seen, by `compare`; undefined when nobody had a valid one. */
  readonly best: Uint8Array | undefined;
  /** Valid copies that were received, ours included. */
  readonly copies: number;
  /** Copies with exactly the bytes of `best`, ours included. */
  readonly agree: number;
  /** Peers that answered, with or without a copy. */
  readonly answered: number;
  /**
   * Distinct byte strings seen besides `best`, at most `overlayVariantsMax`: older ones and
   * forks.
   */
  readonly others: readonly Uint8Array[];
  /** Whether the quorum was reached or the whole lookup finished; false when time ran out first. */
  readonly complete: boolean;
}

export interface GetOptions {
  /** Copies of other nodes that must agree on the best bytes to end the lookup early. Default 3. */
  readonly quorum?: number;
  /** Ends the lookup; what was found until then is returned. Default deadline: `overlayGetMs`. */
  readonly signal?: AbortSignal;
  /**
   * Whether peers seen with a worse copy are sent the best one, in the background. Default true.
   */
  readonly repair?: boolean;
}

export interface PutOptions {
  readonly signal?: AbortSignal;
}

export interface PutResult {
  /** Other nodes that confirmed to hold exactly these bytes now. */
  readonly copies: number;
  /**
   * Other nodes that were asked. 0 when the table is empty: the record is in our own store only.
   */
  readonly asked: number;
}

/** A two-way byte stream to one authenticated peer. Chunk boundaries mean nothing. */
export interface OverlayStream extends AsyncIterable<Uint8Array> {
  readonly peer: string;
  readonly protocol: string;
  /** Resolves when the stream has room for more; rejects when it is gone. */
  send(bytes: Uint8Array): Promise<void>;
  /** Ends our sending side after what was sent. */
  close(): Promise<void>;
  /** Drops the stream in both directions at once. */
  abort(reason: Error): void;
  /**
   * Tells, on carriers that know it, when the other side takes no new calls and waits for those
   * under way.
   */
  whenLeft?(listener: () => void): void;
}

export interface StreamOptions {
  /** Streams of this protocol one connection may open to us. Default `overlayStreamsPerPeerMax`. */
  readonly inboundMax?: number;
  /** Whether it may run over a relayed connection. Default true. */
  readonly overRelay?: boolean;
}

/** One incoming request of a call protocol. Head and body are opaque to the overlay. */
export interface CallRequest {
  /** Authenticated peer id of the caller. */
  readonly peer: string;
  readonly head: Uint8Array;
  /** The request's bytes as they arrive, at most `callBytesMax` in all. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Whether the caller announced a wait (long poll, subscription). */
  readonly waits: boolean;
  /** Fires when the caller cancelled, went away, or the deadline passed. */
  readonly signal: AbortSignal;
  /** Counts so many more calls as begun by the peer; false, counting none, when it may not. */
  charge(calls: number): boolean;
}

export type CallBody = Uint8Array | AsyncIterable<Uint8Array>;

export interface CallAnswer {
  readonly head: Uint8Array;
  readonly body?: CallBody;
  /**
   * Called once when the end of the answer is known: `true` when the caller confirmed that it holds
   * every byte, `false` when it cancelled, vanished or the answer could not be sent.
   */
  readonly delivered?: (ok: boolean) => void;
}

export interface CallReply {
  readonly head: Uint8Array;
  /** The answer's bytes as they arrive, at most `bytesMax`; can be read once. */
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * Tells the other side that the answer arrived; done by itself unless `confirm` is 'explicit'.
   */
  confirm(): void;
  /** Stops the answer and tells the other side that it did not arrive. */
  cancel(): void;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  /** Announces a long wait: counted against the limit of waiting calls, no short deadline. */
  readonly waits?: boolean;
  /** Multiaddresses to try when the peer is not connected; the address policy applies. */
  readonly addresses?: readonly string[];
  /**
   * When the answer counts as delivered: when it was read to its end (default), or on
   * `confirm()`.
   */
  readonly confirm?: 'read' | 'explicit';
  /** Whether it was gathered from what a turn brought: then it does not wait for its end again. */
  readonly gathered?: boolean;
  /** Bytes of an answer that its reader bounds in another way. Default `callBytesMax`. */
  readonly bytesMax?: number;
}

/**
 * Request and reply over a few pooled long-lived streams per peer. `call` rejects with a `Fault`
 * whose `detail.sent` is 0 when no byte of the request left this node (another peer may be tried)
 * and 1 when the outcome at the other side is unknown.
 */
export interface Calls {
  /** Opens the stream for short calls to a peer, if none is open. Rejects as `call` would. */
  ready(peer: string, options: CallOptions): Promise<void>;
  serve(handler: (request: CallRequest) => Promise<CallAnswer>): Promise<void>;
  call(peer: string, head: Uint8Array, body: CallBody, options: CallOptions): Promise<CallReply>;
}

/** Small one-way messages between connected peers, rate-limited per peer. */
export interface Pushes {
  /**
   * `false` from `onMessage` is a fault of the peer (invalid bytes); enough of them cost it the
   * connection.
   */
  serve(onMessage: (peer: string, bytes: Uint8Array) => Promise<boolean>): Promise<void>;
  /** Queues a message; false when the peer is not connected or its queue is full. */
  push(peer: string, bytes: Uint8Array): boolean;
  /** Pushes to every connected member except `not`; returns to how many. */
  pushAll(bytes: Uint8Array, not?: string): number;
}

export interface OverlayPeer {
  readonly id: string;
  /** Uncompressed secp256k1 public key in hex, undefined for a peer with another kind of key. */
  readonly publicKey: string | undefined;
  readonly addresses: readonly string[];
  readonly direction: 'in' | 'out';
  /** Epoch milliseconds. */
  readonly connectedAt: number;
  /** Whether it takes part in our network's table; clients and strangers do not. */
  readonly member: boolean;
  /** Whether the connection runs through a relay. */
  readonly relayed: boolean;
  readonly rttMs: number | undefined;
}

export type PeerEvent = { readonly event: 'connect' | 'disconnect'; readonly peer: OverlayPeer };

export interface StoredRecord {
  readonly namespace: string;
  readonly key: string;
  readonly sizeBytes: number;
  /** Epoch milliseconds of the last time we were given exactly these bytes. */
  readonly receivedAt: number;
  /** Whether we published it ourselves. */
  readonly own: boolean;
}

export interface BootstrapState {
  readonly address: string;
  /** Epoch milliseconds of the last success; undefined when it was never reached. */
  readonly reachedAt: number | undefined;
  readonly error: string | undefined;
}

export interface OverlayStatus {
  readonly network: string;
  readonly peerId: string;
  readonly policy: AddressPolicy;
  readonly running: boolean;
  readonly addresses: readonly string[];
  readonly connections: number;
  /** Connected peers that take part in our network. */
  readonly members: number;
  /** Peers in the routing table. */
  readonly table: number;
  readonly records: number;
  readonly recordBytes: number;
  readonly queries: number;
  readonly bootstraps: readonly BootstrapState[];
  /** Events since the start by name, for metrics (`put-refused-older`, `peer-evicted`, …). */
  readonly counters: Readonly<Record<string, number>>;
}

export interface Overlay {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly network: string;
  readonly peerId: string;
  /** The node key: 64 hex digits, and the uncompressed public key in hex. */
  readonly key: { readonly privateKey: string; readonly publicKey: string };
  /** What we announce, each ending in `/p2p/<peer id>`. */
  addresses(): string[];
  peers(): OverlayPeer[];
  status(): OverlayStatus;

  /** The copy in our own store, valid now, or undefined. Works without any peer. */
  local(namespace: string, key: string): Promise<Uint8Array | undefined>;
  /** Own store first, then a lookup; never throws because of what peers say or do. */
  get(namespace: string, key: string, options?: GetOptions): Promise<Found>;
  /** Every valid copy as it comes in, our own first; ends with the lookup or the signal. */
  search(namespace: string, key: string, signal?: AbortSignal): AsyncIterable<Copy>;
  /**
   * Validates, stores here, then places copies at the nodes closest to the key. Retrying is the
   * caller's.
   */
  put(namespace: string, key: string, bytes: Uint8Array, options?: PutOptions): Promise<PutResult>;
  /**
   * Stores bytes that came by another way (a push, a file) as any holder would; false when
   * refused.
   */
  keep(namespace: string, key: string, bytes: Uint8Array): Promise<boolean>;
  /** Forgets our own publication of the key: from now on it is held as any other record. */
  disown(namespace: string, key: string): Promise<void>;
  records(): Promise<StoredRecord[]>;

  handle(
    protocol: string,
    onStream: (stream: OverlayStream) => Promise<void>,
    options?: StreamOptions,
  ): Promise<void>;
  open(
    peer: string,
    protocol: string,
    signal: AbortSignal,
    addresses?: readonly string[],
  ): Promise<OverlayStream>;
  calls(protocol: string): Calls;
  pushes(protocol: string): Pushes;

  /** Connects to a multiaddress (or an already known peer id) and gives the peer's id. */
  dial(address: string, signal?: AbortSignal): Promise<string>;
  /** Closes all connections to a peer. */
  drop(peer: string, reason: string): Promise<void>;
  /** Told of peers once they are identified; the returned function ends it. */
  onPeer(listener: (event: PeerEvent) => void): () => void;
}
