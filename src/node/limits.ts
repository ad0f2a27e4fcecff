// Every bound of the node: a name, a unit, a default and a reason. Nothing grows without one.
// Code that adds state adds its row here.

const KiB = 1024;
const MiB = 1024 * KiB;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const LIMITS = {
  /** Request body. The largest legitimate message is a 10 MiB channel entry, base64-coded twice. */
  bodyBytesMax: 25 * MiB,
  /** Base64 payload inside an envelope; a body cannot hold more. */
  payloadBytesMax: 25 * MiB,
  /** One answer as the command line reads it: the longest list of processes at the largest body. */
  cliReplyBytesMax: 512 * MiB,
  /**
   * Nesting of free-form values (`args`, `kwargs`, `in`, `out`): deeper ones exhaust the stack of
   * readers.
   */
  nestingDepthMax: 64,
  /**
   * Names of colonies, users, executors, functions and labels, in UTF-16 units: they become index
   * keys.
   */
  nameLengthMax: 1_024,
  /** Entries of one list field in a message (targets, dependencies, channels). */
  listEntriesMax: 10_000,
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
  /** Frames of one connection that wait for their signature; beyond it the connection is not read. */
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
  /** Time for a whole request to arrive: 25 MiB over a slow line. Waiting for a reply does not count. */
  requestMs: 2 * MINUTE,
  /** How often arriving requests are checked against the two times above. */
  arrivalCheckMs: 5_000,
  /** A silent connection is probed by the system after this, to notice peers that vanished. */
  probeIdleMs: MINUTE,
  /** Calls in flight get this long to end when the server stops. */
  shutdownGraceMs: 5_000,
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
  /** Inbound connections in their handshake; each holds a socket and some CPU. */
  overlayPendingInboundMax: 50,
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
  overlayRedialMs: 5_000,
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
   * Faults of a peer (floods, broken frames, bad records) in the window that cost it the
   * connection …
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
  /** Between the polite and the final signal to a child that must stop. */
  workerGraceMs: 5_000,
  /** A colony record: 16 hosts by id, a name and room for what later versions add. */
  recordColonyBytesMax: 4 * KiB,
  /** A server record: certificate, addresses and two chains of stapled endorsements. */
  recordServerBytesMax: 16 * KiB,
  /** An issuer's list: about 450 endorsements by hash. */
  recordListBytesMax: 32 * KiB,
  /** Revocations, certificates and endorsements: one statement about one key. */
  recordStatementBytesMax: KiB,
  /** Longest life of a colony record: its owner is offline for a year and a bit. */
  recordColonyLifeMs: 400 * DAY,
  /** Longest life of a server record: addresses change, and a dead server must drop out. */
  recordServerLifeMs: 2 * DAY,
  /** Longest life of an endorsement list, a node certificate. */
  recordYearLifeMs: 366 * DAY,
  /** Longest life of an endorsement: lists end it earlier. */
  recordEndorsementLifeMs: 400 * DAY,
  /** How far clocks of honest nodes may differ. */
  recordFutureMs: 5 * MINUTE,
  /**
   * A sequence beyond the publisher's clock in milliseconds by more is refused: nobody locks
   * himself out.
   */
  recordSequenceAheadMs: DAY,
  /**
   * Signatures of records whose outcome is remembered: copies of one record come in by the dozen.
   */
  recordSignaturesRemembered: 4_000,
  /** A successor counts only when it stood in a record this long before the revocation. */
  successorStandsMs: 7 * DAY,
  /** A staple is believed this long after its issuer's list was confirmed, in `open` mode … */
  listConfirmedOpenMs: DAY,
  /** … and in `federated` mode, where the verdict decides. */
  listConfirmedFederatedMs: HOUR,
  /** Links of any chain of endorsements. */
  chainLinksMax: 8,
  /**
   * Records other than our own kept by the federation, all namespaces together; the oldest go
   * first.
   */
  bookRecordsMax: 50_000,
  /** Checked records kept in memory. */
  bookMemoryMax: 2_000,
  /** Losers of forks kept per id, as evidence. */
  bookForksMax: 4,
  /** Statements about a successor remembered per id. */
  bookHeirsMax: 16,
  /** Time between two sweeps of expired records. */
  bookSweepEveryMs: HOUR,
  /** Time between two notes that a record was confirmed: a note costs a write. */
  bookConfirmEveryMs: MINUTE,
  /** An expired server record serves as a hint where to look for this long. */
  bookHintMs: 30 * DAY,
  /** Servers an operator may name as anchors. */
  anchorsMax: 1_000,
  /** Endorsements kept: given by the owner of this server, and received by it. */
  endorsementsKeptMax: 450,
  /** Endorsements stapled to a server record. */
  staplesMax: 24,
  /** Time to look for what a chain of endorsements lacks. */
  trustWalkMs: 5_000,
  /** Life of a server record as this node signs it. */
  serverRecordLifeMs: DAY,
  /** Time between two placings of a record, before jitter. */
  republishMs: 4 * HOUR,
  /** Copies at other nodes that make a placing good, or all when fewer are known. */
  copiesMin: 3,
  /** Wait after a poor placing, doubled each time … */
  placeRetryMs: 10_000,
  /** … up to this. */
  placeRetryMaxMs: 10 * MINUTE,
  /** After the overlay grew everything is placed again within this time. */
  placeSoonMs: 10_000,
  /** Time for one placing. */
  placeMs: 30_000,
  /** Placings at once: each costs the overlay some forty messages. */
  placesAtOnce: 4,
  /** Before its end a certificate is warned about this early … */
  certificateWarnMs: 14 * DAY,
  /** … and this often. */
  certificateWarnEveryMs: 12 * HOUR,
  /** New records taken from one pushing peer: each costs a signature check and a write. */
  pushRecordsPerSecond: 10,
  pushRecordsBurst: 300,
  /** Hashes of pushed records remembered, so that each is passed on once. */
  pushHashesRemembered: 20_000,
  /** Revocations told to a newly connected node. */
  pushGreetMax: 100,
  /** A lookup ends after this, with what it found. */
  lookupMs: 5_000,
  /** A record confirmed within this time is not looked up again. */
  lookupFreshMs: 5 * MINUTE,
  /** An id that nobody had is not looked up again for this long; a revocation for `lookupFreshMs`. */
  lookupMissMs: 20_000,
  lookupMissesMax: 10_000,
  /** Lookups under way; each holds an overlay query and a few HTTP calls. */
  lookupsRunningMax: 256,
  /** Nodes asked over HTTP in one lookup, beside the overlay. */
  lookupPlacesMax: 4,
  /** What a server says about hosting a colony counts this long … */
  consentMs: HOUR,
  /** … and a failure to ask it this long. */
  consentFailedMs: 20_000,
  /** Time for a server to answer whether it hosts a colony. */
  consentAskMs: 1_000,
  /** In a settled resolve, what was found of a colony after this time is enough … */
  resolveColonyMs: 1_000,
  /** … and of each of its servers, and of revocations. */
  resolveServerMs: 500,
  consentsMax: 10_000,
  /** Hosts of one colony whose revocation is asked for; the others' would have been pushed. */
  resolveRevocationsMax: 4,
  /** Lookups of ids not known here, paid for by the overlay: for one address or caller … */
  lookupsPerSecondOfOne: 2,
  lookupsBurstOfOne: 60,
  /** … and for the whole node. */
  lookupsPerSecond: 50,
  lookupsBurst: 500,
  /** Addresses and callers whose budgets are remembered. */
  lookupPayersMax: 10_000,
  /** Callers whose colonies elsewhere are remembered, to route calls that name none … */
  routeCallersMax: 10_000,
  /** … colonies of each … */
  routeColoniesMax: 8,
  /** … and things (processes, attributes, runtimes) seen in relayed replies. */
  routeThingsMax: 50_000,
  /** Colonies remembered under one tag of 40 bits: more than one is a coincidence or an attack. */
  tagColoniesMax: 8,
  /** Colonies whose tag is known to be on disk already. */
  tagsRememberedMax: 10_000,
  /** A call with a nonce counts within this much of the home's clock. */
  replayWindowMs: 2 * MINUTE,
  /** A relay pass counts within this much of the target's clock. */
  relayWindowMs: MINUTE,
  /** Passes remembered within two windows; beyond it relayed calls over HTTP get 503. */
  relayNoncesMax: 500_000,
} as const;

export type Limits = { readonly [K in keyof typeof LIMITS]: number };
