// Every bound of the node: a name, a unit, a default and a reason. Nothing grows without one. Code
// that adds state adds its row here.

const KiB = 1024;
const MiB = 1024 * KiB;
const MINUTE = 60_000;

export const LIMITS = {
  /** Request body. The largest legitimate message is a 10 MiB channel entry, base64-coded twice. */
  bodyBytesMax: 25 * MiB,
  /**
   * Bodies of requests that are arriving or being answered, all together. Those up to the free size
   * do not count: connections bound them.
   */
  bodiesBytesMax: 512 * MiB,
  bodyFreeBytes: 16 * KiB,
  /**
   * Replies over the free size that their readers have not taken yet, all together; beyond it the
   * connection that asks for one more is ended.
   */
  repliesBytesMax: 256 * MiB,
  /** A reader that takes nothing of its reply for this long is cut off. */
  replyStallMs: MINUTE,
  /** Base64 payload inside an envelope; a body cannot hold more. */
  payloadBytesMax: 25 * MiB,
  /** One answer as the command line reads it: the longest list of processes at the largest body. */
  cliReplyBytesMax: 512 * MiB,
  /** A call of the command line that asks the server to wait for nothing: longer is no answer. */
  cliCallMs: 60_000,
  /**
   * Nesting of any JSON, as on the original servers: far deeper one takes the parser seconds. Texts
   * of at most the free length are read without a look at it.
   */
  jsonDepthMax: 10_000,
  jsonFreeLength: 64 * KiB,
  /** Entries of all maps in one JSON text: a million different names take the parser seconds. */
  jsonEntriesMax: 250_000,
  /** Values in an envelope, which has three: nobody signed it yet, so reading it must be cheap. */
  envelopePartsMax: 1_000,
  /**
   * Nesting of free-form values (`args`, `kwargs`, `in`, `out`): deeper ones exhaust the stack of
   * readers.
   */
  nestingDepthMax: 64,
  /**
   * Names, ids, types, labels, locations and keys, in UTF-16 units: they become index keys, stay in
   * memory and are told back in refusals.
   */
  nameLengthMax: 1_024,
  /**
   * Paths, commands, images, volumes (two paths), descriptions, searched texts, in UTF-16 units:
   * what a file system takes for two paths.
   */
  lineLengthMax: 8_192,
  /**
   * Entries of one list or map field in a message (targets, dependencies, environment): each may
   * become a row.
   */
  listEntriesMax: 10_000,
  /**
   * Attributes of one process: kept in memory while it lives, and written anew with each change.
   */
  attributesPerProcessMax: 1_000,
  /**
   * Keys and values of all attributes of one process, in UTF-16 units; room for the largest one.
   */
  attributeTextMax: 32 * MiB,
  /**
   * Texts of all waiting and running processes, in UTF-16 units: they are in memory, where a
   * million of them have a thousand each. Beyond it submissions get 503.
   */
  liveTextMax: 1_024 * MiB,
  /** Rows one list request may ask for, as on the original servers. */
  processListMax: 100,
  logListMax: 500,
  logSearchMax: 100,
  logSearchDaysMax: 30,
  /** Processes one history request may return: the originals have no limit, memory has. */
  historyListMax: 10_000,
  /**
   * A longer long poll is cut to this, so that a waiter never outlives its connection for days.
   * Seconds.
   */
  assignTimeoutMaxS: 86_400,
  /** Waiting assigns of one colony; beyond it the caller gets 503 and tries later. */
  waitersPerColonyMax: 50_000,
  /** A longer subscription is cut to this: a week, well below what a timer can hold. Seconds. */
  subscriptionTimeoutMaxS: 7 * 86_400,
  /** One WebSocket frame from a client: envelopes of subscriptions are small. */
  frameBytesMax: MiB,
  /**
   * Frames of one connection that wait for their signature; beyond it the connection is not read.
   */
  framesQueuedMax: 64,
  /** Open WebSocket subscriptions of one connection. */
  subscriptionsPerSocketMax: 64,
  /** Bytes buffered for one slow WebSocket reader before it is cut off. */
  socketBufferBytesMax: 8 * MiB,
  /** Open connections; beyond it new ones are closed at once. Most of them are idle long polls. */
  connectionsMax: 50_000,
  /** An idle kept-alive connection is closed after this, as on the original servers. */
  keepAliveMs: 120_000,
  /** Time for a request's headers to arrive, from the first byte or from the connection. */
  headersMs: 10_000,
  /**
   * Time for a whole request to arrive: 25 MiB over a slow line. Waiting for a reply does not
   * count.
   */
  requestMs: 2 * MINUTE,
  /** How often arriving requests are checked against the two times above. */
  arrivalCheckMs: 5_000,
  /** A silent connection is probed by the system after this, to notice peers that vanished. */
  probeIdleMs: MINUTE,
  /** Calls in flight get this long to end when the server stops. */
  shutdownGraceMs: 5_000,
  /**
   * A connection that is reset within this time of an assignment had not read it: the work goes
   * back. Milliseconds.
   */
  deliveryGraceMs: 1_000,
  /** Time for the last event to reach a subscriber whose connection is about to be cut. */
  cutGraceMs: 1_000,
  /** Commands waiting for the commit in flight; beyond it new writes get 503. */
  pendingWritesMax: 100_000,
  /** Signature recoveries waiting for a crypto worker; beyond it callers get 503. */
  recoveriesQueuedMax: 10_000,
  /** Recoveries in one message to a crypto worker: the message then costs a tenth of a recovery. */
  recoveryBatchMax: 16,
  /** Batches one crypto worker holds: one at work, one waiting so that it never idles. */
  recoveryBatchesPerWorkerMax: 2,
  /** Crypto worker threads: beyond this the main thread is the narrow place. */
  cryptoWorkersMax: 4,
  /** A crypto worker that is not ready by then counts as dead. Milliseconds. */
  cryptoWorkerStartMs: 10_000,
  /** Heap of one crypto worker. It holds one engine and two batches. MiB. */
  cryptoWorkerHeapMiB: 64,
  /** Bytes of remembered (signature, payload) pairs in one generation of the recovery cache. */
  recoveryCacheBytesMax: 16 * MiB,
  /** A payload longer than this is not remembered: one submit must not flush every poller. */
  recoveryCacheEntryBytesMax: 4 * KiB,
  /**
   * A part of the node that is not up by then never will be: opening a large store takes the most.
   */
  partStartMs: 10 * MINUTE,
  /** A part that hangs at stop is left behind, so that the database behind it is still closed. */
  partStopMs: 30_000,
  /** Problems that one check of a store lists; more say no more about what happened to it. */
  checkProblemsMax: 10_000,
  /** Pace of the background loop: the reaction time to a deadline. */
  tickMs: 500,
  /**
   * Identities of which the spoken dialect is remembered: about 150 bytes each; beyond it the
   * oldest goes.
   */
  dialectsRememberedMax: 50_000,
  /** The same for one connection: many identities behind one socket are a relay or an attack. */
  dialectsPerConnectionMax: 1_000,
  /**
   * A member that holds a process without a deadline is believed to be at work for this long
   * without a sign of life. Jobs of days run silently under old clients; a worker that died must
   * not keep its process for ever. Seconds.
   */
  silentHolderS: 86_400,
  /**
   * Deadlines, stale executors and retention handled in one tick, so that a tick never blocks for
   * long.
   */
  tickWorkMax: 10_000,
  /** Nonces of calls forgotten in one round of 30 s: more than a node can take in that time. */
  onceForgottenMax: 100_000,
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
  /** A connection that has not said by now that it speaks our protocols is closed. Milliseconds. */
  overlayIdentifyMs: 15_000,
  /** Addresses remembered for one peer: more is a list of victims, not of interfaces. */
  overlayAddressesPerPeerMax: 8,
  /** Peers remembered on disk; beyond it those not heard of for longest are forgotten. */
  overlayPeersStoredMax: 5_000,
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
   * Table peers checked for life in one round of upkeep, and the time each has to answer.
   * Milliseconds.
   */
  overlayPingsPerRound: 10,
  overlayPingMs: 3_000,
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
  /** Short calls served at once, for one peer and in all. */
  callsPerPeerMax: 64,
  callsMax: 1_024,
  /** Waiting calls (long polls, subscriptions) served at once, for one peer and in all. */
  callWaitsPerPeerMax: 2_048,
  callWaitsMax: 20_000,
  /** Calls one peer may begin: per second, and at once. */
  callsPerSecond: 5_000,
  callsBurst: 10_000,
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
  /**
   * Output of a process that a worker sends at its end, in UTF-16 units: escaped and coded it must
   * fit a body.
   */
  workerOutputMax: 3 * MiB,
  /**
   * Output that waits to be sent as log lines while the process runs; beyond it the process is
   * slowed down.
   */
  workerUnsentMax: MiB,
  /** Output goes to the server in pieces of at most this, UTF-16 units: one log line each. */
  workerLogLineMax: 64 * KiB,
  /** How long output is gathered before it goes to the server as one log line. */
  workerLogPaceMs: 500,
  /** One long poll of a worker: below the idle limit of common proxies. */
  workerPollS: 45,
  /**
   * A call of a worker that is not answered by then counts as lost (a long poll: on top of its
   * time).
   */
  workerCallMs: 30_000,
  /** Pause after a call that could not be made, so that a server that is down is not flooded. */
  workerRetryMs: 1_000,
  /** Pace at which a worker asks whether its running process was cancelled or taken away. */
  workerWatchMs: 5_000,
  /** The same for a worker that has other hosts to turn to when the server of that process dies. */
  attachedWatchMs: 2_000,
  /** Time to make the pipe for the output of a child. */
  workerPipeMs: 5_000,
  /** Between the polite and the final signal to a child that must stop. */
  workerGraceMs: 5_000,
  /** Time to connect to another node over HTTP, and for the answer to a call that does not wait. */
  outboundConnectMs: 5_000,
  outboundAnswerMs: MINUTE,
  /** An idle connection to another node is closed before the other node would. Milliseconds. */
  outboundIdleMs: 30_000,
  /** URLs of other nodes remembered as permitted. */
  outboundTargetsMax: 1_000,
  /**
   * Connections to one node over HTTP: kept idle, at work with short calls, and with waiting ones.
   */
  outboundFreeSocketsMax: 64,
  outboundSocketsPerHostMax: 128,
  outboundWaitsPerHostMax: 2_048,
  /** An answer to a question between nodes: a colony record and 16 server records in base64. */
  askedBytesMax: MiB,
  /**
   * The next way to a node is tried beside one that has not answered for this long. Milliseconds.
   */
  askStaggerMs: 400,
  /** Calls of clients that this node relays at once: short ones, and ones that wait. */
  relaysMax: 1_024,
  relayWaitsMax: 20_000,
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

export type Limits = { readonly [K in keyof typeof LIMITS]: number };
