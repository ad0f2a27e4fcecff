// The bounds of the federation: as in node/limits.ts each has a name, a unit, a default and a
// reason. Times are milliseconds unless the name says otherwise.

const KiB = 1024;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const FEDERATION_LIMITS = {
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
   * Records other than our own kept by the federation, all namespaces together. Beyond it those
   * that nobody here asked for go first: the oldest of the sender that has most of them.
   */
  bookRecordsMax: 50_000,
  /** Checked records kept in memory. */
  bookMemoryMax: 2_000,
  /** Losers of forks kept per id, as evidence. */
  bookForksMax: 4,
  /** Servers whose revoked node key is remembered, to say why no record of them counts. */
  bookDeadMax: 2_000,
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
  /** Anchors never seen that a closed node asks others for in one round of its housekeeping. */
  anchorsSoughtPerRound: 8,
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
  /**
   * Records passed on to the neighbours: less than each of them takes from one peer, a greeting
   * included, so that none of it is dropped there.
   */
  pushForwardsPerSecond: 8,
  pushForwardsBurst: 150,
  /** Records that wait to be passed on: of one sender, and of all, in which case most gives way. */
  pushWaitingOfOneMax: 64,
  pushWaitingMax: 1_000,
  /** Hashes of pushed records remembered, so that each is passed on once. */
  pushHashesRemembered: 20_000,
  /** Revocations told to a newly connected node. */
  pushGreetMax: 100,
  /** A lookup ends after this, with what it found. */
  lookupMs: 5_000,
  /** Copies that must have been met beyond those that agree before a lookup ends early. */
  lookupMargin: 2,
  /** A record confirmed within this time is not looked up again. */
  lookupFreshMs: 5 * MINUTE,
  /**
   * An id that nobody had is not looked up again for this long; a revocation for `lookupFreshMs`.
   */
  lookupMissMs: 20_000,
  lookupMissesMax: 10_000,
  /** Lookups under way; each holds an overlay query and a few HTTP calls. */
  lookupsRunningMax: 256,
  /** Nodes asked over HTTP in one lookup, beside the overlay. */
  lookupPlacesMax: 4,
  /** What a server says about hosting a colony counts this long … */
  consentMs: HOUR,
  /** … and a no, or a failure to ask it, this long. */
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
  /** What the relay resolved is used again for this long, and for so many colonies. */
  resolvedBriefMs: 1_000,
  resolvedBriefMax: 1_000,
  /** Certificates of relaying nodes remembered as checked. */
  relayCertificatesMax: 1_000,
  /** Passes remembered within two windows; beyond it relayed calls over HTTP get 503. */
  relayNoncesMax: 500_000,
} as const;
