// What the operations of the server owner on overlay and federation ask of the node, in plain
// types. The composition fulfils it; without an overlay there is none.

/** One connected party of the overlay. Times are epoch milliseconds. */
export interface PeerShown {
  readonly peerid: string;
  /** Uncompressed public key of the peer, '' when it has a key of another kind. */
  readonly nodekey: string;
  /** Server id, when a valid server record names this peer; else ''. */
  readonly serverid: string;
  readonly addresses: readonly string[];
  readonly direction: 'in' | 'out';
  readonly connectedat: number;
  /** Whether it takes part in our network's table. */
  readonly member: boolean;
  readonly relayed: boolean;
  /** Milliseconds; -1 when not measured yet. */
  readonly rttms: number;
}

/** One record that this node knows. Times are epoch milliseconds. */
export interface RecordShown {
  readonly kind: string;
  readonly id: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly hash: string;
  readonly issuedat: number;
  /** 0 is never. */
  readonly expiresat: number;
  readonly sizebytes: number;
  readonly seenat: number;
  readonly confirmedat: number;
  readonly forked: boolean;
  /** Whether this node publishes it: its own, or that of a colony it hosts. */
  readonly published: boolean;
  /**
   * Other nodes that held a copy when it was placed last; -1 when it was never placed from here.
   */
  readonly copies: number;
  /** When it was placed last; 0 is never. */
  readonly placedat: number;
}

export interface RecordsQuery {
  /** '' is every kind. */
  readonly kind: string;
  readonly count: number;
  /** Only ids after this one. */
  readonly after: string;
}

export interface AnchorShown {
  readonly serverid: string;
  readonly depth: number;
  readonly note: string;
  readonly addedat: number;
}

export interface EndorsementShown {
  readonly issuer: string;
  readonly subject: string;
  readonly depth: number;
  readonly scope: readonly string[];
  readonly expiresat: number;
  readonly hash: string;
}

export interface TrustShown {
  readonly mode: string;
  readonly depthmax: number;
  readonly scopes: readonly string[];
  readonly anchors: readonly AnchorShown[];
  /** Endorsements that the owner of this server gave. */
  readonly given: readonly EndorsementShown[];
  /** Endorsements that this server staples to its record. */
  readonly stapled: readonly EndorsementShown[];
}

/** A verdict with its reason: the chain, or the first thing that broke. */
export interface TrustPathShown {
  readonly serverid: string;
  readonly trusted: boolean;
  readonly usable: boolean;
  readonly reason: string;
  readonly chain: readonly string[];
}

export interface HostShown extends TrustPathShown {
  readonly home: boolean;
  readonly self: boolean;
  readonly peerid: string;
  readonly urls: readonly string[];
  readonly addresses: readonly string[];
  /** `claims`, `denies` or `unknown`. */
  readonly consent: string;
  readonly fresh: boolean;
}

export interface ResolutionShown {
  readonly colonyid: string;
  readonly name: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly flags: readonly string[];
  readonly expiresat: number;
  readonly confirmedat: number;
  readonly forked: boolean;
  readonly forks: readonly string[];
  readonly servers: readonly HostShown[];
}

/** One record that was handed in and is published now. */
export interface PublishedShown {
  readonly kind: string;
  readonly id: string;
  readonly sequence: number;
  readonly hash: string;
  /** Other nodes that confirmed to hold it already, and those that were asked. */
  readonly copies: number;
  readonly asked: number;
}

export interface NodePort {
  peers(): Promise<readonly PeerShown[]>;
  records(query: RecordsQuery): Promise<readonly RecordShown[]>;
  trust(): Promise<TrustShown>;
  /** `depth` undefined takes the policy's. Throws bad-request, too-many. */
  addAnchor(serverid: string, depth: number | undefined, note: string): Promise<AnchorShown>;
  removeAnchor(serverid: string): Promise<boolean>;
  trustPath(serverid: string): Promise<TrustPathShown>;
  /** Undefined when nobody reachable knows the colony; `anew` asks others again. */
  resolve(colonyid: string, anew: boolean): Promise<ResolutionShown | undefined>;
  /**
   * Takes signed records in base64 and publishes them, in order, up to the first that is refused.
   * Only the signer of a record and the owner of this server may hand it in. Throws forbidden,
   * bad-request for what is not valid, conflict for what is older than what is known.
   */
  publish(records: readonly string[], caller: string): Promise<readonly PublishedShown[]>;
  /** Puts a node certificate (base64) into force. Throws bad-request, conflict. */
  certify(certificate: string): Promise<{ readonly expiresat: number }>;
}
