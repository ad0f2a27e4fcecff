// The bounds of what nodes do with each other: the overlay, calls, pushes, relaying. As in limits.ts:
// a name, a unit, a default and a reason for each.

const KiB = 1024;
const MiB = 1024 * KiB;
const MINUTE = 60_000;

export const OVERLAY_LIMITS = {
  /**
   * Open overlay connections of a node: enough for a full table's working set, bounded in memory.
   */
  overlayConnectionsMax: 300,
  /** Connections of one peer: one each way, one over a relay, one being replaced. */
  overlayConnectionsPerPeerMax: 4,
  /** Connections from one host under the policy `public`; lan and test hosts carry many nodes. */
  overlayConnectionsPerHostMax: 16,
  /** New inbound connections per second and host: the library's default under `public` … */
  overlayInboundPerHostPerSecond: 5,
  /** … and under `lan` and `test`, where a whole overlay may live on one host. */
  overlayInboundPerHostPerSecondNear: 200,
  /**
   * Inbound connections in their handshake, each of which holds a socket and some CPU, and how long
   * one may take: one host at its permitted rate must not fill all places. Milliseconds.
   */
  overlayPendingInboundMax: 100,
  overlayHandshakeMs: 8_000,
  /** Dials under way, and waiting. */
  overlayDialsMax: 50,
  overlayDialQueueMax: 500,
  /** Time for one dial. Milliseconds. */
  overlayDialMs: 5_000,
  /**
   * Each side of a connection asks the other for a sign of life this often: less than routers
   * remember a silent connection, and seldom, because each wakes an idle process. Milliseconds.
   */
  overlayKeepAliveMs: 120_000,
  /** A connection on which no byte went either way for this long is closed. Milliseconds. */
  overlaySocketSilenceMs: 300_000,
  /** A connection that has not said by now that it speaks our protocols is closed. Milliseconds. */
  overlayIdentifyMs: 15_000,
  /** Addresses remembered for one peer: more is a list of victims, not of interfaces. */
  overlayAddressesPerPeerMax: 8,
  /** Peers remembered on disk; beyond it those not heard of for longest are forgotten. */
  overlayPeersStoredMax: 5_000,
  /** Rows of peers kept in memory beside the disk, 2 KB each as read: an answer names twenty. */
  overlayPeerRowsKeptMax: 1_000,
  /** A peer not heard of for this long is forgotten. Milliseconds. */
  overlayPeerAgeMaxMs: 30 * 86_400_000,
  /** Streams one connection may open to us per protocol, and for Kademlia. */
  overlayStreamsPerPeerMax: 32,
  overlayKadStreamsPerPeerMax: 16,
  /**
   * Streams one peer may open: per second, and at once. Every Kademlia message is one, so this is
   * above what is taken of those.
   */
  overlayStreamsPerSecond: 60,
  overlayStreamsBurst: 600,
  /** Connections one peer may make, and times it may say who it is: a minute, and at once. */
  overlayMeetingsPerMinute: 30,
  overlayMeetingsBurst: 30,
  overlayIdentifiesPerMinute: 30,
  overlayIdentifiesBurst: 60,
  /** Streams a peer may open in the instant between connecting and our noticing. */
  overlayEarlyStreamsMax: 256,
  /**
   * Bytes a peer may send ahead of our reading on one stream; must stay below the library's 4 MiB.
   */
  overlayStreamWindowBytes: MiB,
  /** Unread bytes after which a stream is paused, so that the sender feels it. */
  overlayStreamUnreadBytesMax: 512 * KiB,
  /** Unsent bytes after which `send` waits, and after which the stream is given up. */
  overlayStreamUnsentBytes: 256 * KiB,
  overlayStreamUnsentBytesMax: 8 * MiB,
  /** One Kademlia message: 20 peers with 8 addresses, and the largest record. */
  overlayKadMessageBytesMax: 128 * KiB,
  /** Kademlia messages one peer may send: per second, and at once. */
  overlayKadMessagesPerSecond: 50,
  overlayKadMessagesBurst: 500,
  /**
   * Peers taken from one Kademlia answer: the bucket size; more is an attempt to flood the table.
   */
  overlayCloserPeersMax: 20,
  /**
   * Peers of answers, and their ids, kept as read, about 3 KB each: a walk is told the same few
   * hundred again and again.
   */
  overlayPeerIdsKeptMax: 1_000,
  /** A held record that nobody gave us again for this long is dropped. Milliseconds. */
  overlayRecordHoldMs: 48 * 3_600_000,
  /** Records kept for others, in bytes over all namespaces. */
  overlayStoreBytesMax: 256 * MiB,
  /** Lookups under way that this node started; each costs the whole overlay. */
  overlayQueriesMax: 64,
  /** Time for one lookup, and for one placing of a record. Milliseconds. */
  overlayGetMs: 10_000,
  overlayPutMs: 30_000,
  /** Copies that must agree before a lookup ends early (measured: 3 against 20 % stale holders). */
  overlayQuorum: 3,
  /** Distinct other byte strings that a lookup reports for one key. */
  overlayVariantsMax: 4,
  /**
   * Times between the rounds of table upkeep, and of the search for peers while there are few.
   * Milliseconds.
   */
  overlayUpkeepMs: 120_000,
  overlayRedialMs: 2_000,
  overlayRedialMaxMs: 300_000,
  /** Fewer members in the table than this and known peers are dialled again. */
  overlayTableLow: 8,
  /**
   * Peers of the table, or connected, checked for life in one round of upkeep, and the time each
   * has to answer. Milliseconds.
   */
  overlayPingsPerRound: 10,
  overlayPingMs: 3_000,
  /**
   * Pace of the looks at the event loop, whose stalls explain failed requests: while requests are
   * under way, which take seconds to fail; and at rest, where each look wakes an idle process, to
   * notice that the machine slept. Milliseconds.
   */
  overlayStallCheckMs: 250,
  overlayStallCheckRestMs: 5_000,
  /** Failed requests in a row after which a peer leaves the table. */
  overlayFailuresMax: 2,
  /**
   * Faults of a peer (floods, broken frames, bad records) in the window that cost it the connection
   * …
   */
  overlayFaultsMax: 20,
  overlayFaultWindowMs: 60_000,
  /** … and how long it stays away. Milliseconds. */
  overlayBanMs: 300_000,
  /** Peers whose faults, failures and rates are remembered at once. */
  overlayTrackedPeersMax: 10_000,
  /**
   * Reservations a node grants when it serves as a circuit relay, and the life of one.
   * Milliseconds.
   */
  overlayRelayReservationsMax: 64,
  overlayRelayReservationMs: 2 * 3_600_000,
  /** Bytes and time of one relayed circuit: a colony may be hosted behind one, a film may not. */
  overlayRelayCircuitBytesMax: 1_024 * MiB,
  overlayRelayCircuitMs: 2 * 3_600_000,
  /** Body of one call between nodes, either way. The largest legitimate request body. */
  callBytesMax: 25 * MiB,
  /** Head of one call or answer: addresses, proofs, chains. */
  callHeadBytesMax: 64 * KiB,
  /** Bytes of one data frame: small enough that calls on one stream take turns. */
  callFrameBytesMax: 64 * KiB,
  /** Bytes a sender may be ahead of the reader in one call. */
  callWindowBytes: 256 * KiB,
  /** Unread bytes of all calls of a node; beyond it new calls are refused. */
  callBufferBytesMax: 128 * MiB,
  /** Streams a peer may open for calls: short ones, waiting ones, and their successors. */
  callStreamsPerPeerMax: 8,
  /** Short calls served at once, for one peer and in all, over the overlay and over HTTP each. */
  callsPerPeerMax: 64,
  callsMax: 1_024,
  /** Waiting calls (long polls, subscriptions) served at once, for one peer and in all. */
  callWaitsPerPeerMax: 2_048,
  callWaitsMax: 20_000,
  /**
   * Calls one peer may begin, each of a batch counted: per second, and at once. A relaying node
   * carries those of a whole site, 6,000 reads a second on two cores; what it may have under
   * way bounds it sooner.
   */
  callsPerSecond: 20_000,
  callsBurst: 40_000,
  /**
   * A short call ends after this long; a waiting one after the longest poll and a minute.
   * Milliseconds.
   */
  callMs: 60_000,
  callWaitMs: 86_460_000,
  /**
   * A waiting call whose reader takes nothing for this long while bytes wait is ended.
   * Milliseconds.
   */
  callStallMs: 60_000,
  /**
   * Silence on a stream with open calls after which it is probed, and after two of them given up.
   * Milliseconds.
   */
  callProbeMs: 15_000,
  /**
   * Frames that wait to leave on one stream: three for each call that a peer may have there, and as
   * many again. A peer that asks and does not read loses the stream.
   */
  callFramesQueuedMax: 16_384,
  /**
   * Longest that the receipt for an answer waits to leave with the next call, where calls follow
   * each other: every message costs both sides a system call. Milliseconds.
   */
  callReceiptMs: 20,
  /** A stream without calls is closed after this long. Milliseconds. */
  callIdleMs: 60_000,
  /** One pushed message: the largest record and its frame. */
  pushBytesMax: 64 * KiB,
  /**
   * Messages waiting to go to one slow peer; later ones are dropped, the overlay has them anyway.
   */
  pushQueueMax: 256,
  /** Messages taken from one peer: per second, and at once. */
  pushesPerSecond: 20,
  pushesBurst: 500,
  /** Time to connect to another node over HTTP, and for the answer to a call that does not wait. */
  outboundConnectMs: 5_000,
  outboundAnswerMs: MINUTE,
  /** An idle connection to another node is closed before the other node would. Milliseconds. */
  outboundIdleMs: 30_000,
  /** So long before the end of the patience that the other node tells. Milliseconds. */
  outboundIdleMarginMs: 1_000,
  /** URLs of other nodes remembered as permitted. */
  outboundTargetsMax: 1_000,
  /**
   * Connections to one node over HTTP: kept idle, at work with short calls, and with waiting ones.
   */
  outboundFreeSocketsMax: 64,
  outboundSocketsPerHostMax: 128,
  outboundWaitsPerHostMax: 2_048,
  /** Calls of clients that this node relays at once: short ones, and ones that wait. */
  relaysMax: 1_024,
  relayWaitsMax: 20_000,
  /**
   * How long calls of one connection for one colony go the way that the last one found, without
   * their signatures being looked at here, and of how many colonies a connection has such a way. So
   * late at most does a relay see that a member's key was revoked or a colony has moved; a busy
   * connection looks once in hundreds of calls all the same. Milliseconds.
   */
  relayRoadMs: 2_000,
  relayRoadsPerConnectionMax: 16,
  /**
   * Short calls for one node that go to it in one batch, and the bytes of their envelopes. Enough
   * to share one signature and one exchange among all callers of a busy moment, little enough that
   * a batch which breaks leaves few outcomes unknown.
   */
  relayBatchCallsMax: 64,
  relayBatchBytesMax: 256 * KiB,
  /** A longer envelope goes alone: what it would save is little of what it costs. */
  relayBatchCallBytesMax: 16 * KiB,
  /**
   * Longest that a call waits for company while the batch before it is unanswered. Milliseconds.
   */
  relayBatchGatherMs: 2,
  /**
   * Calls to one server over HTTP, with no longer pause between them, after which a stream is
   * opened that carries the next ones; and how long none is tried after one that did not open,
   * because the server knows none or a proxy passes none on. Milliseconds.
   */
  relayChannelAfter: 4,
  relayChannelPauseMs: 1_000,
  relayChannelRetryMs: MINUTE,
  /**
   * Calls of batches that one node serves at once: of one relaying node as many as that relays,
   * and of all four times as many.
   */
  relayBatchedPerNodeMax: 1_024,
  relayBatchedMax: 4_096,
  /** How long the home can take back what an answered call was given, when its relay lost it. */
  relayReceiptMs: 30_000,
  /** Such answers remembered; beyond it the oldest counts as delivered. */
  relayReceiptsMax: 10_000,
  /** Relaying nodes of which verdicts and dialects are remembered. */
  relayersMax: 1_000,
  /** A verdict on a relaying node counts this long where only trusted ones may relay. */
  relayVerdictMs: MINUTE,
  /** Colonies tried in turn for a thing whose colony is not certain. */
  relayGuessesMax: 4,
  /** Relayed replies searched for the ids of things, to know where they belong. Bytes. */
  relayLearnBytesMax: 8 * KiB,
  /** Records held for the overlay: of one namespace, and of one signer in it. */
  overlayRecordsPerNamespaceMax: 50_000,
  overlayRecordsPerOwnerMax: 16,
  /** Publishing and housekeeping follow this soon after a new neighbour. Milliseconds. */
  federationSoonMs: 500,
  /** Pace of publishing and housekeeping of the federation. */
  federationTickMs: 5_000,
  /** Rounds in which the records of hosted colonies are read again for what they demand. */
  hostedReviewMs: MINUTE,
} as const;
