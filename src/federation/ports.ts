// What the federation asks of its surroundings, in plain types. It knows no HTTP, no LevelDB and no
// libp2p: the composition hands it objects of these shapes.

/** A small durable map with ordered keys. Keys are printable ASCII; values are opaque bytes. */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  /** All or nothing, durable when it resolves. An undefined value deletes. */
  write(changes: readonly StoreChange[]): Promise<void>;
  /** Rows whose key starts with `prefix`, in key order, after the key `after`, at most `limit`. */
  list(prefix: string, limit: number, after?: string): Promise<readonly StoreRow[]>;
}

export interface StoreRow {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface StoreChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** A key that signs texts: a node key, or the key of a server or colony owner. */
export interface Signer {
  /** Uncompressed SEC1 public key, 130 lower-case hex digits. */
  readonly publicKey: string;
  /** The protocol's signature over SHA3-256 of the text: r || s || v, 130 hex digits, low S. */
  sign(text: string): string | Promise<string>;
}

/** One copy of a record as some holder gave it. */
export interface Copy {
  readonly bytes: Uint8Array;
  readonly from: string;
}

/** The part of the overlay that the federation uses; fulfilled by shape (src/dht/overlay.ts). */
export interface Overlay {
  readonly peerId: string;
  /** Every valid copy as it comes in, our own first; ends with the lookup or the signal. */
  search(namespace: string, key: string, signal?: AbortSignal): AsyncIterable<Copy>;
  /** A lookup that also sends the best copy to holders of worse ones. */
  get(namespace: string, key: string, options?: { signal?: AbortSignal }): Promise<unknown>;
  put(
    namespace: string,
    key: string,
    bytes: Uint8Array,
    options?: { signal?: AbortSignal },
  ): Promise<PutResult>;
  /** Stores bytes that came by another way as any holder would; false when refused. */
  keep(namespace: string, key: string, bytes: Uint8Array): Promise<boolean>;
}

export interface PutResult {
  /** Other nodes that confirmed to hold exactly these bytes now. */
  readonly copies: number;
  /** Other nodes that were asked; 0 when nobody is known. */
  readonly asked: number;
}

/** One-way messages to connected nodes (protocol `/colonies/records/1`); fulfilled by shape. */
export interface Pushes {
  /** Queues a message to one connected peer; false when it is gone or its queue is full. */
  push(peer: string, bytes: Uint8Array): boolean;
  /** Pushes to every connected member except `not`; returns to how many. */
  pushAll(bytes: Uint8Array, not?: string): number;
}

/** Where a server can be asked. All of it comes from strangers: the address policy applies. */
export interface Place {
  /** Server id, or undefined for a bootstrap whose id is not known yet. */
  readonly serverid: string | undefined;
  /** Peer id, undefined when only a URL is known. */
  readonly peer: string | undefined;
  readonly urls: readonly string[];
  /** Multiaddresses. */
  readonly addresses: readonly string[];
}

export interface Asked {
  readonly status: number;
  /** Body text exactly as received. */
  readonly body: string;
  /** Value of the reply proof, when one came. */
  readonly proof: string | undefined;
  /** The URL or multiaddress that answered. */
  readonly via: string;
}

/**
 * A GET between nodes: over HTTP(S) when the place has a permitted URL, else over the overlay.
 * `path` begins with `/federation/`. Rejects when nobody answered. Never follows redirects.
 */
export type Ask = (place: Place, path: string, signal: AbortSignal) => Promise<Asked>;
